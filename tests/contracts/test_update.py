"""What every update promises: it resumes bit for bit, leaves other players alone, and is what its formula says."""

import itertools
import json

import pytest
import torch
from torch import nn
from toys import Adversarial, Pair, Plain, Ragged, batch, learner, objective, pairs, stopped

from mapsto.algorithms.experience import Passes, Whole
from mapsto.algorithms.optimizers import SGD, Adam, AdamW
from mapsto.algorithms.update import Descend, Solve
from mapsto.core import names
from mapsto.core.batch import Mean, over
from mapsto.core.errors import FrameError
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.data.dataset import Dataset
from mapsto.learner.until import Steps

FACTORS = {
    "optimizer": sorted(names.listed("optimizer")),
    "schedule": sorted(names.listed("schedule")),
    "ema": [0.0, 0.9],
    "accumulate": [1, 3],
    "clip": [None, 0.05],
}


def pairwise(factors):
    """Few choices in which every two values of two factors meet, found greedily."""
    every = [dict(zip(factors, values, strict=True)) for values in itertools.product(*factors.values())]

    def meetings(choice):
        return {frozenset(two) for two in itertools.combinations(((k, v) for k, v in choice.items()), 2)}

    wanted, chosen = set().union(*map(meetings, every)), []
    while wanted:
        chosen.append(max(every, key=lambda choice: len(meetings(choice) & wanted)))
        wanted -= meetings(chosen[-1])
    return chosen


CHOICES = pairwise(FACTORS)


def descend(**choice) -> Descend:
    written = {"name": "descend", "learning_rate": 0.02, **choice}
    for noun in ("optimizer", "schedule"):
        written[noun] = {"name": choice.get(noun, "constant" if noun == "schedule" else "adam-w")}
    return names.build("update", written)


def everything(learner):
    """All that a learner holds, as bytes."""
    return pack(learner.state_dict())


# -- resumed = whole ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(str(v) for v in c.values()))
def test_a_resumed_descent_is_the_whole_one(choice):
    whole = learner(update=descend(**choice)).fit()
    before = stopped(learner(update=descend(**choice)), 7)
    after = learner(update=descend(**choice), weights=1)
    assert everything(after)["tensors.safetensors"] != everything(before)["tensors.safetensors"]
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert everything(after) == everything(before)
    assert everything(after.fit()) == everything(whole)
    assert everything(whole) != everything(before)


def test_every_optimizer_and_schedule_is_among_them():
    assert {c["optimizer"] for c in CHOICES} == set(names.listed("optimizer"))
    assert {c["schedule"] for c in CHOICES} == set(names.listed("schedule"))
    assert len(CHOICES) < 40


def test_a_resumed_game_of_two_players_is_the_whole_one():
    whole = game().fit()
    before = stopped(game(), 10)
    after = game(weights=1)
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert everything(after.fit()) == everything(whole)


def test_a_resumed_solution_is_the_whole_one():
    def solver():
        return learner(update=Solve(), experience=Whole(), until=Steps(1), model=ridge(), problem="regression")

    whole, after = solver().fit(), solver()
    assert whole.algorithm.update.finished
    after.load_state_dict(unpack(pack(whole.state_dict())))
    assert after.algorithm.update.finished
    assert everything(after.fit()) == everything(whole)
    asked = batch("regression", seed=3)
    assert torch.equal(after.predict(asked), whole.predict(asked))


def ridge() -> nn.Module:
    return names.build("model", {"name": "k-nearest", "inputs": [6], "outputs": 1})


def test_the_learning_rate_follows_its_schedule_step_by_step():
    for schedule in names.listed("schedule"):
        update = Descend(0.5, SGD(momentum=0.0), names.build("schedule", {"name": schedule}))
        run = learner(update=update, model=nn.Linear(6, 3))
        for step in range(20):
            before = run.model.bias.detach().clone()
            update.step(run.algorithm.experience.batch(step), step)
            moved = before - run.model.bias.detach()
            rate = 0.5 * update.schedule.at(step, 20)
            torch.testing.assert_close(moved, rate * run.model.bias.grad, rtol=1e-4, atol=1e-7)


