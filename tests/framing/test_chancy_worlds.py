"""A world whose chance is not that of its seed: it is told before learning, and a run in it goes on all the same."""

import numpy as np
import pytest

import mapsto
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
