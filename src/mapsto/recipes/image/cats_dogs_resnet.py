"""Cats and dogs with residual blocks."""

from __future__ import annotations

from mapsto.data.augment import Cutout, Flip, Shift
from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def cats_dogs_resnet(data_dir: str | None = None, seed: int = 0, width: int = 16, epochs: int = 28) -> Frame:
    """10,000 photographs of 32 × 32 pixels with the 20-layer ResNet of the paper (6n + 2, width 16).

    Validation accuracy 86.7 % (1,000 rows, one run, 7 minutes of one core).
    data_dir: holds cats_dogs/cats_dogs.zip, with train/cat/, train/dog/, test/cat/ and test/dog/.
    """
    made = frame_data(below(data_dir, "cats_dogs", "cats_dogs.zip"), seed=seed)
    made.set("model", {"name": "res-net", "depth": 20, "width": width})
    made.set("data.augment", [Flip(), Shift(4), Cutout(8)])
    made.set("objective.smoothing", 0.1)
    made.set("algorithm.experience.batch_size", 64)
    made.set("algorithm.update.learning_rate", 5e-3)
    made.set("algorithm.update.optimizer.weight_decay", 0.05)
    return made.set("algorithm.until.count", epochs)
