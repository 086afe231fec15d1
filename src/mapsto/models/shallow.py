"""What the models that scikit-learn solves have in common: reading a batch, and saying certainty as a logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch
from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.core.nouns import Problem
from mapsto.layers.columns import Columns

FLOOR = 1e-9  # added to a share before its logarithm: a probability changes by less than this × the number of classes
ABSENT = float(np.log(FLOOR))  # logit of a class that training never showed, next to others whose best is about 0


class Shallow(Protocol):
    columns: Columns
    outputs: int


@dataclass(frozen=True)
class Examples:
    """All examples that count, as scikit-learn reads them.

    features: [N, width] float32.
    target: [N] int64 classes, [N] float64 numbers, or [N, L] int64 of 0 and 1.
    weight: [N] float64 > 0; None where all examples count the same.
    device: where the batch was, and where the solved model belongs.
    """

    features: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    device: torch.device


def examples(
    model: Shallow, batch: Batch, problem: Problem, solves: tuple[Problem, ...], missing: bool = False
) -> Examples:
    """The examples of a batch, checked; those of weight 0 are left out.

    solves: the problems this model can do. missing: whether it takes NaN for a feature that is not known.
    Raises FrameError, ShapeError or DataError where the batch cannot be solved.
    """
    name = type(model).__name__
    if problem not in solves:
        instead = {"regression": "Ridge or GradientBoosting"}.get(problem, "LogisticRegression or GradientBoosting")
        raise FrameError(f"{name} solves {' and '.join(solves)}, but this is {problem}.", f"Choose {instead} instead.")
    columns = model.columns(batch["input"])
    features, target = columns.float().cpu().numpy(), batch["target"].cpu().numpy()
    weight = batch["weight"].double().cpu().numpy() if "weight" in batch else None
    if weight is not None:
        counts = weight > 0
        features, target, weight = features[counts], target[counts], weight[counts]
    if not len(features):
        raise DataError(f"{name} was given no example to learn from.", "Give at least one of weight above 0.")
    bad = np.isinf(features) if missing else ~np.isfinite(features)
    if bad.any():
        raise DataError(
            f"{name} needs {'finite numbers or NaN' if missing else 'finite numbers'}, but "
            f"{int(bad.any(axis=1).sum())} of {len(features)} examples have others, first in column "
            f"{int(bad.any(axis=0).argmax())} of {features.shape[1]}.",
            "Fill them in before, or choose GradientBoosting, which takes NaN for what is not known.",
        )
    return Examples(features, _checked(name, target, problem, model.outputs), weight, columns.device)


def log_shares(share: Tensor) -> Tensor:
    """Logits whose softmax is `share` [..., C], to FLOOR."""
    return torch.log(share + FLOOR)


def share_logits(share: Tensor) -> Tensor:
    """Logits whose sigmoid is `share`, to FLOOR."""
    return torch.log(share + FLOOR) - torch.log(1 - share + FLOOR)


def require_solved(model: Shallow, found: Tensor) -> None:
    """FrameError where the buffer that `solve` fills is still empty."""
    if not found.numel():
        raise FrameError(
            f"{type(model).__name__} has not seen any example yet.", "Call solve (a Solve update does), or load one."
        )


def _checked(name: str, target: np.ndarray, problem: Problem, outputs: int) -> np.ndarray:
    if problem == "classification":
        if target.ndim != 1 or target.min() < 0 or target.max() >= outputs:
            raise ShapeError(
                f"{name} with outputs={outputs} needs classes [N] from 0 to {outputs - 1}, but got "
                f"{list(target.shape)} from {target.min()} to {target.max()}.",
                "Build the model with one output for each class.",
            )
        return target.astype(np.int64)
    if problem == "regression":
        if outputs != 1 or target.size != len(target):
            raise ShapeError(
                f"{name} gives one number an example, but it has outputs={outputs} and the target is "
                f"{list(target.shape)}.",
                "Build it with outputs=1, one model for each number.",
            )
        return target.reshape(-1).astype(np.float64)
    if target.shape[1:] != (outputs,):
        raise ShapeError(
            f"{name} with outputs={outputs} needs labels [N, {outputs}], but got {list(target.shape)}.",
            "Build the model with one output for each label.",
        )
    return (target > 0.5).astype(np.int64)
