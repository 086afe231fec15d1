"""f(x) = wx + b, by least penalised squares (Hoerl and Kennard 1970, "Ridge regression")."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.standard import Standard
from mapsto.models.shallow import examples


class Ridge(Solvable):
    """Linear regression with a penalty on its weights, solved exactly: the linear baseline for numbers.

    min over w, b:  Σ (wx + b − y)² + penalty |w|²  on standardised columns (`standard` holds their mean and scale).

    inputs: shape of the input (see `Columns`; categories are one-hot); outputs: 1.
    penalty: alpha of scikit-learn; at least 1e-9 × the total weight, so that equal columns share one weight.
    forward: input [B, *inputs] → [B, 1].
    Cost of solving: rows × columns². For classes or labels, `solve` raises FrameError: that is LogisticRegression's.
    """

    def __init__(self, inputs: Shape, outputs: int = 1, penalty: float = 1.0):
        super().__init__()
        self.inputs, self.outputs, self.penalty = inputs, outputs, penalty
        self.columns = Columns(inputs)
        self.standard = Standard(inputs, self.columns.width)
        self.register_buffer("coefficient", torch.zeros(outputs, self.columns.width, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(outputs, dtype=torch.float64))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        from sklearn.linear_model import Ridge as Solver

        found = examples(self, batch, problem, solves=("regression",))
        self.standard.fit(found.features, found.weight)
        features = self.standard(torch.from_numpy(found.features)).numpy()
        total = len(features) if found.weight is None else found.weight.sum()
        penalty = max(self.penalty, 1e-9 * total)
        # the normal equations square the condition number: too much where the penalty hardly bounds it
        solver = Solver(penalty, solver="svd" if penalty < 1e-6 * total else "cholesky")
        solver.fit(features, found.target, sample_weight=found.weight)
        self.coefficient = torch.from_numpy(np.reshape(solver.coef_, (1, -1)))
        self.intercept = torch.from_numpy(np.reshape(solver.intercept_, 1))
        self.to(found.device)

    def forward(self, input: Field) -> Tensor:
        return (self.standard(self.columns(input)) @ self.coefficient.T + self.intercept).float()
