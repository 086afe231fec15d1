"""--import: a module of one's own is imported first, and what is wrong with it is told; no file can name one."""

import signal
import sys

import pytest

from mapsto.learner.run import Checkpoints

gymnasium = pytest.importorskip("gymnasium")

MODULE = """
import gymnasium
import numpy as np

class Line(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(5))
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place = min(9, max(0, self.place + 2 * int(action) - 1))
        return np.array([self.place], np.float32), float(action), self.place == 9, False, {}

gymnasium.register("mapsto-tests/Line-v0", Line, max_episode_steps=20)
"""
WORLD = "env:mapsto-tests/Line-v0"
SHORT = ("--steps", "8", "--set", "data.world.valid=2", "--set", "data.world.test=2", "--quiet")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module in the working folder, known to nobody before and after."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "lines_of_mine.py").write_text(MODULE)
    yield "lines_of_mine"
    sys.modules.pop("lines_of_mine", None)
    gymnasium.registry.pop("mapsto-tests/Line-v0", None)


def test_a_world_of_ones_own_is_learned_in_and_played(mapsto, own):
    code, _, said = mapsto("check", WORLD)
    assert code == 2 and "D301" in _ + said
    assert mapsto("check", WORLD, "--import", own)[0] == 0
    code, out, said = mapsto("train", WORLD, "--import", own, "--run", "run", *SHORT)
    assert code == 0, said
    assert f"mapsto play run --import {own}\n" in out
    for verb in ("evaluate", "play", "resume"):
        code, _, said = mapsto(verb, "run", "--import", own)
        assert code == 0, said


def test_whoever_stops_is_told_to_name_the_module_again(mapsto, own, monkeypatch):
    monkeypatch.setattr(Checkpoints, "__call__", lambda *told: signal.raise_signal(signal.SIGINT))
    code, _, said = mapsto("train", WORLD, "--import", own, "--run", "run", *SHORT)
    assert code == 130
    assert f"Continue with: mapsto resume run --import {own}\n" in said


def test_whoever_names_the_module_as_gymnasium_does_is_told_the_option(mapsto, own):
    code, _, said = mapsto("train", f"env:{own}:mapsto-tests/Line-v0")
    assert code == 2
    assert f"the module that registers it: {WORLD} --import {own}" in said
    assert own not in sys.modules


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("absent_here", None, "there is no module 'absent_here'"),
        ("absent_here.py", None, "there is no module 'absent_here.py'"),
        ("./absent_here", None, "there is no module './absent_here'"),
        ("fails_here", "1 / 0", "the module 'fails_here' cannot be imported: ZeroDivisionError: division by zero."),
        (
            "needs_here",
            "import absent_there",
            "cannot be imported: ModuleNotFoundError: No module named 'absent_there'",
        ),
    ],
)
def test_a_module_that_is_not_there_or_fails_is_named(mapsto, tmp_path, monkeypatch, name, written, told):
    monkeypatch.setattr(sys, "path", list(sys.path))
    if written:
        (tmp_path / f"{name}.py").write_text(written)
    code, _, said = mapsto("train", "env:identity", "--import", name)
    assert code == 2
    assert said.startswith("BadInput D306: ") and told in said
