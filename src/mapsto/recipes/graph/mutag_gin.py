"""Does a molecule change genes?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def mutag_gin(
    data_dir: str | None = None, seed: int = 0, folds: int = 0, fold: int = 0, split_seed: int = 0, epochs: int = 100
) -> Frame:
    """188 molecules by their atoms and bonds (MUTAG), mutagenic or not, with a GIN as Xu et al. (2019) set it.

    Their 89.4 % is the epoch that was best on the test folds; here validation rows of each fold choose, by their loss: 19 rows
    are too few to tell epochs apart by how many of them are right (benchmarks/mutag.py).
    folds: every molecule examined once, in so many trainings; fold: which of them a `learner()` is for. data_dir: holds mutag/.
    """
    split = {"folds": folds, "fold": fold, "seed": split_seed, "valid": 0.1}
    made = frame_data(below(data_dir, "mutag"), "graph label", split=split, seed=seed)
    made.model = {"name": "gin", "width": 32, "depth": 4, "dropout": 0.5}
    made.set("objective.judged_by", "log-loss")
    return made.set("algorithm.until.count", epochs)
