"""f(x) = Σ αᵢ exp(−γ |x − xᵢ|²) + b over the support vectors xᵢ (Boser et al. 1992; Cortes and Vapnik 1995)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import DataError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.standard import Standard
from mapsto.models.shallow import ABSENT, Examples, examples, require_solved

if TYPE_CHECKING:
    from sklearn.svm import SVC, SVR

AT_ONCE = 1024  # support vectors compared together: bounds memory at about 16 KiB for each example asked about


class SVM(Solvable):
    """The widest margin between classes, or the flattest tube around numbers, in the space of a Gaussian kernel.

    Columns are standardised (`standard` holds their mean and scale). Classes are told apart one against the rest (two
    classes: one against the other), labels each on its own.

    inputs: shape of the input (see `Columns`; categories are one-hot); outputs: classes, labels, or 1 number.
    cost: of an example inside the margin (C). gamma: of the kernel, in 1 / standardised unit²; None for
        1 / (columns × their variance). tube: error that costs nothing (ε), in units of the target; numbers only.
    limit: `solve` raises DataError above so many examples, since it costs about rows² × columns for each output.
    forward: input [B, *inputs] → [B, outputs]: margins, positive for yes; or the number. Margins order the classes,
        but they are not calibrated: their softmax or sigmoid is no probability.
    Cost of an answer: support vectors × columns.
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: int,
        cost: float = 1.0,
        gamma: float | None = None,
        tube: float = 0.1,
        limit: int = 20_000,
    ):
        super().__init__()
        self.inputs, self.outputs, self.cost, self.gamma = inputs, outputs, cost, gamma
        self.tube, self.limit = tube, limit
        self.columns = Columns(inputs)
        self.standard = Standard(inputs, self.columns.width)
        self.register_buffer("support", torch.empty(0, self.columns.width, dtype=torch.float32))  # [S, width], raw
        self.register_buffer("alpha", torch.empty(0, outputs, dtype=torch.float64))  # [S, outputs]
        self.register_buffer("intercept", torch.empty(0, dtype=torch.float64))  # [outputs]
        self.register_buffer("sharpness", torch.zeros((), dtype=torch.float64))  # γ as it was used

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        found = examples(self, batch, problem, ("classification", "multi-label", "regression"))
        if len(found.features) > self.limit:
            raise DataError(
                f"SVM costs the square of its {len(found.features):,} examples; its limit is {self.limit:,}.",
                "Choose GradientBoosting, give fewer examples, or raise limit and wait.",
            )
        self.standard.fit(found.features, found.weight)
        features = self.standard(torch.from_numpy(found.features)).numpy()
        gamma = self.gamma or 1 / (features.shape[1] * (features.var() or 1.0))
        alpha, intercept = np.zeros((len(features), self.outputs)), np.zeros(self.outputs)
        for output, target in self._machines(found, problem):
            if problem != "regression" and target.min() == target.max():
                intercept[output] = -ABSENT if target[0] else ABSENT
                continue
            solver = self._solver(problem, gamma).fit(features, target, sample_weight=found.weight)
            alpha[solver.support_, output], intercept[output] = solver.dual_coef_[0], solver.intercept_[0]
        if problem == "classification" and len(present := np.unique(found.target)) == 2:
            first, second = present  # one plane parts them: what is for one is against the other
            alpha[:, first], intercept[first] = -alpha[:, second], -intercept[second]
        kept = np.flatnonzero(alpha.any(axis=1))
        self.support = torch.from_numpy(found.features[kept])
        self.alpha, self.intercept = torch.from_numpy(alpha[kept]), torch.from_numpy(intercept)
        self.sharpness = torch.tensor(gamma, dtype=torch.float64)
        self.to(found.device)

    def odd(self) -> str:
        good = len(self.alpha) == len(self.support) and len(self.intercept) in (0, self.outputs)
        return "" if good else "support vectors, their weights and intercepts do not belong together"

    def forward(self, input: Field) -> Tensor:
        require_solved(self, self.intercept)
        asked = self.standard(self.columns(input))
        total = self.intercept.expand(asked.shape[0], -1)
        for support, alpha in zip(self.support.split(AT_ONCE), self.alpha.split(AT_ONCE), strict=True):
            distance = torch.cdist(asked, self.standard(support), compute_mode="use_mm_for_euclid_dist")
            total = total + torch.exp(-self.sharpness * distance.square()) @ alpha
        return total.float()

    def _machines(self, found: Examples, problem: Problem) -> list[tuple[int, np.ndarray]]:
        """The outputs that need a machine of their own, each with the target [N] it should learn."""
        if problem == "regression":
            return [(0, found.target)]
        if problem == "multi-label":
            return list(enumerate(found.target.T))
        present = np.unique(found.target)
        absent = np.setdiff1d(np.arange(self.outputs), present)
        asked = present[1:] if len(present) == 2 else present
        return [(int(c), (found.target == c).astype(np.int64)) for c in np.concatenate([asked, absent])]

    def _solver(self, problem: Problem, gamma: float) -> SVC | SVR:
        from sklearn.svm import SVC, SVR

        if problem == "regression":
            return SVR(C=self.cost, gamma=gamma, epsilon=self.tube, cache_size=500)
        return SVC(C=self.cost, gamma=gamma, cache_size=500)
