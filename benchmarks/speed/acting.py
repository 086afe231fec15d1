"""The contests of acting: PPO on CartPole, on the tensor world and through gymnasium."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmarks.speed.contest import Arm, Contest


@dataclass(frozen=True)
class Acting:
    """Learn to balance a pole with PPO (Schulman et al. 2017) under the usual settings, which Huang et al. 2022 ("The 37
    implementation details of proximal policy optimization") list: `worlds` side by side, `moves` of each a roll-out, `turns`
    roll-outs, each learned from `passes` times in `pieces` batches.

    place: the tensor world, or gymnasium's own. A policy and a value of two layers of 64 with tanh each, from orthogonal first
    weights. steps: moves of all worlds together.
    """

    place: Literal["tensors", "gymnasium"]
    worlds: int = 4
    moves: int = 128
    turns: int = 100
    passes: int = 4
    pieces: int = 4
    rate: float = 2.5e-4
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    norm: float = 0.5
    watch: None = None
    x_test: None = None

    @property
    def steps(self) -> int:
        return self.turns * self.moves * self.worlds

    def shorter(self) -> Acting:
        return replace(self, turns=max(1, self.turns // 5))

    def score(self, returns: np.ndarray) -> float:
        return float(returns.mean())


def on_tensors() -> Acting:
    return Acting("tensors")


def through_gymnasium() -> Acting:
    return Acting("gymnasium")


ABOUT = (
    "PPO on CartPole-v1: 4 worlds, roll-outs of 128 moves, 4 passes in 4 batches, two hidden layers of 64 with tanh for the "
    "policy and for the value, Adam at 2.5e-4; 51,200 moves, one thread. The loop is written after CleanRL's "
    "ppo.py and its list of details; the return is the mean of 100 episodes under the learned policy, likeliest action. "
)


def arms(*more: Arm) -> tuple[Arm, ...]:
    return (
        Arm("mapsto", "mapsto", "acting:Mapsto", "mapsto", "mapsto"),
        Arm("loop", "PyTorch, CleanRL's loop", "acting:Loop", "defaults", "PyTorch"),
        *more,
    )


CONTESTS = (
    Contest(
        "acting-tensors",
        "Acting: PPO on CartPole as tensors",
        "acting",
        ABOUT + "Both step the same tensor world (data/worlds/cart_pole.py).",
        "benchmarks.speed.acting:on_tensors",
        arms(),
        measure="return",
        band=100,
        rounds=7,
        agree=0.0,
    ),
    Contest(
        "acting-gymnasium",
        "Acting: PPO on CartPole through gymnasium",
        "acting, gymnasium",
        ABOUT + "Both step gymnasium's worlds: the loop by its SyncVectorEnv.",
        "benchmarks.speed.acting:through_gymnasium",
        arms(),
        measure="return",
        band=100,
        rounds=7,
        agree=0.0,
    ),
)
