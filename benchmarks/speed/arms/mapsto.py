"""mapsto by its public face: the four nouns in a Learner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import mapsto
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked
from mapsto import domains, objectives, optimizers, schedules, update


@dataclass(frozen=True)
class Mapsto:
    """precision: in which products are taken; the default is that of `Descend`."""

    precision: str = "float32"

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(task, seed)
        input, target = _domains(task)
        with clocked() as clock:
            train = {"input": torch.from_numpy(task.x), "target": torch.from_numpy(task.y)}
            nobody = {name: values[:0] for name, values in train.items()}
            learner = mapsto.Learner(
                mapsto.Dataset(train, nobody, nobody, input, target),
                network,
                objectives.CrossEntropy() if task.loss == "cross-entropy" else objectives.SquaredError(),
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
            learner.fit()
        return Fitted(clock, learner.step, weights(network), lambda x: _answers(learner, x))


def _optimizer(task: Task):
    if task.optimizer == "sgd":
        return optimizers.SGD(momentum=0.0, nesterov=False)
    return optimizers.AdamW(weight_decay=task.decay)


def _domains(task: Task):
    """The domains of both ends, as a frame would choose them. The arrays are encoded already, for all arms alike."""
    target = domains.Category().fit(task.y[:1000].tolist()) if task.loss == "cross-entropy" else domains.Number()
    return domains.Vector().fit(task.x[:1000]), target


def _answers(learner: mapsto.Learner, x: np.ndarray) -> np.ndarray:
    parts = []
    for rows in torch.from_numpy(x).split(1024):
        batch = learner.data.ready({"input": rows})
        parts.append(learner.predict(batch))
    answers = torch.cat(parts)  # probabilities, or numbers
    return (answers.log() if answers.ndim == 2 else answers).numpy()
