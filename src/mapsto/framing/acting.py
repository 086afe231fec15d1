"""Worlds to act in. There are no rows: what is observed and what can be done the world says, and an exam is played."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import numpy as np
import torch

from mapsto.core import names, seeds
from mapsto.core.batch import Batch, over, size
from mapsto.core.errors import BadInput, FrameError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Domain, Finding, Raw, World
from mapsto.core.text import clean
from mapsto.data.episodes import at_random
from mapsto.export.function import Function
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared
from mapsto.insight.baselines import Baseline
from mapsto.learner.learner import Learner

GIVEN = ("name", "id", "seed", "device")  # of a world, what is settled elsewhere
LOOK = 64  # moves at random, by which a world is known again


def world_settings(raw: Raw) -> dict[str, Any]:
    """How the world is set up unless somebody says otherwise: what stands in [data.world]."""
    return {word: value for word, value in names.complete("world", raw.world).items() if word not in GIVEN}


def world_of(raw: Raw, settings: dict[str, Any], device: torch.device | str = "cpu") -> World:
    """A new world, as the `data` settings have it."""
    settled = {**raw.world, "seed": settings["split"]["seed"], "device": str(device)}
    return names.build("world", {**settings["world"], **settled})


def prepare_world(raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None) -> Prepared:
    """`prepare`, for a world. What is kept of it is a look: some moves at random, so that another world is not taken for it."""
    if exam is not None or start is not None:
        came = "a separate exam" if exam else "a run to go on from"
        raise FrameError(
            f"one acts in one world, from nothing, and is examined in other episodes of it, but came {came}.",
            "Leave out --test and --from.",
            "F004",
        )
    if settings["target"] != raw.target:
        raise FrameError(
            f"what is learned of a world is the {raw.target}, but came the target {clean(str(settings['target']), 40)}.",
            "Leave out --target.",
            "F004",
        )
    for way in ("column", "group", "time", "folds"):
        if settings["split"].get(way):
            raise FrameError(f"a world has no rows to deal out, but came data.split.{way}.", "Leave it out.", "F004")
    world = world_of(raw, settings)
    looked, again = _look(world), _look(world_of(raw, settings))
    repeats = all(torch.equal(looked[name], again[name]) for name in looked)
    fields = {"train": looked} | {part: over(looked, lambda t: t[:0]) for part in ("valid", "test")}
    parts = {"train": np.arange(size(looked)), "valid": np.arange(len(world.valid)), "test": np.arange(len(world.test))}
    kinds = {
        name: Kind(names.name_of(type(space)), space.describe())
        for name, space in (("observation", world.input), ("action", world.target))
    }
    return Prepared(
        raw,
        "action",
        kinds,
        "acting",
        world.input,
        world.target,
        parts,
        "at random: each part has episodes of its own, by their seeds",
        fields,
        Faults([*raw.findings, *([] if repeats else [_chancy()]), *world.noticed()]),
        played=_exam(world, raw, settings, repeats),
        repeats=repeats,
    )


def random_play(learner: Learner) -> dict[str, Baseline]:
    """What acting at random comes to, in the same exams."""
    begun = time.perf_counter()
    scores = {split: exam for split in ("valid", "test") if (exam := at_random(learner.data, learner, split))}
    return {"random": Baseline(scores, {}, 0, time.perf_counter() - begun, "")}


def same_world(f: Function, raw: Raw) -> World:
    """The world of `raw`, for a function to be examined in. BadInput where it shows or takes something else than was learned."""
    if raw.world is None:
        raise BadInput(
            f"{f!r} acts in a world, but {clean(raw.name)} is none.", "Name a world: env:CartPole-v1", "F004"
        )
    world = world_of(raw, {"world": world_settings(raw), "split": {"seed": 0}}, f.device)
    for mine, theirs in ((f.input, world.input), (f.target, world.target)):
        if names.spec(mine) != names.spec(theirs):
            raise BadInput(
                f"{clean(raw.name)} has {theirs.describe()} where {f!r} has learned {mine.describe()}.",
                "Name a world with the same observations and actions.",
                "F004",
            )
    return world


def _exam(world: World, raw: Raw, settings: dict[str, Any], repeats: bool) -> str:
    """A fingerprint of what is played in the exams of a world: what it is, how it is set up, whose episodes; and what it showed."""
    shared = {word: value for word, value in settings["world"].items() if word != "copies"}
    written = json.dumps([raw.world, shared, settings["split"]["seed"]], sort_keys=True)
    state = hashlib.sha256(written.encode(errors="replace"))
    for tensor in _look(world.twin(1)).values() if repeats else ():
        state.update(np.ascontiguousarray(tensor.numpy()))
    return state.hexdigest()


def _chancy() -> Finding:
    """Of a world that shows something else each time."""
    return Finding(
        "C098",
        "warning",
        "this world shows something else each time, under the same seed and after the same moves: so no exam is quite the same "
        "again, and a run that was stopped goes on in new episodes",
        remedy="Draw all its chance from self.np_random, which reset(seed=…) sets.",
    )


def _look(world: World) -> Batch:
    """Some moves at random: what was observed, done, and got for it."""
    generator = seeds.generator(world.device, LOOK)
    observation, moves = world.reset(LOOK), []
    for _ in range(LOOK):
        action = world.target.draw(world.copies, generator)
        turn = world.step(action)
        moves.append({"input": observation, "target": action, "reward": turn.reward})
        observation = turn.observation
    return {name: torch.cat([move[name] for move in moves]) for name in moves[0]}
