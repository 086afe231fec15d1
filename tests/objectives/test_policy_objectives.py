"""PPO and REINFORCE are their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical, Normal

from mapsto.core.batch import Batch, over
from mapsto.core.errors import FrameError
from mapsto.core.names import build, spec
from mapsto.models import ActorCritic
from mapsto.objectives import ClippedSurrogate, PolicyGradient

BOTH = [ClippedSurrogate(), PolicyGradient()]


def actor(gaussian: bool = False) -> ActorCritic:
    torch.manual_seed(0)
    model = ActorCritic((4,), 3, width=16, gaussian=gaussian, spread=0.7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return model


def batch(model: ActorCritic, rows: int = 30) -> Batch:
    g = torch.Generator().manual_seed(1)
    input = torch.randn(rows, 4, generator=g)
    with torch.no_grad():
        action = model.policy(input).sample(model.noise(1, rows, g)[0])
        log_probability = model.policy(input).log_probability(action)
    away = 0.5 * torch.randn(rows, generator=g)  # as if the policy had been another then
    return {
        "input": input,
        "action": action,
        "log_probability": log_probability + away,
        "advantage": torch.randn(rows, generator=g),
        "return": torch.randn(rows, generator=g),
    }


@pytest.mark.parametrize("gaussian", [False, True])
def test_the_clipped_surrogate_is_its_formula(gaussian):
    model = actor(gaussian)
    asked = batch(model)
    with torch.no_grad():
        losses = ClippedSurrogate(clip=0.1, value=0.5, entropy=0.02).losses(model, asked, "")
        given = model(asked["input"])
        policy = Normal(given, model.log_spread.exp()) if gaussian else Categorical(logits=given)
        log, entropy = policy.log_prob(asked["action"]), policy.entropy()
        log, entropy = (log.sum(1), entropy.sum(1)) if gaussian else (log, entropy)
        for k in range(30):
            ratio, advantage = math.exp(log[k] - asked["log_probability"][k]), float(asked["advantage"][k])
            least = min(ratio * advantage, min(max(ratio, 0.9), 1.1) * advantage)
            assert float(losses["policy"][k]) == pytest.approx(-least, rel=1e-4, abs=1e-6)
        torch.testing.assert_close(losses["value"], 0.5 * (model.value(asked["input"]) - asked["return"]) ** 2)
        torch.testing.assert_close(losses["entropy"], -0.02 * entropy)


def test_where_the_policy_has_not_moved_both_have_the_same_gradient():
    model = actor()
    asked = batch(model)
    asked["log_probability"] = model.policy(asked["input"]).log_probability(asked["action"]).detach()
    gradients = []
    for objective in BOTH:
        model.zero_grad()
        objective.losses(model, asked, "")["policy"].mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.actor.parameters()]))
    torch.testing.assert_close(*gradients)
    assert gradients[0].norm() > 0


def test_an_action_that_has_become_likely_enough_pulls_no_more():
    model = actor()
    asked = batch(model)
    asked["log_probability"] = model.policy(asked["input"]).log_probability(asked["action"]).detach() - 1.0
    asked["advantage"] = torch.ones(30)
    ClippedSurrogate().losses(model, asked, "")["policy"].mean().backward()
    assert not any(p.grad.any() for p in model.actor.parameters())
    model.zero_grad()
    asked["advantage"] = -torch.ones(30)
    ClippedSurrogate().losses(model, asked, "")["policy"].mean().backward()
    assert all(p.grad.any() for p in model.actor.parameters())


@pytest.mark.parametrize("objective", BOTH, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("gaussian", [False, True])
def test_one_loss_an_example_and_no_example_minds_the_others(objective, gaussian):
    model = actor(gaussian)
    asked, order = batch(model), torch.randperm(30, generator=torch.Generator().manual_seed(3))
    here, there = (objective.losses(model, b, "") for b in (asked, over(asked, lambda t: t[order])))
    for term, loss in here.items():
        assert loss.shape == (30,)
        torch.testing.assert_close(there[term], loss[order])


@pytest.mark.parametrize("objective", BOTH, ids=lambda o: type(o).__name__)
def test_it_predicts_how_likely_each_action_is_or_the_numbers_taken_for_best(objective):
    input = {"input": torch.randn(7, 4)}
    likely = objective.predict(actor(), input)
    torch.testing.assert_close(likely.sum(1), torch.ones(7))
    numbers = actor(gaussian=True)
    assert torch.equal(objective.predict(numbers, input), numbers(input["input"]))


@pytest.mark.parametrize("objective", BOTH, ids=lambda o: type(o).__name__)
def test_it_is_judged_by_returns_and_can_be_written_down(objective):
    (measure,) = objective.measures(None).values()
    measure.update(torch.tensor([1.0, 3.0]), torch.zeros(2))
    assert measure.total() == 2
    assert build("objective", spec(objective)) == objective
    assert objective.restless


def test_settings_that_are_none_are_refused():
    with pytest.raises(FrameError, match="clip is above 0"):
        ClippedSurrogate(clip=0.0)
    with pytest.raises(FrameError, match="0 or more"):
        PolicyGradient(value=-1.0)
    with pytest.raises(FrameError, match="spread above 0"):
        ActorCritic((4,), 2, spread=0.0)
