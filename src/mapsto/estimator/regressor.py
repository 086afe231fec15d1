"""A regressor for scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, column_or_1d

from mapsto.core.errors import DataError
from mapsto.estimator.estimator import Estimator


class Regressor(RegressorMixin, Estimator):
    """One number, learned by a network; arguments as its constructor says.

        GridSearchCV(mapsto.Regressor(), {"learning_rate": [1e-3, 1e-2]}).fit(X, y)

    y: [N] numbers. Fitted: what `fit` says.
    """

    def _answers(self, y: Any) -> tuple[np.ndarray, str]:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        if y.ndim > 1 and y.shape[1] > 1:
            raise DataError(
                f"y has shape {list(y.shape)}; a Regressor learns one number a row.",
                "Wrap it: sklearn.multioutput.MultiOutputRegressor(mapsto.Regressor()).",
                "D192",
            )
        return column_or_1d(y, warn=True), "number"

    def predict(self, X: Any) -> np.ndarray:
        """The number for each row, float64 [N]."""
        said = self._predictions(X)
        return self.function_.target.units(said).numpy()
