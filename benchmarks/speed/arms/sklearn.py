"""scikit-learn's multi-layer perceptron: NumPy, its backward pass written by hand."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.speed.task import Fitted, Task, clocked

warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after the epochs that all arms have
NEVER = 10**6  # epochs without progress


@dataclass(frozen=True)
class SklearnMLP:
    """The task's settings throughout. It has no AdamW: Adam without decay stands in for it.

    Where somebody looks at the end of each epoch, an epoch is a `partial_fit` on all rows.
    """

    def fit(self, task: Task, seed: int) -> Fitted:
        kind = MLPClassifier if task.loss == "cross-entropy" else MLPRegressor
        model = kind(
            hidden_layer_sizes=HIDDEN[task.network],
            solver="sgd" if task.optimizer == "sgd" else "adam",
            alpha=0.0,
            batch_size=task.batch,
            learning_rate="constant",
            learning_rate_init=task.rate,
            momentum=0.0,
            nesterovs_momentum=False,
            max_iter=task.epochs,
            tol=0.0,
            n_iter_no_change=NEVER,
            random_state=seed,
        )
        with clocked(task) as clock:
            if task.watch:
                for _ in range(task.epochs):
                    model.partial_fit(task.x, task.y)
                    task.watch(lambda x: _answers(model, x))
            else:
                model.fit(task.x, task.y)
        size = sum(w.size for w in (*model.coefs_, *model.intercepts_))
        return Fitted(clock, model.n_iter_ * task.batches, size, lambda x: _answers(model, x))


HIDDEN = {"digits-mlp": (128,), "table-mlp": (64, 64)}


def _answers(model: MLPClassifier | MLPRegressor, x: np.ndarray) -> np.ndarray:
    return np.log(model.predict_proba(x) + 1e-12) if isinstance(model, MLPClassifier) else model.predict(x)
