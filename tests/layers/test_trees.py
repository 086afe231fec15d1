import numpy as np
import pytest
import torch

from mapsto.layers.trees import AT_ONCE, Tree, Trees, rounded_down


def stump(threshold, missing_left=False, feature=0):
    """Node 0 asks, node 1 is the left leaf, node 2 the right one."""
    return Tree(
        feature=np.array([feature, -2, -2]),
        threshold=np.array([threshold, 0.0, 0.0]),
        missing_left=np.array([missing_left, 0, 0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        leaf=np.array([False, True, True]),
    )


def leaves(trees, values):
    return torch.cat(list(trees.leaves(torch.tensor(values, dtype=torch.float32))), dim=1)


def test_an_example_on_the_threshold_goes_left():
    assert leaves(Trees(1).plant([stump(0.5)]), [[0.4], [0.5], [0.6]]).tolist() == [[1], [1], [2]]


@pytest.mark.parametrize("threshold", [0.1, 1 / 3, -0.1, 1e-50, -1e-50, 1e300, -1e300, 0.0])
def test_rounded_thresholds_part_float32_numbers_as_the_exact_ones_did(threshold):
    near = np.clip(threshold, -3e38, 3e38).astype(np.float32)
    around = np.array([near, np.nextafter(near, np.float32(9e9)), np.nextafter(near, np.float32(-9e9)), 0], np.float32)
    low = rounded_down(np.array([threshold]))[0]
    assert low.dtype == np.float32
    assert ((around <= low) == (around.astype(np.float64) <= threshold)).all()


def test_what_is_missing_goes_where_the_node_sends_it():
    trees = Trees(2).plant([stump(0.0, True, 1), stump(0.0, False, 1), stump(np.inf, False, 1), stump(np.inf, True, 1)])
    assert leaves(trees, [[9, np.nan]]).tolist() == [[1, 5, 8, 10]]
    assert leaves(trees, [[9, np.inf]]).tolist() == [[2, 5, 7, 10]]  # "all but NaN" takes in +∞
    assert leaves(trees, [[9, -np.inf]]).tolist() == [[1, 4, 7, 10]]


def test_trees_of_different_depth_stand_side_by_side_and_in_order():
    alone = Tree(*(np.array([v]) for v in (-2, 0.0, 0, -1, -1, True)))
    deep = Tree(
        feature=np.array([0, 0, -2, -2, -2]),
        threshold=np.array([2.0, 1.0, 0, 0, 0]),
        missing_left=np.zeros(5),
        left=np.array([1, 2, -1, -1, -1]),
        right=np.array([4, 3, -1, -1, -1]),
        leaf=np.array([0, 0, 1, 1, 1]) == 1,
    )
    trees = Trees(1).plant([alone, deep, stump(1.5)])
    assert leaves(trees, [[0.5], [1.5], [2.5]]).tolist() == [[0, 3, 7], [0, 4, 7], [0, 5, 8]]
    assert trees.leaves_at.tolist() == [1, 3, 2]


def test_more_trees_than_are_walked_together_are_all_walked():
    found = leaves(Trees(1).plant([stump(i) for i in range(AT_ONCE + 3)]), [[10.5]])
    assert (found[0] - 3 * torch.arange(AT_ONCE + 3)).tolist() == [2] * 11 + [1] * (AT_ONCE - 8)


def test_no_trees_have_no_leaves():
    assert leaves(Trees(1).plant([]), [[1.0], [2.0]]).shape == (2, 0)
