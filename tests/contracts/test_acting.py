"""What every world on the shelf promises, every experience that acts, and every algorithm: that it solves the identity world.

A new world and its line are picked up here with no change; a new algorithm has its line in ALGORITHMS.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from toys import learner as of_examples
from toys import stopped

from mapsto.algorithms.experience import Replay, Rollout
from mapsto.algorithms.optimizers import Adam
from mapsto.algorithms.update import Descend
from mapsto.core import names
from mapsto.core.batch import columns, size
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Algorithm, World
from mapsto.core.schedules import Constant
from mapsto.core.state import odd, pack, unpack
from mapsto.data.episodes import at_random
from mapsto.data.worlds import Identity
from mapsto.domains import Box
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.until import Steps
from mapsto.models import ActorCritic, QNetwork
from mapsto.objectives import ClippedSurrogate, PolicyGradient, TemporalDifference

ACTING = sorted(name for name in names.listed("experience") if names.find("experience", name).acts)
SMALL = {  # of three copies
    "rollout": {"moves": 4, "passes": 2, "batch_size": 5, "epoch": 2},
    "replay": {"capacity": 60, "batch_size": 5, "warm_up": 9, "falling": 10},
}


def made(name: str, copies: int = 3, **settings) -> World:
    if name == "gymnasium":
        pytest.importorskip("gymnasium")
    return names.build("world", {"name": name, "copies": copies, "valid": 3, "test": 5, **settings})


@pytest.fixture(params=sorted(names.listed("world")))
def world(request) -> World:
    return made(request.param)


def does(world: World, moves: int, seed: int = 0) -> list:
    """Turns that come of acting at random."""
    generator = torch.Generator().manual_seed(seed)
    return [world.step(world.target.draw(world.copies, generator)) for _ in range(moves)]


def alike(left: list, right: list) -> bool:
    fields = ("observation", "reward", "ended", "cut", "next")
    return all(torch.equal(getattr(a, f), getattr(b, f)) for a, b in zip(left, right, strict=True) for f in fields)


# -- worlds ------------------------------------------------------------------------------------------------------------


def test_a_turn_has_a_row_for_each_copy(world):
    seen = world.reset(0)
    assert seen.shape == (3, *world.input.shape) and seen.dtype == torch.float32
    for turn in does(world, 40):
        assert turn.observation.shape == turn.next.shape == seen.shape
        assert turn.observation.dtype == turn.next.dtype == turn.reward.dtype == torch.float32
        assert turn.reward.shape == turn.ended.shape == turn.cut.shape == (3,)
        assert turn.ended.dtype == turn.cut.dtype == torch.bool
        assert not (turn.ended & turn.cut).any()
        going = ~(turn.ended | turn.cut)
        assert torch.equal(turn.observation[going], turn.next[going])
        assert turn.observation.isfinite().all()


def test_it_is_a_function_of_its_seed_and_of_what_is_done(world):
    first, again, other = (world.reset(seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    turns = [(world.reset(1), does(world, 60))[1] for _ in range(2)]
    assert alike(*turns)
    assert any((turn.ended | turn.cut).any() for turn in turns[0]), "no episode was over: the test is too short"


def test_what_it_gave_stays_as_it_was(world):
    seen = [world.reset(0)]
    copies = [seen[0].clone()]
    for turn in does(world, 30):
        for tensor in (turn.observation, turn.next, turn.reward):
            seen.append(tensor)
            copies.append(tensor.clone())
    assert all(map(torch.equal, seen, copies))


def test_copies_differ(world):
    seen = world.reset(0)
    assert any(
        not torch.equal(turn.observation[0], turn.observation[1]) for turn in [*does(world, 20)]
    ) or not torch.equal(seen[0], seen[1])


def test_a_twin_has_episodes_of_its_own(world):
    world.reset(0)
    before = does(world, 5)
    twin = world.twin(2)
    assert twin.reset(0).shape[0] == 2
    does(twin, 30, seed=9)
    after = does(world, 5, seed=1)
    world.reset(0)
    assert alike(does(world, 5), before)
    assert alike(does(world, 5, seed=1), after)


def test_its_state_makes_it_go_on_as_it_would_have(world):
    world.reset(7)
    does(world, 33)
    state = world.state_dict()
    again = world.twin(3)
    again.reset(7)
    assert odd(again.state_dict(), unpack(pack(state))) == ""
    again.load_state_dict(unpack(pack(state)))
    assert again.fresh == ""
    assert torch.equal(again.observation, world.observation)
    assert alike(does(again, 40, seed=3), does(world, 40, seed=3))


def test_its_views_are_episodes(world):
    assert [len(world.train), len(world.valid), len(world.test)] == [0, 3, 5]
    begun = world.valid.gather(torch.arange(3))["input"]
    assert begun.shape == (3, *world.input.shape)
    assert torch.equal(begun[1:2], world.valid.gather(torch.tensor([1]))["input"])
    assert not torch.equal(begun, world.test.gather(torch.arange(3))["input"])


def test_what_it_shows_and_takes_can_be_asked_of_a_function(world):
    raw = world.input.decode(world.input.encode(type(world.input).examples(0, 0)))
    assert raw == []
    drawn = world.target.draw(4, torch.Generator().manual_seed(0))
    assert len(world.target.decode(drawn)) == 4
    assert torch.allclose(world.target.encode(world.target.decode(drawn)).float(), drawn.float(), atol=1e-5)


# -- exams -------------------------------------------------------------------------------------------------------------


def untrained(world: World) -> Learner:
    return learner(world, ClippedSurrogate(), Rollout(**SMALL["rollout"]), 4)


def learner(
    world: World, objective, experience, steps: int, rate: float = 0.01, seed: int = 0, weights: int = 0
) -> Learner:
    model = initialised(
        lambda: ActorCritic(world.input.shape, world.target.outputs, 32, gaussian=isinstance(world.target, Box)),
        weights,
    )
    update = Descend(rate, Adam(), Constant(), clip=0.5)
    return Learner(world, model, objective, Algorithm(experience, update, Steps(steps)), seed, device="cpu")


def by_worth(world: World, experience: Replay, steps: int, seed: int = 0, weights: int = 0) -> Learner:
    model = initialised(lambda: QNetwork(world.input.shape, world.target.outputs, 32), weights)
    objective, update = TemporalDifference(share=0.05), Descend(0.005, Adam(), Constant())
    return Learner(world, model, objective, Algorithm(experience, update, Steps(steps)), seed, device="cpu")


def test_an_exam_is_the_same_however_often_it_is_held_and_leaves_no_trace(world):
    run = untrained(world)
    before = pack(run.state_dict())
    first, again, other = (run.evaluate(split) for split in ("test", "test", "valid"))
    assert first == again
    assert first["return"].n == 5
    assert other["return"].n == 3
    assert pack(run.state_dict()) == before
    assert run.evaluate("train") == {}
    assert run.evaluate("test", at_most=2)["return"].n == 2


def test_acting_at_random_is_examined_alike(world):
    run = untrained(world)
    assert at_random(world, run, "test") == at_random(world, run, "test")


# -- experiences -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=ACTING)
def kind(request) -> str:
    return request.param


def started(kind: str, seed: int = 0, weights: int = 0) -> Learner:
    make = {"rollout": rolling, "replay": recalling}[kind]
    return make(seed, weights)


def rolling(seed: int, weights: int) -> Learner:
    return learner(Identity(copies=3), ClippedSurrogate(), Rollout(**SMALL["rollout"]), 40, seed=seed, weights=weights)


def recalling(seed: int, weights: int) -> Learner:
    return by_worth(Identity(copies=3), Replay(**SMALL["replay"]), 40, seed=seed, weights=weights)


def same(left, right) -> bool:
    left, right = dict(columns(left)), dict(columns(right))
    return left.keys() == right.keys() and all(torch.equal(left[field], right[field]) for field in left)


def test_asked_twice_it_acts_once(kind):
    run = started(kind)
    experience = run.algorithm.experience
    for step in range(12):
        first = experience.batch(step)
        world = pack(experience.data.state_dict())
        torch.rand(3)  # what others draw does not matter
        kept = {field: tensor.clone() for field, tensor in columns(first)}
        first["input"].fill_(9.0)  # whoever has a batch may change it
        assert same(kept, experience.batch(step))
        assert pack(experience.data.state_dict()) == world


def test_acting_leaves_the_generators_alone(kind):
    experience = started(kind).algorithm.experience
    torch.manual_seed(4)
    before = torch.get_rng_state()
    for step in range(6):
        experience.batch(step)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_typical_batch_has_the_fields_of_the_others_and_leaves_no_trace(kind):
    experience = started(kind).algorithm.experience
    before = pack(experience.state_dict())
    typical = experience.typical()
    assert pack(experience.state_dict()) == before
    batch = experience.batch(0)
    assert size(typical) > 0
    shapes = [{name: (tensor.shape[1:], tensor.dtype) for name, tensor in columns(b)} for b in (typical, batch)]
    assert shapes[0].items() <= shapes[1].items()


def test_a_resumed_run_is_the_same_run(kind):
    whole = started(kind).fit()
    before = stopped(started(kind), 17)
    after = started(kind, weights=1)
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert pack(after.state_dict()) == pack(before.state_dict())
    assert pack(after.fit().state_dict()) == pack(whole.state_dict())
    assert after.algorithm.experience.seen() == whole.algorithm.experience.seen() != {}


def test_another_seed_acts_otherwise(kind):
    one, again, other = (started(kind, seed=seed).algorithm.experience.batch(0) for seed in (0, 0, 1))
    assert same(one, again)
    assert not same(one, other)


def test_its_spec_builds_it_again(kind):
    written = json.loads(json.dumps(names.spec(started(kind).algorithm.experience), allow_nan=False))
    assert names.spec(names.build("experience", written)) == written


def test_examples_are_no_world_to_act_in(kind):
    with pytest.raises(FrameError, match="acts in a world, but came Dataset"):
        of_examples(experience=names.build("experience", {"name": kind}))


# -- algorithms --------------------------------------------------------------------------------------------------------


def ppo(world: World) -> Learner:
    experience = Rollout(moves=32, passes=4, batch_size=64, discount=0.5)
    return learner(world, ClippedSurrogate(entropy=0.0), experience, 16 * 25)


def reinforce(world: World) -> Learner:
    experience = Rollout(moves=32, passes=1, batch_size=256, discount=0.5, trace=1.0)
    return learner(world, PolicyGradient(entropy=0.0), experience, 120, rate=0.02)


def dqn(world: World) -> Learner:
    return by_worth(world, Replay(2000, 64, discount=0.5, warm_up=200, falling=200), 400)


ALGORITHMS: dict[str, Callable[[World], Learner]] = {"ppo": ppo, "reinforce": reinforce, "dqn": dqn}
OF_NUMBERS = ("ppo", "reinforce")  # those that act with numbers, too


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_solves_the_identity_world(algorithm):
    run = ALGORITHMS[algorithm](Identity())
    assert run.evaluate("test")["return"].value < 6  # of 10
    assert run.fit().evaluate("test")["return"].value >= 9.9


@pytest.mark.parametrize("algorithm", OF_NUMBERS)
def test_those_for_numbers_solve_it_with_numbers(algorithm):
    run = ALGORITHMS[algorithm](Identity(continuous=True))
    assert run.evaluate("test")["return"].value < 6
    assert run.fit().evaluate("test")["return"].value >= 8.5
