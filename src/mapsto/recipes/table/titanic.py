"""Who survived the Titanic?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def titanic(data_dir: str | None = None, seed: int = 0, folds: int = 0, fold: int = 0, split_seed: int = 0) -> Frame:
    """891 passengers with a small network, all as proposed for a table of few rows.

    folds: every row examined once, in so many trainings; fold: which of them a `learner()` is for.
    data_dir: holds titanic/train.csv.
    """
    split = {"folds": folds, "fold": fold, "seed": split_seed}
    return frame_data(below(data_dir, "titanic", "train.csv"), "Survived", split=split, seed=seed)
