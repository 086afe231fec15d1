"""Counts of many things: kept as they are, seen as shares."""

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, ShapeError
from mapsto.domains import Counts


def test_a_model_sees_shares_that_add_up_to_one_and_noughts_where_there_is_nothing():
    domain = Counts().fit([[1, 0, 3], [0, 0, 0]])
    encoded = domain.encode([[1, 0, 3], [0, 0, 0], [5, 5, 0]])
    assert encoded.tolist() == [[1, 0, 3], [0, 0, 0], [5, 5, 0]]
    assert torch.equal(domain.ready(encoded), torch.tensor([[0.25, 0, 0.75], [0, 0, 0], [0.5, 0.5, 0]]))


def test_what_is_no_count_is_refused():
    with pytest.raises(DataError, match="value 1 is"):
        Counts().fit([[1, 2], [-1, 0]])
    with pytest.raises(DataError, match="value 0 is"):
        Counts().fit(np.array([[np.nan, 0]]))
    with pytest.raises(DataError, match="as many numbers"):
        Counts().fit([[1, 2], [1]])
    with pytest.raises(ShapeError, match="learned from 2 numbers a value, but got 3"):
        Counts().fit([[1, 2]]).encode([[1, 2, 3]])
