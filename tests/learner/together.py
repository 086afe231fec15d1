"""What each of several processes does in test_processes_of_training.py: torchrun … together.py SCENARIO RESULT.

A scenario learns together with the others, and by itself (`world.alone`), and says how far apart the two are.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from toys import Adversarial, Pair, Plain, Ragged, batch, dataset, learner, pairs

import mapsto
from mapsto import cli
from mapsto.algorithms.optimizers import SGD
from mapsto.algorithms.update import Descend
from mapsto.core import world
from mapsto.core.batch import Batch, Losses, over, size
from mapsto.core.errors import Interrupted, NotFinite
from mapsto.core.nouns import Objective
from mapsto.core.schedules import Constant
from mapsto.data import dataset as exams
from mapsto.data.dataset import Dataset
from mapsto.domains import Number
from mapsto.framing import conclude, folds
from mapsto.framing import train as training
from mapsto.learner import meeting
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.watch import Unwatched
from mapsto.models import MLP
from mapsto.objectives import CrossEntropy


def full(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gradients_apart(single: Learner, several: Learner) -> float:
    """Of the player that moved last: in shards, another's gradients are no more what it moved by."""
    player = several.objective.players[-1]
    both = (run.model.get_submodule(player).parameters() for run in (single, several))
    return max(float((one.grad - full(two.grad)).abs().max()) for one, two in zip(*both, strict=True))


def flat(tensors: Any) -> Tensor:
    return torch.cat([t.detach().flatten().double() for t in tensors])


def apart(make: Callable[[], Learner], steps: int = 8) -> dict[str, float]:
    """The largest difference of a gradient, step by step, and of weights, losses and scores in the end."""
    with world.alone():
        single = make()
    several = make()
    several.evaluate("valid")  # an exam leaves no trace
    gradients = []
    for step in range(steps):
        for run in (several, single):
            with world.alone() if run is single else nullcontext():
                run.algorithm.update.step(run.algorithm.experience.batch(step), step)
        gradients.append(gradients_apart(single, several))
    weights = [flat(map(full, run.model.parameters())) for run in (single, several)]
    with world.alone():
        alone = single.evaluate("valid")
    together = several.evaluate("valid")
    said = [several.data.predictions(several, "valid")]
    with world.alone():
        said.append(single.data.predictions(single, "valid"))
    scores = max((abs(alone[name].value - together[name].value) for name in alone), default=0.0)
    return {
        "gradient": max(gradients),
        "weight": float((weights[0] - weights[1]).abs().max()),
        "score": scores,
        "prediction": max([0.0, *(said[0] - said[1]).abs().flatten().tolist()]),
        "share": share(several.model),
        "moved": float((weights[0] - flat(initial(make).parameters())).abs().max()),
    }


def share(model: nn.Module) -> float:
    """Of the weights, that this process keeps."""
    kept = [p.to_local() if isinstance(p, DTensor) else p for p in model.parameters()]
    return len(flat(kept)) / sum(p.numel() for p in model.parameters())


def initial(make: Callable[[], Learner]) -> nn.Module:
    with world.alone():
        return make().model


def plain(**update: Any) -> Learner:
    """26 rows in batches of 10: the last of an epoch has 6, so that of four processes two have two and two have one."""
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, update=Descend(0.02, schedule=Constant(), **update))


def short(rows: int, **update: Any) -> Learner:
    """The last batch of an epoch has one row: every process but the first has none."""
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, data=dataset(rows=rows), update=Descend(0.02, schedule=Constant(), **update))


def weighted() -> Learner:
    drawn = batch(rows=26)
    drawn["weight"] = torch.linspace(0, 3, 26)
    data = dataset(rows=26)
    data.train.fields = drawn
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, data=data, update=Descend(0.02, schedule=Constant()))


def ragged(**update: Any) -> Learner:
    """A `Mean` whose counts are very unequal, beside one loss an example."""
    draw = torch.Generator().manual_seed(0)
    fields: Batch = {
        "input": torch.randn(26, 6, generator=draw),
        "count": torch.randint(0, 7, (26,), generator=draw),
        "target": torch.zeros(26, 6),
    }
    none = over(fields, lambda t: t[:0])
    data = Dataset(fields, none, none, Plain((6,)), Plain((6,)))
    model = initialised(lambda: nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)), 0)
    return learner(model=model, data=data, judged_by=Ragged(), update=Descend(0.02, schedule=Constant(), **update))


