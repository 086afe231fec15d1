"""Balance a pole on a cart, by what each push is worth."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def cart_pole_dqn(
    data_dir: str | None = None, seed: int = 0, world: str = "env:CartPole-v1", steps: int = 20_000
) -> Frame:
    """CartPole-v1 by double Q-learning with replay (van Hasselt et al. 2016): two layers of 128, a memory of 50,000 moves.

    data_dir: nothing is read from it. world: env:cart-pole is the same one as tensors, and needs no gymnasium.
    """
    frame = frame_data(world, seed=seed)
    frame.set("data.world.copies", 8)
    frame.set("data.world.valid", 50)
    frame.set("model", "q-network")
    frame.set("algorithm.until", {"name": "steps", "count": steps})
    return frame
