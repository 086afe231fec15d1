"""mapsto on a table with a batch and a schedule of its own choice: it is looked at once, at the end of its one epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

import mapsto
from benchmarks.speed.networks import built, weights
from benchmarks.speed.task import Fitted, Task, clocked
from mapsto import domains, objectives


@dataclass(frozen=True)
class OneCycle:
    """Chosen on rows of the same generator under another seed."""

    batch: int = 250
    rate: float = 5e-3
    epochs: int = 1

    def fit(self, task: Task, seed: int) -> Fitted:
        network = built(replace(task, started=None), seed)
        vector, number = domains.Vector().fit(task.x[:1000]), domains.Number()
        with clocked(task) as clock:
            train = {"input": torch.from_numpy(task.x), "target": torch.from_numpy(task.y)}
            nobody = {name: values[:0] for name, values in train.items()}
            data = mapsto.Dataset(train, nobody, nobody, vector, number)
            algorithm = mapsto.Algorithm(
                mapsto.experience.Passes(self.batch), mapsto.update.Descend(self.rate), mapsto.until.Epochs(self.epochs)
            )
            learner = mapsto.Learner(data, network, objectives.SquaredError(), algorithm, seed=seed).fit()

            def answer(x):
                return learner.predict({"input": torch.from_numpy(x)}).numpy()

            if task.watch:
                task.watch(answer)
        return Fitted(clock, learner.step, weights(network), answer)
