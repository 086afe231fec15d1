"""What is proposed for one kind of task: a model, an objective, an algorithm, each with its reason."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from mapsto.framing.check import uneven
from mapsto.framing.prepare import Prepared

Table = dict[str, Any]
Written = tuple[Table, str]  # a component as a frame writes it, and the reason
PLAIN_STEPS = 5000  # updates for a model that nothing is known about


class Way(ABC):
    """models: those that are for this kind of task. general: whether models that are for no kind in particular are, too."""

    models: tuple[str, ...] = ()
    general = False

    @abstractmethod
    def fits(self, prepared: Prepared) -> bool:
        """Whether this is the kind of task. Ways are asked in their order, and the first that fits is taken."""

    @abstractmethod
    def model(self, prepared: Prepared, rows: int) -> Written: ...

    def given(self, model: str) -> Way:
        """The way that this model asks for, where it is not the one that would be proposed."""
        return self

    def drawn(self, experience: str) -> Way:
        """The way that batches which are drawn so ask for, where it is not the one that would be proposed."""
        return self

    def objective(self, prepared: Prepared) -> Written:
        """By what is asked for: a number, one class or several labels."""
        if prepared.problem == "regression":
            return {
                "name": "squared-error"
            }, "numbers, whose mean is wanted; absolute-error where outliers should not pull"
        if prepared.problem == "multi-label":
            return {"name": "binary-cross-entropy"}, "several labels may be right at once: a yes or no for each"
        if uneven(prepared):
            counts = prepared.target.counts
            mean = sum(math.sqrt(c) for c in counts) / sum(counts)
            weights = [round(1 / math.sqrt(c) / mean, 4) if c else 0.0 for c in counts]
            return {"name": "cross-entropy", "weights": weights, "judged_by": "macro-f1"}, (
                f"one of {len(counts)} classes; they are uneven ({min(counts)} to {max(counts)} rows), so a rare one counts "
                "more (by the root of its rareness) and the run is judged by macro-F1, not accuracy"
            )
        return {"name": "cross-entropy"}, f"one of {len(prepared.target.classes)} classes"

    def augment(self, prepared: Prepared) -> tuple[list[Table], str]:
        return [], ""

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        """How `model` is learned step by step; "" is one that nothing is known about."""
        batch = 32 if rows < 2000 else 64 if rows < 10_000 else 256 if rows < 200_000 else 1024
        epochs = min(200, max(10, round(PLAIN_STEPS * batch / rows)))
        return one_cycle(batch, epochs, 1e-2 if model == "linear" else 2e-3, 0.02)


def one_cycle(batch: int, epochs: int, rate: float, decay: float, **more: Any) -> tuple[dict[str, Table], str]:
    update = {
        "name": "descend",
        "learning_rate": rate,
        "optimizer": {"name": "adam-w", "weight_decay": decay},
        "schedule": {"name": "one-cycle"},
        **more,
    }
    return (
        {
            "experience": {"name": "passes", "batch_size": batch},
            "update": update,
            "until": {"name": "epochs", "count": epochs},
        },
        "a rate that rises once and falls to nothing needs the least tuning; the weights of the best epoch are kept",
    )


def reading(rows: int) -> tuple[dict[str, Table], str]:
    """How a BERT is learned from its first weights."""
    epochs = min(40, max(10, round(160 * rows**-0.25)))
    return one_cycle(32 if rows < 2000 else 64, epochs, 1e-3, 0.05, clip=1.0, precision="auto")
