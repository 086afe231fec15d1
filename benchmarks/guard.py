"""What the look at every step's numbers costs (algorithms/update/guard.py): a step with it against the same step without.

Interleaved blocks of steps on one thread of a CPU, by its processor time; the share is the median over pairs of blocks.
Part of `make faults`.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch

import mapsto
from mapsto.algorithms.update.guard import Guard
from mapsto.core import devices
from mapsto.framing.frame import Frame
from mapsto.learner.learner import Learner

KEPT = Path(__file__).resolve().parents[1] / "runs" / "faults" / "numbers-cost.json"
GATE, PAIRS = 0.02, 60
WORKS = {
    "MLP 64–128–10, batch 32": ({"name": "mlp", "width": 128, "depth": 1, "norm": "none", "dropout": 0.0}, 32, 208),
    "small CNN, batch 64": ({"name": "conv-net"}, 64, 20),
}


def main() -> None:
    torch.set_num_threads(1)
    devices.keep_heap()
    shares = {name: share(_learner(model, rows), steps) for name, (model, rows, steps) in WORKS.items()}
    line = {name: f"{100 * value:.2f} % of a step" for name, value in shares.items()}
    held = sum(value <= GATE for value in shares.values())
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps({"tried": len(shares), "held": held, "control": "–", **line}, ensure_ascii=False))
    print(line)


def share(learner: Learner, steps: int) -> float:
    """How much longer a step takes with the look, as a share of one without; median over pairs of blocks."""
    looks = {"with": (Guard.keep, Guard.sound), "without": (lambda *_: None, lambda *_: True)}
    update, batch = learner.algorithm.update, learner.algorithm.experience.batch(0)
    stride = min(update.stride, learner.report_every)  # as `fit` takes them
    steps = -(-steps // stride) * stride
    together = {"with": stride, "without": 1}  # where nobody looks, there is nothing to share
    learner.model.train()
    ratios = []
    for pair in range(PAIRS):
        took = {}
        for name in sorted(looks, reverse=bool(pair % 2)):
            Guard.keep, Guard.sound = looks[name]
            begun = time.process_time()
            for step in range(0, steps, together[name]):
                update.steps([batch] * together[name], step)
            took[name] = time.process_time() - begun
        Guard.keep, Guard.sound = looks["with"]
        ratios.append(took["with"] / took["without"] - 1)
    return statistics.median(ratios)


def _learner(model: dict, rows: int) -> Learner:
    frame: Frame = mapsto.frame("digits", device="cpu")
    frame.set("model", model)
    frame.set("algorithm.experience.batch_size", rows)
    frame.set("algorithm.update.optimizer", {"name": "sgd"})
    return frame.learner()


if __name__ == "__main__":
    main()
