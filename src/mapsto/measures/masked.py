"""How well hidden words are guessed."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise


class MaskedPerplexity(Measure):
    """Among how many equally likely words the hidden ones might as well have been guessed: the exponential of their mean surprise.

    prediction: [B, T, 3] as `MaskedWords.predict` gives it; target: tokens [B, T].
    """

    better = -1
    perfect = 1.0

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        _need("MaskedPerplexity", prediction, target)
        surprise = precise(prediction[:, :, 2])
        asked = (~surprise.isnan()).to(surprise.dtype)
        return torch.stack([surprise.nansum(dim=1), asked.sum(dim=1)], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return _share(kept, weight).exp()


class MaskedAccuracy(Measure):
    """The share of hidden words that are guessed. prediction, target: as of `MaskedPerplexity`."""

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        _need("MaskedAccuracy", prediction, target)
        guess = prediction[:, :, 1]
        return precise(torch.stack([(guess == target).sum(dim=1), (~guess.isnan()).sum(dim=1)], dim=1))

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return _share(kept, weight)


def _share(kept: Tensor, weight: Tensor) -> Tensor:
    """kept [N, 2], sums and counts of each example → the mean over all that was counted."""
    total, count = (precise(weight)[:, None] * kept).sum(dim=0)
    return total / count


def _need(measure: str, prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != (*target.shape, 3) or target.ndim != 2:
        raise ShapeError(
            f"{measure} needs predictions [B, T, 3] of tokens [B, T], but was given {list(prediction.shape)} and "
            f"{list(target.shape)}.",
            "They are what the objective masked-words predicts.",
        )
