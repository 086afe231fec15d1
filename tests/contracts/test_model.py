"""What every model on the shelf promises. A new file and its line are picked up here with no change.

A model is asked for every shape of input that it does not refuse with a ShapeError when it is built. What it need not
answer to, its class says: `exempt = {"by-heart": "why"}`.
"""

import copy
import functools
import inspect
import json
import re

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn
from toys import OUTPUTS, TOKENS, dataset, objective
from toys import inputs as examples

from mapsto.algorithms.experience import Passes
from mapsto.algorithms.update import Descend
from mapsto.core import names
from mapsto.core.batch import over
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Algorithm, Solvable
from mapsto.core.schedules import Constant
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.until import Steps

MODELS = sorted(
    name for name in names.listed("model") if "one-answer" not in getattr(names.find("model", name), "exempt", {})
)  # the others are asked in tests/models/test_taggers.py
SHAPES = {
    "grey": (1, 12, 12),
    "colour": (3, 16, 16),
    "row": {"number": [3], "category": [4, 5]},
    "vector": (6,),
    "text": TOKENS,
}
# of those settings, the ones that a model has: small and soon fitted
SMALL = {"width": 8, "hidden": 32, "dropout": 0.0, "rounds": 10, "learning_rate": 0.5}


def inputs(shape, rows, seed=0):
    """`rows` ready examples; ragged ones padded to the longest there can be."""
    made = examples(shape, rows, seed)
    if shape != TOKENS:
        return made
    tokens, count = made["tokens"].gather(torch.arange(rows), 39)
    return {"tokens": tokens, "count": count}


def small(name, shape, outputs=3, **others):
    known = inspect.signature(names.find("model", name)).parameters
    settings = {word: value for word, value in SMALL.items() if word in known} | others
    return initialised(lambda: names.build("model", {"name": name, "inputs": shape, "outputs": outputs, **settings}), 0)


def accepts(name, shape):
    try:
        small(name, shape)
    except ShapeError:
        return False
    except Exception:  # while tests are collected: theirs to show
        return True
    return True


CASES = [(name, where) for name in MODELS for where in SHAPES if accepts(name, SHAPES[where])]
EVERY = pytest.mark.parametrize("name", MODELS)
EACH = pytest.mark.parametrize(("name", "where"), CASES)
TRAINED = pytest.mark.parametrize(
    ("name", "where"), [c for c in CASES if not issubclass(names.find("model", c[0]), Solvable)]
)
SOLVED = pytest.mark.parametrize(
    ("name", "where"), [c for c in CASES if issubclass(names.find("model", c[0]), Solvable)]
)


def few(problem, shape, copies=1):
    """A batch of six examples, each so many times: enough for trees that want 20 rows a leaf."""
    target = {
        "classification": torch.tensor([0, 1, 2, 0, 1, 2]),
        "regression": torch.tensor([0.0, 1, 2, -1, -2, 0.5]),
        "multi-label": torch.tensor([[0.0, 1], [1, 0], [1, 1], [0, 0], [1, 0], [0, 1]]),
    }[problem]
    return over({"input": inputs(shape, 6), "target": target}, lambda t: t.repeat(copies, *[1] * (t.ndim - 1)))


def solved(name, where):
    """For every problem that a solvable model does: (problem, model, the batch it was solved for)."""
    return copy.deepcopy(_solved(name, where))


@functools.cache
def _solved(name, where, change=lambda batch: batch):
    found = []
    for problem, outputs in OUTPUTS.items():
        model, batch = small(name, SHAPES[where], outputs), change(few(problem, SHAPES[where], copies=20))
        try:
            model.solve(batch, problem, 0)
        except FrameError:
            continue
        found.append((problem, model, batch))
    assert found, f"{name} solves none of {', '.join(OUTPUTS)}"
    return found


def stirred(name, where):
    """A model whose output depends on all of it: no gain of 0, no statistics that are those of any batch."""
    model = small(name, SHAPES[where])
    if isinstance(model, Solvable):
        return solved(name, where)[0][1].eval()
    model(inputs(SHAPES[where], 16, seed=5))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return model.eval()


