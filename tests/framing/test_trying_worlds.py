"""Worlds that are not what one expects of them: one whose chance is not that of its seed is told before learning, and a run in it
goes on all the same; so does a run in one that fails on the way, once it is mended."""

import numpy as np
import pytest
import torch

import mapsto
from mapsto.core.errors import DataError
from mapsto.learner.watch import Unwatched

gymnasium = pytest.importorskip("gymnasium")

WORLD = "mapsto-tests/Chancy-v0"


class Chancy(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._look(), {}

    def step(self, action):
        return self._look(), 1.0, False, False, {}

    def _look(self):
        return np.random.default_rng().uniform(-1, 1, 1).astype(np.float32)


class Fragile(gymnasium.Env):
    """Shows how many moves there have been in this episode; fails in all that come after so many."""

    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    left = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.moves = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        Fragile.left -= 1
        if Fragile.left < 0:
            raise RuntimeError("the simulator is gone")
        self.moves += 1
        return np.full(1, self.moves, np.float32), float(action), False, False, {}


class Told(Unwatched):
    def __init__(self):
        self.said = []

    def tell(self, what):
        self.said.append(what)


@pytest.fixture
def world():
    gymnasium.register(WORLD, Chancy, max_episode_steps=5)
    yield f"env:{WORLD}"
    gymnasium.registry.pop(WORLD)


def test_a_world_that_shows_something_else_each_time_is_told_before_anything_is_learned(world):
    assert "C098" in [finding.code for finding in mapsto.check(world)]
    assert "C098" not in [finding.code for finding in mapsto.check("env:identity")]
    assert "C098" not in [finding.code for finding in mapsto.check("env:CartPole-v1")]


def test_a_run_in_such_a_world_goes_on_in_new_episodes_and_says_so(world, tmp_path):
    frame = mapsto.frame(world, device="cpu").set("algorithm.until", {"name": "steps", "count": 3})
    run = frame.set("data.world.test", 2).set("data.world.valid", 2).train(tmp_path / "run").path
    (run / "result.json").unlink()
    watch = Told()
    assert mapsto.resume(run, watch=watch).scores["test"]["return"]["value"] == 5
    assert any("it goes on in new episodes, and so not bit for bit" in said for said in watch.said)


def test_a_run_in_a_world_that_fails_on_the_way_goes_on_when_that_is_mended(tmp_path):
    gymnasium.register("mapsto-tests/Fragile-v0", Fragile, max_episode_steps=5)

    def frame():
        made = mapsto.frame("env:mapsto-tests/Fragile-v0", device="cpu").set("data.world.test", 2)
        return made.set("data.world.valid", 2).set("algorithm.until", {"name": "steps", "count": 20})

    try:
        Fragile.left = 10**6
        whole = frame().train(tmp_path / "whole")
        begun = frame()
        begun.learner()
        Fragile.left = 1500  # one roll-out of 128 moves in 8 copies, and not the second
        with pytest.raises(DataError, match="the simulator is gone.*\n.*mapsto resume .*run") as told:
            begun.train(tmp_path / "run")
        assert told.value.code == "D305"
        Fragile.left = 10**6
        resumed = mapsto.resume(tmp_path / "run")
        assert torch.equal(resumed.function.model.actor[0].weight, whole.function.model.actor[0].weight)
    finally:
        gymnasium.registry.pop("mapsto-tests/Fragile-v0")
