"""How many runs of words a hypothesis shares with its reference, and what that comes to over a corpus: BLEU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from mapsto.measures.precise import precise

ORDERS = 4  # runs of one word up to so many


def shared(hypothesis: Sequence[str], reference: Sequence[str]) -> list[int]:
    """Of each order how many runs of the hypothesis are in the reference, each at most as often as it stands there; of
    each order how many it has; the words of both: 2 · ORDERS + 2 numbers, which add up over sentences."""
    matched, there = [], []
    for order in range(1, ORDERS + 1):
        mine, theirs = _runs(hypothesis, order), _runs(reference, order)
        matched.append((mine & theirs).total())
        there.append(mine.total())
    return [*matched, *there, len(hypothesis), len(reference)]


def bleu(kept: Tensor, weight: Tensor, smooth: bool) -> Tensor:
    """kept [N, 2 · ORDERS + 2] as `shared` gives them, weight [N] → BLEU of the corpus, 0 to 100.

    The brevity penalty times the geometric mean of the orders' precisions (Papineni et al. 2002, ACL, §2.3). smooth: an order
    without a match counts half a match, the next such a quarter, and so on (Chen and Cherry 2014, WMT, "smoothing 3"; sacreBLEU's
    "exp"); unsmoothed, it makes the whole 0.
    """
    total = precise(weight) @ precise(kept)
    matched, there, (mine, theirs) = total[:ORDERS], total[ORDERS : 2 * ORDERS], total[2 * ORDERS :]
    none = matched == 0
    counted = torch.where(none & matched.any(), 0.5 ** none.cumsum(0), matched) if smooth else matched
    precision = torch.where(there > 0, counted / there.clamp(min=1e-9), 0.0)
    brevity = torch.where(mine < theirs, torch.exp(1 - theirs / mine.clamp(min=1e-9)), 1.0)
    return 100 * brevity * precision.log().mean().exp()


def _runs(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))
