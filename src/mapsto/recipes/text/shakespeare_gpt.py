"""How does Shakespeare go on, character by character?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def shakespeare_gpt(data_dir: str | None = None, seed: int = 0, steps: int = 2000, rate: float = 3e-3) -> Frame:
    """1.1 million characters with a GPT of 0.8 million weights: the setting that nanoGPT (Karpathy 2022) has for a CPU.

    4 blocks of width 128, 4 heads, a context of 64, 12 windows a batch; the last tenth chooses, and there is no test.
    Validation 1.76 nats a character at a rate of 3e-3 or 5e-3 that rises for a tenth of the run; 1.90 at 1e-3 that rises for three.
    data_dir: holds tiny_shakespeare/input.txt.
    """
    made = frame_data(below(data_dir, "tiny_shakespeare", "input.txt"), seed=seed)
    made.set("data.window", 64).set("data.split.valid", 0.1).set("data.split.test", 0.0)
    made.set("model", {"name": "gpt", "width": 128, "depth": 4, "heads": 4, "context": 64})
    made.set("algorithm.experience.batch_size", 12)
    made.set("algorithm.update.learning_rate", rate).set("algorithm.update.schedule.rise", 0.1)
    made.set("algorithm.update.optimizer.beta2", 0.99)
    return made.set("algorithm.until", {"name": "steps", "count": steps})
