"""Cats and dogs with a network made for digits."""

from __future__ import annotations

from mapsto.data.augment import Flip, Shift
from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def cats_dogs_lenet(data_dir: str | None = None, seed: int = 0, width: int = 16, epochs: int = 20) -> Frame:
    """10,000 photographs of 32 × 32 pixels with a wide LeNet-5, batch norm, mirrored and moved.

    data_dir: holds cats_dogs/cats_dogs.zip, with train/cat/, train/dog/, test/cat/ and test/dog/.
    """
    made = frame_data(below(data_dir, "cats_dogs", "cats_dogs.zip"), seed=seed)
    made.set("model", {"name": "le-net", "width": width, "norm": "batch"})
    made.set("data.augment", [Flip(), Shift(4)])
    made.set("algorithm.experience.batch_size", 128)
    made.set("algorithm.update.learning_rate", 3e-3)
    return made.set("algorithm.until.count", epochs)
