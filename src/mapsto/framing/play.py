"""Playing: what a learned function does in its world, move by move, for somebody who looks on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from mapsto.core import names, seeds
from mapsto.core.errors import BadInput
from mapsto.core.nouns import Objective, World
from mapsto.framing import settings
from mapsto.insight.animation import animated
from mapsto.insight.scenes import SCENES, Scene
from mapsto.learner.run import Run

if TYPE_CHECKING:
    from PIL.Image import Image

PLAYED = 21  # what a seed is for: episodes that are played for somebody to see
WIDE = 240  # pixels of a picture


@dataclass(frozen=True)
class Move:
    """observation: what the move led to, as the world shows it; number 0, without an action, is what an episode begins with.

    total: rewards so far. end: "" while the episode goes on, else how it was over.
    """

    number: int
    observation: np.ndarray
    action: Any
    reward: float
    total: float
    end: str


def played(model: nn.Module, objective: Objective, world: World, seed: int, episode: int = 0) -> Iterator[Move]:
    """One episode of a world of one copy; which, is a function of the seed and of its number."""
    seen = world.reset(seeds.mix(seed, PLAYED, episode))
    model.eval()
    number, total, end = 0, 0.0, ""
    yield Move(0, _raw(world, seen), None, 0.0, 0.0, "")
    while not end:
        with torch.inference_mode():
            action = world.target.choose(objective.predict(model, {"input": world.observation}))
            turn = world.step(action)
        number, reward = number + 1, float(turn.reward)
        total += reward
        end = "ended" if bool(turn.ended) else "cut short" if bool(turn.cut) else ""
        yield Move(number, _raw(world, turn.next), world.target.decode(action)[0], reward, total, end)


def world_of(run: str | Path) -> tuple[World, dict[str, Any]]:
    """The world that a run learned in, in one copy, and its settings. BadInput where it was none."""
    folder = Run(run)
    written = settings.loads(folder.frame(), str(folder.path / "frame.toml"))["data"].get("world")
    if written is None:
        raise BadInput(f"{run} has learned from examples, not in a world.", "Name the run of a world: mapsto train env:cart-pole")
    about = {**written, "copies": 1}
    return names.build("world", about), about


def scene_of(world: dict[str, Any]) -> Scene | None:
    """How the world of these settings looks; None where nobody knows."""
    stem = str(world.get("id", world["name"])).rpartition("-v")
    word = names.squash(stem[0] or stem[2])
    return next((scene for name, scene in SCENES.items() if names.squash(name) == word), None)


def film(scene: Scene, moves: Sequence[Move]) -> bytes:
    """An animated GIF of these moves."""
    pictures: list[Image] = [scene.draw(move.observation.tolist(), WIDE) for move in moves]
    return animated(pictures, scene.rate)


def shown(model: nn.Module, objective: Objective, written: dict[str, Any]) -> tuple[bytes, str]:
    """An episode in the world of these settings as an animated GIF, and what came of it; empty where nobody knows how it looks."""
    scene = scene_of(written)
    if scene is None:
        return b"", ""
    moves = list(played(model, objective, names.build("world", {**written, "copies": 1, "device": "cpu"}), 0))
    return film(scene, moves), told(moves[-1])


def told(last: Move) -> str:
    return f"return {last.total:g} in {last.number:,} moves, {last.end}"


def _raw(world: World, seen: torch.Tensor) -> np.ndarray:
    """What the first copy shows, in the world's own numbers."""
    return np.asarray(world.input.decode(seen[:1])[0])
