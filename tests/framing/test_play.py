"""Playing: an episode is a function of its seed and number, is shown as it is, and is kept as an animation."""

import io
import json

import pytest
from PIL import Image

from mapsto.data.worlds import CartPole
from mapsto.framing.play import film, played, scene_of
from mapsto.models import QNetwork
from mapsto.objectives import TemporalDifference

SHORT = ("--steps", "30", "--set", "data.world.valid=2", "--set", "data.world.test=2")


def moves(seed=0, episode=0, limit=500):
    world = CartPole(1, limit)
    return list(played(QNetwork((4,), 2, width=4), TemporalDifference(), world, seed, episode))


def test_an_episode_is_told_move_by_move():
    told = moves()
    assert [move.number for move in told] == list(range(len(told)))
    assert told[0].action is None
    assert all(move.action in (0, 1) for move in told[1:])
    assert [move.total for move in told] == [float(k) for k in range(len(told))]
    assert [move.end for move in told[:-1]] == [""] * (len(told) - 1)
    assert told[-1].end == "ended"
    place, _, angle, _ = told[-1].observation.tolist()
    assert abs(angle) > 0.2 or abs(place) > 2.4  # in radians and metres


def test_it_is_a_function_of_seed_and_number():
    import torch

    torch.manual_seed(0)
    one, again = (moves_of_one_model()(0, 0) for _ in range(2))
    assert one == again
    model = moves_of_one_model()
    assert len({tuple(model(seed, number)[0]) for seed in (0, 1) for number in (0, 1)}) == 4


def moves_of_one_model():
    import torch

    torch.manual_seed(1)
    model, world = QNetwork((4,), 2, width=4), CartPole(1)
    return lambda *which: [m.observation.tolist() for m in played(model, TemporalDifference(), world, *which)]


def test_an_episode_that_was_cut_short_says_so():
    assert moves(limit=5)[-1].end == "cut short"


@pytest.mark.parametrize("word", ["CartPole-v1", "CartPole-v0", "Acrobot-v1", "Pendulum-v1"])
def test_worlds_that_one_knows_have_a_scene(word):
    assert scene_of({"name": "gymnasium", "id": word}) is not None


def test_other_worlds_have_none():
    assert scene_of({"name": "cart-pole"}) is not None
    assert scene_of({"name": "gymnasium", "id": "Taxi-v3"}) is None
    assert scene_of({"name": "identity"}) is None


def test_a_film_shows_every_other_move_of_fifty_a_second():
    told = moves()
    gif = Image.open(io.BytesIO(film(scene_of({"name": "cart-pole"}), told)))
    assert gif.n_frames == pytest.approx(len(told) / 2, abs=1.5)


def test_play_shows_a_run_and_keeps_it(mapsto, tmp_path):
    code, _, said = mapsto("train", "env:cart-pole", "--run", "run", "--quiet", *SHORT)
    assert code == 0, said
    code, out, _ = mapsto("play", "run", "--episodes", "2", "--save", "last.gif")
    assert code == 0
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["episode 1", "episode 2"]
    assert Image.open(tmp_path / "last.gif").n_frames > 2
    code, out, _ = mapsto("play", "run", "--episodes", "2", "--json")
    told = json.loads(out)
    assert [f"return {one['return']:g} in {one['moves']} moves" in line for one, line in zip(told, lines, strict=False)] == [
        True,
        True,
    ]


def test_what_has_not_learned_in_a_world_cannot_play(mapsto):
    assert mapsto("train", "iris", "--run", "run", "--epochs", "1", "--quiet")[0] == 0
    code, _, said = mapsto("play", "run")
    assert code == 2
    assert "has learned from examples, not in a world" in said
