"""The cart and its pole: the paper's equations one world at a time, gymnasium where it is there, and a state that is all there is."""

import math

import pytest
import torch

from mapsto.core.state import pack, unpack
from mapsto.data.cart_pole import APART, DRAWN, MOVES, CartPole


def moved(state, action):
    """One Euler step of Barto, Sutton and Anderson 1983, in plain numbers."""
    place, speed, angle, turning = state
    force, mass, pole = (10.0 if action else -10.0), 1.1, 0.1 * 0.5
    push = (force + pole * turning**2 * math.sin(angle)) / mass
    turned = (9.8 * math.sin(angle) - math.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * math.cos(angle) ** 2 / mass))
    sped = push - pole * turned * math.cos(angle) / mass
    return [place + 0.02 * speed, speed + 0.02 * sped, angle + 0.02 * turning, turning + 0.02 * turned]


def actions(world, count, seed=0):
    return torch.randint(2, (count, world.envs), generator=torch.Generator().manual_seed(seed))


def upright(state):
    """Pushes towards where the pole falls: good for a few hundred moves."""
    return (state[:, 2] + 0.3 * state[:, 3] + 0.05 * state[:, 1] > 0).long()


def test_a_move_is_what_the_paper_says():
    world = CartPole(8)
    world.reset(3)
    for action in actions(world, 60):
        before = world.state.tolist()
        world.step(action)
        expected = torch.tensor([moved(state, a) for state, a in zip(before, action.tolist(), strict=True)])
        torch.testing.assert_close(world.last, expected, rtol=0, atol=1e-6)


def test_a_whole_episode_is_that_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    theirs, ours = gymnasium.make("CartPole-v1"), CartPole(1)
    for seed in range(4):
        ours.reset(seed)
        theirs.reset(seed=seed)
        theirs.unwrapped.state = ours.state[0].numpy().copy()
        for k in range(MOVES):
            action = upright(ours.state) if seed < 2 else torch.tensor([(k * k + seed) % 2])
            theirs.unwrapped.state = ours.state[0].double().numpy().copy()
            seen, reward, ended, cut, _ = theirs.step(int(action))
            _, our_reward, our_ended, our_cut = ours.step(action)
            assert ours.last[0].tolist() == pytest.approx(seen.tolist(), abs=1e-6)
            assert (float(our_reward), bool(our_ended), bool(our_cut)) == (reward, ended, cut)
            if ended or cut:
                break
        assert ended or cut


def test_an_episode_ends_where_the_pole_falls_or_the_cart_leaves_the_track():
    world = CartPole(4)
    world.reset(0)
    limit = 12 * math.pi / 180
    world.state = torch.tensor(
        [[2.399, 1, 0, 0], [2.39, 0, 0, 0], [0, 0, -limit + 1e-4, -1], [0, 0, limit - 0.01, 0]], dtype=torch.float64
    )
    observation, reward, ended, cut = world.step(torch.tensor([0, 0, 1, 1]))
    assert ended.tolist() == [True, False, True, False]
    assert cut.tolist() == [False] * 4
    assert reward.tolist() == [1.0] * 4  # also for the last move
    assert (observation[ended].abs() <= APART).all()
    assert torch.equal(observation[~ended], world.last[~ended])
    assert (world.last[ended].abs() > APART).any(1).all()


def test_an_episode_is_cut_short_after_500_moves():
    world = CartPole(2)
    world.reset(1)
    for k in range(MOVES + 3):
        world.state[1] = 0  # held upright; the other one falls
        _, _, ended, cut = world.step(torch.tensor([k % 2, k % 2]))
        assert cut.tolist() == [False, k == MOVES - 1]
        assert not ended[1]


def test_episodes_begin_as_seed_and_move_say_however_the_worlds_came_there():
    one, other = CartPole(3), CartPole(3)
    assert torch.equal(one.reset(5), other.reset(5))
    assert not torch.equal(one.reset(5), other.reset(6))
    one.reset(5), other.reset(5)
    begun = set()
    for left, right in zip(actions(one, 200), actions(one, 200, seed=1), strict=True):
        (seen, *_, over), (also_seen, *_, also_over) = map(over_of, (one.step(left), other.step(right)))
        assert torch.equal(seen[over & also_over], also_seen[over & also_over])
        begun.update(map(tuple, seen[over].tolist()))
    assert len(begun) > 15  # all different


def over_of(came):
    observation, reward, ended, cut = came
    return observation, reward, ended | cut


@pytest.mark.parametrize("moves", [0, 5, DRAWN, DRAWN + 7])
def test_from_its_state_a_world_goes_on_as_it_would_have(moves):
    whole, after = CartPole(5), CartPole(5)
    whole.reset(2), after.reset(9)
    for action in actions(whole, moves):
        whole.step(action)
    after.load_state_dict(unpack(pack(whole.state_dict())))
    for action in actions(whole, 2 * DRAWN, seed=1):
        for one, other in zip(whole.step(action), after.step(action), strict=True):
            assert torch.equal(one, other)


def test_a_world_does_not_depend_on_those_beside_it():
    world = CartPole(3)
    world.reset(0)
    world.state = world.state.clone()
    first = world.state[0].clone()
    came = world.step(torch.tensor([1, 0, 1]))[0][0]
    world.reset(0)
    world.state = torch.stack([first, first + 0.01, first - 0.02])
    assert torch.equal(world.step(torch.tensor([1, 1, 0]))[0][0], came)
