"""The next token: at every place of a text, the surprise at the token that comes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses, Mean
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.measures import BitsPerByte, NatsPerToken, WordPerplexity
from mapsto.measures.word_perplexity import marks_of
from mapsto.objectives.judged import first, known

MEASURES: dict[str, Callable[[], Measure]] = {
    "nats-per-token": NatsPerToken,
    "bits-per-byte": BitsPerByte,
    "word-perplexity": WordPerplexity,
}


@dataclass
class NextToken(Objective):
    """−Σ q(v) log p(v | the tokens before), the mean over all places, with p the softmax of the model's V logits there and q
    the token that comes (Bengio et al. 2003, "A neural probabilistic language model", eq. 5).

    smoothing: the share of q spread evenly over all tokens, in [0, 1).
    judged_by: the measure that a run is stopped and compared by.
    """

    smoothing: float = 0.0
    judged_by: str = "nats-per-token"

    problem = "language-model"
    large = "it is a distribution over all tokens at every place"

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise FrameError(f"smoothing is a share in [0, 1), but came {self.smoothing}.")
        known("NextToken", self.judged_by, MEASURES)

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        logits, target = self._logits(model, batch), batch["target"]  # [B, T, V]; [B, T], −1 where nothing comes
        loss = F.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=-1, reduction="none", label_smoothing=self.smoothing
        ).view_as(target)
        here = (target >= 0).float()
        if "weight" in batch:
            weight = batch["weight"][:, None]
            loss, here = loss * weight, here * weight
        return {"next-token": Mean(loss.sum(), here.sum())}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Log-probabilities [B, T, V] of the token after each."""
        return self._logits(model, batch).log_softmax(dim=2)

    def measures(self, target: Domain) -> dict[str, Measure]:
        spelled = target.tokens.spelled
        sized = {
            **MEASURES,
            "bits-per-byte": partial(BitsPerByte, [len(token) for token in spelled]),
            "word-perplexity": partial(WordPerplexity, marks_of(spelled)),
        }
        return first(self.judged_by, sized)

    def _logits(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch["input"]).float()
        if logits.ndim != 3:
            raise ShapeError(
                f"NextToken needs logits [B, T, V], but {type(model).__name__} gave {list(logits.shape)}.",
                "Choose a model that says at every place of a text what comes next: gpt.",
            )
        return logits
