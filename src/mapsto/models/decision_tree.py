"""One question after another down to a leaf: CART (Breiman, Friedman, Olshen and Stone 1984)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.trees import Tree, Trees
from mapsto.models.shallow import examples, log_shares, require_solved, share_logits


class DecisionTree(Solvable):
    """A tree of yes-or-no questions about one column each: the baseline that a person can read.

    inputs: shape of the input (see `Columns`; categories are one-hot). A number may be NaN: not known.
    outputs: classes, labels (one tree for all of them), or 1 number.
    depth: at most so many questions; None for no bound. leaf: at least so many examples at a leaf.
    pruning: cut branches that lower impurity by less than this for each leaf they add (CART's α).
    forward: input [B, *inputs] → [B, outputs]: the logarithm of each class's share among the training examples of the
        leaf; the log-odds of each label's share; or the mean target of the leaf.
    Cost of solving: about rows × log(rows) × columns a level; the seed only settles ties between equally good splits.
    """

    def __init__(self, inputs: Shape, outputs: int, depth: int | None = None, leaf: int = 5, pruning: float = 0.0):
        super().__init__()
        self.inputs, self.outputs, self.depth, self.leaf, self.pruning = inputs, outputs, depth, leaf, pruning
        self.columns = Columns(inputs)
        self.trees = Trees(self.columns.width)
        self.register_buffer("value", torch.empty(0, outputs, dtype=torch.float32))  # [M, outputs], of a leaf

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        found = examples(self, batch, problem, ("classification", "multi-label", "regression"), missing=True)
        solver = (DecisionTreeRegressor if problem == "regression" else DecisionTreeClassifier)(
            max_depth=self.depth, min_samples_leaf=self.leaf, ccp_alpha=self.pruning, random_state=seed % 2**32
        ).fit(found.features, found.target, sample_weight=found.weight)
        grown = solver.tree_
        self.trees.plant(
            [
                Tree(
                    grown.feature,
                    grown.threshold,
                    grown.missing_go_to_left,
                    grown.children_left,
                    grown.children_right,
                    leaf=grown.children_left < 0,
                )
            ]
        )
        value = torch.from_numpy(np.array(grown.value))  # [M, 1 or labels, 1 or classes]
        if problem == "classification":
            share = value.new_zeros(len(value), self.outputs)
            share[:, torch.from_numpy(solver.classes_)] = value[:, 0]
            value = log_shares(share)
        elif problem == "multi-label":
            value = share_logits(_share_of_ones(value, solver.classes_ if self.outputs > 1 else [solver.classes_]))
        else:
            value = value[:, 0]
        self.value = value.float()
        self.to(found.device)

    def odd(self) -> str:
        return self.trees.odd(len(self.value)) or ("" if len(self.trees.root) <= 1 else "it is more than one tree")

    def forward(self, input: Field) -> Tensor:
        require_solved(self, self.value)
        (leaf,) = self.trees.leaves(self.columns(input))
        return self.value[leaf[:, 0]]


def _share_of_ones(value: Tensor, classes: list[np.ndarray]) -> Tensor:
    """value [M, L, ≤ 2], the share of each class that label l has (0, 1 or both) → [M, L], the share of 1."""
    ones = [
        value[:, l, list(has).index(1)] if 1 in has else torch.zeros_like(value[:, l, 0])
        for l, has in enumerate(classes)
    ]
    return torch.stack(ones, dim=1)
