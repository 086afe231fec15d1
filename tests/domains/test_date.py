from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Date

MARCH = datetime(2024, 3, 1)


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-01",
        "2024/03/01",
        "2024-03",
        "2024-03-01T00:00:00Z",
        " 20240301 ",
        MARCH,
        date(2024, 3, 1),
        np.datetime64("2024-03-01"),
        "2024-03-01T09:00+09:00",
        datetime(2024, 3, 1, 9, tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_a_day_is_read_however_it_is_written(value):
    stamps = Date().fit(["2020-01-01", "2028-01-01"])
    assert stamps.decode(stamps.encode([value])) == [MARCH]


def test_pandas_timestamps_are_read():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([pandas.Timestamp("2024-03-01"), pandas.NaT])
    for values in (column, column.astype(object), column.tolist()):
        assert Date().fit(values).decode(Date().fit(values).encode(values)) == [MARCH, None]


def test_decoding_is_exact_to_the_millisecond_across_two_centuries():
    values = [datetime(1900, 1, 1), datetime(2024, 2, 29, 23, 59, 59, 999000), datetime(2100, 1, 1), None]
    stamps = Date().fit(values)
    assert stamps.decode(stamps.encode(values)) == values


def test_the_hour_is_a_feature_only_where_it_differs():
    days, hours = Date().fit(["2024-01-01", "2024-01-02"]), Date().fit(["2024-01-01 06:00", "2024-01-02 07:00"])
    assert (days.shape, hours.shape) == ((5,), (7,))
    assert len(hours.features()) == 7
    assert hours.encode(["2024-01-01 06:00"])[0, 5:].tolist() == pytest.approx([1, 0], abs=1e-9)


def test_weeks_turn_on_monday_and_years_in_january():
    stamps = Date().fit(["2024-01-01", "2024-12-31"])
    encoded = stamps.encode(["2024-01-01", "2024-01-08", "2024-01-04", "1970-01-01"])  # Monday, Monday, Thursday
    assert encoded[0, 3:].tolist() == pytest.approx([0, 1], abs=1e-9)
    assert encoded[1, 3:].tolist() == pytest.approx([0, 1], abs=1e-9)
    assert encoded[2, 3] > 0.4
    assert encoded[3, 1:3].tolist() == [0, 1]


def test_a_missing_date_is_nan_and_ready_puts_it_at_the_mean():
    stamps = Date().fit(["2024-01-01", None, "2024-01-03"])
    encoded = stamps.encode([None, "", "2024-01-02"])
    assert encoded[:2].isnan().all() and encoded.dtype == torch.float64
    ready = stamps.ready(encoded)
    assert ready.dtype == torch.float32 and (ready[0] == 0).all()
    assert stamps.decode(encoded)[0] is None


def test_a_prediction_beyond_all_calendars_is_brought_to_their_end():
    stamps = Date().fit(["2024-01-01", "2025-01-01"])
    assert [at.year for at in stamps.decode(torch.tensor([[1e9], [-1e9]]))] == [9999, 1]
    with pytest.raises(ShapeError):
        stamps.decode(torch.zeros(2, 3))


@pytest.mark.parametrize("odd", ["13.04.2024", "2024-13-01", 20240301, "soon\x1b"])
def test_what_is_no_date_is_named_with_its_place(odd):
    with pytest.raises(DataError, match="value 1 is ") as error:
        Date().fit(["2024-01-01", odd])
    assert "\x1b" not in str(error.value)


def test_it_describes_itself_by_its_first_and_last_day():
    assert Date().fit(["2024-03-01", None, "2019-01-05 12:30"]).describe() == "2019-01-05 12:30:00 … 2024-03-01"
