"""Which words are in a text, each by its rareness, and a line through them: the model that reading has to beat."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.tokens import real, tokens_of
from mapsto.models.shallow import ABSENT


class BagOfWords(Solvable):
    """Softmax regression on the tokens that a text has in it, solved to the minimum by scikit-learn.

    x_t = log((1 + N) / (1 + N_t)) + 1 where token t is in the text, of N training texts N_t have it; x is of length 1
    (Manning, Raghavan and Schütze 2008, §6.2, with binary counts).

    inputs: {"tokens": [V]}; outputs: classes. penalty: 1 / C of scikit-learn. iterations: of L-BFGS at most.
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

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        if problem != "classification":
            raise FrameError(f"BagOfWords solves classification, but this is {problem}.", "Choose another model.")
        from scipy.sparse import csr_matrix
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        weight = batch.get("weight", torch.ones(len(batch["target"]), device=batch["target"].device))
        counts = weight > 0
        tokens, first = (part[counts] for part in self._once(batch["input"]))
        device, target, weight = tokens.device, batch["target"][counts].cpu().numpy(), weight[counts].cpu().numpy()
        count = first.sum(dim=1)
        seen = torch.bincount(tokens[first], minlength=len(self.rareness))
        self.rareness = torch.log((1 + len(tokens)) / (1 + seen.double())).add(1).float()
        share = self._shares(tokens, first)[first].cpu().numpy()
        edges = np.concatenate([[0], count.cumsum(0).cpu().numpy()])
        texts = csr_matrix((share, tokens[first].cpu().numpy(), edges), shape=(len(tokens), len(self.rareness)))
        coefficient, intercept = np.zeros((self.outputs, len(self.rareness))), np.full(self.outputs, ABSENT)
        present = np.unique(target)
        intercept[present] = 0.0
        if len(present) > 1:
            solver = LogisticRegression(C=1 / max(self.penalty, 1e-12), max_iter=self.iterations)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # `iterations` bounds the cost
                solver.fit(texts, target, sample_weight=weight)
            rows = present[-len(solver.coef_) :]  # of two classes scikit-learn fits the second against the first
            coefficient[rows], intercept[rows] = solver.coef_, solver.intercept_
        self.coefficient = torch.from_numpy(coefficient.T.copy()).float()
        self.intercept = torch.from_numpy(intercept).float()
        self.to(device)

    def forward(self, input: Field) -> Tensor:
        tokens, first = self._once(input)
        share = self._shares(tokens, first)
        return torch.einsum("bt,btc->bc", share, self.coefficient[tokens]) + self.intercept

    def _once(self, input: Field) -> tuple[Tensor, Tensor]:
        """The tokens of each text in order of their number, and which of them are there for the first time, [B, T]."""
        tokens = torch.where(real(input), input["tokens"], 0).sort(dim=1).values
        before = torch.nn.functional.pad(tokens, (1, 0), value=0)[:, :-1]
        return tokens, (tokens != before) & (tokens > 0)

    def _shares(self, tokens: Tensor, first: Tensor) -> Tensor:
        """x at each place [B, T]: 0 where a token is not there for the first time."""
        x = self.rareness[tokens] * first
        return x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
