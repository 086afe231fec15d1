"""Keras 3; the backend is the environment's KERAS_BACKEND."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from benchmarks.speed.task import Fitted, Task, clocked


@dataclass(frozen=True)
class Keras:
    """tuned: no bar, and on JAX as many steps a call as an epoch has (its guide: `steps_per_execution`). bfloat16: its policy
    mixed_bfloat16."""

    tuned: bool = False
    bfloat16: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy("mixed_bfloat16" if self.bfloat16 else "float32")
        network = NETWORKS[task.network]()
        told = []
        if task.started:
            told.append(_FirstStep(task.started))
        if task.watch:
            told.append(_Look(task.watch))
        with clocked(task) as clock:
            network.compile(
                optimizer=_optimizer(task),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
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


class _Look(keras.callbacks.Callback):
    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def on_epoch_end(self, epoch, logs=None):
        self.watch(lambda x: self.model.predict(x, batch_size=1024, verbose=0))


def _optimizer(task: Task):
    if task.optimizer == "sgd":
        return keras.optimizers.SGD(task.rate)
    if task.optimizer == "adam":
        return keras.optimizers.Adam(task.rate, epsilon=1e-8)
    return keras.optimizers.AdamW(task.rate, weight_decay=task.decay, epsilon=1e-8)


def _digits_mlp() -> keras.Model:
    return keras.Sequential([keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(10)])


def _mnist_cnn() -> keras.Model:
    """Pictures are [H, W, C] here, as its documentation has them: with one channel, a mere change of shape."""
    return keras.Sequential(
        [
            keras.Input((1, 28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dense(10, dtype="float32"),
        ]
    )


NETWORKS = {"digits-mlp": _digits_mlp, "mnist-cnn": _mnist_cnn}