@EVERY
def test_it_accepts_at_least_one_shape_of_input(name):
    assert any(name == accepted for accepted, _ in CASES)


@EVERY
def test_its_docstring_states_shapes(name):
    words = " ".join((names.find("model", name).__doc__ or "").split())
    assert re.search(r"\[B, [^]]*\] → [^.]*\[B, ", words), "say what goes in and what comes out: [B, …] → [B, outputs]"
    assert names.summary("model", name), "the first line says what it is"


@EACH
def test_it_gives_one_row_of_float32_an_example(name, where):
    model = small(name, SHAPES[where])
    made = solved(name, where) if isinstance(model, Solvable) else [("classification", model, None)]
    for problem, model, _ in made:
        for mode in (True, False):
            output = model.train(mode)(inputs(SHAPES[where], 5))
            assert output.shape == (5, OUTPUTS[problem])
            assert output.dtype == torch.float32
            assert output.isfinite().all()


@EACH
def test_it_leaves_its_input_alone(name, where):
    model = stirred(name, where)
    asked = inputs(SHAPES[where], 5)
    for mode in (True, False):
        model.train(mode)(asked)
        for left, right in zip(parts(asked), parts(inputs(SHAPES[where], 5)), strict=True):
            assert torch.equal(left, right)


def parts(field):
    return list(field.values()) if isinstance(field, dict) else [field]


@EACH
def test_its_arguments_are_kept_and_build_the_same_model(name, where):
    model = small(name, SHAPES[where], outputs=4)
    written = json.loads(json.dumps(names.spec(model), allow_nan=False))
    assert written["name"] == name
    assert written["outputs"] == 4
    assert written["inputs"] == names.plain(SHAPES[where])
    for word, value in SMALL.items():
        assert written.get(word, value) == value
    again = names.build("model", written)
    assert type(again) is type(model)
    assert names.spec(again) == written
    assert shapes(again) == shapes(model)


def shapes(model):
    return {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}


@EACH
def test_its_first_weights_follow_from_the_seed(name, where):
    once, again = small(name, SHAPES[where]).state_dict(), small(name, SHAPES[where]).state_dict()
    assert all(torch.equal(once[word], again[word]) for word in once)


@EACH
def test_saved_and_loaded_it_answers_the_same(name, where):
    model = stirred(name, where)
    state = safetensors.torch.load(safetensors.torch.save(model.state_dict()))
    fresh = names.build("model", names.spec(model)).eval()
    if isinstance(fresh, Solvable):
        fresh.shaped({word: list(tensor.shape) for word, tensor in state.items()})
    assert shapes(fresh) == shapes(model)
    fresh.load_state_dict(state)
    asked = inputs(SHAPES[where], 7, seed=3)
    with torch.no_grad():
        assert torch.equal(fresh(asked), model(asked))


