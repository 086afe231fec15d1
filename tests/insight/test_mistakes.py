"""The worst mistakes come first, and what is right never comes."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.core.errors import ShapeError
from mapsto.insight.mistakes import worst, worst_by_label


def test_the_most_confident_wrong_class_comes_first():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.01, 0.99], [0.45, 0.55], [0.8, 0.2]])
    assert worst(probabilities, np.array([0, 0, 0, 0, 1]), 2).tolist() == [2, 4]
    assert worst(probabilities, np.array([0, 0, 0, 0, 1]), 9).tolist() == [2, 4, 1, 3]


def test_the_largest_residual_comes_first_whatever_its_sign():
    assert worst(np.array([1.0, 5.0, -3.0, 2.0]), np.array([1.0, 4.0, 3.0, 2.5]), 3).tolist() == [2, 1, 3]


def test_labels_are_judged_one_by_one():
    probabilities = np.array([[0.9, 0.2], [0.6, 0.9], [0.1, 0.3]])
    target = np.array([[0, 0], [0, 1], [1, 0]])
    assert worst(probabilities, target, 9).tolist() == [0, 2, 1]
    assert [rows.tolist() for rows in worst_by_label(probabilities, target, 2)] == [[0, 2], []]
    assert [rows.tolist() for rows in worst_by_label(probabilities, target, 9, [0.95, 0.25])] == [[2], [2]]


def test_nothing_wrong_is_nothing_to_show():
    assert worst(np.eye(3), np.arange(3), 5).tolist() == []


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match=r"\[4, 1\] with \[4, 2\]"):
        worst(np.zeros((4, 1)), np.zeros((4, 2)), 2)
