"""Several digits in a picture: which ones?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def mnist_sets(data_dir: str | None = None, seed: int = 0, width: int = 8, epochs: int = 8) -> Frame:
    """18,000 pictures of one to four MNIST digits with a small convolutional network that asks where a map is largest.

    Validation (2,000 pictures): macro-F1 0.987 and 0.986 (2 seeds), 160 s each on one core of a shared AMD EPYC with
    bfloat16 products but no AMX.
    data_dir: holds mnist/*.gz; else MAPSTO_DATA does, or they are downloaded.
    """
    made = frame_data("mnist-sets", reading={"data_dir": data_dir}, seed=seed)
    made.set("model", {"name": "conv-net", "width": width, "pool": "max"})
    return made.set("algorithm.until.count", epochs)
