"""mapsto by its public face: the four nouns in a Learner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import mapsto
from benchmarks.speed import gpt, mnist
from benchmarks.speed.arms.tokens import NextToken, Tokens
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked
from mapsto import domains, objectives, optimizers, schedules, update
from mapsto.core.nouns import Domain, Optimizer


@dataclass(frozen=True)
class Mapsto:
    """precision: in which products are taken; the default is that of `Descend`."""

    precision: str = "float32"

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        input, target = _domains(task)
        x = mnist.pixels(task.x) if task.x.ndim == 4 else task.x
        with clocked(task) as clock:
            train = {"input": torch.from_numpy(x), "target": torch.from_numpy(task.y)}
            nobody = {name: values[:0] for name, values in train.items()}
            learner = mapsto.Learner(
                mapsto.Dataset(train, nobody, nobody, input, target),
                network,
                OBJECTIVES[task.loss](),
                mapsto.Algorithm(
                    mapsto.experience.Passes(task.batch),
                    update.Descend(
                        learning_rate=task.rate,
                        optimizer=_optimizer(task),
                        schedule=schedules.Constant(),
                        precision=self.precision,
                    ),
                    mapsto.until.Epochs(task.epochs),
                ),
                seed=seed,
            )
            if task.started:
                learner.fit(1)
                task.started()
            for epoch in range(1, task.epochs + 1) if task.watch else ():
                learner.fit(mapsto.until.Epochs(epoch))
                task.watch(lambda x: _answers(learner, x))
            learner.fit()
        return Fitted(clock, learner.step, weights(network), lambda x: _answers(learner, x))


OBJECTIVES = {"cross-entropy": objectives.CrossEntropy, "squared": objectives.SquaredError, "next-token": NextToken}


def _optimizer(task: Task) -> Optimizer:
    if task.optimizer == "sgd":
        return optimizers.SGD(momentum=0.0, nesterov=False)
    if task.optimizer == "adam":
        return optimizers.Adam()
    return optimizers.AdamW(weight_decay=task.decay)


def _domains(task: Task) -> tuple[Domain, Domain]:
    """The domains of both ends, as a frame would choose them. The arrays are encoded already, for all arms alike."""
    if task.loss == "next-token":
        return Tokens(gpt.VOCABULARY), Tokens(gpt.VOCABULARY)
    target = domains.Category().fit(task.y[:1000].tolist()) if task.loss == "cross-entropy" else domains.Number()
    if task.x.ndim == 4:
        image = domains.Image().fit(mnist.pixels(task.x[:1000, 0]))
        image.mean, image.spread = [mnist.MEAN], [mnist.SPREAD]  # of all rows, as those floats have it
        return image, target
    return domains.Vector().fit(task.x[:1000]), target


def _answers(learner: mapsto.Learner, x: np.ndarray) -> np.ndarray:
    rows = torch.from_numpy(mnist.pixels(x) if x.ndim == 4 else x).split(1024)
    said = torch.cat([learner.predict(learner.data.ready({"input": few})) for few in rows])  # probabilities, or numbers
    return (said if said.ndim == 1 else said.log()).numpy()
