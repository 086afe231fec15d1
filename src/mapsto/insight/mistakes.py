"""The worst mistakes: the ones worth a person's look."""

from __future__ import annotations

import numpy as np

from mapsto.core.errors import ShapeError


def worst(prediction: np.ndarray, target: np.ndarray, count: int) -> np.ndarray:
    """Rows of the worst mistakes, int64, at most `count`, worst first. A row that is right is never among them.

    prediction [N, C] with target int [N]: most confidently wrong, by p(guess) − p(truth).
    prediction [N] with target [N]: largest |residual|.
    prediction [N, L] with target of zeros and ones [N, L]: by the label that is furthest off, as in `worst_by_label`.
    """
    if prediction.shape == target.shape and target.ndim == 1:
        badness = np.abs(prediction.astype(float) - target.astype(float))
    elif prediction.shape == target.shape and target.ndim == 2:
        badness = _off(prediction, target).max(1, initial=0)
    elif prediction.ndim == 2 and target.shape == prediction.shape[:1]:
        badness = prediction.max(1) - prediction[np.arange(len(target)), target]
    else:
        raise ShapeError(
            f"worst needs predictions [N, C] with classes [N], [N] with numbers [N] or [N, L] with labels [N, L], but "
            f"was given {list(prediction.shape)} with {list(target.shape)}."
        )
    return _most(badness, count)


def worst_by_label(
    prediction: np.ndarray, target: np.ndarray, count: int, thresholds: float | list[float] = 0.5
) -> list[np.ndarray]:
    """For each of L labels the rows, int64, at most `count`, on which it is most confidently wrong, worst first.

    prediction: probabilities [N, L]; target: zeros and ones [N, L]; a label is predicted from its threshold on.
    """
    off = _off(prediction, target, thresholds)
    return [_most(off[:, label], count) for label in range(off.shape[1])]


def _off(prediction: np.ndarray, target: np.ndarray, thresholds: float | list[float] = 0.5) -> np.ndarray:
    """How far each label's probability is from the truth where the label is wrong, else 0; [N, L]."""
    wrong = (prediction >= np.asarray(thresholds)) != (target > 0.5)
    return np.where(wrong, np.abs(prediction - target), 0)


def _most(badness: np.ndarray, count: int) -> np.ndarray:
    order = np.argsort(-badness, kind="stable")[:count]
    return order[badness[order] > 0]
