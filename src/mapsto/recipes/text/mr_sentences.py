"""Is a sentence about a film praise or blame?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def mr_sentences(
    data_dir: str | None = None,
    seed: int = 0,
    folds: int = 0,
    fold: int = 0,
    split_seed: int = 0,
    model: str = "text-cnn",
) -> Frame:
    """10,662 sentences from film reviews (Pang and Lee 2005) with a convolutional network for text, or another model, from scratch.

    Validation accuracy 75.6 % (the first of 10 folds, 2 splits); vectors of 128 numbers instead of 300: 73.8 %.
    folds: every sentence examined once, in so many trainings; fold: which of them a `learner()` is for.
    data_dir: holds mr_sentiment/train.tsv, val.tsv and test.tsv.
    """
    split = {"folds": folds, "fold": fold, "seed": split_seed}
    made = frame_data(below(data_dir, "mr_sentiment"), "label", split=split, seed=seed)
    return made.set("model", {"name": model, "embedding": 300})
