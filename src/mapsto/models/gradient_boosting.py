"""F(x) = F₀ + Σ rate · treeᵣ(x), each tree fitted to what the sum still gets wrong.

Friedman 2001, "Greedy function approximation: a gradient boosting machine"; on histograms: LightGBM (Ke et al. 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.trees import AT_ONCE, Tree, Trees, within
from mapsto.models.shallow import ABSENT, Examples, examples, require_solved

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


class GradientBoosting(Solvable):
    """Many small trees that mend each other's errors: the model to beat on tables.

    inputs: shape of the input (see `Columns`; categories are one-hot). A number may be NaN: not known.
    outputs: classes, labels (boosted apart), or 1 number.
    rounds: trees for each class (one for two classes), label or number. learning_rate: how much of each tree is taken.
    leaves: at most so many a tree. leaf: at least so many examples at a leaf. penalty: L2 on the leaves' values.
    forward: input [B, *inputs] → [B, outputs]: logits of a softmax for classes (of two, the first has logit 0), of a
        sigmoid for each label; or the number.
    Cost of solving: about rounds × rows × columns for each class or label. All examples are learned from: no part is
    held out for stopping early. The seed draws the rows that bins are found from, where there are over 200,000.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        rounds: int = 100,
        learning_rate: float = 0.1,
        leaves: int = 31,
        leaf: int = 20,
        penalty: float = 0.0,
    ):
        super().__init__()
        self.inputs, self.outputs, self.rounds, self.learning_rate = inputs, outputs, rounds, learning_rate
        self.leaves, self.leaf, self.penalty = leaves, leaf, penalty
        self.columns = Columns(inputs)
        self.trees = Trees(self.columns.width)
        self.register_buffer("value", torch.empty(0, dtype=torch.float64))  # [M], of a leaf
        self.register_buffer("output", torch.empty(0, dtype=torch.int64))  # [T]: the output that a tree adds to
        self.register_buffer("baseline", torch.empty(0, dtype=torch.float64))  # [outputs]: F₀

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        found = examples(self, batch, problem, ("classification", "multi-label", "regression"), missing=True)
        if problem == "classification":
            present = np.unique(found.target)
            baseline = np.full(self.outputs, ABSENT)
            baseline[present] = 0.0
            parts = [(found.target, present)] if len(present) > 1 else []
        elif problem == "multi-label":
            constant = found.target.min(axis=0) == found.target.max(axis=0)
            baseline = np.where(constant, np.where(found.target[0], -ABSENT, ABSENT), 0.0)
            parts = [(found.target[:, label], np.array([label])) for label in np.flatnonzero(~constant)]
        else:
            baseline, parts = np.zeros(1), [(found.target, np.array([0]))]

        grown, outputs = [], []  # nodes of a tree; the output it adds to
        for target, columns in parts:
            solver = self._fit(found, target, problem, seed)
            start = solver._baseline_prediction.ravel()  # private, but scikit-learn shows its trees nowhere else
            mine = columns[-len(start) :]  # of two classes, only the second has trees
            baseline[mine] = start
            for trees in solver._predictors:
                grown += [tree.nodes for tree in trees]
                outputs += mine.tolist()
        self.trees.plant(
            [
                Tree(n["feature_idx"], n["num_threshold"], n["missing_go_to_left"], n["left"], n["right"], n["is_leaf"])
                for n in grown
            ]
        )
        self.value = torch.from_numpy(np.concatenate([np.empty(0), *(n["value"] for n in grown)]))
        self.output = torch.tensor(outputs, dtype=torch.int64)
        self.baseline = torch.from_numpy(baseline)
        self.to(found.device)

    def odd(self) -> str:
        good = len(self.output) == len(self.trees.root) and len(self.baseline) in (0, self.outputs)
        return self.trees.odd(len(self.value)) or (
            "" if good and within(self.output, self.outputs) else "output is none"
        )

    def forward(self, input: Field) -> Tensor:
        require_solved(self, self.baseline)
        features = self.columns(input)
        total = self.baseline.expand(features.shape[0], -1)
        for leaf, output in zip(self.trees.leaves(features), self.output.split(AT_ONCE), strict=True):
            total = total + self.value[leaf] @ F.one_hot(output, self.outputs).to(total.dtype)
        return total.float()

    def _fit(
        self, found: Examples, target: np.ndarray, problem: Problem, seed: int
    ) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingRegressor if problem == "regression" else HistGradientBoostingClassifier
        solver = kind(
            max_iter=self.rounds,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf,
            l2_regularization=self.penalty,
            early_stopping=False,
            random_state=seed % 2**32,
        )
        return solver.fit(found.features, target, sample_weight=found.weight)
