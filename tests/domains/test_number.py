import math
from decimal import Decimal

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Number


def test_values_are_standardised_by_mean_and_population_spread():
    number = Number().fit([1, 2, 3, 4])
    assert (number.mean, number.spread) == (2.5, math.sqrt(1.25))
    assert number.encode([2.5, 2.5 + math.sqrt(1.25)]).tolist() == pytest.approx([0, 1])
    assert number.encode([2.5]).dtype == torch.float32


def test_none_nan_and_infinity_are_missing_and_are_not_learned_from():
    number = Number().fit([1, None, 3, math.nan, math.inf])
    assert (number.mean, number.infinite) == (2.0, 1)
    assert number.encode([None, math.nan, -math.inf]).isnan().all()
    assert number.decode(number.encode([None, 3])) == [None, 3.0]
    assert "1 infinite" in number.describe()


@pytest.mark.parametrize(
    "values",
    [
        [True, False, None],
        np.array([True, False]),
        [Decimal("0.5"), 1],
        ["0.5", " 1 ", ""],
        np.array([1, None], dtype=object),
        np.array([[1.0], [2.0]]),
    ],
)
def test_whatever_is_a_number_is_read(values):
    number = Number().fit(values)
    assert len(number.encode(values)) == len(values)
    assert number.high == max(float(v) for v in np.ravel(np.array(values, dtype=object)) if v is not None and v != "")


def test_pandas_na_is_missing():
    pandas = pytest.importorskip("pandas")
    column = pandas.array([1, None, 3], dtype="Int64")
    assert Number().fit(column).mean == 2.0
    assert Number().fit(pandas.Series(column)).encode(column).isnan().tolist() == [False, True, False]


def test_a_constant_column_has_spread_one():
    assert Number().fit([7, 7]).encode([7, 8]).tolist() == [0, 1]
    assert Number().fit([0.3, 0.1 + 0.2]).spread == 1.0  # they differ by rounding alone


def test_a_column_of_nothing_but_missing_values_is_no_crash():
    number = Number().fit([None, None])
    assert number.describe() == "numbers, none seen"
    assert number.decode(number.encode([None])) == [None]


def test_text_that_is_no_number_is_named_with_its_place():
    with pytest.raises(DataError, match=r"value 1 is 'tw\\x1bo'"):
        Number().fit([1, "tw\x1bo"])
    with pytest.raises(DataError, match="datetime64"):
        Number().fit(np.array(["2020-01-01"], dtype="datetime64[D]"))
    with pytest.raises(DataError, match=r"\[2, 2\]"):
        Number().fit(np.zeros((2, 2)))


def test_a_point_in_time_of_large_size_comes_back_to_a_tenth_of_a_second():
    values = 1.7e9 + np.arange(1000) * 60.0
    number = Number().fit(values)
    assert np.abs(np.array(number.decode(number.encode(values))) - values).max() < 0.1


def test_numbers_at_the_edge_of_float64_neither_overflow_nor_warn():
    number = Number().fit([1e308, -1e308, 1.7e308])
    assert number.encode([1e308, -1e308]).isfinite().all()
    assert Number().fit([0.0, 1e-3]).encode([1.7e308]).isfinite().all()
    assert Number(clip=10).fit([1e308, -1.7e308, 1.7e308, 10**400]).encode([1.0]).isfinite().all()


def test_one_outlier_among_inputs_neither_blows_up_nor_squeezes_the_others():
    values = np.random.default_rng(0).normal(50, 10, 99).tolist()
    number = Number(clip=10).fit([*values, 1e12])
    encoded = number.encode([*values, 1e12, -1e12])
    assert encoded.abs().max() == 10
    assert 0.1 < float(encoded[:99].std()) < 2
    assert "1 value brought in to ±10 spreads" in number.describe()


def test_ordinary_inputs_are_untouched_by_the_limit():
    draw = np.random.default_rng(0)
    rare = draw.random(2000) < 0.1
    for values in (draw.normal(size=2000), draw.exponential(size=2000), rare, np.arange(2000)):
        plain, limited = Number().fit(values), Number(clip=10).fit(values)
        assert (plain.mean, plain.spread, 0) == (limited.mean, limited.spread, limited.clipped)


def test_a_column_of_mostly_zeros_keeps_its_other_values_apart():
    values = [0.0] * 900 + list(range(1, 101)) + [1e12]
    encoded = Number(clip=10).fit(values).encode([0, 50, 100])
    assert encoded[2] - encoded[1] > 0.5 and encoded[1] - encoded[0] > 0.5


def test_a_target_keeps_its_outlier():
    number = Number().fit([0.0] * 999 + [1e12])
    assert number.decode(number.encode([1e12])) == pytest.approx([1e12])


def test_predictions_of_shape_n_1_in_half_precision_come_back_as_python_floats():
    number = Number().fit([10, 20])
    column, half = torch.tensor([[1.0], [-1.0]], requires_grad=True), torch.tensor([1.0, -1.0], dtype=torch.bfloat16)
    for prediction in (column, half):
        decoded = number.decode(prediction)
        assert decoded == [20.0, 10.0] and type(decoded[0]) is float
    with pytest.raises(ShapeError, match="outputs=1"):
        number.decode(torch.zeros(2, 2))


def test_units_are_raw_units_without_losing_digits():
    number = Number().fit([1e9, 1e9 + 2])
    assert number.units(torch.tensor([-1.0, 0.5])).tolist() == [1e9, 1e9 + 1.5]


def test_it_describes_itself_by_range_and_mean():
    assert Number().fit([14999.0, 500001.0, 105568.0]).describe() == "14999 … 500001, mean 206856"
