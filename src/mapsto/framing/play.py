"""Playing: what a learned function does in its world, move by move, for somebody who looks on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from mapsto.core import names, seeds
from mapsto.core.nouns import Objective, Raw, World
from mapsto.insight.animation import animated
from mapsto.insight.scenes import SCENES, Scene

PLAYED = 21  # what a seed is for: episodes that are played for somebody to see
WIDE = 240  # pixels of a picture


@dataclass(frozen=True)
class Move:
    """observation: what the move led to, in the world's own numbers; move 0, without an action, is what an episode begins with.

    total: rewards so far. end: "" while the episode goes on, else how it was over: "ended" by itself, "cut short" by the limit of
    moves, or "broken off" by whoever looks on.
    """

    number: int
    observation: np.ndarray
    action: Any
    total: float
    end: str

    def __str__(self) -> str:
        moves = f"{self.number:,} {'move' if self.number == 1 else 'moves'}"
        return f"return {self.total:g} in {moves}" + (f", {self.end}" if self.end else "")


def played(model: nn.Module, objective: Objective, world: World, seed: int, episode: int = 0) -> Iterator[Move]:
    """One episode in a world of one copy; which, is a function of the seed and of the episode's number."""
    model.eval()
    seen = world.reset(seeds.mix(seed, PLAYED, episode))
    number, total, end = 0, 0.0, ""
    yield Move(number, _raw(world, seen), None, total, end)
    while not end:
        with torch.inference_mode():
            action = world.target.choose(objective.predict(model, {"input": world.observation}))
            turn = world.step(action)
        number, total = number + 1, total + float(turn.reward)
        end = "ended" if turn.ended else "cut short" if turn.cut else ""
        yield Move(number, _raw(world, turn.next), world.target.decode(action)[0], total, end)


def scene_of(raw: Raw) -> Scene | None:
    """How this world looks; None where nobody knows."""
    word = str(raw.world.get("id", raw.world["name"]))
    stem = names.squash(word.rpartition("-v")[0] or word)
    return next((scene for name, scene in SCENES.items() if names.squash(name) == stem), None)


def film(scene: Scene, moves: Sequence[Move]) -> bytes:
    """An animated GIF of these moves."""
    return animated([scene.draw(move.observation.tolist(), WIDE) for move in moves], scene.rate)


def _raw(world: World, seen: torch.Tensor) -> np.ndarray:
    """What the only copy shows."""
    return np.asarray(world.input.decode(seen)[0])
