"""The cart and its pole: the paper's equations one world at a time, gymnasium where it is there, and a state that is all of it."""

import math

import pytest
import torch

from mapsto.core import names
from mapsto.core.errors import FrameError
from mapsto.core.state import pack, unpack
from mapsto.data.worlds import CartPole, Gymnasium
from mapsto.data.worlds.cart_pole import APART


def moved(state, action):
    """One Euler step of Barto, Sutton and Anderson 1983, in plain numbers."""
    place, speed, angle, turning = state
    force, mass, pole = (10.0 if action else -10.0), 1.1, 0.1 * 0.5
    push = (force + pole * turning**2 * math.sin(angle)) / mass
    turned = (9.8 * math.sin(angle) - math.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * math.cos(angle) ** 2 / mass))
    sped = push - pole * turned * math.cos(angle) / mass
    return [place + 0.02 * speed, speed + 0.02 * sped, angle + 0.02 * turning, turning + 0.02 * turned]


def world(copies=4, seed=0, **how) -> CartPole:
    made = CartPole(copies, **how)
    made.reset(seed)
    return made


def raw(made, seen):
    """Observations in metres and radians."""
    return torch.from_numpy(made.input.unscaled(seen.numpy()))


def actions(made, count, seed=0):
    return torch.randint(2, (count, made.copies), generator=torch.Generator().manual_seed(seed))


def upright(state):
    """Pushes towards where the pole falls and the cart runs."""
    return (state @ torch.tensor([0.05, 0.1, 1.0, 0.3], dtype=state.dtype) > 0).long()


def test_a_move_is_what_the_paper_says():
    made = world(8, seed=3)
    for action in actions(made, 60):
        before = made.state.tolist()
        turn = made.step(action)
        expected = torch.tensor([moved(state, a) for state, a in zip(before, action.tolist(), strict=True)])
        torch.testing.assert_close(raw(made, turn.next), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("balanced", [True, False])
def test_an_episode_is_that_of_gymnasium(balanced):
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make("CartPole-v1")
    for seed in range(3):
        ours = world(1, seed)
        theirs.reset(seed=seed)
        for k in range(500):
            # from the same state each time: a pole that stands upright makes the last digit of a number a whole one in seconds
            theirs.unwrapped.state = ours.state[0].numpy().copy()
            action = upright(ours.state) if balanced else torch.tensor([(k * k + seed) % 2])
            seen, reward, ended, cut, _ = theirs.step(int(action))
            turn = ours.step(action)
            assert raw(ours, turn.next)[0].tolist() == pytest.approx(seen.tolist(), abs=1e-6)
            assert (float(turn.reward), bool(turn.ended), bool(turn.cut)) == (reward, ended, cut and not ended)
            if ended or cut:
                break
        assert cut if balanced else ended


def test_an_episode_goes_on_as_gymnasiums_does_by_itself():
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make("CartPole-v1")
    for seed in range(5):
        ours = world(1, seed)
        theirs.reset(seed=seed)
        theirs.unwrapped.state = ours.state[0].numpy().copy()
        over = False
        for k in range(500):
            turn = ours.step(torch.tensor([(k // 2 + seed) % 2]))
            seen, _, over, _, _ = theirs.step((k // 2 + seed) % 2)
            assert raw(ours, turn.next)[0].tolist() == pytest.approx(seen.tolist(), abs=1e-6)
            if over:
                break
        assert over
        assert bool(turn.ended)


def test_an_episode_ends_where_the_pole_falls_or_the_cart_leaves_the_track():
    made, limit = world(), 12 * math.pi / 180
    made.state = torch.tensor(
        [[2.39, 1, 0, 0], [2.39, 0, 0, 0], [0, 0, 1e-4 - limit, -1], [0, 0, limit - 0.01, 0]], dtype=torch.float64
    )
    turn = made.step(torch.tensor([0, 0, 1, 1]))
    assert turn.ended.tolist() == [True, False, True, False]
    assert turn.cut.tolist() == [False] * 4
    assert turn.reward.tolist() == [1.0] * 4  # also for the last move
    assert (raw(made, turn.observation)[turn.ended].abs() <= APART).all()
    assert (raw(made, turn.next)[turn.ended].abs() > APART).any(1).all()
    assert torch.equal(turn.observation[~turn.ended], turn.next[~turn.ended])
    assert torch.equal(made.observation, turn.observation)


def test_an_episode_is_cut_short_at_the_limit():
    made = world(2, limit=40)
    for k in range(90):
        made.state = made.state * torch.tensor([[1.0], [0.0]])  # the second is held upright; the first one falls
        turn = made.step(torch.tensor([1, k % 2]))
        assert bool(turn.cut[1]) == (k % 40 == 39)
        assert not turn.ended[1]
        assert not turn.cut[0]


def begun(made, moves, seed):
    """(copy, number of its episode) → where that one began."""
    found, count = {}, [0] * made.copies
    for action in actions(made, moves, seed):
        turn = made.step(action)
        for copy in (turn.ended | turn.cut).nonzero()[:, 0].tolist():
            count[copy] += 1
            found[copy, count[copy]] = tuple(turn.observation[copy].tolist())
    return found


def test_where_an_episode_begins_follows_from_seed_copy_and_number():
    one, other, fewer = begun(world(4), 300, 0), begun(world(4), 300, 1), begun(world(2), 300, 2)
    both = one.keys() & other.keys()
    assert len(both) > 20
    assert all(one[which] == other[which] for which in both)
    assert all(one[which] == fewer[which] for which in both & fewer.keys())
    assert len(set(one.values())) == len(one)
    assert not set(one.values()) & set(begun(world(4, seed=1), 300, 0).values())


@pytest.mark.parametrize("moves", [0, 5, 70])
def test_from_its_state_a_world_goes_on_as_it_would_have(moves):
    whole, after = world(5, seed=2), world(5, seed=9)
    for action in actions(whole, moves):
        whole.step(action)
    after.load_state_dict(unpack(pack(whole.state_dict())))
    assert torch.equal(after.observation, whole.observation)
    for action in actions(whole, 100, seed=1):
        one, other = whole.step(action), after.step(action)
        assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_a_copy_does_not_depend_on_those_beside_it():
    many, alone = world(3), world(1)
    for action in actions(many, 60):
        turn, single = many.step(action), alone.step(action[:1])
        assert torch.equal(turn.next[0], single.next[0])
        assert torch.equal(turn.observation[0], single.observation[0])


def test_where_the_host_does_not_look_it_is_the_same_world():
    one, other = world(6), world(6)
    other.looks = False
    other.reset(0)
    for action in actions(one, 120):
        left, right = one.step(action), other.step(action)
        assert all(torch.equal(getattr(left, name), getattr(right, name)) for name in vars(left))


def test_a_world_without_copies_is_refused():
    with pytest.raises(
        FrameError, match="in 1 to 1,048,576 copies, for at least one move an episode, but came 0 and 500"
    ):
        CartPole(0)


def test_it_shows_and_takes_what_gymnasiums_does_so_that_a_function_acts_in_both():
    pytest.importorskip("gymnasium")
    theirs, ours = Gymnasium("CartPole-v1", copies=1), world(1)
    for mine, other in ((ours.input, theirs.input), (ours.target, theirs.target)):
        assert names.spec(mine) == names.spec(other)
