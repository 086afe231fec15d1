"""Numbers that are none: put somewhere into a run, found within the step, named, and never in the weights."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from toys import dataset, learner, mlp, objective, stopped

from mapsto.algorithms.update import Descend, descend
from mapsto.algorithms.update.guard import Guard
from mapsto.core.batch import nbytes
from mapsto.core.errors import FailedRun, NotFinite
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.learner.divergence import Divergence
from mapsto.learner.learner import Learner, initialised

STEPS, ROWS = 12, 26
ODD = (math.nan, math.inf, -math.inf)


@dataclass
class Injection:
    """One bad number: where it is put, at which step a run must find it, and what the message must name."""

    site: str  # input, target, loss, gradient, weight
    problem: str
    update: dict
    step: int
    row: int
    value: float
    names: str = ""


def injection(seed: int) -> Injection:
    draw = random.Random(seed)
    site = draw.choice(["input", "target", "loss", "gradient", "weight"])
    update = {"ema": draw.choice([0.0, 0.9]), "accumulate": draw.choice([1, 3]), "clip": draw.choice([None, 1.0])}
    problem = "regression" if site == "target" else draw.choice(["classification", "regression", "multi-label"])
    return Injection(site, problem, update, draw.randrange(STEPS), draw.randrange(ROWS), draw.choice(ODD))


class Poisoned:
    """An objective whose loss is not finite for one example, from one step on."""

    def __init__(self, run, row: int, step: int, value: float):
        self.within, self.run, self.row, self.step, self.value = run.objective, run, row, step, value

    def __getattr__(self, name):
        return getattr(self.within, name)

    def losses(self, model, batch, player):
        losses = self.within.losses(model, batch, player)
        if self.run.step < self.step:
            return losses
        hit = (batch["index"] == self.row).reshape(-1)
        return {term: torch.where(hit, self.value, loss) for term, loss in losses.items()}


def inject(run, bad: Injection) -> None:
    """Put the bad number where it belongs, and write down what must be named."""
    fields = run.data.train.fields
    update = run.algorithm.update
    if bad.site in ("input", "target"):
        field = fields[bad.site]
        field.view(len(field), -1)[bad.row, -1] = bad.value
        bad.names = f"the {bad.site} is not finite"
    elif bad.site == "loss":
        update.objective = Poisoned(run, bad.row, bad.step, bad.value)
        bad.names = "the loss '"
    elif bad.site == "gradient":
        name, parameter = random.Random(bad.row).choice(list(run.model.named_parameters()))

        def poison(gradient):
            return gradient * bad.value if run.step >= bad.step else gradient  # inf times a zero is none, too

        parameter.register_hook(poison)
        bad.names = f"the gradient of '{name}'"
    if bad.site in (
        "input",
        "target",
        "loss",
    ):  # found when the example's turn comes, or at the step of a poisoned loss
        experience = run.algorithm.experience
        first = next(s for s in range(STEPS) if bad.row in experience.batch(s)["index"])
        if bad.site == "loss":
            turns = [s for s in range(STEPS) if bad.row in experience.batch(s)["index"]]
            first = update.objective.step = turns[bad.step % len(turns)]
        bad.step = first


def tried(seed: int, at_once: bool = True) -> tuple[bool, bool]:
    """One injection: was it found at its step and named, and are all weights, statistics and moments as before it?"""
    bad = injection(seed)
    data = dataset(bad.problem, rows=ROWS)
    model = initialised(lambda: mlp(bad.problem, (6,)), 0)
    run = learner(bad.problem, Descend(0.01, schedule=Constant(), **bad.update), data=data, model=model)
    run.report_every = 1 if at_once else 4
    run.algorithm.update.guard = Guard(run.model, sticky=True, at_once=at_once)
    inject(run, bad)
    if bad.step:
        run.fit(bad.step)
    weights = {k: v.clone() for k, v in run.model.state_dict().items()}
    flat = run.algorithm.update.flats[""]
    if bad.site == "weight":
        name, parameter = random.Random(bad.row).choice(list(run.model.named_parameters()))
        with torch.no_grad():
            parameter.view(-1)[-1] = bad.value
        weights[name] = parameter.detach().clone()
        bad.names = f"the weight '{name}' is not finite"
    before = pack({"weights": weights, "moments": [t.clone() for m in flat.moments for t in m.values()]})
    try:
        run.fit(STEPS + 8)
        found = False
    except NotFinite as error:
        found = error.step == bad.step and bad.names in error.message
        if bad.site in ("input", "target", "loss"):
            found = found and error.examples == [bad.row]
    moments = [t for m in flat.moments for t in m.values()]
    untouched = pack({"weights": dict(run.model.state_dict()), "moments": moments}) == before
    return found, untouched


def naive(seed: int) -> bool:
    """The same injection into a run that does not look: do its weights stay finite?"""
    sound = Guard.sound
    Guard.sound = lambda self, flat, loss, step: True
    try:
        tried(seed)
    except FailedRun:
        return False  # the loss it reported was none: by then the weights have long been gone
    finally:
        Guard.sound = sound
    return True


@pytest.mark.filterwarnings("ignore:Anomaly")
@pytest.mark.parametrize("at_once", [True, False], ids=["host", "device"])
def test_no_number_that_is_none_reaches_the_weights(dose, counted, at_once):
    results = [tried(seed, at_once) for seed in range(dose(60, 500))]
    lost = [seed for seed, (found, untouched) in enumerate(results) if not (found and untouched)]
    spoiled = sum(not naive(seed) for seed in range(20))
    assert spoiled > 10
    counted(
        "numbers" if at_once else "numbers-device",
        tried=len(results),
        held=len(results) - len(lost),
        control=f"a step that does not look: {spoiled} of 20 runs spoiled",
    )
    assert not lost


def plain(together: int, bad: Callable[[Learner], None]) -> tuple[bytes, int, list[int]]:
    """A run of a plain stack, so many steps at a time: its weights and moments, the step at which it stopped, the rows it names."""
    stack = initialised(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), 0)
    run = learner(update=Descend(0.01, schedule=Constant()), data=dataset(rows=200), model=stack)
    run.report_every = run.exam_every = together
    bad(run)
    step, rows = -1, []
    try:
        run.fit(48)
    except NotFinite as error:
        step, rows = error.step, error.examples
    update = run.algorithm.update
    assert update.trusted == descend.TRUSTED
    return pack({"weights": dict(run.model.state_dict()), "flat": update.flats[""].state_dict()}), step, rows


def spoil(field: str, row: int, value: float) -> Callable[[Learner], None]:
    return lambda run: run.data.train.fields[field][row].fill_(value)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("row", [3, 77, 140])
def test_one_look_for_many_steps_stops_where_a_look_at_each_does(row, value):
    alone, together = (plain(steps, spoil("input", row, value)) for steps in (1, 16))
    assert alone == together
    assert together[1] >= 0
    assert together[2] == [row]


def test_what_no_look_objects_to_is_the_same_many_steps_at_a_time():
    alone, together, uneven = (plain(steps, lambda _: None) for steps in (1, 16, 7))
    assert alone == together == uneven
    assert together[1] == -1


def test_no_more_steps_wait_for_a_look_than_their_batches_have_room(monkeypatch):
    stack = initialised(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), 0)
    run = learner(update=Descend(0.01, schedule=Constant()), data=dataset(rows=200), model=stack)
    one = nbytes(run.algorithm.experience.typical())
    monkeypatch.setattr(descend, "WAITING", 5 * one + one // 2)
    run.algorithm.update.start(run)
    assert run.algorithm.update.trusted == 5


def test_the_message_says_which_layer_made_it():
    class Sharp(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.root = torch.nn.Linear(6, 4), Root()
            self.last = torch.nn.Linear(4, 3)

        def forward(self, input):
            return self.last(self.root(self.first(input)))

    class Root(torch.nn.Module):
        def forward(self, input):
            return input.sqrt()

    run = learner(model=Sharp())
    with pytest.raises(NotFinite, match=r"step 0: layer 'root' \(Root\) gives what is not finite"):
        run.fit()


def test_a_step_is_left_out_and_said_so_up_to_a_limit():
    def run(mishaps):
        run = learner(update=Descend(0.01, schedule=Constant(), nonfinite="skip", mishaps=mishaps))
        run.data.train.fields["input"][5, 2] = math.nan
        run.report_every = 1
        return run

    heard = []
    patient = run(mishaps=10)
    patient.fit(9, observers=[heard.append])
    said = [line for report in heard for line in report.news]
    assert len(said) == 3 and all("the input is not finite" in line and "left out" in line for line in said)
    assert all(torch.isfinite(p).all() for p in patient.model.parameters())
    assert all(math.isfinite(loss) for report in heard for loss in report.losses.values())
    with pytest.raises(NotFinite, match="2 times before"):
        run(mishaps=2).fit(9)


@pytest.mark.parametrize("at_once", [True, False], ids=["host", "device"])
def test_rolling_back_returns_to_earlier_weights_at_half_the_rate(at_once):
    run = learner(update=Descend(0.01, schedule=Constant(), nonfinite="roll-back"))
    update = run.algorithm.update
    update.guard = Guard(run.model, sticky=False, at_once=at_once)
    run.data.train.fields["input"][5, 2] = math.inf
    run.report_every = 1
    first = next(s for s in range(9) if 5 in run.algorithm.experience.batch(s)["index"])
    start = [v.clone() for v in update.flats[""].values]
    run.fit(first + 1)
    assert all(torch.equal(a, b) for a, b in zip(start, update.flats[""].values, strict=True))
    assert update.damping == 0.5


def test_a_rolled_back_run_resumes_as_itself():
    def run():
        run = learner(update=Descend(0.01, schedule=Constant(), nonfinite="roll-back"))
        run.data.train.fields["input"][5, 2] = math.nan
        return run

    whole = run().fit(14)
    half = stopped(run(), 7)
    rest = run()
    rest.load_state_dict(unpack(pack(half.state_dict())))
    assert pack(rest.fit(14).state_dict()) == pack(whole.state_dict())


def test_no_step_waits_for_the_device(monkeypatch):
    run = learner(update=Descend(0.01, schedule=Constant(), clip=1.0, ema=0.9))
    update = run.algorithm.update
    update.guard = Guard(run.model, sticky=True, at_once=False)
    batch = run.algorithm.experience.batch(0)

    def waits(self, *_):
        raise AssertionError("a step looked at a tensor's value")

    for name in ("item", "__bool__", "__float__", "__int__", "tolist", "cpu"):
        monkeypatch.setattr(torch.Tensor, name, waits)
    update.step(batch, 0)


def test_a_loss_that_runs_away_stops_with_advice():
    told = Divergence(objective())
    for step, loss in enumerate([2.0, 0.5, 0.1, 0.1]):
        told.hear(step, {"loss": loss})
    told.hear(4, {"loss": 0.9})  # worse, but better than at the start
    with pytest.raises(FailedRun, match=r"run away(.|\n)*algorithm.lr"):
        for step in range(5, 12):
            told.hear(step, {"loss": 50.0 * step})


def test_a_bad_stretch_is_no_divergence():
    told = Divergence(objective())
    for step in range(40):
        told.hear(step, {"loss": 1e-6 if step % 4 else 2e-5})
    told = Divergence(objective())
    for step in range(40):
        told.hear(step, {"loss": 30.0 if step % 7 == 0 else 1.0})
