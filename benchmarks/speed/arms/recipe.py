"""mapsto's short recipe for the network of all arms: one cycle of AdamW over three quarters of an epoch.

Rate, rise, batch and length were chosen on 6,000 held-out training rows, 3 seeds each (docs/log.md); the test rows are looked at
once a run, at its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

import mapsto
from benchmarks.speed import mnist
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked
from mapsto import domains, objectives, optimizers, schedules, update

BATCH, STEPS, RATE, RISE = 96, 460, 8e-3, 0.3


@dataclass(frozen=True)
class Recipe:
    """The bytes are read before the clock starts, as they are for all arms; the race of the first steps, and the look at the end,
    are in it."""

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        with clocked(task) as clock:
            train, test = (
                {"input": torch.from_numpy(mnist.pixels(x)), "target": torch.from_numpy(y)}
                for x, y in ((task.x, task.y), (task.x_test, task.y_test))
            )
            input = domains.Image().fit(mnist.pixels(task.x[:, 0]))
            target = domains.Category().fit(task.y[:1000].tolist())
            nobody = {name: values[:0] for name, values in train.items()}
            learner = mapsto.Learner(
                mapsto.Dataset(train, nobody, test, input, target),
                network,
                objectives.CrossEntropy(),
                mapsto.Algorithm(
                    mapsto.experience.Passes(BATCH),
                    update.Descend(
                        learning_rate=RATE,
                        optimizer=optimizers.AdamW(beta2=0.99, weight_decay=0.05),
                        schedule=schedules.OneCycle(rise=RISE),
                        precision="auto",
                    ),
                    mapsto.until.Steps(STEPS),
                ),
                seed=seed,
            ).fit()
            if task.watch:
                task.watch.seen(learner.evaluate("test", intervals=False)["accuracy"].value)
        return Fitted(clock, learner.step, weights(network), lambda x: x)
