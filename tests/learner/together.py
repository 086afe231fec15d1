"""What each of several processes does in test_processes_of_training.py: torchrun … together.py SCENARIO RESULT.

A scenario learns together with the others, and by itself (`world.alone`), and says how far apart the two are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from toys import Adversarial, Pair, Plain, Ragged, batch, dataset, learner, pairs

from mapsto.algorithms.optimizers import SGD
from mapsto.algorithms.update import Descend
from mapsto.core import world
from mapsto.core.batch import Batch, over
from mapsto.core.schedules import Constant
from mapsto.data import dataset as exams
from mapsto.data.dataset import Dataset
from mapsto.domains import Number
from mapsto.learner.learner import Learner, initialised
from mapsto.models import MLP


def flat(tensors: Any) -> Tensor:
    return torch.cat([t.detach().flatten().double() for t in tensors])


def apart(make: Callable[[], Learner], steps: int = 8) -> dict[str, float]:
    """The largest difference of a gradient, step by step, and of weights, losses and scores in the end."""
    with world.alone():
        single = make()
    several = make()
    gradients = []
    for step in range(steps):
        for run in (several, single):
            with world.alone() if run is single else nullcontext():
                run.algorithm.update.step(run.algorithm.experience.batch(step), step)
        one, two = (flat(p.grad for p in run.model.parameters()) for run in (single, several))
        gradients.append(float((one - two).abs().max()))
    weights = [flat(run.model.parameters()) for run in (single, several)]
    with world.alone():
        alone = single.evaluate("valid")
    together = several.evaluate("valid")
    scores = max((abs(alone[name].value - together[name].value) for name in alone), default=0.0)
    return {
        "gradient": max(gradients),
        "weight": float((weights[0] - weights[1]).abs().max()),
        "score": scores,
        "moved": float((weights[0] - flat(initial(make).parameters())).abs().max()),
    }


def initial(make: Callable[[], Learner]) -> nn.Module:
    with world.alone():
        return make().model


def plain(**update: Any) -> Learner:
    """26 rows in batches of 10: the last of an epoch has 6, so that of four processes two have two and two have one."""
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, update=Descend(0.02, schedule=Constant(), **update))


def short(rows: int) -> Learner:
    """The last batch of an epoch has one row: every process but the first has none."""
    model = initialised(lambda: MLP((6,), 3, width=8), 0)
    return learner(model=model, data=dataset(rows=rows), update=Descend(0.02, schedule=Constant()))


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
    "sgd": lambda: plain(optimizer=SGD()),
}


def equal() -> dict[str, Any]:
    """Every learner, and exams whose blocks do not go evenly among the processes."""
    exams.EXAM_BATCH = 4
    return {name: apart(make) for name, make in LEARNERS.items()}


if __name__ == "__main__":
    scenario, result = sys.argv[1:3]
    torch.set_num_threads(1)
    world.join(torch.device("cpu"))
    found = world.gathered(globals()[scenario]())
    if world.leads():
        Path(result).write_text(json.dumps(found))
    world.leave()
