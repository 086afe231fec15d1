"""Balance a pole on a cart, by what each push is worth."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def cart_pole_dqn(
    data_dir: str | None = None, seed: int = 0, world: str = "env:CartPole-v1", epochs: int = 16
) -> Frame:
    """CartPole-v1 by double Q-learning with replay (van Hasselt et al. 2016): two layers of 128, a memory of 50,000 moves.

    A move is worth the eight rewards after it and an estimate, worths are about 2 (see `Replay`: scale), and exams look at an
    average of the weights. Here 500.0 on the 100 episodes of the exam, in each of 5 runs of half a minute on one CPU thread.
    data_dir: nothing is read from it. world: env:cart-pole is the same one as tensors, and needs no gymnasium.
    """
    frame = frame_data(world, seed=seed).set("model", "q-network").set("data.world.valid", 50)
    experience = {"batch_size": 128, "discount": 0.995, "horizon": 8, "scale": 0.01, "explore": 0.1, "falling": 2000}
    for setting, value in experience.items():
        frame.set(f"algorithm.experience.{setting}", value)
    return frame.set("algorithm.lr", 2e-3).set("algorithm.until.count", epochs)
