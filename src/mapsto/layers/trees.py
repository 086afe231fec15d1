"""Many decision trees walked at once: every example takes one step down every tree, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

AT_ONCE = 32  # trees walked together: bounds memory at about AT_ONCE × 32 bytes an example
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Tree:
    """One tree of M nodes, as NumPy arrays [M]; node 0 is the root. An example goes left where x ≤ threshold.

    feature: the column that a node asks about. left, right: the nodes below; unread at a leaf.
    missing_left: whether an example whose feature is NaN goes left. leaf: whether the walk ends here.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray


class Trees(nn.Module):
    """The leaf at which each of T trees puts each example. The nodes of all trees stand in one row of M.

    width: number of features.

    Three things make the walk a few gathers a level, without a branch:
    - A leaf is its own child, so that an example may stop early.
    - Features are laid out twice, first with NaN as −∞ (which goes left) and then with NaN as +∞ (which goes right);
      a node asks the copy that sends NaN its way. So `feature` is in [0, 2 width).
    - Thresholds are float32, rounded down. For float32 features, x ≤ threshold stays exactly as true as it was with
      the threshold in float64.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.register_buffer("root", torch.empty(0, dtype=torch.int64))  # [T]
        self.register_buffer("feature", torch.empty(0, dtype=torch.int64))  # [M]
        self.register_buffer("threshold", torch.empty(0, dtype=torch.float32))  # [M]
        self.register_buffer("child", torch.empty(0, dtype=torch.int64))  # [2 M]: node m has 2m and 2m + 1
        # [depth + 1]: leaves at each depth. Its length says how many steps to take, without reading a tensor
        self.register_buffer("leaves_at", torch.empty(0, dtype=torch.int64))

    def plant(self, trees: list[Tree]) -> Self:
        """Take over these trees, in their order. Leaves the buffers on the CPU."""
        sizes = np.array([len(tree.feature) for tree in trees], dtype=np.int64)
        root = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
        leaf = _row(trees, "leaf", bool)
        own = np.arange(len(leaf))
        start = np.repeat(root, sizes)
        below = np.stack([_row(trees, "left", np.int64), _row(trees, "right", np.int64)], axis=1) + start[:, None]
        child = np.where(leaf[:, None], own[:, None], below)
        feature = _row(trees, "feature", np.int64) + self.width * ~_row(trees, "missing_left", bool)
        self.root = torch.from_numpy(root)
        self.feature = torch.from_numpy(np.where(leaf, 0, feature))
        self.threshold = torch.from_numpy(rounded_down(np.where(leaf, 0.0, _row(trees, "threshold", np.float64))))
        self.child = torch.from_numpy(child.reshape(-1))
        self.leaves_at = torch.tensor(_leaves_at(root, child, leaf), dtype=torch.int64)
        return self

    def odd(self, nodes: int) -> str:
        """What keeps the buffers from being those of trees with so many nodes in all; "" where nothing does."""
        lengths = [len(self.feature), len(self.threshold), len(self.child) / 2, max(nodes, len(self.leaves_at) - 1)]
        if lengths != [nodes] * 4:
            return f"trees of {nodes} leaves and forks are told of in buffers of {lengths}"
        for name, stop in ("root", nodes), ("feature", 2 * self.width), ("child", nodes):
            if not within(getattr(self, name), stop):
                return f"trees.{name} leads beyond {stop}"
        return ""

    def leaves(self, features: Tensor) -> Iterator[Tensor]:
        """features [B, width] → the leaf of each example, [B, ≤ AT_ONCE] int64, for AT_ONCE trees after another."""
        features = features.float()
        low = features.nan_to_num(nan=-torch.inf, posinf=LARGEST, neginf=-torch.inf)
        high = features.nan_to_num(nan=torch.inf, posinf=LARGEST, neginf=-torch.inf)
        both = torch.cat([low, high], dim=1)
        for root in self.root.split(AT_ONCE):
            node = root.expand(features.shape[0], -1)
            for _ in range(len(self.leaves_at) - 1):
                right = both.gather(1, self.feature[node]) > self.threshold[node]
                node = self.child[2 * node + right]
            yield node


def within(places: Tensor, stop: int) -> bool:
    """Whether whole numbers all lie in [0, stop)."""
    return not places.numel() or (int(places.min()) >= 0 and int(places.max()) < stop)


def rounded_down(threshold: np.ndarray) -> np.ndarray:
    """float64 → the largest float32 that is not above it (+∞, "all but NaN", becomes the largest of all)."""
    near = np.clip(threshold, -LARGEST, LARGEST).astype(np.float32)
    with np.errstate(over="ignore"):  # below all float32 numbers is −∞
        return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _row(trees: list[Tree], name: str, dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *(getattr(tree, name).astype(dtype) for tree in trees)])


def _leaves_at(root: np.ndarray, child: np.ndarray, leaf: np.ndarray) -> list[int]:
    counts, level = [], root
    while len(level):
        inner = level[~leaf[level]]
        counts.append(len(level) - len(inner))
        level = child[inner].reshape(-1)
    return counts
