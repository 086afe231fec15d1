"""Which words are in a text, each by its rareness, and a line through them and what stands beside: the model that reading has to
beat."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns, beside_text
from mapsto.layers.rareness import once, rareness, shares
from mapsto.layers.standard import Standard
from mapsto.layers.tokens import tokens_of
from mapsto.models.shallow import ABSENT

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class BagOfWords(Solvable):
    """Softmax regression, or ridge regression of a number, on the tokens that a text has in it, each by its rareness
    (layers/rareness.py), solved to the minimum by scikit-learn. Columns beside the text are in units of their own spread,
    categories one-hot.

    inputs: {"tokens": [V]}, perhaps with "number" and "category" beside; outputs: classes, or 1. penalty: 1 / C of
    scikit-learn's classifier, alpha of its ridge. iterations: of L-BFGS at most.
    forward: tokens with their count, [B, T] → logits [B, outputs].
    """

    exempt: ClassVar[dict[str, str]] = {"by-heart": "texts of the same words, in whatever order, are one to it"}

    def __init__(self, inputs: Shape, outputs: int, penalty: float = 0.5, iterations: int = 300):
        super().__init__()
        self.inputs, self.outputs, self.penalty, self.iterations = inputs, outputs, penalty, iterations
        vocabulary = tokens_of(inputs, "BagOfWords")
        self.register_buffer("rareness", torch.ones(vocabulary))
        self.register_buffer("coefficient", torch.zeros(vocabulary, outputs))
        self.register_buffer("intercept", torch.zeros(outputs))
        self.columns: Columns | None = None
        if others := beside_text(inputs):
            self.columns = Columns(others)
            self.standard = Standard(others, self.columns.width)
            self.register_buffer("slope", torch.zeros(self.columns.width, outputs))

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        if problem not in ("classification", "regression"):
            raise FrameError(
                f"BagOfWords solves classification and regression, but this is {problem}.", "Choose another model."
            )
        from scipy.sparse import csr_matrix, hstack

        weight = batch.get("weight", torch.ones(len(batch["target"]), device=batch["target"].device))
        counts = weight > 0
        tokens, first = (part[counts] for part in once(batch["input"]))
        device, target, weight = tokens.device, batch["target"][counts].cpu().numpy(), weight[counts].cpu().numpy()
        count = first.sum(dim=1)
        self.rareness = rareness(tokens, first, len(self.rareness))
        share = shares(self.rareness, tokens, first)[first].cpu().numpy()
        edges = np.concatenate([[0], count.cumsum(0).cpu().numpy()])
        texts = csr_matrix((share, tokens[first].cpu().numpy(), edges), shape=(len(tokens), len(self.rareness)))
        if self.columns is not None:
            known = self.columns(batch["input"])[counts].float().cpu()
            texts = hstack([texts, self.standard.fit(known.numpy(), weight)(known).numpy()], format="csr")
        solved = self._ridge if problem == "regression" else self._softmax
        coefficient, intercept = solved(texts, target, weight)
        found = torch.from_numpy(coefficient.T.copy()).float()
        self.coefficient = found[: len(self.rareness)].clone()
        if self.columns is not None:
            self.slope = found[len(self.rareness) :].clone()
        self.intercept = torch.from_numpy(intercept).float()
        self.to(device)

    def forward(self, input: Field) -> Tensor:
        tokens, first = once(input)
        share = shares(self.rareness, tokens, first)
        said = torch.einsum("bt,btc->bc", share, self.coefficient[tokens]) + self.intercept
        return said if self.columns is None else said + self.standard(self.columns(input)).float() @ self.slope

    def _softmax(self, texts: csr_matrix, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [outputs, columns] and intercepts [outputs]."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        coefficient, intercept = np.zeros((self.outputs, texts.shape[1])), np.full(self.outputs, ABSENT)
        present = np.unique(target)
        intercept[present] = 0.0
        if len(present) > 1:
            solver = LogisticRegression(C=1 / max(self.penalty, 1e-12), max_iter=self.iterations)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # `iterations` bounds the cost
                solver.fit(texts, target, sample_weight=weight)
            rows = present[-len(solver.coef_) :]  # of two classes scikit-learn fits the second against the first
            coefficient[rows], intercept[rows] = solver.coef_, solver.intercept_
        return coefficient, intercept

    def _ridge(self, texts: csr_matrix, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `_softmax`."""
        from sklearn.linear_model import Ridge

        solver = Ridge(max(self.penalty, 1e-9 * weight.sum())).fit(texts, target, sample_weight=weight)
        return solver.coef_.reshape(1, -1), np.reshape(solver.intercept_, 1)
