"""Every gear takes the steps that eager takes: the same weights, for every optimizer, under a rate that moves."""

import shutil

import pytest
import torch
from torch import nn
from toys import Adversarial, Pair, Plain, learner, pairs

from mapsto.algorithms.experience import Passes
from mapsto.algorithms.optimizers import SGD, Adam, AdamW
from mapsto.algorithms.update import Descend, gearbox
from mapsto.algorithms.update.gearbox import Choice, plan
from mapsto.algorithms.update.gears import Compiled
from mapsto.core.errors import FailedRun, FrameError
from mapsto.core.schedules import OneCycle
from mapsto.core.state import pack, unpack
from mapsto.data.dataset import Dataset
from mapsto.learner.until import Steps
from mapsto.models import MLP

OPTIMIZERS = [SGD(), SGD(0.0), Adam(weight_decay=0.1), AdamW()]
STEPS = 50
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="a compiled gear needs a C++ compiler")


@pytest.fixture
def traced(monkeypatch):
    """The compiled step, traced and differentiated as ever, but run as it is: a real compiler takes its time."""
    monkeypatch.setattr(Compiled, "backend", "aot_eager")


def run(gear, optimizer=None, model=None, steps=STEPS, **more):
    torch.manual_seed(0)
    optimizer = optimizer or AdamW()
    # the bias before a batch norm has no gradient but rounding, and Adam would follow that at full speed
    model = model or MLP((6,), 3, width=8, norm="batch" if isinstance(optimizer, SGD) else "layer")
    update = Descend(0.02, optimizer, OneCycle(), gear=gear, **more)
    return learner(model=model, update=update, until=Steps(steps), experience=Passes(13))


def game(gear):
    torch.manual_seed(0)
    data = Dataset(pairs(), pairs(5, 1), pairs(5, 1), Plain((2,)), Plain((2,)))
    update = Descend(0.02, Adam(), OneCycle(), gear=gear)
    return learner(
        data=data, model=Pair(), update=update, experience=Passes(8), judged_by=Adversarial(), until=Steps(STEPS)
    )


def apart(one, other) -> float:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return max(float((mine[name] - theirs[name]).abs().max()) for name in mine)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("gear", ["captured", "compiled"])
def test_fifty_steps_in_a_gear_end_where_eager_ones_do(traced, gear, optimizer):
    eager, other = (run(g, optimizer, clip=0.5).fit() for g in ("eager", gear))
    assert other.algorithm.update.gearbox.calls > 5
    assert apart(eager, other) < 1e-5
    for mine, theirs in zip(
        other.algorithm.update.flats[""].changing(), eager.algorithm.update.flats[""].changing(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert other.divergence.smoothed == pytest.approx(
        eager.divergence.smoothed, rel=1e-4
    )  # the losses told are the same


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gear", ["captured", "compiled"])
def test_a_game_of_two_is_the_same_game_in_every_gear(traced, gear):
    assert apart(game("eager").fit(), game(gear).fit()) < 1e-5


@needs_compiler
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "optimizer", [pytest.param(o, marks=[] if o == AdamW() else pytest.mark.slow) for o in OPTIMIZERS], ids=str
)
def test_a_step_compiled_for_real_is_the_eager_one(optimizer):
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    eager, other = (run(g, optimizer, model=m) for g, m in (("eager", model), ("compiled", None)))
    other = run("compiled", optimizer, model=nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))
    other.model.load_state_dict(eager.model.state_dict())
    assert apart(eager.fit(), other.fit()) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a GPU")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_captured_graph_takes_the_eager_steps(optimizer):
    runs = []
    for gear in ("eager", "captured"):
        made = run(gear, optimizer, clip=0.5)
        data = made.data
        moved = Dataset(data.train.fields, data.valid.fields, data.test.fields, data.input, data.target, device="cuda")
        runs.append(
            learner(model=made.model.cuda(), data=moved, update=made.algorithm.update, until=Steps(STEPS)).fit()
        )
    assert apart(*runs) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="syncs are counted on a GPU")
def test_no_step_waits_for_the_device():
    made = run("eager")
    data = made.data
    moved = Dataset(data.train.fields, data.valid.fields, data.test.fields, data.input, data.target, device="cuda")
    made = learner(model=made.model.cuda(), data=moved, update=made.algorithm.update, until=Steps(STEPS)).fit(10)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(10, 20):
            made.algorithm.update.step(made.algorithm.experience.batch(step), step)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_step_looks_at_the_device_once_on_a_cpu_and_never_elsewhere(monkeypatch):
    looks = []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: looks.append(1) or item(tensor))
    for at_once, expected in ((True, 20), (False, 0)):
        made = run("eager")
        made.algorithm.update.guard.at_once = at_once
        made.model.train()
        looks.clear()
        for step in range(20):
            made.tally.add(made.algorithm.update.step(made.algorithm.experience.batch(step), step))
        assert len(looks) == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gear", ["captured", "compiled"])
