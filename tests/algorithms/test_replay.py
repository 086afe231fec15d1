"""Replay: what is remembered, what is drawn from it, how much is tried, and that a resumed run is the whole one."""

import pytest
import torch
from toys import stopped

from mapsto.algorithms.experience import Replay
from mapsto.algorithms.optimizers import Adam
from mapsto.algorithms.update import Descend
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Algorithm
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.data.worlds import CartPole
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.until import Steps
from mapsto.models import QNetwork
from mapsto.objectives import TemporalDifference


def learner(seed=0, weights=0, steps=30, copies=4, **how) -> Learner:
    world = CartPole(copies, valid=3, test=3)
    model = initialised(lambda: QNetwork(world.input.shape, world.target.outputs, width=8, depth=1), weights)
    replay = Replay(**{"capacity": 90, "batch_size": 16, "warm_up": 20, "falling": 10, **how})
    algorithm = Algorithm(replay, Descend(0.01, Adam(), Constant()), Steps(steps))
    return Learner(world, model, TemporalDifference(every=3, share=1.0), algorithm, seed, device="cpu")


def started(**how) -> Replay:
    return learner(**how).algorithm.experience


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_asked_twice_for_a_batch_it_acts_once_and_gives_the_same():
    replay = started()
    for step in range(5):
        first = replay.batch(step)
        made, seen = replay.made, replay.data.observation.clone()
        torch.rand(3)  # what others draw does not matter
        assert same(first, replay.batch(step))
        assert replay.made == made == 5 + step
        assert torch.equal(replay.data.observation, seen)


def test_a_batch_is_of_moves_that_were_made():
    """What was seen, done, earned and seen next belong together: the world's own equations say so."""
    replay, world = started(moves=3), CartPole(4)
    for step in range(20):
        batch = replay.batch(step)
    world.reset(0)
    for row in range(0, 16, 4):
        four = {name: column[row : row + 4] for name, column in batch.items()}
        world.state = torch.from_numpy(world.input.unscaled(four["input"].numpy())).double()
        turn = world.step(four["action"])
        torch.testing.assert_close(turn.next, four["next"], rtol=0, atol=1e-5)
        assert torch.equal(four["discount"], 0.99 * ~turn.ended)
    assert (batch["reward"] == 1).all()


@pytest.mark.parametrize("capacity", [4000, 60])
def test_a_longer_horizon_adds_up_what_came_until_an_episode_was_over(capacity):
    replay = started(horizon=5, discount=0.5, capacity=capacity, batch_size=400)
    for step in range(30):
        replay.batch(step)
    batch, held, copies = replay.batch(30), replay.memory, 4
    lengths = []
    for row, place in enumerate(batch["index"].tolist()):
        reward, last, k = 0.0, place, place
        for power in range(5):
            reward, last = reward + 0.5**power * float(held["reward"][k]), k
            newest = k // copies == (replay.made - 1) % (capacity // copies)
            if held["over"][k] or newest:
                break
            k = (k + copies) % (capacity // copies * copies)
        lengths.append(power + 1)
        assert float(batch["reward"][row]) == pytest.approx(reward)
        assert torch.equal(batch["next"][row], held["next"][last])
        assert float(batch["discount"][row]) == (0.0 if held["ended"][last] else 0.5 ** (power + 1))
        assert torch.equal(batch["input"][row], held["input"][place])
    assert set(lengths) == {1, 2, 3, 4, 5}


def test_the_oldest_moves_are_forgotten():
    replay = started(copies=4, capacity=90)  # room for 22 of each copy
    replay.batch(0)
    assert replay.made == 5
    oldest = replay.memory["input"][:4].clone()
    for step in range(1, 18):
        replay.batch(step)
    assert torch.equal(replay.memory["input"][:4], oldest)
    replay.batch(18)
    assert not torch.equal(replay.memory["input"][:4], oldest)
    assert len(replay.memory["input"]) == 88
    assert len(replay.typical()["input"]) == 16


def test_nothing_is_recalled_that_has_not_happened():
    replay = started(capacity=4000, warm_up=8)
    for step in range(10):
        assert int(replay.batch(step)["index"].max()) < 4 * replay.made


def test_first_everything_is_tried_and_later_little():
    replay = started(explore=0.1, falling=100)
    assert replay.random(0) == 1.0
    assert replay.random(50) == pytest.approx(0.55)
    assert replay.random(100) == replay.random(10_000) == pytest.approx(0.1)


def test_without_trying_it_does_what_the_model_takes_for_best():
    run = learner(explore=0.0, falling=0, warm_up=1)
    replay = run.algorithm.experience
    for step in range(12):
        batch = replay.batch(step)
    later = batch["index"] >= 4  # the first moves were all random
    assert later.any()
    best = run.model(batch["input"]).argmax(1)
    assert torch.equal(batch["action"][later], best[later])


@pytest.mark.parametrize("priority", [0.0, 0.6])
def test_a_resumed_run_is_the_whole_one(priority):
    whole = learner(priority=priority).fit()
    before = stopped(learner(priority=priority), 11)
    after = learner(priority=priority, weights=1)
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert pack(after.state_dict()) == pack(before.state_dict())
    assert pack(after.fit().state_dict()) == pack(whole.state_dict())
    assert pack(whole.state_dict()) != pack(before.state_dict())


def test_another_seed_is_another_run():
    one, again, other = (learner(seed=seed).fit() for seed in (0, 0, 1))
    weights = [run.model.online[-1].weight for run in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_surprised_comes_again_and_counts_less_each_time():
    replay = started(priority=1.0, batch_size=400, correction=1.0)
    batch = replay.batch(0)
    assert torch.equal(batch["weight"], torch.ones(400))  # nothing is known yet
    losses = torch.where(batch["index"] == 7, 9.0, 0.1)
    replay.hear(batch, {"loss": losses})
    batch = replay.batch(1)
    often = batch["index"] == 7
    assert 0.12 < often.float().mean() < 0.3  # as often as each of the four moves since, of which nothing is known
    assert 0.6 < (batch["index"] >= 20).float().mean() < 0.9
    assert batch["weight"][often][0] == pytest.approx(float(batch["weight"].max()) * 0.101 / 9.001, rel=0.1)


def test_it_tells_what_recent_episodes_returned():
    replay = started()
    replay.batch(0)
    assert replay.seen() == {}
    for step in range(1, 60):
        replay.batch(step)
    assert 8 < replay.seen()["return"] < 60  # a pole that nobody balances falls after about 20 moves


def test_a_memory_without_room_for_one_move_of_each_copy_is_refused():
    with pytest.raises(FrameError, match="a memory of 3 moves has no room for one of each of 4 copies"):
        started(capacity=3)


@pytest.mark.parametrize(
    "odd",
    [
        {"batch_size": 0},
        {"horizon": 0},
        {"horizon": 10**6},
        {"discount": 1.5},
        {"explore": 1.5},
        {"scale": 0.0},
        {"priority": -1.0},
    ],
)
def test_settings_that_are_none_are_refused(odd):
    with pytest.raises(FrameError, match="but came"):
        Replay(**odd)
