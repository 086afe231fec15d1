"""What every objective on the shelf promises. A new file and its line are picked up here with no change.

An objective whose loss of one example depends on the others of its batch says so: `coupled = "why"`.
"""

import json

import pytest
import torch
from torch import nn
from toys import OUTPUTS, batch, dataset

from mapsto.core import names
from mapsto.core.batch import Mean, over, size, total_and_count
from mapsto.core.nouns import Measure, Objective

OBJECTIVES = sorted(  # those of texts have tests of their own
    name for name in names.listed("objective") if names.find("objective", name).problem in OUTPUTS
)


@pytest.fixture(params=OBJECTIVES)
def objective(request) -> Objective:
    return names.build("objective", {"name": request.param})


def model(objective: Objective) -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(6, OUTPUTS[objective.problem])


def terms(objective, model, batch):
    """(player, term) → loss."""
    return {(p, term): loss for p in objective.players for term, loss in objective.losses(model, batch, p).items()}


def shuffled(batch, order):
    return over(batch, lambda tensor: tensor[order])


def test_every_term_is_one_loss_an_example_or_a_mean(objective):
    found = terms(objective, model(objective), batch(objective.problem))
    assert found
    for loss in found.values():
        if isinstance(loss, Mean):
            assert loss.total.shape == loss.count.shape == ()
        else:
            assert loss.shape == (24,)
            assert loss.dtype == torch.float32
            assert loss.isfinite().all()
            assert loss.requires_grad


def test_permuting_the_batch_permutes_the_losses(objective):
    if objective.coupled:
        return
    asked, order = batch(objective.problem), torch.randperm(24, generator=torch.Generator().manual_seed(0))
    before, after = (terms(objective, model(objective), b) for b in (asked, shuffled(asked, order)))
    for term, loss in before.items():
        if isinstance(loss, Mean):
            torch.testing.assert_close(after[term].total, loss.total)
            torch.testing.assert_close(after[term].count, loss.count)
        else:
            torch.testing.assert_close(after[term], loss[order])
            assert not torch.equal(after[term], loss)


def test_examples_of_weight_nought_do_not_matter_in_the_mean(objective):
    if objective.coupled:
        return
    weight = torch.ones(24)
    weight[16:] = 0
    here, elsewhere = batch(objective.problem), batch(objective.problem, seed=7)
    mixed = {word: torch.cat([here[word][:16], elsewhere[word][16:]]) for word in here}
    for b in (here, mixed):
        b["weight"] = weight
    means = [
        {term: mean(loss, b["weight"]) for term, loss in terms(objective, model(objective), b).items()}
        for b in (here, mixed, shuffled(here, torch.arange(16)))
    ]
    assert means[0] == pytest.approx(means[1])
    assert means[0] == pytest.approx(means[2])


def mean(loss, weight):
    total, count = total_and_count(loss, weight)
    return float((total / count).detach())


def test_a_better_answer_costs_less(objective):
    asked, learner = batch(objective.problem), model(objective)
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)

    def total():
        return sum(sum(total_and_count(loss, None)) for loss in terms(objective, learner, asked).values())

    first = total()
    for _ in range(20):
        optimizer.zero_grad()
        (total() / 24).backward()
        optimizer.step()
    assert total() < first


def test_predict_is_deterministic_and_a_row_for_each_example(objective):
    asked, learner = batch(objective.problem), model(objective).eval()
    first, again = objective.predict(learner, asked), objective.predict(learner, asked)
    assert torch.equal(first, again)
    assert first.dtype == torch.float32
    assert len(first) == size(asked)
    assert torch.allclose(objective.predict(learner, shuffled(asked, torch.arange(5, 6))), first[5:6], atol=1e-6)


def test_predict_needs_no_target(objective):
    learner = model(objective)
    asked = batch(objective.problem)
    alone = {"input": asked["input"]}
    assert torch.equal(objective.predict(learner, alone), objective.predict(learner, asked))


def test_probabilities_lie_between_nought_and_one(objective):
    asked, learner = batch(objective.problem), model(objective)
    with torch.no_grad():
        learner.weight.mul_(100)  # sure of itself
    given = objective.predict(learner, asked)
    if objective.problem == "regression":
        assert given.shape == (24,)
        return
    assert given.shape == (24, OUTPUTS[objective.problem])
    assert given.min() >= 0
    assert given.max() <= 1
    assert given.max() > 0.9
    if objective.problem == "classification":
        torch.testing.assert_close(given.sum(1), torch.ones(24))


def test_its_measures_take_what_it_predicts(objective):
    data = dataset(objective.problem)
    measures = objective.measures(data.target)
    assert measures
    with torch.no_grad():
        given = objective.predict(model(objective), batch(objective.problem))
    for name, measure in measures.items():
        assert isinstance(measure, Measure)
        measure.update(data.target.units(given), data.target.units(batch(objective.problem)["target"]))
        assert isinstance(measure.total(), float), name
    assert measures is not objective.measures(data.target)
    assert not any(measure.kept for measure in objective.measures(data.target).values()), "new ones at each call"


def test_its_spec_builds_it_again(objective):
    written = json.loads(json.dumps(names.spec(objective), allow_nan=False))
    again = names.build("objective", written)
    assert again == objective
    assert names.spec(again) == written
    assert names.summary("objective", written["name"])


class Coupled(Objective):
    """Reduces what it should not, and lets neighbours in."""

    problem = "regression"

    def losses(self, model, batch, player):
        error = (model(batch["input"]).squeeze(1) - batch["target"]) ** 2
        return {"error": error / error.sum() * (1 + torch.arange(len(error)))}

    def predict(self, model, batch):
        return model(batch["input"]).squeeze(1) * torch.rand(1)

    def measures(self, target):
        return {}


@pytest.mark.parametrize(
    "test",
    [
        test_permuting_the_batch_permutes_the_losses,
        test_examples_of_weight_nought_do_not_matter_in_the_mean,
        test_predict_is_deterministic_and_a_row_for_each_example,
        test_its_measures_take_what_it_predicts,
    ],
)
def test_this_battery_can_fail(test):
    with pytest.raises(AssertionError):
        test(Coupled())