def test_past_the_end_the_learning_rate_stays_where_it_was():
    for schedule in names.listed("schedule"):
        update = Descend(0.5, SGD(momentum=0.0), names.build("schedule", {"name": schedule}))
        run = learner(update=update, model=nn.Linear(6, 3), until=Steps(4))
        moves = []
        for step in (3, 4, 6, 9):
            before = run.model.bias.detach().clone()
            update.step(run.algorithm.experience.batch(0), step)
            moved = before - run.model.bias.detach()
            moves.append(float(moved.norm() / run.model.bias.grad.norm()))
        assert moves == pytest.approx(moves[:1] * 4, rel=1e-3), schedule


# -- players -----------------------------------------------------------------------------------------------------------


def game(update=None, weights=0, judged_by=None):
    torch.manual_seed(weights)
    data = Dataset(pairs(), pairs(5, 1), pairs(5, 1), Plain((2,)), Plain((2,)))
    update = update or Descend(0.02, Adam(), Constant(), ema=0.9, accumulate=2, clip=0.5)
    return learner(data=data, model=Pair(), update=update, experience=Passes(8), judged_by=judged_by or Adversarial())


def weights(module):
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def test_each_player_follows_the_gradient_of_its_own_losses_in_turn():
    run, rate = game(Descend(0.1, SGD(momentum=0.0), Constant())), 0.1
    torch.manual_seed(0)
    by_hand, rules = Pair(), Adversarial()
    for step in range(4):
        for player in ("critic", "generator"):
            drawn = run.algorithm.experience.batch(step)
            (loss,) = rules.losses(by_hand, drawn, player).values()
            mine = list(by_hand.get_submodule(player).parameters())
            gradients = torch.autograd.grad(loss.mean(), mine)
            with torch.no_grad():
                for parameter, gradient in zip(mine, gradients, strict=True):
                    parameter -= rate * gradient
        run.algorithm.update.step(run.algorithm.experience.batch(step), step)
        for name, tensor in weights(by_hand).items():
            torch.testing.assert_close(run.model.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)


def test_who_is_no_player_keeps_every_bit():
    class Critics(Adversarial):
        players = ("critic",)

    run = game(judged_by=Critics())
    before = weights(run.model)
    run.fit(10)
    after = weights(run.model)
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("generator"))
    assert not any(torch.equal(after[name], before[name]) for name in before if name.startswith("critic"))
    assert all(p.grad is None for p in run.model.generator.parameters())


def test_frozen_parameters_keep_every_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    before = weights(model)
    learner(model=model, update=Descend(0.1, AdamW(weight_decay=0.5), Constant())).fit(5)
    after = weights(model)
    assert torch.equal(after["0.weight"], before["0.weight"])
    assert not torch.equal(after["2.weight"], before["2.weight"])


def test_a_player_with_nothing_to_learn_is_refused_when_composed():
    with pytest.raises(FrameError, match=r"KNearest has no trainable parameter(.|\n)*solve"):
        learner(model=ridge(), problem="regression")
    frozen = nn.Linear(6, 3).requires_grad_(False)
    with pytest.raises(FrameError, match="Linear has no trainable parameter"):
        learner(model=frozen)


def test_solve_is_for_models_that_can_be_solved():
    with pytest.raises(FrameError, match="Solve fits a model exactly, which Linear does not offer"):
        learner(model=nn.Linear(6, 3), update=Solve(), until=Steps(1))


# -- one batch in pieces -----------------------------------------------------------------------------------------------


def one_step(update, judged_by, drawn, model):
    none = over(drawn, lambda t: t[:0])
    data = Dataset(drawn, none, none, Plain((6,)), Plain((3,)))
    run = learner(model=model, update=update, judged_by=judged_by, data=data)
    losses = update.step(drawn, 0)
    return weights(run.model), losses


