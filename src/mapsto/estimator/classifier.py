"""A classifier for scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from mapsto.core.errors import DataError
from mapsto.data.frames import objects
from mapsto.domains.category import label
from mapsto.domains.column import missing
from mapsto.estimator.estimator import Estimator

YES = 0.5  # the probability from which on a label is given


class Classifier(ClassifierMixin, Estimator):
    """One of several classes, or any of several labels, learned by a network; arguments as its constructor says.

        cross_val_score(mapsto.Classifier(), X, y)

    y: [N] classes; or [N, L] of 0 and 1, labels that may hold together.
    Fitted: what `fit` says, and `classes_`, sorted, the columns of `predict_proba`; of labels, 0 … L − 1.
    """

    classes_: np.ndarray

    def _answers(self, y: Any) -> tuple[np.ndarray, str]:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y", estimator=self)
        if y.dtype == object and any(missing(name) for name in y.flat):
            raise DataError("Input y contains missing values.", "Leave out the rows that have no answer.", "D191")
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            self.classes_ = np.arange(y.shape[1])
            return objects([row.nonzero()[0].tolist() for row in y]), "categories"
        check_classification_targets(y)
        if kind == "multiclass-multioutput":
            raise DataError(
                f"y of shape {list(y.shape)} holds several classes a row; a Classifier learns one, or labels of 0 and 1.",
                "Wrap it: sklearn.multioutput.MultiOutputClassifier(mapsto.Classifier()).",
                "D192",
            )
        y = column_or_1d(y, warn=True)
        self.classes_ = np.unique(y)
        return y, "category"

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, [N]; where labels were learned, [N, L] of 0 and 1."""
        shares = self.predict_proba(X)
        if self.function_.objective.problem == "multi-label":
            return (shares >= YES).astype(np.int64)
        return self.classes_[shares.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each of `classes_`, float64 [N, C]; of labels, each for itself."""
        said = self._predictions(X).numpy()
        place = {name: k for k, name in enumerate(self.function_.target.classes)}
        places = np.array([place.get(label(name), -1) for name in self.classes_.tolist()])
        shares = np.where(places >= 0, said[:, places], 0.0)  # what no training row had is never the answer
        if self.function_.objective.problem == "multi-label":
            return shares
        return shares / shares.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
