"""Playing: an episode is a function of its seed and number, is shown as it is, and is kept as an animation."""

import io
import json
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from mapsto.cli import screen
from mapsto.core.nouns import Raw
from mapsto.data.worlds import CartPole
from mapsto.framing.play import Move, film, played, scene_of
from mapsto.models import QNetwork
from mapsto.objectives import TemporalDifference

SHORT = ("--steps", "30", "--set", "data.world.valid=2", "--set", "data.world.test=2")


def moves(seed=0, episode=0, limit=500):
    torch.manual_seed(1)
    model, world = QNetwork((4,), 2, width=4), CartPole(1, limit)
    return list(played(model, TemporalDifference(), world, seed, episode))


def named(**world) -> Raw:
    return Raw("env", {"observation": np.empty(0)}, target="action", world=world)


def test_an_episode_is_told_move_by_move():
    told = moves()
    assert [move.number for move in told] == list(range(len(told)))
    assert told[0].action is None
    assert all(move.action in (0, 1) for move in told[1:])
    assert [move.total for move in told] == [float(k) for k in range(len(told))]
    assert [move.end for move in told[:-1]] == [""] * (len(told) - 1)
    assert told[-1].end == "ended"
    place, _, angle, _ = told[-1].observation.tolist()
    assert abs(angle) > 0.2 or abs(place) > 2.4  # radians and metres


def test_it_is_a_function_of_seed_and_number():
    def seen(*which):
        return tuple(tuple(move.observation.tolist()) for move in moves(*which))

    assert seen(0, 0) == seen(0, 0)
    assert len({seen(seed, number) for seed in (0, 1) for number in (0, 1)}) == 4


def test_an_episode_that_was_cut_short_says_so():
    assert str(moves(limit=5)[-1]) == "return 5 in 5 moves, cut short"
    assert str(moves(limit=1)[-1]) == "return 1 in 1 move, cut short"


@pytest.mark.parametrize("word", ["CartPole-v1", "CartPole-v0", "Acrobot-v1", "Pendulum-v1"])
def test_worlds_that_one_knows_have_a_scene(word):
    assert scene_of(named(name="gymnasium", id=word)) is not None


def test_other_worlds_have_none():
    assert scene_of(named(name="cart-pole")) is not None
    assert scene_of(named(name="gymnasium", id="Taxi-v3")) is None
    assert scene_of(named(name="identity")) is None


def test_a_film_shows_every_other_one_of_fifty_moves_a_second():
    told = moves()
    gif = Image.open(io.BytesIO(film(scene_of(named(name="cart-pole")), told)))
    assert gif.n_frames == pytest.approx(len(told) / 2, abs=1.5)


def test_play_shows_a_run_and_keeps_it(mapsto, tmp_path):
    code, _, said = mapsto("train", "env:cart-pole", "--run", "run", "--quiet", *SHORT)
    assert code == 0, said
    assert "data:image/gif;base64," in (tmp_path / "run" / "report.html").read_text()
    code, out, _ = mapsto("play", "run", "--episodes", "2", "--save", "last.gif")
    assert code == 0
    lines = out.splitlines()
    with Image.open(tmp_path / "last.gif") as gif:
        assert gif.n_frames > 2
    code, out, _ = mapsto("play", "run", "--episodes", "2", "--json")
    told = json.loads(out)
    assert len(lines) == len(told) == 2
    for one, line in zip(told, lines, strict=True):
        assert line == f"episode {one['episode']}: return {one['return']:g} in {one['moves']} moves, {one['end']}"


def test_an_episode_that_is_broken_off_is_told_and_kept_as_far_as_it_was_seen(mapsto, tmp_path, monkeypatch):
    assert mapsto("train", "env:cart-pole", "--run", "run", "--quiet", *SHORT)[0] == 0

    def shown(self, move):
        if move.number == 5:
            signal.raise_signal(signal.SIGINT)
        return move

    monkeypatch.setattr(screen.Watching, "shown", shown)
    code, out, said = mapsto("play", "run", "--episodes", "3", "--save", "seen.gif")
    assert (code, out, said) == (130, "episode 1: return 4 in 4 moves, broken off\n", "")
    with Image.open(tmp_path / "seen.gif") as gif:
        assert gif.n_frames > 1


def test_a_world_that_nobody_can_draw_is_told_in_numbers(mapsto):
    assert mapsto("train", "env:identity", "--run", "run", "--quiet", *SHORT)[0] == 0
    code, out, _ = mapsto("play", "run")
    assert code == 0
    assert out.startswith("episode 1: return ")
    code, _, said = mapsto("play", "run", "--save", "it.gif")
    assert code == 2
    assert "nobody knows how env:identity looks" in said


def test_what_has_not_learned_in_a_world_cannot_play(mapsto):
    assert mapsto("train", "iris", "--run", "run", "--epochs", "1", "--quiet")[0] == 0
    code, _, said = mapsto("play", "run")
    assert code == 2
    assert "has learned from examples, not in a world" in said


def test_of_many_numbers_the_first_are_told_and_that_there_are_more():
    watching = screen.Watching(None, quiet=False)
    seen = [watching._looks_like(Move(0, np.arange(count), None, 0.0, "")) for count in (2, 9)]
    assert seen == ["(0, 1)", "(0, 1, 2, 3, 4, 5, 6, 7, …)"]
