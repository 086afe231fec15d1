"""Environments of gymnasium as worlds: what they show and take, what is refused, and what cannot be restored."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
import torch

from mapsto.core.errors import DataError, FrameError, UnknownName
from mapsto.core.state import pack, unpack
from mapsto.data.read import read
from mapsto.domains import Box, Discrete

gymnasium = pytest.importorskip("gymnasium")

from mapsto.data.worlds import Gymnasium  # noqa: E402
from mapsto.data.worlds.gym import LONGEST, complained, space_of  # noqa: E402


class Toy(gymnasium.Env):
    """Shows how many moves there have been, and a number drawn; what goes wrong in it, and when, is said when it is made."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)
    drawn = 0

    def __init__(self, wrong: str = "", ends: int = 7):
        self.wrong, self.ends = wrong, ends

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.moves = 0
        return self._look(), {}

    def step(self, action):
        self.moves += 1
        if self.wrong == "raises" and self.moves == 3:
            raise ValueError("a wall")
        reward = float("nan") if self.wrong == "reward" and self.moves == 3 else float(action)
        return self._look(), reward, self.moves == self.ends, False, {}

    def _look(self):
        Toy.drawn += 1
        number = Toy.drawn if self.wrong == "remembers" else self.np_random.uniform(-1, 1)
        if self.wrong == "observation" and self.moves == 3:
            number = np.inf
        return np.array([self.moves, number], np.float32)


class Pushed(Toy):
    """Takes two numbers, each with bounds of its own, and gives back what it was told."""

    action_space = gymnasium.spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 10.0], np.float32))
    told: list[np.ndarray]

    def step(self, action):
        assert self.action_space.contains(action), f"{action} is no action"
        self.told = [*getattr(self, "told", []), action]
        return super().step(0)


class Squares(Toy):
    """Shows one of five squares."""

    observation_space = gymnasium.spaces.Discrete(5)

    def _look(self):
        return int(self.np_random.integers(5))


class Beyond(Squares):
    """Shows a sixth square in time."""

    def _look(self):
        return 5 if self.moves == 2 else 0


class Shorter(Toy):
    """Shows one number where it has said two."""

    def _look(self):
        return np.zeros(1, np.float32)


