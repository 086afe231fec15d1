"""The written-out gradient is autograd's, is used where it is right, and nowhere else."""

import pytest
import torch
from toys import Ragged, batch, learner, objective

from mapsto.algorithms.optimizers import SGD, Adam, AdamW
from mapsto.algorithms.update import Descend
from mapsto.algorithms.update.derived import Derived
from mapsto.algorithms.update.flat import Flat
from mapsto.core import names
from mapsto.core.nouns import Objective
from mapsto.core.schedules import Cosine
from mapsto.models import MLP, ActorCritic, Linear
from mapsto.objectives import ClippedSurrogate, CrossEntropy, Huber

nn = torch.nn
SLOPES = [name for name in names.listed("objective") if names.find("objective", name).slope is not Objective.slope]
OUTPUTS = {"classification": 3, "multi-label": 2, "regression": 1}


def gradients(model, rules, asked):
    """By autograd, and by formula."""
    flat = Flat(model, SGD())
    (loss,) = rules.losses(model, asked, "").values()
    loss.mean().backward()
    autograd = flat.gradient.clone()
    flat.gradient.fill_(7.0)  # formulas overwrite
    losses = Derived.of(model, rules)(asked)
    torch.testing.assert_close(list(losses.values()), [loss.detach()])
    return autograd, flat.gradient


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_written_out_gradient_is_autograds(name, depth):
    rules = names.build("objective", {"name": name})
    model = MLP((2, 3), OUTPUTS[rules.problem], width=5, depth=depth)
    autograd, derived = gradients(model, rules, batch(rules.problem, (2, 3)))
    torch.testing.assert_close(derived, autograd, rtol=1e-5, atol=1e-7)
    assert autograd.norm() > 0.01


def test_far_from_the_target_huber_is_straight():
    asked = {**batch("regression"), "target": torch.linspace(-50, 50, 24)}
    torch.testing.assert_close(*gradients(Linear((6,), 1), Huber(2.0), asked))


def test_a_users_sequence_of_linear_and_relu_is_read():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    torch.testing.assert_close(*gradients(model, CrossEntropy(), batch(shape=(2, 3))))


class Shifted(MLP):
    def forward(self, input):
        return super().forward(input) + 1


class Doubled(CrossEntropy):
    def losses(self, model, batch, player):
        return {"twice": 2 * super().losses(model, batch, player)["cross-entropy"]}


def frozen():
    model = MLP((6,), 3)
    model.output.bias.requires_grad_(False)
    return model


def tied():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    return model


OTHERS = {
    "a norm": (MLP((6,), 3, norm="layer"), CrossEntropy()),
    "dropout": (MLP((6,), 3, dropout=0.1), CrossEntropy()),
    "categories": (MLP({"number": [3], "category": [4]}, 3), CrossEntropy()),
    "waves": (MLP((6,), 3, waves=4), CrossEntropy()),
    "another forward": (Shifted((6,), 3), CrossEntropy()),
    "another loss": (MLP((6,), 3), Doubled()),
    "no slope": (MLP((6,), 6), Ragged()),
    "a frozen bias": (frozen(), CrossEntropy()),
    "tied weights": (tied(), CrossEntropy()),
    "an actor that is a Gaussian": (ActorCritic((6,), 3, gaussian=True), ClippedSurrogate()),
    "an actor under another objective": (ActorCritic((6,), 3), CrossEntropy()),
    "another bend": (nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)), CrossEntropy()),
    "a bend at the end": (nn.Sequential(nn.Linear(6, 4), nn.ReLU()), CrossEntropy()),
    "no bias": (nn.Sequential(nn.Linear(6, 3, bias=False)), CrossEntropy()),
}


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_is_left_to_autograd(what):
    model, rules = OTHERS[what]
    Flat(model, SGD())
    assert Derived.of(model, rules) is None


@pytest.mark.parametrize("rules", [CrossEntropy(smoothing=0.1), CrossEntropy(weights=[1.0, 2.0, 3.0])], ids=str)
def test_a_batch_that_a_formula_is_not_for_is_left_to_autograd(rules):
    model = MLP((6,), 3)
    Flat(model, SGD())
    assert Derived.of(model, rules)(batch()) is None
    assert Derived.of(model, CrossEntropy())({**batch(), "weight": torch.ones(24)}) is None


@pytest.mark.parametrize("optimizer", [SGD(), SGD(0.0, weight_decay=0.1), Adam(), AdamW()], ids=str)
def test_fifty_steps_by_formula_end_where_autograd_does(optimizer):
    runs = []
    for written in (True, False):
        torch.manual_seed(0)
        run = learner(model=MLP((6,), 3, width=8), update=Descend(0.02, optimizer, Cosine()))
        assert run.algorithm.update.derived
        run.algorithm.update.derived = run.algorithm.update.derived if written else None
        runs.append(run.fit(50))
    for mine, theirs in zip(*(run.model.parameters() for run in runs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("optimizer", [SGD(), SGD(0.0), SGD(0.5, False, 0.1), Adam(weight_decay=0.1), AdamW()], ids=str)
@pytest.mark.parametrize("as_tensors", [False, True])
def test_the_fused_kernel_is_the_formula(optimizer, as_tensors):
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(40, generator=draw)
    quick, slow = start.clone(), start.clone()
    moments = [optimizer.moments(start) for _ in range(2)]
    for count in range(1, 30):
        gradient, rate = torch.randn(40, generator=draw), 0.1 / count
        optimizer.quick(quick, gradient, moments[0], rate, optimizer.weight_decay, count)
        told = [torch.tensor(n, dtype=torch.float64) for n in (rate, count)] if as_tensors else (rate, count)
        optimizer.step(slow, gradient, moments[1], told[0], optimizer.weight_decay, told[1])
    torch.testing.assert_close(quick, slow, rtol=1e-5, atol=1e-6)
    assert (quick - start).norm() > 0.1


def test_every_optimizer_is_among_them():
    assert set(names.listed("optimizer")) == {"sgd", "adam", "adam-w"}
    assert objective().slope.__func__ in {names.find("objective", name).slope for name in SLOPES}


def acted(rows=24, kinds=3, seed=0):
    """Moves of a roll-out, some of them now much likelier than when they were made, and some much less."""
    draw = torch.Generator().manual_seed(seed)
    return {
        "input": torch.randn(rows, 6, generator=draw),
        "action": torch.randint(kinds, (rows,), generator=draw),
        "log_probability": -1.1 + 0.5 * torch.randn(rows, generator=draw),
        "advantage": torch.randn(rows, generator=draw),
        "return": 3 * torch.randn(rows, generator=draw),
    }


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_gradient_of_an_actor_beside_its_critic_is_autograds(depth):
    model, rules, asked = ActorCritic((6,), 3, width=8, depth=depth), ClippedSurrogate(), acted()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    flat = Flat(model, SGD())
    losses = rules.losses(model, asked, "")
    sum(loss.mean() for loss in losses.values()).backward()
    autograd = flat.gradient.clone()
    flat.gradient.fill_(7.0)
    derived = Derived.of(model, rules)(asked)
    assert derived.keys() == losses.keys()
    for term in losses:
        torch.testing.assert_close(derived[term], losses[term].detach())
    torch.testing.assert_close(flat.gradient, autograd, rtol=1e-4, atol=1e-6)
    ratio = (model.policy(asked["input"]).log_probability(asked["action"]) - asked["log_probability"]).exp()
    assert ((ratio < 0.8).any() and (ratio > 1.2).any()) and ((ratio - 1).abs() < 0.2).any()
