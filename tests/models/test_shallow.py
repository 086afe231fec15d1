"""What every model that scikit-learn solves must keep: its answers when saved, its columns when a class is absent."""

import pytest
import safetensors.torch
import torch

from mapsto.core import names
from mapsto.core.errors import DataError, FrameError, ShapeError

ROW = {"number": [3], "category": [4, 3]}
SOLVES = {
    "logistic-regression": ("classification", "multi-label"),
    "ridge": ("regression",),
    "decision-tree": ("classification", "multi-label", "regression"),
    "gradient-boosting": ("classification", "multi-label", "regression"),
    "k-nearest": ("classification", "multi-label", "regression"),
    "svm": ("classification", "multi-label", "regression"),
}
CASES = [(name, problem) for name, problems in SOLVES.items() for problem in problems]
QUICK = {"gradient-boosting": {"rounds": 8, "leaf": 5}}


def table(rows=150, seed=0):
    """A batch's input of 3 numbers and 2 categories, and a score that depends on both."""
    g = torch.Generator().manual_seed(seed)
    number = torch.randn(rows, 3, generator=g)
    category = torch.stack([torch.randint(0, n, (rows,), generator=g) for n in (4, 3)], dim=1)
    score = number[:, 0] * 2 + number[:, 1] ** 2 + category[:, 0] - (category[:, 1] == 2) * 2
    return {"number": number, "category": category}, score


def targets(problem, score):
    if problem == "classification":
        return torch.bucketize(score, score.quantile(torch.tensor([0.3, 0.7]))), 3
    if problem == "multi-label":
        return torch.stack([score > 0, score > 2], dim=1).float(), 2
    return (score - score.mean()) / score.std(), 1


