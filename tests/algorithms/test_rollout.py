"""What a roll-out makes of what it acted: advantages as the paper has them, and what episodes returned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mapsto.algorithms.experience import Rollout
from mapsto.algorithms.experience.rollout import generalised_advantage
from mapsto.algorithms.update import Descend
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Algorithm, Turn
from mapsto.core.schedules import Constant
from mapsto.data.worlds import Identity
from mapsto.learner.learner import Learner
from mapsto.learner.until import Steps
from mapsto.models import MLP, ActorCritic
from mapsto.objectives import ClippedSurrogate

T, E = 12, 3
DISCOUNT, TRACE = 0.9, 0.8


def lived(seed: int = 0) -> dict[str, Tensor]:
    """Rewards, values, and episodes that end or are cut."""
    g = torch.Generator().manual_seed(seed)
    reward, value, following = (torch.randn(T, E, generator=g) for _ in range(3))
    ended = torch.rand(T, E, generator=g) < 0.2
    over = ended | (torch.rand(T, E, generator=g) < 0.2)
    goes_on = ~over[:-1]
    following[:-1][goes_on] = value[1:][goes_on]  # where nothing is over, the next state is the next row's
    return {"reward": reward, "value": value, "following": following, "ended": ended, "over": over}


def test_the_advantage_is_the_discounted_sum_of_surprises():
    """Eq. 16: Σₗ (γλ)ˡ δₜ₊ₗ, up to the end of the episode."""
    told = lived()
    found = generalised_advantage(**told, discount=DISCOUNT, trace=TRACE)
    for i in range(E):
        for t in range(T):
            total, weight = 0.0, 1.0
            for k in range(t, T):
                reward, value, following = (float(told[name][k, i]) for name in ("reward", "value", "following"))
                total += weight * (reward + DISCOUNT * following * (not told["ended"][k, i]) - value)
                weight *= DISCOUNT * TRACE
                if told["over"][k, i]:
                    break
            assert float(found[t, i]) == pytest.approx(total, abs=1e-5)


def test_with_a_full_trace_it_is_the_return_less_what_was_expected():
    told = lived(1)
    told["ended"][-1] = True
    told["over"] = ended = told["ended"]
    told["following"][:-1][~ended[:-1]] = told["value"][1:][~ended[:-1]]
    found = generalised_advantage(**told, discount=DISCOUNT, trace=1.0)
    for i in range(E):
        to_come = 0.0
        for t in reversed(range(T)):
            to_come = float(told["reward"][t, i]) + DISCOUNT * to_come * (not told["over"][t, i])
            if not told["over"][t, i]:  # what follows is what the next row expects: it cancels
                assert float(told["following"][t, i]) == float(told["value"][t + 1, i])
            assert float(found[t, i]) == pytest.approx(to_come - float(told["value"][t, i]), abs=1e-5)


def test_a_cut_episode_is_worth_what_was_to_come_and_an_ended_one_is_not():
    one = torch.ones(1, 1)
    for ended, worth in ((True, 1.0), (False, 1.0 + DISCOUNT * 5)):
        told = {"reward": one, "value": 0 * one, "following": 5 * one, "ended": one.bool() & ended, "over": one.bool()}
        assert float(generalised_advantage(**told, discount=DISCOUNT, trace=TRACE)) == pytest.approx(worth)


class Counting(Identity):
    """Copy i returns i + 1 a move, whatever is done, in episodes of i + 2 moves; every second one is cut."""

    def reset(self, seed: int) -> Tensor:
        self.age, self.number = torch.zeros(self.copies).long(), torch.zeros(self.copies).long()
        return super().reset(seed)

    def step(self, action: Tensor) -> Turn:
        turn = super().step(action)
        self.age += 1
        over = self.age == torch.arange(self.copies) + 2
        cut = over & (self.number % 2 == 1)
        self.number += over
        self.age[over] = 0
        return Turn(
            turn.observation, torch.arange(1.0, self.copies + 1), over & ~cut, cut, turn.next + 0.5 * over[:, None]
        )


def rolling(world=None, model=None, **settings) -> Rollout:
    world = world or Counting(copies=E)
    experience = Rollout(**{"moves": 7, "passes": 2, "batch_size": 6, "epoch": 3, "standardised": False, **settings})
    torch.manual_seed(0)
    model = model or ActorCritic(world.input.shape, world.target.outputs, 8)
    algorithm = Algorithm(experience, Descend(0.01, schedule=Constant()), Steps(100))
    Learner(world, model, ClippedSurrogate(), algorithm, device="cpu")
    return experience


def memory(experience: Rollout, step: int = 0) -> dict[str, Tensor]:
    """[T, E, …] of the roll-out made at a step."""
    experience.batch(step)
    return {name: tensor.unflatten(0, (experience.moves, E)) for name, tensor in experience._memory.items()}


def test_every_move_is_in_one_batch_of_each_pass():
    experience = rolling()
    assert (experience.cuts, experience.rhythm, experience.batches) == (4, 8, 24)
    everything = memory(experience)["input"].flatten(0, 1)
    for done in range(2):
        batches = [experience.batch(4 * done + k) for k in range(4)]
        assert [len(b["input"]) for b in batches] == [6, 6, 6, 3]
        together = torch.cat([b["value"] for b in batches]).sort().values
        torch.testing.assert_close(together, memory(experience)["value"].flatten().sort().values)
    assert len(everything) == 21


def test_passes_deal_the_moves_out_otherwise_and_the_next_roll_out_is_a_new_one():
    experience = rolling()
    first, second, later = (torch.cat([experience.batch(s + k)["value"] for k in range(4)]) for s in (0, 4, 8))
    assert not torch.equal(first, second)
    assert not torch.equal(first.sort().values, later.sort().values)


def test_a_step_that_has_been_is_not_acted_for_again():
    experience = rolling()
    experience.batch(8)
    kept = memory(experience, 8)["input"]
    experience.batch(3)  # an update may look back at a report
    assert torch.equal(memory(experience, 8)["input"], kept)


def test_what_was_cut_is_valued_by_what_it_led_to():
    """The value of the state after the cut, not of the first of the next episode."""
    experience = rolling(discount=0.9, trace=0.0)
    seen = memory(experience)
    model, world = experience.model, Counting(copies=E)
    world.reset(0)
    for t in range(7):
        turn = world.step(torch.zeros(E).long())
        with torch.no_grad():
            for i in range(E):
                if turn.cut[i]:
                    led_to = experience._memory["input"].unflatten(0, (7, E))
                    assert t < 6
                    expected = (i + 1) + 0.9 * float(model.value(led_to[t + 1, i][None] + 0.5))
                    assert float(seen["return"][t, i]) == pytest.approx(expected, abs=1e-5)
                if turn.ended[i]:
                    assert float(seen["return"][t, i]) == pytest.approx(i + 1, abs=1e-5)


def test_it_tells_what_recent_episodes_returned_over_the_edges_of_roll_outs_too():
    """Copy i returns (i + 1) (i + 2) in each of its episodes."""
    experience = rolling()
    steps = 9  # roll-outs, of 7 moves
    for k in range(steps):
        experience.batch(8 * k)
    counts = [7 * steps // (i + 2) for i in range(E)]
    returns = [(i + 1) * (i + 2) for i in range(E)]
    mean = sum(c * r for c, r in zip(counts, returns, strict=True)) / sum(counts)
    assert experience.seen() == {"return": pytest.approx(mean)}


def test_before_an_episode_is_over_there_is_nothing_to_tell():
    experience = rolling(Identity(copies=E, limit=50))
    experience.batch(0)
    assert experience.seen() == {}


def test_advantages_are_standardised_over_the_roll_out_and_returns_are_not():
    plain, standard = memory(rolling()), memory(rolling(standardised=True))
    assert torch.equal(plain["return"], standard["return"])
    assert float(standard["advantage"].mean()) == pytest.approx(0, abs=1e-5)
    assert float(standard["advantage"].std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_rewards_are_scaled_for_learning_and_told_as_they_are():
    whole, tenth = rolling(trace=1.0), rolling(trace=1.0, scale=0.1)
    assert float(memory(tenth)["return"].max()) < 0.3 * float(memory(whole)["return"].max())
    assert tenth.seen() == whole.seen()


def test_a_model_without_a_policy_and_one_that_acts_otherwise_are_refused():
    world = Identity(copies=E)
    with pytest.raises(FrameError, match="acts with a policy, but a MLP has none"):
        rolling(world, MLP(world.input.shape, 4))
    with pytest.raises(ShapeError, match=r"takes one of 4, \[3\] of torch.int64, but the policy gives \[3, 4\]"):
        rolling(world, ActorCritic(world.input.shape, 4, gaussian=True))


@pytest.mark.parametrize("wrong", [{"moves": 0}, {"passes": 0}, {"discount": 1.5}, {"trace": -0.1}, {"scale": 0.0}])
def test_settings_that_are_none_are_refused(wrong):
    with pytest.raises(FrameError, match=r"roll-out needs|shares in \[0, 1\]"):
        Rollout(**wrong)
