"""MNIST with the network that was made for it."""

from __future__ import annotations

from mapsto.data.augment import Shift
from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def mnist_lenet(data_dir: str | None = None, seed: int = 0, width: int = 12, epochs: int = 5) -> Frame:
    """MNIST with LeNet-5 twice as wide as the paper's, batch norm, and digits moved by up to two pixels.

    Validation accuracy 99.47 % (6,000 rows, one run, 44 s of one core); width 24 without norm at 3e-3: 99.40 % (two runs).
    data_dir: holds mnist/*.gz; else MAPSTO_DATA does, or they are downloaded.
    """
    made = frame_data("mnist", reading={"data_dir": data_dir}, seed=seed)
    made.set("model", {"name": "le-net", "width": width, "norm": "batch"})
    made.set("data.augment", [Shift(2)])
    made.set("algorithm.experience.batch_size", 128)
    made.set("algorithm.update.learning_rate", 5e-3)
    return made.set("algorithm.until.count", epochs)
