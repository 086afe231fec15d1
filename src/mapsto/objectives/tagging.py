"""Tagging: one label for each token of a sentence, told token by token or as one path."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Losses, Mean
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.core.ragged import mask
from mapsto.layers.crf import NONE, crf_of
from mapsto.measures.span_f1 import SpanF1, are_spans
from mapsto.measures.tag_accuracy import TagAccuracy
from mapsto.objectives.judged import first, known


@dataclass
class Tagging(Objective):
    """−Σ_t log p(tag_t | sentence), with p the softmax of each token's logits; of a model that has a CRF layer, −log p(path |
    sentence). Either is shared out over the tokens, so that sentences count by their length.

    A token whose tag was never seen in training (−1) is left out; with a CRF, whose path is then unknown, its sentence is.
    smoothing: the share of the truth spread evenly over all tags, in [0, 1) (Szegedy et al. 2016, arXiv:1512.00567, §7).
    judged_by: the measure that a run is stopped and compared by: tag-accuracy, or span-f1 of tags that mark spans.
    """

    smoothing: float = 0.0
    judged_by: str = "tag-accuracy"

    problem = "tagging"

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise FrameError(f"smoothing is a share in [0, 1), but came {self.smoothing}.")
        known("Tagging", self.judged_by, {"tag-accuracy": TagAccuracy, "span-f1": SpanF1})

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        logits, target = self._logits(model, batch), batch["target"]  # [B, T, K] and [B, T], −1 where there is no tag
        counts = (target != NONE).float()
        if "weight" in batch:
            counts = counts * batch["weight"][:, None]
        crf = crf_of(model)
        if crf is None:
            loss = F.cross_entropy(
                logits.flatten(0, 1),
                target.flatten(),
                ignore_index=NONE,
                reduction="none",
                label_smoothing=self.smoothing,
            )
            return {"tagging": Mean((loss.view(target.shape) * counts).sum(), counts.sum())}
        if self.smoothing:
            raise FrameError(
                "smoothing spreads the truth over the tags of one token, but a CRF tells a path.",
                "Leave one out.",
                "F004",
            )
        count = batch["input"]["count"]
        whole = (target != NONE).sum(dim=1) == count
        counts = counts.amax(dim=1) * whole
        loss = -crf.log_likelihood(logits, target, count)
        return {"tagging": Mean((loss * counts).sum(), (count * counts).sum())}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Places of tags [B, T], −1 where a sentence has ended."""
        logits, count, crf = self._logits(model, batch), batch["input"]["count"], crf_of(model)
        if crf is not None:
            return crf.best(logits, count)
        return logits.argmax(dim=2).masked_fill(~mask(count, logits.shape[1]), NONE)

    def measures(self, target: Domain) -> dict[str, Measure]:
        tags = [str(tag) for tag in target.classes]
        found = {"tag-accuracy": TagAccuracy}
        if are_spans(tags):
            found["span-f1"] = lambda: SpanF1(tags)
        elif self.judged_by == "span-f1":
            raise FrameError(
                f"span-f1 is for tags that mark spans, such as O, B-PER and I-PER, but these are {target.describe()}.",
                "Judge by tag-accuracy: --set objective.judged_by=tag-accuracy",
                "F004",
            )
        return first(self.judged_by, found)

    def _logits(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch["input"]).float()
        if logits.ndim != 3 or logits.shape[:2] != batch["input"]["tokens"].shape:
            raise ShapeError(
                f"Tagging needs logits for each token, [B, T, K] with [B, T] = {list(batch['input']['tokens'].shape)}, but "
                f"{type(model).__name__} gave {list(logits.shape)}.",
                "Use a model that answers for every token: --set model=recurrent --set model.each=true",
            )
        return logits
