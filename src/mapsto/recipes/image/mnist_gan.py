"""MNIST, drawn by a generator that a critic could not tell from the real one."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def mnist_gan(data_dir: str | None = None, seed: int = 0, maps: int = 32, epochs: int = 15, judge: str = "") -> Frame:
    """MNIST by a small DCGAN, non-saturating, told nothing of what a digit is; exams and drawings see an average of the weights.

    data_dir: holds mnist/*.gz; else MAPSTO_DATA does, or they are downloaded. judge: a run that tells digits apart.
    """
    made = frame_data("mnist", "image", reading={"data_dir": data_dir}, seed=seed)
    made.set("objective", {"name": "adversarial"})
    made.set("data.given", "nothing")
    made.set("model", {"name": "gan", "maps": maps})
    made.set("algorithm.experience.batch_size", 128)
    made.set("algorithm.until.count", epochs)
    return made.set("run.judge", judge)