@pytest.mark.parametrize("pieces", [2, 3, 5, 24, 100])
@pytest.mark.parametrize("kind", ["an example", "a Mean", "weighted"])
def test_a_batch_in_pieces_is_the_batch(pieces, kind):
    drawn = batch(rows=24)
    g = torch.Generator().manual_seed(1)
    drawn["count"] = torch.randint(1, 7, (24,), generator=g)
    if kind == "weighted":
        drawn["weight"] = torch.rand(24, generator=g) * (torch.arange(24) % 3 > 0)
    judged_by = Ragged() if kind == "a Mean" else objective()
    torch.manual_seed(0)
    made = [nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 6 if kind == "a Mean" else 3)) for _ in range(2)]
    made[1].load_state_dict(made[0].state_dict())
    (whole, told), (cut, told_in_pieces) = (
        one_step(Descend(0.5, SGD(), Constant(), accumulate=count), judged_by, drawn, model)
        for count, model in zip((1, pieces), made, strict=True)
    )
    for name in whole:
        torch.testing.assert_close(cut[name], whole[name], rtol=1e-6, atol=1e-6)
    for term, loss in told.items():
        got, wanted = ((x.total / x.count if isinstance(x, Mean) else x) for x in (told_in_pieces[term], loss))
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def test_pieces_see_each_example_once():
    """What a forward pass changes (the statistics of a batch norm) changes once a piece, and no mask is drawn twice."""
    seen = []

    class Counting(nn.Linear):
        def forward(self, input):
            seen.append(len(input))
            return super().forward(input)

    run = learner(model=Counting(6, 3), update=Descend(0.1, accumulate=3, schedule=Constant()))
    run.algorithm.update.step(batch(rows=24), 0)
    assert seen == [8, 8, 8]


def test_a_batch_in_which_nobody_counts_changes_nothing():
    drawn = {**batch(rows=8), "weight": torch.zeros(8)}
    run = learner(model=nn.Linear(6, 3), update=Descend(0.1, SGD(), Constant()))
    before = weights(run.model)
    run.algorithm.update.step(drawn, 0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(run.model).items())


# -- formulas ----------------------------------------------------------------------------------------------------------

TORCHS = [
    (SGD(), lambda g: torch.optim.SGD(g, 0.05, momentum=0.9, nesterov=True)),
    (SGD(momentum=0.5, nesterov=False), lambda g: torch.optim.SGD(g, 0.05, momentum=0.5)),
    (SGD(momentum=0.0, weight_decay=0.1), lambda g: torch.optim.SGD(g, 0.05)),
    (SGD(weight_decay=0.1), lambda g: torch.optim.SGD(g, 0.05, momentum=0.9, nesterov=True)),
    (Adam(), lambda g: torch.optim.Adam(g, 0.05)),
    (
        Adam(beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.1),
        lambda g: torch.optim.Adam(g, 0.05, betas=(0.8, 0.95), eps=1e-4),
    ),
    (AdamW(), lambda g: torch.optim.AdamW(g, 0.05)),
    (
        AdamW(beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.3),
        lambda g: torch.optim.AdamW(g, 0.05, betas=(0.8, 0.95), eps=1e-4),
    ),
]


@pytest.mark.parametrize(("optimizer", "torchs"), TORCHS, ids=[str(o) for o, _ in TORCHS])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_twenty_steps_are_torchs(optimizer, torchs, clip):
    """Matrices decay; biases and the gains of norms do not."""
    torch.manual_seed(0)
    ours, theirs = (nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    groups = [
        {
            "params": [p for p in theirs.parameters() if (p.ndim > 1) == matrix],
            "weight_decay": optimizer.weight_decay if matrix else 0.0,
        }
        for matrix in (True, False)
    ]
    reference, rules = torchs(groups), objective()
    run = learner(model=ours, update=Descend(0.05, optimizer, Constant(), clip=clip))
    for step in range(20):
        (loss,) = rules.losses(theirs, run.algorithm.experience.batch(step), "").values()
        reference.zero_grad()
        loss.mean().backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        reference.step()
    run.fit(20)
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)


