"""Stopped and resumed at every step, in every pair of things that a run can be made of: the run that never stopped, bit for bit.

A stop leaves what a kill leaves: the bytes of a checkpoint, and a learner built from scratch in which nothing is remembered.
What goes by the clock (`Minutes`) is not among them.
"""

import functools
import gc
import inspect
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
import threadpoolctl
import torch
from toys import OUTPUTS, TOKENS, Adversarial, Pair, Plain, dataset, learner, pairs

from mapsto.algorithms.experience import Passes, Whole
from mapsto.algorithms.update import Descend, Solve
from mapsto.core import names
from mapsto.core.batch import Batch, size
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Augmentation, Experience, Objective, Problem, Shape, Solvable
from mapsto.core.state import pack, unpack
from mapsto.data.dataset import Dataset
from mapsto.learner.fit import Report
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.race import Settled
from mapsto.learner.until import Either, Epochs, Plateau, Steps

STEPS, ROWS, REPORTS = 40, 26, 4
PICTURE, ROW, VECTOR = (1, 8, 8), {"number": [3], "category": [4, 5]}, (6,)
BATCHES = {"short": 6, "even": 2, "whole": 1, "part": 1}  # an epoch


@dataclass(frozen=True)
class Kind:
    """What is learned by what; no model settings: the game of two players."""

    problem: Problem
    shape: Shape
    model: dict


KINDS = {
    "table": Kind("classification", ROW, {"name": "mlp", "width": 8, "waves": 3}),
    "pictures": Kind("classification", PICTURE, {"name": "conv-net", "width": 2, "depth": 2}),
    "labels": Kind("multi-label", PICTURE, {"name": "conv-net", "width": 2, "depth": 1, "dropout": 0.2}),
    "numbers": Kind("regression", VECTOR, {"name": "mlp", "width": 8, "norm": "layer"}),
    "dropout": Kind("classification", VECTOR, {"name": "mlp", "width": 8, "dropout": 0.3, "norm": "batch"}),
    "game": Kind("regression", (2,), {}),
}
FACTORS = {
    "kind": list(KINDS),
    "experience": list(BATCHES),  # short: the last batch of an epoch has one example
    "optimizer": sorted(names.listed("optimizer")),
    "schedule": sorted(names.listed("schedule")),
    "until": ["epochs", "steps", "plateau", "either"],
    "accumulate": [1, 2, 3],
    "ema": [0.0, 0.9],
    "augment": ["none", "moved", "blended"],
    "clip": [None, 0.05],
    "nonfinite": ["stop", "skip", "roll-back"],  # with something to skip
    "looked": ["at once", "at reports"],  # for what is not finite: as on a CPU, as on an accelerator
    "memory": ["enough", "short"],
    "precision": ["float32", "bfloat16"],
}
SHELF = {
    "none": [],
    "moved": [{"name": "shift"}, {"name": "flip", "vertical": 0.5}, {"name": "rotate"}],
    "blended": [{"name": "crop"}, {"name": "cutout", "size": 3}, {"name": "mixup", "classes": 3}],
}


def possible(choice: dict) -> bool:
    return choice["until"] != "plateau" or choice["schedule"] == "constant"  # nobody knows when it ends


def combinations(count: int) -> list[dict]:
    """At least `count` choices in which every possible two values of two factors meet, the most telling first."""
    draw, chosen = random.Random(0), []
    unmet = {
        two
        for one, other in itertools.combinations(FACTORS, 2)
        for two in itertools.product([(one, v) for v in FACTORS[one]], [(other, v) for v in FACTORS[other]])
        if possible({"until": "steps", "schedule": "constant", **dict(two)})
    }

    def meets(choice: dict) -> set:
        return set(itertools.combinations(choice.items(), 2)) & unmet

    while unmet or len(chosen) < count:
        wanted = dict(min(unmet, key=str)) if unmet else {}
        tried = ({f: wanted.get(f, draw.choice(values)) for f, values in FACTORS.items()} for _ in range(100))
        chosen.append(max(filter(possible, tried), key=lambda choice: len(meets(choice))))
        unmet -= meets(chosen[-1])
    return chosen