def solved(name, problem, weight=None, **settings):
    input, score = table()
    target, outputs = targets(problem, score)
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": outputs, **QUICK.get(name, {}), **settings})
    batch = {"input": input, "target": target} | ({} if weight is None else {"weight": weight})
    model.solve(batch, problem, 0)
    return model, input, target


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_saved_and_loaded_it_answers_the_same(name, problem):
    model, input, _ = solved(name, problem)
    state = safetensors.torch.load(safetensors.torch.save(model.state_dict()))
    fresh = names.build("model", names.spec(model)).shaped({k: list(t.shape) for k, t in state.items()})
    assert {k: t.dtype for k, t in fresh.state_dict().items()} == {k: t.dtype for k, t in state.items()}
    fresh.load_state_dict(state)
    assert torch.equal(fresh(input), model(input))


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_it_gives_one_finite_row_of_float32_an_example_and_has_learned(name, problem):
    model, input, target = solved(name, problem)
    given = model(input)
    assert given.shape == (150, model.outputs)
    assert given.dtype == torch.float32
    assert given.isfinite().all()
    if problem == "classification":
        assert (given.argmax(1) == target).float().mean() > 0.6  # 0.4 by always saying the most frequent
    elif problem == "multi-label":
        assert ((given > 0) == target.bool()).float().mean() > 0.7
    else:
        assert (given[:, 0] - target).square().mean() < 0.5  # 1 by always saying the mean


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_a_row_does_not_depend_on_its_neighbours(name, problem):
    model, input, _ = solved(name, problem)
    alone = torch.cat([model({k: v[i : i + 1] for k, v in input.items()}) for i in range(20)])
    torch.testing.assert_close(alone, model(input)[:20], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_the_same_seed_gives_the_same_model(name, problem):
    once, again = solved(name, problem)[0].state_dict(), solved(name, problem)[0].state_dict()
    assert all(torch.equal(once[k], again[k]) for k in once)


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_examples_of_weight_nought_might_as_well_not_be_there(name, problem):
    input, score = table()
    target, outputs = targets(problem, score)
    spoilt = target.clone()
    spoilt[100:] = 0 if problem == "classification" else 1
    weight = torch.ones(150)
    weight[100:] = 0
    spec = {"name": name, "inputs": ROW, "outputs": outputs, **QUICK.get(name, {})}
    weighted, fewer = names.build("model", spec), names.build("model", spec)
    weighted.solve({"input": input, "target": spoilt, "weight": weight}, problem, 0)
    few = {k: v[:100] for k, v in input.items()}
    fewer.solve({"input": few, "target": target[:100], "weight": weight[:100]}, problem, 0)
    torch.testing.assert_close(weighted(input), fewer(input), atol=1e-6, rtol=0)
    assert not torch.allclose(weighted(input), solved(name, problem)[0](input), atol=1e-3)


@pytest.mark.parametrize("name", [name for name, problem in CASES if problem == "classification"])
def test_a_class_that_training_never_showed_has_a_column_and_no_chance(name):
    input, score = table()
    for target in (torch.where(score > 0, 3, 1), torch.bucketize(score, torch.tensor([0.0, 2.0])) * 2):
        model = names.build("model", {"name": name, "inputs": ROW, "outputs": 5, **QUICK.get(name, {})})
        model.solve({"input": input, "target": target}, "classification", 0)
        present = target.unique()
        absent = [c for c in range(5) if c not in present]
        assert model(input).softmax(1)[:, absent].max() < 1e-8
        assert (model(input).argmax(1) == target).float().mean() > 0.6


@pytest.mark.parametrize("name", [name for name, problem in CASES if problem == "classification"])
def test_one_class_alone_is_always_the_answer(name):
    input, _ = table()
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": 3, **QUICK.get(name, {})})
    model.solve({"input": input, "target": torch.full((150,), 2)}, "classification", 0)
    assert model(input).softmax(1)[:, 2].min() > 1 - 1e-6


@pytest.mark.parametrize("name", [name for name, problem in CASES if problem == "multi-label"])
def test_a_label_that_never_changed_is_certain(name):
    input, score = table()
    target = torch.stack([score > 0, score > -99, score > 99], dim=1).float()
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": 3, **QUICK.get(name, {})})
    model.solve({"input": input, "target": target}, "multi-label", 0)
    chance = model(input).sigmoid()
    assert chance[:, 1].min() > 1 - 1e-6
    assert chance[:, 2].max() < 1e-8
    assert ((chance[:, 0] > 0.5) == (score > 0)).float().mean() > 0.8


@pytest.mark.parametrize("name", [name for name, problem in CASES if problem == "multi-label"])
def test_a_single_label_is_a_multi_label_problem_too(name):
    input, score = table()
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": 1, **QUICK.get(name, {})})
    model.solve({"input": input, "target": (score > 0).float()[:, None]}, "multi-label", 0)
    assert ((model(input)[:, 0] > 0) == (score > 0)).float().mean() > 0.8


@pytest.mark.parametrize("name", SOLVES)
def test_a_problem_it_cannot_solve_is_refused_with_a_remedy(name):
    for problem in {"classification", "multi-label", "regression"} - set(SOLVES[name]):
        with pytest.raises(FrameError, match=rf"but this is {problem}.*\nChoose"):
            solved(name, problem)


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_targets_that_do_not_fit_the_outputs_are_refused(name, problem):
    input, score = table()
    target, outputs = targets(problem, score)
    wrong = 3 if problem == "regression" else outputs - 1
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": wrong})
    with pytest.raises(ShapeError, match=f"outputs={wrong}"):
        model.solve({"input": input, "target": target}, problem, 0)


@pytest.mark.parametrize("name", ["logistic-regression", "ridge", "k-nearest", "svm"])
def test_a_number_that_is_not_known_is_refused_where_the_method_cannot_do_without(name):
    input, score = table()
    input["number"][7, 1] = torch.nan
    problem = SOLVES[name][0]
    target, outputs = targets(problem, score)
    model = names.build("model", {"name": name, "inputs": ROW, "outputs": outputs})
    with pytest.raises(DataError, match="1 of 150 examples have others, first in column 1"):
        model.solve({"input": input, "target": target}, problem, 0)


@pytest.mark.parametrize("name", ["decision-tree", "gradient-boosting", "k-nearest", "svm"])
def test_asked_before_it_has_learned_it_says_so(name):
    with pytest.raises(FrameError, match="has not seen any example"):
        names.build("model", {"name": name, "inputs": [4], "outputs": 2})(torch.zeros(1, 4))


@pytest.mark.parametrize("name", SOLVES)
def test_pictures_are_laid_flat(name):
    input = torch.rand(60, 1, 5, 5)
    target = (input[:, 0, 2, 2] > 0.5).long()
    model = names.build("model", {"name": name, "inputs": [1, 5, 5], "outputs": 1 if name == "ridge" else 2})
    problem = SOLVES[name][0]
    model.solve({"input": input, "target": target.float() if problem == "regression" else target}, problem, 0)
    given = model(input)
    assert (((given[:, 0] > 0.5) if name == "ridge" else given.argmax(1)) == target).float().mean() > 0.7


@pytest.mark.parametrize("name", SOLVES)
def test_it_can_be_traced_for_any_number_of_examples(name):
    input = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    problem = SOLVES[name][0]
    target = (input[:, 0] > 0).float() if problem == "regression" else (input[:, 0] > 0).long()
    model = names.build("model", {"name": name, "inputs": [4], "outputs": 1 if name == "ridge" else 2})
    model.solve({"input": input, "target": target}, problem, 0)
    traced = torch.export.export(model, (input[:7],), dynamic_shapes=({0: torch.export.Dim("B")},)).module()
    torch.testing.assert_close(traced(input), model(input))
