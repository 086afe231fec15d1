"""What an episode returns: all its rewards, added up as they are."""

from __future__ import annotations

import math

from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import mean, precise


class Return(Measure):
    """The mean over episodes of the sum of their rewards, without a discount.

    prediction: what each episode came to, [B], in the unit of the reward. target: nobody knows better, and nothing is read in it.
    """

    perfect = math.nan  # what can be had at most is the world's secret

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        return precise(prediction)[:, None]

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return mean(kept[:, 0], weight)