@dataclass(frozen=True)
class Jitter(Augmentation):
    """Numbers moved a little."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        return with_numbers(batch, lambda t: t + 0.1 * torch.randn(t.shape, generator=generator))


@dataclass(frozen=True)
class Spoiled(Augmentation):
    """In one batch of eight or so, the first example has numbers that are none."""

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        if torch.rand(1, generator=generator) > 1 / 8:
            return batch
        first = torch.arange(size(batch)) == 0
        return with_numbers(batch, lambda t: t.masked_fill(first.view(-1, *[1] * (t.ndim - 1)), torch.nan))


def with_numbers(batch: Batch, change: Callable) -> Batch:
    input = batch["input"]
    changed = {**input, "number": change(input["number"])} if isinstance(input, dict) else change(input)
    return {**batch, "input": changed}


def data_of(choice: dict) -> Dataset:
    kind = KINDS[choice["kind"]]
    if kind.shape == PICTURE:
        augment = [names.build("augmentation", written) for written in SHELF[choice["augment"]]]
    else:
        augment = [] if choice["augment"] == "none" else [Jitter()]
    augment += [] if choice["nonfinite"] == "stop" else [Spoiled()]
    if kind.model:
        return dataset(kind.problem, kind.shape, ROWS, augment=augment)
    return Dataset(pairs(ROWS), pairs(9, 1), pairs(9, 1), Plain((2,)), Plain(()), augment)


def learner_of(choice: dict, weights: int, passes: type[Passes] = Passes) -> Learner:
    """A learner of that choice, built from scratch. weights: the seed of its first weights."""
    kind, batches = KINDS[choice["kind"]], BATCHES[choice["experience"]]
    experience: Experience = {
        "short": lambda: passes(5),
        "even": lambda: passes(13),
        "whole": Whole,
        "part": lambda: Whole(10),
    }[choice["experience"]]()
    until = {
        "epochs": lambda: Epochs(STEPS // batches),
        "steps": lambda: Steps(STEPS),
        "plateau": lambda: Plateau("loss", 18 // batches),
        "either": lambda: Either([Plateau("loss", 12 // batches), Steps(STEPS)]),
    }[choice["until"]]()
    update = Descend(
        0.03,
        names.build("optimizer", {"name": choice["optimizer"]}),
        names.build("schedule", {"name": choice["schedule"]}),
        mishaps=STEPS,
        **{setting: choice[setting] for setting in ("accumulate", "ema", "clip", "nonfinite", "precision")},
    )
    ends = {"inputs": kind.shape, "outputs": OUTPUTS[kind.problem]}
    model = initialised(lambda: names.build("model", {**kind.model, **ends}) if kind.model else Pair(), weights)
    judged_by: Objective | None = None if kind.model else Adversarial()
    run = learner(kind.problem, update, until, experience, data_of(choice), model, judged_by)
    run.report_every = REPORTS  # between exams, too
    update.guard.at_once = choice["looked"] == "at once"
    if choice["memory"] == "short":
        for part in [model] if kind.model else model.children():
            part.register_forward_pre_hook(lambda module, inputs: allocate(run, module, inputs[0]))
    return run


def allocate(run: Learner, module: torch.nn.Module, input: torch.Tensor | dict) -> None:
    """From step 13 on, memory suffices for no more than four examples."""
    rows = size({"input": input})
    if module.training and run.step >= 13 and rows > 4:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


# -- the harness -------------------------------------------------------------------------------------------------------

Files = dict[str, bytes]
Make = Callable[[int], Learner]  # the seed of the first weights → a learner from scratch
Forget = Callable[[dict, dict], None]  # spoils a saved state; beside it, that of a learner from scratch


class Camera:
    """Keeps what a checkpoint would hold before each step, and asks to stop after `STEPS`."""

    def __init__(self, run: Learner):
        self.run = run
        self.seen: dict[int, Files] = {}

    @property
    def asked(self) -> bool:
        self.seen[self.run.step] = pack(self.run.state_dict())
        return self.run.step >= STEPS


@dataclass
class At:
    """Asks to stop at a step."""

    run: Learner
    step: int

    @property
    def asked(self) -> bool:
        return self.run.step >= self.step


@dataclass
class Unbroken:
    """A run that nobody stopped: its checkpoint at each step, those that an observer saves, and what observers hear."""

    run: Learner
    checkpoints: dict[int, Files]
    saved: dict[int, Files]
    reports: list[Report]

    @property
    def end(self) -> int:
        return max(self.checkpoints)

    def heard_after(self, step: int) -> list[str]:
        return [repr(report) for report in self.reports if report.step > step]

    def events(self) -> list[str]:
        """What happened in it that is not easily resumed."""
        update = self.run.algorithm.update
        happened = {
            "ended early": self.end < STEPS - 4,
            "best before last": self.run.best.step < self.end,
            "exams at some reports": len({report.scores is None for report in self.reports}) == 2,
        }
        if isinstance(update, Descend):
            happened["skipped"] = update.lost and update.damping == 1
            happened["rolled back"] = update.damping < 1
            happened["short of memory"] = update.parts > update.accumulate
        return [event for event, did in happened.items() if did]


def unbroken(make: Make) -> Unbroken:
    run, reports, saved = make(0), [], {}
    camera = Camera(run)

    def save(report: Report) -> None:
        saved[report.step] = pack(run.state_dict())

    run.settle(Settled())
    run.fit(observers=[save, reports.append], stop=camera)
    camera.seen[run.step] = pack(run.state_dict())
    return Unbroken(run, camera.seen, saved, reports)


def resumed(make: Make, files: Files, forget: Forget | None = None) -> Learner:
    """What another process makes of a checkpoint."""
    run, state = make(1), unpack(files)
    if forget:
        forget(state, run.state_dict())
    run.load_state_dict(state)
    torch.manual_seed(run.step)  # it has another past
    run.settle(Settled())
    return run


def goes_on(make: Make, files: Files, stops: list[int], forget: Forget | None = None) -> tuple[Files, list[str]]:
    """Resumed, and stopped and resumed again at each of `stops`: the last checkpoint, and what observers heard."""
    heard: list[str] = []
    for stop in [*stops, STEPS]:
        run = resumed(make, files, forget)
        run.fit(observers=[lambda report: heard.append(repr(report))], stop=At(run, stop))
        files = pack(run.state_dict())
    return files, heard


def broken_off(make: Make, files: Files, step: int) -> Files:
    """One step further, and stopped at the end of the exam that follows it, before anybody knows what came of it."""
    run = resumed(make, files)
    evaluate = run.evaluate

    def examined(*asked: object, **how: object) -> None:
        evaluate(*asked, **how)
        raise KeyboardInterrupt

    run.evaluate = examined
    run.fit(stop=At(run, step))
    return pack(run.state_dict())


@dataclass
class Count:
    """How many stops were tried, and in which the run went on otherwise: which stop, and in what it differed."""

    tried: int
    lost: list[tuple[str, int, str]]
    events: list[str]


def stopped_everywhere(make: Make, forget: Forget | None = None, apart: int = 1) -> Count:
    """Stop at every step; in every exam; as an observer saves; and again and again, at each n-th step of one run.

    apart: of those steps, only every so-manieth and the last.
    """
    whole = unbroken(make)
    every = sorted({*list(whole.checkpoints)[::apart], whole.end})
    exams = [report.step for report in whole.reports if report.scores is not None][::apart]
    ways = [("step", step, step, whole.checkpoints[step], []) for step in every]
    ways += [("exam", step, step - 1, broken_off(make, whole.checkpoints[step - 1], step), []) for step in exams]
    ways += [("each", n, 0, whole.checkpoints[0], every[n::n]) for n in ((1, 2, 3) if apart == 1 else (2,))]
    lost = [("saved", n, "") for n, files in whole.saved.items() if files != whole.checkpoints[n]]
    for what, n, told, files, stops in ways:
        last, heard = goes_on(make, files, stops, forget)
        differs = difference(last, whole.checkpoints[whole.end])
        if differs or heard != whole.heard_after(told):
            lost.append((what, n, differs or "reports"))
    return Count(len(whole.saved) + len(ways), lost, whole.events())


def difference(one: Files, other: Files) -> str:
    """Where two checkpoints differ first; "" where they are the same, bit for bit."""
    if one == other:
        return ""
    left, right = (dict(leaves(unpack(files))) for files in (one, other))
    return next((path for path in {**left, **right} if not same(left.get(path), right.get(path))), "order")


def leaves(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, f"{path}/{key}")
    else:
        yield path, node


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return (one.dtype, one.shape, one.numpy().tobytes()) == (other.dtype, other.shape, other.numpy().tobytes())
    return repr(one) == repr(other)


@pytest.fixture(autouse=True, scope="module")
def imported():
    """What is imported on the way is imported, so that the collection each `fit` begins with need not look at it."""
    solvers()
    gc.collect()
    gc.freeze()


# -- the matrix --------------------------------------------------------------------------------------------------------


def test_a_run_stopped_anywhere_is_the_run_that_never_stopped(dose, counted):
    choices, apart = [HARD, *combinations(48)][: dose(6, 1000)], dose(13, 1)
    counts = [stopped_everywhere(partial(learner_of, choice), apart=apart) for choice in choices]
    solutions = [stopped_everywhere(make) for make in solvers()[: dose(2, 1000)]]
    assert [(choice, c.lost) for choice, c in zip(choices, counts, strict=True) if c.lost] == []
    assert [c.lost for c in solutions if c.lost] == []
    happened = Counter(event for count in counts for event in count.events)
    assert len(happened) >= dose(5, 6) and min(happened.values()) >= dose(1, 4), "else holding says little"
    naive = {what: found(what, apart) for what in list(NAIVE)[: dose(2, 100)]}
    again, tried = reruns(dose(1, 2), dose(1, 2))
    counted(
        "resume",
        tried=sum(c.tried for c in counts + solutions),
        held=sum(c.tried - len(c.lost) for c in counts + solutions),
        control="; ".join(f"{what}: {len(c.lost)} of {c.tried} lost" for what, c in naive.items()),
        combinations=len(choices),
        solved_models=len(solutions),
        every_model_again_on_1_and_2_threads=f"{again} of {tried} bitwise equal",
    )


def test_any_two_values_of_two_factors_meet_in_48_runs():
    """A plateau alone does not say when it ends, so it meets one schedule only."""
    choices = combinations(48)
    assert len(choices) == 48
    for one, other in itertools.combinations(FACTORS, 2):
        met = {(choice[one], choice[other]) for choice in choices}
        barred = {one, other} == {"until", "schedule"}
        assert len(met) == len(FACTORS[one]) * len(FACTORS[other]) - barred * (len(FACTORS["schedule"]) - 1)


def test_looking_at_reports_for_what_is_not_finite_leaves_the_model_as_looking_at_once_does():
    """Its running statistics, too. By SGD, which does not count its steps: at reports, a step that was skipped is counted."""
    choices = [{**HARD, "looked": when, "optimizer": "sgd"} for when in FACTORS["looked"]]
    at_once, at_reports = (unbroken(partial(learner_of, choice)) for choice in choices)
    for step in sorted(at_once.saved):
        one, other = (unpack(whole.saved[step])["model"] for whole in (at_once, at_reports))
        assert [name for name in one if not same(one[name], other[name])] == [], step


# -- what is solved at once --------------------------------------------------------------------------------------------


@functools.cache
def solvers() -> list[Make]:
    """Every solvable model on every problem that it solves."""
    return [
        partial(solver_of, name, problem)
        for name in of_one_answer()
        if issubclass(names.find("model", name), Solvable)
        for problem in OUTPUTS
        if solves(name, problem)
    ]


def of_one_answer() -> list[str]:
    """Models that say one thing of an example: what the toys are made for."""
    return [n for n in names.listed("model") if "one-answer" not in getattr(names.find("model", n), "exempt", {})]


def solver_of(name: str, problem: Problem, weights: int = 0) -> Learner:
    try:
        shape, model = VECTOR, built(name, VECTOR, OUTPUTS[problem], weights)
    except ShapeError:
        shape, model = TOKENS, built(name, TOKENS, OUTPUTS[problem], weights)
    return learner(problem, Solve(), Steps(STEPS), Whole(), dataset(problem, shape, 60), model)


def solves(name: str, problem: Problem) -> bool:
    try:
        solver_of(name, problem).fit()
    except FrameError:
        return False
    return True


def built(name: str, shape: Shape, outputs: int, weights: int = 0) -> torch.nn.Module:
    """A small one of the model of that name."""
    small = {"width": 8, "hidden": 32, "rounds": 5}
    known = inspect.signature(names.find("model", name)).parameters
    settings = {word: value for word, value in small.items() if word in known}
    written = {"name": name, "inputs": shape, "outputs": outputs, **settings}
    return initialised(lambda: names.build("model", written), weights)


# -- run again ---------------------------------------------------------------------------------------------------------


@functools.cache
def reruns(times: int, most_threads: int) -> tuple[int, int]:
    """Every model on the shelf, on each number of threads, run again so often: how many were the first, of how many."""
    models = [partial(any_learner, name) for name in of_one_answer()]
    held = []
    for make, threads in itertools.product(models, range(1, most_threads + 1)):
        first, *again = [ran(make, threads) for _ in range(1 + times)]
        held += [rerun == first for rerun in again]
    return sum(held), len(held)


def any_learner(name: str) -> Learner:
    """Of a model of any name, on the first inputs that it takes."""
    if issubclass(names.find("model", name), Solvable):
        return next(make for make in solvers() if make.args[0] == name)()
    for shape in ((3, 16, 16), ROW, VECTOR, TOKENS):
        try:
            model = built(name, shape, 3)
        except ShapeError:
            continue
        return learner(until=Steps(6), data=dataset(shape=shape, rows=64), model=model, experience=Passes(24))
    raise AssertionError(f"{name} takes none of the inputs")


def ran(make: Callable[[], Learner], threads: int) -> Files:
    before = torch.get_num_threads()
    try:
        with threadpoolctl.threadpool_limits(threads):  # scikit-learn's
            run = make()
            run.settle(Settled(threads))
            return pack(run.fit().state_dict())
    finally:
        torch.set_num_threads(before)


def test_a_run_again_is_the_same_run_whatever_the_model_and_the_threads(dose):
    again, tried = reruns(dose(1, 2), dose(1, 2))  # a second thread beside a busy neighbour takes minutes
    assert again == tried >= len(of_one_answer()) > 15


class Restless(torch.nn.Module):
    """Draws from a generator of its own, which goes on from run to run."""

    source = torch.Generator().manual_seed(0)

    def __init__(self):
        super().__init__()
        self.output = torch.nn.Linear(6, 3)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return self.output(input + torch.randn(input.shape, generator=self.source))


def test_a_model_that_remembers_what_it_drew_is_found_out():
    assert ran(lambda: learner(model=Restless()), 1) != ran(lambda: learner(model=Restless()), 1)


# -- the negative control ----------------------------------------------------------------------------------------------


class FirstShuffle(Passes):
    """After each resume, the order of the first epoch comes again (Lightning, issue 21938)."""

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.begun: int | None = None

    def plan(self, epoch: int) -> list[torch.Tensor]:
        self.begun = epoch if self.begun is None else self.begun
        return super().plan(epoch - self.begun)


def forgets(*path: str) -> Forget:
    """A resume that leaves one part of the state as it is in a learner from scratch."""

    def forget(saved: dict, fresh: dict) -> None:
        for word in path[:-1]:
            saved, fresh = saved[word], fresh[word]
        saved[path[-1]] = fresh[path[-1]]

    return forget


HARD = {
    "kind": "dropout",
    "experience": "short",
    "optimizer": "adam-w",
    "schedule": "constant",
    "until": "plateau",
    "accumulate": 1,
    "ema": 0.9,
    "augment": "moved",
    "clip": None,
    "nonfinite": "skip",
    "looked": "at reports",
    "memory": "short",
    "precision": "float32",
}
NAIVE: dict[str, Forget | None] = {
    "sampler begun anew": None,
    "optimizer's count forgotten": forgets("update", "flats", "", "count"),
    "moments": forgets("update", "flats", "", "moments"),
    "average": forgets("update", "averages"),
    "patience": forgets("until"),
    "best weights": forgets("best"),
    "losses since the last report": forgets("tally"),
    "running statistics": forgets("model", "hidden.1.running_mean"),
    "exam broken off": lambda saved, fresh: saved.update(told=saved["step"]),
}


@functools.cache
def found(what: str, apart: int) -> Count:
    passes = FirstShuffle if what == "sampler begun anew" else Passes
    return stopped_everywhere(partial(learner_of, HARD, passes=passes), NAIVE[what], apart)


def test_a_resume_that_forgets_something_is_found_out(dose):
    for what in list(NAIVE)[: dose(2, 100)]:
        assert found(what, dose(13, 1)).lost, what


def test_and_it_is_found_where_it_matters(dose):
    """The shuffle of the first epoch, come again, is the right one in the first epoch, and none is needed at the end."""
    apart, end = dose(13, 1), STEPS
    lost = [n for what, n, _ in found("sampler begun anew", apart).lost if what == "step"]
    assert lost == [n for n in range(0, end, apart) if n >= BATCHES["short"]]
