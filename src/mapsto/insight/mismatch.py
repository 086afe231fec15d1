"""Whether test rows can be told from training rows, and by which columns: then the exam is about something else.

A classifier two-sample test: Lopez-Paz and Oquab 2017, arXiv:1610.06545.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Estimate
from mapsto.core.seeds import mix
from mapsto.measures.auroc import AUROC
from mapsto.measures.interval import estimate

ROWS = 2000  # of each side, at most: about a second, and an AUC known to ± 0.02
COLUMNS = 64  # the trees see at most so many, those that tell most alone
BINS = 10
FOLDS = 3


@dataclass(frozen=True)
class Mismatch:
    """How well test rows are told from training rows. AUC 0.5: not at all; 1: always."""

    auc: Estimate
    columns: list[tuple[str, float]]  # each column and its AUC alone, most telling first


def tell_apart(train: np.ndarray, test: np.ndarray, names: list[str], seed: int = 0) -> Mismatch:
    """Learn to tell `test` [M, P] from `train` [N, P], and say how well that works on rows held out.

    Columns are numbers, categories as codes, missing ones NaN; pictures come as a few simple features or as the model's
    last hidden ones. At most 2,000 rows of each side are looked at. With fewer than 20 rows of either, AUC is NaN.
    """
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1] or len(names) != train.shape[1]:
        raise ShapeError(
            f"tell_apart needs train [N, P], test [M, P] and P names, but was given {list(train.shape)}, "
            f"{list(test.shape)} and {len(names)} names.",
            "Encode both with the same domains, fitted on the training rows.",
        )
    if min(len(train), len(test)) < 20 or not names:
        return Mismatch(Estimate(math.nan, math.nan, math.nan, len(train) + len(test)), [])
    draw = np.random.default_rng(mix(seed))
    sides = [side[draw.permutation(len(side))[:ROWS]] for side in (train, test)]
    rows = np.concatenate(sides).astype(np.float32)
    is_test = np.repeat([0, 1], [len(side) for side in sides])
    fold = np.concatenate([np.arange(len(side)) % FOLDS for side in sides])  # both sides shared out evenly
    alone = _alone(rows, is_test, fold)
    score = _crossed(rows, is_test, fold, seed)
    told = AUROC()
    told.update(torch.from_numpy(np.stack([1 - score, score], 1)), torch.from_numpy(is_test))
    return Mismatch(estimate(told, seed), [(names[p], float(alone[p])) for p in np.argsort(-alone, kind="stable")])


def _crossed(rows: np.ndarray, is_test: np.ndarray, fold: np.ndarray, seed: int) -> np.ndarray:
    """How much each row looks like a test row, [N], by trees that have not seen it."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    score = np.empty(len(rows))
    for k in range(FOLDS):
        other, columns = fold != k, np.arange(rows.shape[1])
        if len(columns) > COLUMNS:  # chosen by the other folds too, or chance would pass for a difference
            columns = np.argsort(-_alone(rows[other], is_test[other], fold[other]), kind="stable")[:COLUMNS]
        trees = HistGradientBoostingClassifier(
            max_iter=30, max_leaf_nodes=8, early_stopping=False, random_state=mix(seed, k) % 2**32
        )
        trees.fit(rows[other][:, columns], is_test[other])
        score[~other] = trees.predict_proba(rows[~other][:, columns])[:, 1]
    return score


def _alone(rows: np.ndarray, is_test: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """AUC of each column of [N, P], [P], by the share of test rows in its tenths; those shares come from other folds.

    By shares and not by order, so that another spread or a missing value tells too.
    """
    return np.array([_auc(*_counts(column, is_test, fold)) for column in rows.T])


def _counts(column: np.ndarray, is_test: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, test rows and training rows of each tenth in each fold, all [FOLDS · (BINS + 1)]."""
    known = column[np.isfinite(column)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known
    bin = np.where(np.isfinite(column), np.searchsorted(edges, column, side="right"), BINS)
    cell = (2 * fold + is_test) * (BINS + 1) + bin
    counts = np.bincount(cell, minlength=FOLDS * 2 * (BINS + 1)).reshape(FOLDS, 2, BINS + 1)
    others = counts.sum(0) - counts
    score = (others[:, 1] + 1) / (others.sum(1) + 2)
    return score.ravel(), counts[:, 1].ravel(), counts[:, 0].ravel()


def _auc(score: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
    """The probability that a positive scores above a negative, ties counting half, from counts at each score."""
    below = (score[:, None] > score) + 0.5 * (score[:, None] == score)
    return positive @ below @ negative / (positive.sum() * negative.sum())
