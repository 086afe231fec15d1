"""p(y | x) = softmax(Wx + b), by least penalised cross-entropy (Cox 1958; Hastie et al. 2009, §4.4)."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.standard import Standard
from mapsto.models.shallow import ABSENT, examples


class LogisticRegression(Solvable):
    """Softmax regression solved to the minimum: the linear baseline for classes and labels.

    min over W, b:  Σ cross-entropy + ½ penalty |W|²  on standardised columns (`standard` holds their mean and scale).

    inputs: shape of the input (see `Columns`; categories are one-hot); outputs: classes, or labels.
    penalty: 1 / C of scikit-learn. 0 is taken as 1e-12, since classes that a plane parts have no minimum without it.
    iterations: at most so many steps of L-BFGS; where they do not suffice, the last W is kept.
    forward: input [B, *inputs] → logits [B, outputs]: of a softmax for classes (of two, the first has logit 0), of a
        sigmoid for each label.
    Cost of solving: about rows × columns × outputs a step.
    """

    def __init__(self, inputs: Shape, outputs: int, penalty: float = 1.0, iterations: int = 300):
        super().__init__()
        self.inputs, self.outputs, self.penalty, self.iterations = inputs, outputs, penalty, iterations
        self.columns = Columns(inputs)
        self.standard = Standard(inputs, self.columns.width)
        self.register_buffer("coefficient", torch.zeros(outputs, self.columns.width, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(outputs, dtype=torch.float64))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        found = examples(self, batch, problem, solves=("classification", "multi-label"))
        self.standard.fit(found.features, found.weight)
        features = self.standard(torch.from_numpy(found.features)).numpy()
        coefficient, intercept = np.zeros((self.outputs, self.columns.width)), np.zeros(self.outputs)
        if problem == "classification":
            present = np.unique(found.target)
            intercept[:] = ABSENT
            intercept[present] = 0.0
            if len(present) > 1:
                slope, offset = self._fit(features, found.target, found.weight)
                rows = present[-len(slope) :]  # of two classes scikit-learn fits the second against the first
                coefficient[rows], intercept[rows] = slope, offset
        else:
            for label, target in enumerate(found.target.T):
                if target.min() == target.max():
                    intercept[label] = -ABSENT if target[0] else ABSENT
                else:
                    (coefficient[label],), (intercept[label],) = self._fit(features, target, found.weight)
        self.coefficient, self.intercept = torch.from_numpy(coefficient), torch.from_numpy(intercept)
        self.to(found.device)

    def forward(self, input: Field) -> Tensor:
        return (self.standard(self.columns(input)) @ self.coefficient.T + self.intercept).float()

    def _fit(
        self, features: np.ndarray, target: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression as Solver

        solver = Solver(C=1 / max(self.penalty, 1e-12), max_iter=self.iterations)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `iterations` bounds the cost: the docstring says so
            solver.fit(features, target, sample_weight=weight)
        return solver.coef_, solver.intercept_
