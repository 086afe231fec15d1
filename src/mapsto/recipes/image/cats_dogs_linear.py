"""Cats and dogs by a straight line through pixel space: what there is to beat."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def cats_dogs_linear(data_dir: str | None = None, seed: int = 0, epochs: int = 15) -> Frame:
    """10,000 photographs of 32 × 32 pixels with softmax regression.

    data_dir: holds cats_dogs/cats_dogs.zip, with train/cat/, train/dog/, test/cat/ and test/dog/.
    """
    made = frame_data(below(data_dir, "cats_dogs", "cats_dogs.zip"), seed=seed)
    made.set("model", {"name": "linear"})
    made.set("data.augment", [])
    made.set("algorithm.update.learning_rate", 1e-3)
    return made.set("algorithm.until.count", epochs)
