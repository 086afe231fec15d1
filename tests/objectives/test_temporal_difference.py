"""Q-learning's loss against plain numbers, and the target network: who moves it, how far, and that no gradient reaches it."""

import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.models import MLP, QNetwork
from mapsto.objectives import TemporalDifference


def network(seed=0):
    torch.manual_seed(seed)
    model = QNetwork((4,), 3, width=8, depth=1)
    with torch.no_grad():
        for parameter in model.target.parameters():
            parameter.add_(torch.randn(parameter.shape))
    return model


def batch(rows=6):
    draw = torch.Generator().manual_seed(1)
    return {
        "input": torch.randn(rows, 4, generator=draw),
        "next": torch.randn(rows, 4, generator=draw),
        "action": torch.arange(rows) % 3,
        "reward": 2 * torch.randn(rows, generator=draw),
        "discount": 0.9 * (torch.arange(rows) % 4 != 1),
    }


@pytest.mark.parametrize("double", [True, False])
@torch.no_grad()
def test_the_loss_is_the_papers(double):
    model, seen = network(), batch()
    found = TemporalDifference(double=double).losses(model, seen, "")["temporal difference"]
    for row in range(6):
        online, slow = (net(seen["next"])[row] for net in (model.online, model.target))
        chosen = int((online if double else slow).argmax())
        goal = float(seen["reward"][row]) + float(seen["discount"][row]) * float(slow[chosen])
        error = goal - float(model.online(seen["input"])[row, seen["action"][row]])
        expected = error**2 / 2 if abs(error) < 1 else abs(error) - 0.5
        assert float(found[row]) == pytest.approx(expected, rel=1e-4)


def test_double_q_learning_is_another_goal():
    model, seen = network(), batch(40)
    double, single = (TemporalDifference(double=d).losses(model, seen, "") for d in (True, False))
    assert not torch.allclose(*(losses["temporal difference"] for losses in (double, single)))


def test_no_gradient_reaches_the_goal():
    model, seen = network(), batch()
    seen["next"].requires_grad_()
    TemporalDifference().losses(model, seen, "")["temporal difference"].sum().backward()
    assert seen["next"].grad is None
    assert all(p.grad is None for p in model.target.parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.online.parameters())


def test_the_target_network_goes_a_share_of_the_way_after_each_update():
    model = network()
    before = [p.clone() for p in model.target.parameters()]
    TemporalDifference(share=0.25).settle(model)
    for slow, was, fast in zip(model.target.parameters(), before, model.online.parameters(), strict=True):
        torch.testing.assert_close(slow, was + 0.25 * (fast - was))


def test_or_all_of_it_now_and_then():
    model, objective = network(), TemporalDifference(every=3, share=1.0)
    before = [p.clone() for p in model.target.parameters()]
    for k in range(1, 7):
        with torch.no_grad():
            for parameter in model.online.parameters():
                parameter.add_(0.1)
        objective.settle(model)
        now = list(model.target.parameters())
        reached = [torch.equal(slow, fast) for slow, fast in zip(now, model.online.parameters(), strict=True)]
        assert all(reached) if k % 3 == 0 else not any(reached)
        if k < 3:
            assert all(torch.equal(slow, was) for slow, was in zip(now, before, strict=True))


def test_it_answers_with_the_best_action():
    model, seen = network(), batch()
    said = TemporalDifference().predict(model, seen)
    assert torch.equal(said.argmax(1), model(seen["input"]).argmax(1))
    assert torch.equal(said.sum(1), torch.ones(6))


def test_a_model_without_a_target_network_is_refused():
    with pytest.raises(FrameError, match="needs a model with a target network, but MLP has none"):
        TemporalDifference().losses(MLP((4,), 3), batch(), "")


@pytest.mark.parametrize("odd", [{"share": 1.1}, {"share": 0.0}, {"every": 0}])
def test_settings_that_are_none_are_refused(odd):
    with pytest.raises(FrameError, match="share is in"):
        TemporalDifference(**odd)
