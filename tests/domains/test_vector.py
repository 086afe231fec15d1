import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Vector


def test_each_feature_has_its_own_mean_and_spread():
    values = np.array([[1.0, 100.0, 5.0], [3.0, 300.0, 5.0]])
    vector = Vector().fit(values)
    assert vector.mean == pytest.approx([2, 200, 5]) and vector.spread == pytest.approx([1, 100, 1])
    assert vector.encode(values).tolist() == [[-1, -1, 0], [1, 1, 0]]


def test_lists_arrays_and_missing_vectors_are_read():
    column = np.empty(3, dtype=object)
    column[:] = [[1, 2], None, np.array([3.0, np.nan])]
    vector = Vector().fit(column)
    assert vector.encode(column).isnan().tolist() == [[False, False], [True, True], [False, True]]
    back = vector.decode(vector.encode(column))
    assert back[1] is None and np.array_equal(back[2], [3, np.nan], equal_nan=True)
    assert (vector.ready(vector.encode(column))[1] == 0).all()
    assert vector.encode([None]).shape == (1, 2)


def test_vectors_of_another_length_are_refused():
    vector = Vector().fit(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="3 numbers a value, but got 4"):
        vector.encode(np.zeros((1, 4)))
    with pytest.raises(DataError, match="value 1"):
        vector.encode([[1, 2, 3], [1, 2]])
    with pytest.raises(DataError, match="numbers only"):
        vector.encode([[1, 2, "x"]])
    with pytest.raises(ShapeError, match="outputs=3"):
        vector.decode(torch.zeros(2, 2))


def test_an_outlier_is_brought_in_where_asked():
    values = np.random.default_rng(0).normal(size=(100, 2))
    values[0] = 1e12
    encoded = Vector(clip=10).fit(values).encode(values)
    assert (encoded[0] == 10).all() and (encoded[1:].std(0) > 0.1).all()