def test_tied_weights_move_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(6, 6)
            self.second = nn.Linear(6, 6)
            self.second.weight = self.first.weight
            self.output = nn.Linear(6, 3)

        def forward(self, input):
            return self.output(self.second(self.first(input)))

    torch.manual_seed(0)
    ours, theirs = Tied(), Tied()
    theirs.load_state_dict(ours.state_dict())
    run = learner(model=ours, update=Descend(0.05, SGD(), Constant()))
    reference = torch.optim.SGD(theirs.parameters(), 0.05, momentum=0.9, nesterov=True)
    for step in range(5):
        reference.zero_grad()
        objective().losses(theirs, run.algorithm.experience.batch(step), "")["cross-entropy"].mean().backward()
        reference.step()
    run.fit(5)
    torch.testing.assert_close(ours.first.weight, theirs.first.weight)
    assert ours.second.weight is ours.first.weight


def test_the_average_follows_the_weights_and_stands_in_them_while_they_are_judged():
    run = learner(model=nn.Linear(6, 3), update=Descend(0.5, SGD(momentum=0.0), Constant(), ema=0.9))
    average = weights(run.model)
    for step in range(12):
        run.algorithm.update.step(run.algorithm.experience.batch(step), step)
        keep = min(0.9, (1 + step) / (10 + step))
        now = weights(run.model)
        average = {name: keep * old + (1 - keep) * now[name] for name, old in average.items()}
    with run.algorithm.update.judged():
        for name, tensor in weights(run.model).items():
            torch.testing.assert_close(tensor, average[name])
            assert not torch.allclose(tensor, now[name])
    assert all(torch.equal(tensor, now[name]) for name, tensor in weights(run.model).items())


def test_bfloat16_products_leave_float32_weights_and_nearly_the_same_run():
    updates = [Descend(0.01, schedule=Constant(), precision=precision) for precision in ("float32", "bfloat16")]
    exact, near = (learner(update=update).fit() for update in updates)
    for parameter in near.model.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.isfinite().all()
    losses = [run.evaluate("train", intervals=False)["loss"].value for run in (exact, near)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def test_losses_come_back_detached_one_an_example():
    for update in (descend(), descend(accumulate=4)):
        run = learner(update=update)
        (loss,) = run.algorithm.update.step(run.algorithm.experience.batch(0), 0).values()
        assert loss.shape == (10,)
        assert not loss.requires_grad


# -- written down ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["update", "optimizer", "schedule"])
def test_its_spec_builds_it_again(kind):
    for name in names.listed(kind):
        thing = names.build(kind, names.complete(kind, {"name": name}))
        written = json.loads(json.dumps(names.spec(thing), allow_nan=False))
        assert names.build(kind, written) == thing
        assert names.spec(names.build(kind, written)) == written
        assert names.summary(kind, name)


@pytest.mark.parametrize("name", sorted(names.listed("schedule")))
def test_a_schedule_stays_between_nought_and_one(name):
    schedule = names.build("schedule", {"name": name})
    for steps in (1, 2, 7, 1000):
        rates = [schedule.at(step, steps) for step in range(steps)]
        assert min(rates) >= 0
        assert max(rates) <= 1 + 1e-12
        assert max(rates) > 0 or name == "one-cycle"


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0},
        {"learning_rate": -1.0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"learning_rate": "fast"},
        {"accumulate": 0},
        {"ema": 1.0},
        {"ema": -0.1},
        {"clip": 0.0},
        {"clip": -1.0},
        {"precision": "float16"},
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(settings):
    with pytest.raises(FrameError, match=str(next(iter(settings.values())))):
        Descend(**settings)