class Older(Toy):
    """Gives what is observed alone when it is begun, as gym did."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class Unbounded(Pushed):
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)


class Counted(Pushed):
    """Takes a whole number from 0 to 3."""

    action_space = gymnasium.spaces.Box(0, 3, (1,), np.int64)


class Both(Toy):
    observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)})


class Several(Toy):
    action_space = gymnasium.spaces.MultiDiscrete([2, 3])


class Broken(gymnasium.Env):
    def __init__(self):
        raise RuntimeError("no such part")


def registered(name: str, kind: type, most: int | None = 50, **how) -> str:
    id = f"mapsto-tests/{name}-v0"
    if id not in gymnasium.registry:
        gymnasium.register(id, lambda **given: kind(**given, **how), max_episode_steps=most)
    return id


def toy(wrong: str = "", **how) -> Gymnasium:
    return Gymnasium(registered(f"Toy{wrong}{len(how) or ''}{how.get('ends', '')}", Toy, wrong=wrong, **how), copies=2)


def acted(world: Gymnasium, moves: int, action: int = 1) -> list:
    return [world.step(torch.full((world.copies,), action)) for _ in range(moves)]


def test_episodes_begin_anew_and_what_they_led_to_is_told():
    world = toy()
    first = world.reset(0)
    turns = acted(world, 8)
    assert first[:, 0].tolist() == [0, 0]
    assert [float(t.next[0, 0]) for t in turns] == [1, 2, 3, 4, 5, 6, 7, 1]
    assert [float(t.observation[0, 0]) for t in turns] == [1, 2, 3, 4, 5, 6, 0, 1]
    assert [bool(t.ended[0]) for t in turns] == [False] * 6 + [True, False]
    assert not any(t.cut.any() for t in turns)
    assert world.episodes == [1, 1]


def test_what_would_go_on_for_ever_is_cut_and_not_ended():
    world = Gymnasium(registered("Endless", Toy, None, ends=-1), copies=1, limit=4)
    world.reset(0)
    turns = acted(world, 5)
    assert [bool(t.cut[0]) for t in turns] == [False, False, False, True, False]
    assert not any(t.ended.any() for t in turns)
    assert float(turns[3].next[0, 0]) == 4 and float(turns[3].observation[0, 0]) == 0
    without = Gymnasium(registered("Endless", Toy, None, ends=-1), copies=1)
    assert without.longest == LONGEST
    assert [f.code for f in without.noticed()] == ["C095"]
    assert toy().noticed() == []


def test_numbers_are_scaled_by_their_bounds_and_actions_brought_in_to_them():
    world = Gymnasium(registered("Pushed", Pushed), copies=1)
    assert isinstance(world.target, Box) and world.target.outputs == 2
    world.reset(0)
    for action in ([0.0, 0.0], [-1.0, 1.0], [3.0, -3.0]):
        world.step(torch.tensor([action]))
    told = world._envs[0].unwrapped.told
    assert [a.tolist() for a in told] == [[0, 5], [-2, 10], [2, 0]]
    assert told[0].dtype == np.float32
    assert "C097" in [f.code for f in world.noticed()]


def test_a_discrete_observation_is_seen_as_one_of_many():
    world = Gymnasium(registered("Squares", Squares), copies=3)
    seen = world.reset(0)
    assert isinstance(world.input, Discrete)
    assert seen.shape == (3, 5) and (seen.sum(1) == 1).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("reward", "gave the reward nan at move 3 of an episode that was begun under the seed"),
        ("observation", "gave the observation .*inf.* at move 3"),
        ("raises", "failed at move 3 of an episode .*: ValueError: a wall"),
    ],
)
def test_a_world_that_gives_what_is_no_number_or_fails_is_named_with_its_move(wrong, message):
    world = toy(wrong)
    world.reset(0)
    with pytest.raises(DataError, match=message):
        acted(world, 5)


def test_a_square_that_there_is_none_of_is_named_with_its_move():
    world = Gymnasium(registered("Beyond", Beyond), copies=1)
    world.reset(0)
    with pytest.raises(DataError, match="gave the observation 5 at move 2 of an episode(.|\n)*one of 0 to 4"):
        acted(world, 3)


def test_a_world_that_shows_fewer_numbers_than_it_said_is_refused_when_it_is_begun():
    with pytest.raises(
        DataError, match=r"failed when an episode was begun .*it showed \[1\], but its observation_space"
    ):
        Gymnasium(registered("Shorter", Shorter), copies=1).reset(0)


def test_a_world_that_gives_no_info_when_it_is_begun_is_told_what_is_missing():
    with pytest.raises(DataError, match="its reset gave a ndarray, and not .observation, info."):
        Gymnasium(registered("Older", Older), copies=1).reset(0)


def test_what_has_no_bounds_is_not_brought_in_to_them():
    bounded, without = (
        [finding.code for finding in Gymnasium(registered(kind.__name__, kind), copies=1).noticed()]
        for kind in (Pushed, Unbounded)
    )
    assert "C097" in bounded and "C097" not in without


def test_of_whole_numbers_to_act_with_the_nearest_is_taken():
    world = Gymnasium(registered("Counted", Counted), copies=1)
    world.reset(0)
    for action in (-1.0, 0.0, 0.3, 0.9):
        world.step(torch.tensor([[action]]))
    assert [int(told[0]) for told in world._envs[0].unwrapped.told] == [0, 2, 2, 3]


def test_a_seed_that_is_named_leads_there_again():
    world = toy("reward")
    world.reset(5)
    with pytest.raises(DataError) as told:
        acted(world, 3)
    seed = int(str(told.value).split("under the seed ")[1].split(".")[0])
    env = gymnasium.make(world.id)
    env.reset(seed=seed)
    assert [env.step(1)[1] for _ in range(3)][2] != 1.0


@pytest.mark.parametrize(("kind", "what"), [(Both, "is observed"), (Several, "can be done")])
def test_a_space_that_is_not_learned_from_is_named(kind, what):
    with pytest.raises(DataError, match=f"what {what} in .* is of the space (Dict|MultiDiscrete)") as told:
        Gymnasium(registered(kind.__name__, kind))
    assert told.value.code == "D302"


def test_an_environment_that_is_none_offers_the_nearest():
    with pytest.raises(UnknownName, match=r"no environment 'CartPol-v1' .* Near it: .*CartPole-v1"):
        Gymnasium("CartPol-v1")
    with pytest.raises(DataError, match="cannot be made: RuntimeError: no such part"):
        Gymnasium(registered("Broken", Broken))
    with pytest.raises(UnknownName, match="is registered"):  # what has a module in its name would be imported
        Gymnasium("this.module:Toy-v0")
    for wrong in ({"copies": 0}, {"copies": 10**9}, {"limit": 10**9}, {"limit": -1}):
        with pytest.raises(FrameError, match="one acts in 1 to 4,096 copies"):
            Gymnasium(**wrong)
    with pytest.raises(FrameError, match="an exam has 0 episodes or more, but came valid -1"):
        Gymnasium(valid=-1)


def test_without_gymnasium_it_says_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.split(".")[0] == "gymnasium":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DataError, match="gymnasium is not installed") as told:
        Gymnasium()
    assert "pip install 'mapsto[acting]'" in told.value.remedy


def test_a_world_that_is_no_function_of_its_seed_says_so_and_begins_new_episodes():
    world, again = toy("remembers"), toy("remembers")
    world.reset(0)
    again.reset(0)
    acted(world, 3)
    again.load_state_dict(unpack(pack(world.state_dict())))
    assert "show something else" in again.fresh
    assert again.episodes == [1, 1]
    assert again.observation[:, 0].tolist() == [0, 0]
    acted(again, 3)


def test_a_word_that_begins_with_env_is_a_world():
    raw = read("env:CartPole-v1")
    assert raw.world == {"name": "gymnasium", "id": "CartPole-v1"}
    assert read("env:Identity").world == {"name": "identity"}
    with pytest.raises(ValueError, match="Near it: .*env:CartPole-v1"):
        read("CartPole-v1")


def test_spaces_without_bounds_have_none():
    box = space_of(gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32), "is observed", "x")
    assert (box.low, box.high, box.plain) == ([None], [None], True)
    cart = Gymnasium("CartPole-v1", copies=1).input
    assert cart.high[1] is None and cart.high[0] == pytest.approx(4.8)
    assert cart.plain, "what is small is shown as it is"
    wide = space_of(gymnasium.spaces.Box(0, 255, (4, 4), np.uint8), "is observed", "x")
    assert wide.encode([np.full((4, 4), 255)]).max() == 1


@pytest.mark.parametrize(
    "id", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCar-v0", "MountainCarContinuous-v0"]
)
def test_the_classic_ones_pass_gymnasiums_checker_and_are_restored(id):
    assert complained(id) == ""
    world = Gymnasium(id, copies=2)
    world.reset(3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(70):
        world.step(world.target.draw(2, generator))
    again = world.twin(2)
    again.reset(3)
    again.load_state_dict(unpack(pack(world.state_dict())))
    assert again.fresh == ""
    assert torch.equal(again.observation, world.observation)


def test_the_checker_that_finds_something_is_quoted():
    class Liar(Toy):
        observation_space = gymnasium.spaces.Box(-1e3, 1e3, (2,), np.float32)

        def _look(self):
            return np.array([5e3, 0.0], np.float32)

    found = Gymnasium(registered("Liar", Liar), copies=1).noticed()
    assert [f.code for f in found] == ["C096"]
    assert "AssertionError" in str(found[0])