def game(**update: Any) -> Learner:
    data = Dataset(pairs(26), pairs(9, 1), pairs(9, 2), Plain((2,)), Number().fit([-1.0, 1.0]))
    return learner(
        model=initialised(Pair, 0),
        data=data,
        judged_by=Adversarial(),
        update=Descend(0.02, schedule=Constant(), **update),
    )


def pictures(**update: Any) -> Learner:
    """Weights that lie in another order than their numbers, and a buffer of truth values."""
    layers = lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))  # noqa: E731
    model = initialised(layers, 0).to(memory_format=torch.channels_last)
    model.register_buffer("mask", torch.tensor([True, False]))
    return learner(model=model, data=dataset(shape=(2, 6, 6)), update=Descend(0.02, schedule=Constant(), **update))


class Tied(nn.Module):
    """Two children share a weight, and a list holds two others."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.rest = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 3)])

    def forward(self, input: Tensor) -> Tensor:
        found = self.second(self.first(input).tanh()).tanh()
        for layer in self.rest:
            found = layer(found)
        return found


def tied() -> Learner:
    return learner(model=initialised(Tied, 0), update=Descend(0.02, schedule=Constant(), sharded=True))


LEARNERS: dict[str, Callable[[], Learner]] = {
    "plain": plain,
    "clipped": lambda: plain(clip=0.05),
    "accumulated": lambda: plain(accumulate=3),
    "averaged": lambda: plain(ema=0.9),
    "short": lambda: short(21),
    "weighted": weighted,
    "ragged": ragged,
    "ragged, accumulated": lambda: ragged(accumulate=2),
    "game": game,
    "pictures": pictures,
    "sgd": lambda: plain(optimizer=SGD()),
}


SHARDED: dict[str, Callable[[], Learner]] = {
    "plain": lambda: plain(sharded=True),
    "clipped, accumulated, averaged": lambda: plain(sharded=True, clip=0.05, accumulate=3, ema=0.9),
    "short": lambda: short(21, sharded=True),
    "ragged": lambda: ragged(sharded=True),
    "game": lambda: game(sharded=True),
    "tied": tied,
    "pictures": lambda: pictures(sharded=True),
}


def equal() -> dict[str, Any]:
    """Every learner, and exams whose blocks do not go evenly among the processes."""
    exams.EXAM_BATCH = 4
    return {name: apart(make) for name, make in LEARNERS.items()}


def sharded() -> dict[str, Any]:
    """The same in shards: how far apart, and which share of the numbers this process keeps."""
    exams.EXAM_BATCH = 4
    return {name: apart(make) for name, make in SHARDED.items()}


class Drawing(CrossEntropy):
    """Remembers what is drawn where dropout would be."""

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        self.drawn = float(torch.rand(())) if model.training else self.drawn
        return super().losses(model, batch, player)


def drawn() -> list[float]:
    """What this process draws in a step, and what it would draw alone."""
    runs = [plain_with(Drawing()).fit(1)]
    with world.alone():
        runs.append(plain_with(Drawing()).fit(1))
    return [run.objective.drawn for run in runs]


class Scarce(CrossEntropy):
    """The memory of the second process suffices for two examples only."""

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        if world.rank() == 1 and size(batch) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return super().losses(model, batch, player)


def scarce() -> dict[str, Any]:
    """One process takes its part in pieces, first before counts are exchanged and then after; the others need not know."""
    makes = [partial(plain_with, objective) for objective in (CrossEntropy(), Scarce())]
    with world.alone():
        single = makes[0]()
    several = makes[1]()
    for step in range(3):
        with world.alone():
            single.algorithm.update.step(single.algorithm.experience.batch(step), step)
        several.algorithm.update.step(several.algorithm.experience.batch(step), step)
    mine = several.algorithm.update.parts
    told = several.algorithm.update.news()
    weights = [flat(run.model.parameters()) for run in (single, several)]
    parts = [mine, several.algorithm.update.parts]
    return {"weight": float((weights[0] - weights[1]).abs().max()), "parts": world.gathered(parts), "told": told}


def plain_with(objective: Objective) -> Learner:
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, judged_by=objective, update=Descend(0.02, schedule=Constant()))


def spoiled() -> dict[str, str]:
    """A row that is none, which one process alone sees: what each of them says, and whether its weights are still good."""
    said = {}
    for sharded in (False, True):
        data = dataset(rows=26)
        data.train.fields["input"][7] = math.nan
        run = learner(
            model=initialised(lambda: MLP((6,), 3, width=8), 0),
            data=data,
            update=Descend(schedule=Constant(), sharded=sharded),
        )
        try:
            run.fit()
        except NotFinite as error:
            kept = [p.to_local() if isinstance(p, DTensor) else p for p in run.model.parameters()]
            said["shards" if sharded else "copies"] = (
                str(error) if flat(kept).isfinite().all() else "weights are spoiled"
            )
    return said


# -- whole runs --------------------------------------------------------------------------------------------------------


def digits(**settings: Any) -> Any:
    """With all that draws: augmentation, dropout; and batch statistics, which each process has of its own rows only."""
    frame = mapsto.frame("digits", device="cpu")
    chosen = {"model.name": "mlp", "model.norm": "batch", "model.dropout": 0.2, "algorithm.until.count": 3}
    frame.change({**chosen, **settings}.items())
    return frame


def stopping(process: int, step: int) -> Callable[..., Any]:
    """A step of gradient descent in which one process is sent a SIGTERM."""

    def stepped(self: Descend, batch: Batch, number: int, whole: Callable = Descend.step) -> Any:
        if (world.rank(), number) == (process, step):
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(self, batch, number)

    return stepped


def asked_to_stop(frame: Any, run: Path, process: int, step: int) -> int:
    """At which step it stopped. The others hear of it at most a meeting later."""
    whole, Descend.step = Descend.step, stopping(process, step)
    meeting.SECONDS = 0.02
    try:
        training.train(frame, run, baseline_seconds=0, save_seconds=0)
    except Interrupted as error:
        return int(re.search(r"at step (\d+)", str(error))[1])
    finally:
        Descend.step = whole
    raise AssertionError("it was not stopped")


def runs(folder: Path, **settings: Any) -> dict[str, Any]:
    """A run that nobody stops; the same, stopped and continued, and how it was left meanwhile."""
    stopped = folder / "stopped"
    training.train(digits(**settings), folder / "whole", baseline_seconds=0, save_seconds=0)
    step, told = asked_to_stop(digits(**settings), stopped, process=1, step=50), Told()
    if world.leads():
        shutil.copytree(stopped, folder / "left")
    mapsto.resume(stopped, watch=told)
    return {"step": step, "told": told.words}


def copies(folder: Path) -> dict[str, Any]:
    return runs(folder / "copies")


def shards(folder: Path) -> dict[str, Any]:
    return runs(folder / "shards", **{"algorithm.sharded": True})


def solved(folder: Path) -> dict[str, Any]:
    """A tree is solved by one process; a run in folds is a run of runs."""
    tree = mapsto.frame("digits", device="cpu").set("model.name", "decision-tree")
    linear = mapsto.frame("digits", device="cpu", folds=2).set("model.name", "linear").set("algorithm.until.count", 1)
    made = {
        name: training.train(frame, folder / name, baseline_seconds=0)
        for name, frame in {"tree": tree, "folds": linear}.items()
    }
    return {name: result.scores for name, result in made.items()}


RUNS = {"copies": copies, "shards": shards, "solved": solved}


class Told(Unwatched):
    def __init__(self) -> None:
        self.words: list[str] = []

    def tell(self, what: str) -> None:
        self.words.append(what)


def verb(arguments: list[str]) -> None:
    """The command line. DIE: the second process kills itself at step 50, the first time; SLOW: seconds a step takes at least."""

    def stepped(self: Descend, batch: Batch, number: int, whole: Callable = Descend.step) -> Any:
        if (world.rank(), number, world.restarts()) == (1, 50, 0) and "DIE" in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("SLOW", 0)))
        return whole(self, batch, number)

    Descend.step = stepped
    cli.main(arguments)


if __name__ == "__main__":
    torch.set_num_threads(1)
    conclude.page = folds.page = lambda report: "a page\n"  # drawing it takes as long as all the rest
    if sys.argv[1] == "verb":
        verb(sys.argv[2:])
        sys.exit()
    scenarios, folder = sys.argv[1].split(","), Path(sys.argv[2])
    world.join(torch.device("cpu"))
    mine = {name: RUNS[name](folder) if name in RUNS else globals()[name]() for name in scenarios}
    found = world.gathered(mine)
    if world.leads():
        (folder / "found.json").write_text(json.dumps(found))
    world.leave()
