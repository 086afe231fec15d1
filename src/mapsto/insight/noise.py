"""How many labels are wrong, and which ones to look at first.

Where labels were mixed up, the truth is contradicted as often where the model is surest as anywhere else; where classes
merely overlap, contradictions die out towards the sure end. So the share is read at that end, from examples that leave
little doubt (anchor points: Liu and Tao 2016, arXiv:1411.7718; Patrini et al. 2017, arXiv:1609.03683), and the order of
suspects comes from confident learning (Northcutt et al. 2021, arXiv:1911.00068), whose own share counts overlap too:
two Gaussians two deviations apart, without one wrong label, give it 7 %, and the share here less than 1 %.

What cannot be told from predictions alone: a wrong label from a right one whose reason is not among the inputs. Where
no example of a class is clear-cut, or the model has learned nothing, the share is too high. With fewer than a few
hundred examples its interval is wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Estimate
from mapsto.measures.interval import wilson


@dataclass(frozen=True)
class Noise:
    """What labels look like to a model that was not trained on them."""

    share: Estimate  # of labels that are wrong
    contradicted: float  # share of labels that are not the model's guess, for any reason
    suspects: list[int] = field(default_factory=list)  # rows whose label is confidently contradicted, worst first


def contradictions(probabilities: np.ndarray, labels: np.ndarray, second: np.ndarray | None = None) -> Noise:
    """How many of `labels`, int [N], are wrong, judged by held-out `probabilities` [N, C].

    Held out: no row may have been trained on by the model that judges it. `second` are the probabilities [N, C] of
    another kind of model: then only rows on which both guess the same count, so that one model's blind spot is not
    taken for wrong labels.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ShapeError(
            f"contradictions needs probabilities [N, C] and labels [N], but was given {list(probabilities.shape)} "
            f"and {list(labels.shape)}.",
            "Several labels a row: ask for one label at a time, with probabilities [N, 2].",
        )
    guess, sureness = probabilities.argmax(1), probabilities.max(1)
    wrong = guess != labels
    agreed = np.ones(len(labels), bool) if second is None else guess == second.argmax(1)
    rank = np.full(len(labels), np.inf)
    for c in np.unique(guess):  # class by class: labels may be mixed up in one of them only
        rows = np.flatnonzero((guess == c) & agreed)
        order = np.argsort(-sureness[rows], kind="stable")
        rank[rows[order]] = (np.arange(len(rows)) + 0.5) / max(len(rows), 1)
    return Noise(
        _share(wrong[rank < 0.25], wrong[(rank >= 0.25) & (rank < 0.5)], len(labels)),
        float(wrong.mean()) if len(wrong) else math.nan,
        _suspects(probabilities, labels, agreed),
    )


def _share(surest: np.ndarray, next_surest: np.ndarray, n: int) -> Estimate:
    """Contradicted shares of the surest quarter and of the next → the share at the very end, by a straight line.

    Middles lie at 1/8 and 3/8, so the end is at 1.5 a − 0.5 b; chance in it is √2.5 times that in a.
    """
    if not len(surest) or not len(next_surest):
        return Estimate(math.nan, math.nan, math.nan, n)
    a, b = surest.mean(), next_surest.mean()
    share = float(np.clip(1.5 * a - 0.5 * b, 0, a))
    low, high = wilson(share, max(1, round(len(surest) / 2.5)))
    return Estimate(share, low, high, n)


def _suspects(probabilities: np.ndarray, labels: np.ndarray, agreed: np.ndarray) -> list[int]:
    """Rows off the diagonal of the confident joint (Northcutt et al. 2021, eq. 1), by margin."""
    rows, classes = np.arange(len(labels)), probabilities.shape[1]
    usual = np.array([probabilities[labels == c, c].mean() if (labels == c).any() else np.inf for c in range(classes)])
    confident = np.where(probabilities >= usual, probabilities, -1.0)
    other = confident.argmax(1)
    suspect = (confident.max(1) > 0) & (other != labels) & (other == probabilities.argmax(1)) & agreed
    margin = probabilities[rows, labels] - probabilities.max(1)
    found = np.flatnonzero(suspect)
    return found[np.argsort(margin[found], kind="stable")].tolist()
