"""Keras 3; the backend is the environment's KERAS_BACKEND."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from benchmarks.speed.task import Fitted, Task, clocked


@dataclass(frozen=True)
class Keras:
    """tuned: no bar, and on JAX as many steps a call as an epoch has (its guide: `steps_per_execution`)."""

    tuned: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        keras.utils.set_random_seed(seed)
        network = NETWORKS[task.network]()
        told = []
        if task.started:
            told.append(_FirstStep(task.started))
        with clocked() as clock:
            network.compile(
                optimizer=_optimizer(task),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                if task.loss == "cross-entropy"
                else "mse",
                steps_per_execution=task.batches if self.tuned and keras.backend.backend() == "jax" else 1,
            )
            network.fit(
                task.x,
                task.y,
                batch_size=task.batch,
                epochs=task.epochs,
                shuffle=True,
                verbose=0 if self.tuned else "auto",
                callbacks=told,
            )
        steps = int(keras.ops.convert_to_numpy(network.optimizer.iterations))
        return Fitted(clock, steps, network.count_params(), lambda x: network.predict(x, batch_size=1024, verbose=0))


class _FirstStep(keras.callbacks.Callback):
    def __init__(self, started):
        super().__init__()
        self.started = started

    def on_train_batch_end(self, batch, logs=None):
        if self.started:
            self.started()
            self.started = None


def _optimizer(task: Task):
    if task.optimizer == "sgd":
        return keras.optimizers.SGD(task.rate)
    if task.optimizer == "adam":
        return keras.optimizers.Adam(task.rate, epsilon=1e-8)
    return keras.optimizers.AdamW(task.rate, weight_decay=task.decay, epsilon=1e-8)


def _digits_mlp() -> keras.Model:
    return keras.Sequential([keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(10)])


NETWORKS = {"digits-mlp": _digits_mlp}