@EACH
def test_a_row_does_not_depend_on_its_neighbours(name, where):
    model = stirred(name, where)
    asked = {"input": inputs(SHAPES[where], 6, seed=3)}
    others = {"input": inputs(SHAPES[where], 6, seed=4)}
    mixed = [torch.cat([a[:2], b[2:]]) for a, b in zip(parts(asked["input"]), parts(others["input"]), strict=True)]
    neighbours = dict(zip(asked["input"], mixed, strict=True)) if isinstance(asked["input"], dict) else mixed[0]
    with torch.no_grad():
        together = model(asked["input"])
        torch.testing.assert_close(model(neighbours)[:2], together[:2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(over(asked, lambda t: t[1:2])["input"]), together[1:2], rtol=1e-4, atol=1e-5)


@TRAINED
def test_every_trainable_parameter_gets_a_finite_gradient(name, where):
    if exempt(name, "one-gradient"):
        return
    model, batch = small(name, SHAPES[where]), few("classification", SHAPES[where])
    F.cross_entropy(model(batch["input"]), batch["target"]).backward()
    trainable = [(word, parameter.grad) for word, parameter in model.named_parameters() if parameter.requires_grad]
    assert trainable
    assert [word for word, gradient in trainable if gradient is None or not gradient.isfinite().all()] == []


@TRAINED
def test_the_last_batch_of_an_epoch_may_hold_one_example(name, where):
    one = over(few("classification", SHAPES[where]), lambda t: t[:1])
    for norm in norms(name):
        model = small(name, SHAPES[where], **norm)
        loss = F.cross_entropy(model(one["input"]), one["target"])
        loss.backward()
        assert loss.isfinite()
        assert model.eval()(one["input"]).isfinite().all()


def norms(name):
    """The default, and the one that looks at the whole batch where a model offers it."""
    known = inspect.signature(names.find("model", name)).parameters
    return [{}, {"norm": "batch"}] if "norm" in known else [{}]


@TRAINED
def test_one_batch_can_be_learned_by_heart(name, where):
    if exempt(name, "by-heart"):
        return
    data = dataset(shape=SHAPES[where], rows=6, valid=0)
    data.train.fields.update(few("classification", SHAPES[where]))
    algorithm = Algorithm(Passes(6), Descend(0.02, schedule=Constant()), Steps(400))
    learner = Learner(data, small(name, SHAPES[where]), objective(), algorithm, device="cpu")
    while learner.step < 400:
        learner.fit(learner.step + 40)
        scores = learner.evaluate("train", intervals=False)
        if scores["accuracy"].value == 1 and scores["loss"].value < 0.1:
            return
    pytest.fail(f"after {learner.step} steps on the same 6 examples: {scores['accuracy']}, {scores['loss']}")


@SOLVED
def test_a_few_examples_are_solved_by_heart(name, where):
    if exempt(name, "by-heart"):
        return
    for problem, model, batch in solved(name, where):
        given, target = model(batch["input"]), batch["target"]
        if problem == "classification":
            assert (given.argmax(1) == target).all()
        elif problem == "multi-label":
            assert ((given > 0) == (target > 0.5)).all()
        else:
            assert (given[:, 0] - target).abs().max() < 0.2  # targets are spread over 4, and penalties shrink


@SOLVED
def test_examples_of_weight_nought_might_as_well_not_be_there(name, where):
    weight = torch.ones(120)
    weight[100:] = 0
    fewer = _solved(name, where, lambda batch: over(batch, lambda t: t[:100]))
    weighted = _solved(name, where, lambda batch: {**spoilt(batch), "weight": weight})
    asked = inputs(SHAPES[where], 6)
    for (_, one, _), (_, other, _) in zip(fewer, weighted, strict=True):
        torch.testing.assert_close(one(asked), other(asked), rtol=1e-5, atol=1e-5)


def spoilt(batch):
    """The last 20 examples have another target, one that the problem knows."""
    target = batch["target"].clone()
    target[100:] = 1
    return {**batch, "target": target}


@SOLVED
def test_it_leaves_the_same_answer_however_often_it_is_solved(name, where):
    for problem, model, batch in solved(name, where):
        before = {word: tensor.clone() for word, tensor in model.state_dict().items()}
        model.solve(batch, problem, 0)
        assert all(torch.equal(tensor, before[word]) for word, tensor in model.state_dict().items())


def exempt(name, what):
    """Why a class need not do this, by its own word; "" where it must."""
    return getattr(names.find("model", name), "exempt", {}).get(what, "")


class Sum(nn.Module):
    """Looks at its neighbours, has a parameter it does not use, and forgets its arguments."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.idle = nn.Parameter(torch.zeros(2))
        self.output = nn.Linear(6, outputs)

    def forward(self, input):
        return self.output(input - input.mean(0))


def test_this_battery_can_fail(monkeypatch):
    monkeypatch.setattr(names, "find", lambda kind, name: Sum)
    monkeypatch.setattr(names, "spec", lambda model: {"name": "sum", "inputs": [6], "outputs": 3})
    for test in (
        test_a_row_does_not_depend_on_its_neighbours,
        test_every_trainable_parameter_gets_a_finite_gradient,
        test_its_arguments_are_kept_and_build_the_same_model,
    ):
        with pytest.raises(AssertionError):
            test("sum", "vector")
    with pytest.raises(AssertionError):
        test_its_docstring_states_shapes("sum")