def test_a_number_that_is_none_is_found_at_its_step(traced, gear):
    made = run(gear)
    made.data.train.fields["input"][5, 0] = torch.nan
    begun = [v.clone() for v in made.algorithm.update.flats[""].values]
    with pytest.raises(FailedRun, match="step 0"):
        made.data.train.fields["input"][:] = torch.nan
        made.fit()
    for now, before in zip(made.algorithm.update.flats[""].values, begun, strict=True):
        assert torch.equal(now, before)


@pytest.mark.filterwarnings("ignore")
def test_a_run_resumed_in_a_gear_goes_on_in_it(traced):
    whole, before, after = (run("auto") for _ in range(3))
    for made in (whole, before):
        made.algorithm.update.gearbox._take(Choice("captured", 2))
        made.algorithm.update.gearbox.raced = made.algorithm.update.gearbox.settled = True
    whole.fit()
    before.fit(20)
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert after.algorithm.update.gearbox.name == "captured"
    assert pack(after.fit().state_dict()) == pack(whole.state_dict())


# -- the plan ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "seconds", "left", "convolves", "gear"),
    [
        ("cpu", 120e-6, 10_000, False, None),  # a second of work does not pay for half a minute of compiling
        ("cpu", 120e-6, 5_000_000, False, ("compiled", 8)),
        ("cpu", 50e-3, 1_000, False, None),
        ("cpu", 50e-3, 50_000, False, ("compiled", 1)),
        ("cpu", 50e-3, 10_000_000, True, None),  # convolutions are library calls either way
        ("cuda", 300e-6, 1_000, False, None),
        ("cuda", 300e-6, 50_000, True, ("captured", 8)),
        ("cuda", 0.1, 100_000, False, ("compiled", 1)),
        ("mps", 300e-6, 10_000_000, False, None),
    ],
)
def test_another_gear_is_tried_where_it_pays_for_itself(device, seconds, left, convolves, gear):
    choice = plan(device, seconds, left, convolves)
    assert (choice and (choice.gear, choice.together)) == gear


def clocked(monkeypatch, eager, other):
    """A run whose eager and other steps take as long as said, and in which the plan says captured."""
    monkeypatch.setattr(gearbox, "plan", lambda *_: Choice("captured", 2))
    made = run("auto", steps=120)
    made.report_every = 40
    box, now = made.algorithm.update.gearbox, [0.0]
    monkeypatch.setattr(gearbox.time, "perf_counter", lambda: now[0])
    steps = box.steps

    def slowly(batches, step):
        before = box.calls
        told = steps(batches, step)
        now[0] += other * len(batches) if box.calls > before else eager * len(batches)
        return told

    monkeypatch.setattr(type(box), "steps", lambda self, batches, step: slowly(batches, step))
    heard = []
    made.fit(observers=[heard.append])
    return made.algorithm.update.gearbox, [word for report in heard for word in report.news]


def test_the_faster_gear_is_kept_and_said_in_one_line(monkeypatch):
    box, news = clocked(monkeypatch, eager=1.0, other=0.5)
    assert (box.name, box.raced) == ("captured", True)
    assert len(news) == 1
    assert "captured, 2 at a time" in news[0]
    assert "kept" in news[0]


def test_a_slower_gear_is_dropped(monkeypatch):
    box, news = clocked(monkeypatch, eager=1.0, other=2.0)
    assert (box.name, box.together, box.raced) == ("eager", 1, True)
    assert "eager again" in news[0]


def test_a_gear_that_does_not_work_here_changes_nothing(monkeypatch):
    def broken(self, batches, told):
        self.descend.flats[""].values[0].fill_(7.0)
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(Compiled, "run", broken)
    heard = []
    other = run("compiled").fit(observers=[heard.append])
    assert apart(other, run("eager").fit()) == 0
    assert "no such instruction" in heard[0].news[0]


def test_a_model_that_draws_is_left_in_eager(monkeypatch):
    monkeypatch.setattr(gearbox, "plan", lambda *_: Choice("captured", 2))
    made = run("auto", model=MLP((6,), 3, width=8, dropout=0.2)).fit()
    assert (made.algorithm.update.gearbox.name, made.algorithm.update.gearbox.settled) == ("eager", True)


@pytest.mark.parametrize("more", [{"ema": 0.9}, {"accumulate": 2}, {"nonfinite": "roll-back"}], ids=str)
def test_a_gear_asked_for_where_there_is_none_is_refused(more):
    with pytest.raises(FrameError, match="gear"):
        run("compiled", **more)
    with pytest.raises(FrameError, match="gear is"):
        Descend(gear="fifth")


def test_no_call_goes_across_a_report_an_exam_or_the_end():
    made = run("captured", steps=23)
    heard, calls = [], []
    steps = made.algorithm.update.gearbox.steps
    made.algorithm.update.gearbox.steps = lambda batches, step: (
        calls.append((step, len(batches))) or steps(batches, step)
    )
    made.report_every, made.exam_every, made.algorithm.update.gearbox.together = 5, 7, 5
    made.fit(observers=[lambda report: heard.append(report.step)])
    borders = [n for n in range(1, 24) if n % 5 == 0 or n % 7 == 0 or n == 23]
    assert 23 in heard
    assert heard[-len(borders) :] == borders
    assert all(not any(step < border < step + count for border in borders) for step, count in calls)
    assert max(count for _, count in calls) == 5
