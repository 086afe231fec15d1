"""What every objective on the shelf promises. A new file and its line are picked up here with no change.

An objective whose loss of one example depends on the others of its batch says so: `coupled = "why"`.
"""

import inspect
import json

import pytest
import torch
from torch import nn
from toys import DRAWS, OUTPUTS, Plain, batch, dataset, pictures

from mapsto.core import names
from mapsto.core.batch import Batch, Mean, over, size, stacked, total_and_count
from mapsto.core.nouns import Measure, Objective
from mapsto.core.ragged import mask
from mapsto.models import BERT, Transformer

OBJECTIVES = sorted(  # those of texts have tests of their own
    name for name in names.listed("objective") if names.find("objective", name).problem in OUTPUTS or name in DRAWS
)


@pytest.fixture(params=OBJECTIVES)
def objective(request) -> Objective:
    return names.build("objective", {"name": request.param})


def model(objective: Objective) -> nn.Module:
    torch.manual_seed(0)
    if objective.problem == "fill-in":  # at rest, for in training it hides other words each time
        return BERT({"tokens": [30]}, 30, width=8, depth=1, heads=2, each=True, tied=True).eval()
    if objective.problem == "generation":  # at rest, for in training it draws anew
        name, small = DRAWS[names.name_of(type(objective))], {"inputs": (3,), "outputs": (1, 8, 8), "width": 8}
        code = {"latent": 4} if "latent" in inspect.signature(names.find("model", name)).parameters else {}
        return names.build("model", {"name": name, **small, **code}).eval()
    if objective.problem == "translation":
        return Transformer({"tokens": [11]}, 11, width=8, heads=2, depth=1, dropout=0.0)
    return Tagger() if objective.problem == "tagging" else nn.Linear(6, OUTPUTS[objective.problem])


class Tagger(nn.Module):
    """Logits of three tags for each token, by itself."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Linear(11, 3)

    def forward(self, input):
        return self.logits(nn.functional.one_hot(input["tokens"], 11).float())


def asked_of(objective: Objective, seed: int = 0) -> Batch:
    """24 examples for its problem."""
    if objective.problem == "generation":
        return pictures(seed=seed)
    if objective.problem != "fill-in":
        return batch(objective.problem, seed=seed)
    g = torch.Generator().manual_seed(seed)
    tokens, count = torch.randint(6, 30, (24, 12), generator=g), torch.randint(4, 13, (24,), generator=g)
    here = mask(count, 12)
    input = {"tokens": tokens.masked_fill(~here, 0), "count": count}
    return {"input": input, "target": tokens.masked_fill(~here, -1), "index": torch.arange(24)}


def predicted(objective, model, batch):
    """What it predicts; NaN, which says that nothing was asked, as a number."""
    return objective.predict(model, batch).nan_to_num(-9)


def terms(objective, model, batch):
    """(player, term) → loss."""
    return {(p, term): loss for p in objective.players for term, loss in objective.losses(model, batch, p).items()}


def shuffled(batch, order):
    return over(batch, lambda tensor: tensor[order])


def test_every_term_is_one_loss_an_example_or_a_mean(objective):
    found = terms(objective, model(objective), asked_of(objective))
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
    asked, order = asked_of(objective), torch.randperm(24, generator=torch.Generator().manual_seed(0))
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
    here, elsewhere = asked_of(objective), asked_of(objective, seed=7)
    mixed = joined(over(here, lambda t: t[:16]), over(elsewhere, lambda t: t[16:]))
    for b in (here, mixed):
        b["weight"] = weight
    means = [
        {term: mean(loss, b["weight"]) for term, loss in terms(objective, model(objective), b).items()}
        for b in (here, mixed, shuffled(here, torch.arange(16)))
    ]
    assert means[0] == pytest.approx(means[1])
    assert means[0] == pytest.approx(means[2])


def joined(first, second):
    return {
        word: joined(part, second[word]) if isinstance(part, dict) else torch.cat([part, second[word]])
        for word, part in first.items()
    }


def mean(loss, weight):
    total, count = total_and_count(loss, weight)
    return float((total / count).detach())


def test_a_better_answer_costs_less(objective):
    asked, learner = asked_of(objective), model(objective)
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
    asked, learner = asked_of(objective), model(objective).eval()
    first, again = predicted(objective, learner, asked), predicted(objective, learner, asked)
    assert torch.equal(first, again)
    assert first.dtype == (torch.int64 if objective.problem in ("tagging", "translation") else torch.float32)
    assert len(first) == size(asked)
    alone = predicted(objective, learner, shuffled(asked, torch.arange(5, 6)))
    close = 1e-3 if objective.problem == "generation" else 1e-6  # of brightness, 0 … 255
    assert torch.allclose(*stacked([alone, first[5:6]]), atol=close)


def test_predict_needs_no_target(objective):
    learner = model(objective)
    asked = asked_of(objective)
    alone = {"input": asked["input"]}
    assert torch.equal(predicted(objective, learner, alone), predicted(objective, learner, asked))


def test_probabilities_lie_between_nought_and_one(objective):
    if objective.problem == "fill-in":
        return  # it gives words
    asked, learner = asked_of(objective), model(objective)
    with torch.no_grad():
        next(learner.parameters()).mul_(100)  # sure of itself
    given = objective.predict(learner, asked)
    if objective.problem == "generation":
        assert given.shape == asked["target"].shape and given.min() >= 0 and given.max() <= 255
        return
    if objective.problem == "translation":
        assert given.min() >= -1 and given.max() < 11
        return
    if objective.problem == "tagging":
        ended = asked["target"] < 0
        assert (given[ended] == -1).all() and given[~ended].min() >= 0 and given.max() < 3
        return
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
    target = Plain() if objective.problem in ("fill-in", "generation") else dataset(objective.problem).target
    measures = objective.measures(target)
    assert measures
    with torch.no_grad():
        given = objective.told(model(objective), asked_of(objective))
    for name, measure in measures.items():
        assert isinstance(measure, Measure)
        measure.update(target.units(given), target.units(asked_of(objective)["target"]))
        assert isinstance(measure.total(), float), name
    assert measures is not objective.measures(target)
    assert not any(measure.kept for measure in objective.measures(target).values()), "new ones at each call"


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
