"""X as scikit-learn hands it over → a Raw; what cannot be learned from is refused in scikit-learn's own words."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from mapsto.core.errors import DataError
from mapsto.core.nouns import Raw
from mapsto.core.text import clean
from mapsto.data.arrays import column_of
from mapsto.data.frames import Frames

try:
    from sklearn.utils.validation import validate_data

    FINITE = "ensure_all_finite"
except ImportError:  # scikit-learn 1.5
    FINITE = "force_all_finite"

    def validate_data(estimator: Any, X: Any, skip_check_array: bool = False, **how: Any) -> Any:
        return estimator._validate_data(X, cast_to_ndarray=not skip_check_array, **how)


def is_frame(X: Any) -> bool:
    return Frames().accepts(X)


def raw_to_learn(estimator: BaseEstimator, X: Any) -> Raw:
    """X as named columns of raw values. Leaves `n_features_in_` and perhaps `feature_names_in_` on the estimator.

    X: numbers [N, D], which become one column of vectors; pictures [N, H, W] or [N, H, W, C]; or a pandas or polars frame,
        whose columns of numbers are numbers and whose categories are categories, whatever else they look like.
    Raises ValueError or TypeError as scikit-learn does. NaN is a missing value; infinity is refused.
    """
    if is_frame(X):
        validate_data(estimator, X, reset=True, skip_check_array=True)
        return _framed(X)
    values = validate_data(estimator, X, reset=True, ensure_min_samples=2, allow_nd=True, **{FINITE: "allow-nan"})
    name, kind = ("x", "vector") if values.ndim == 2 else ("picture", "image")
    return Raw("X", {name: values}, kinds={name: kind})


def column_to_answer(estimator: BaseEstimator, X: Any, named: list[str]) -> Any:
    """X as the column, or the columns by name, that the input domain encodes.

    named: the columns of the frame that the estimator learned from; none where that was an array.
    """
    if not named:
        return validate_data(estimator, X, reset=False, allow_nd=True, **{FINITE: "allow-nan"})
    if is_frame(X):
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return _framed(X).columns
    values = validate_data(estimator, X, reset=False, dtype=None, **{FINITE: "allow-nan"})
    return {name: column_of(values[:, place], name)[0] for place, name in enumerate(named)}


def _framed(X: Any) -> Raw:
    raw = Frames().read(X)
    for name, values in raw.columns.items():
        if values.ndim == 1 and values.dtype.kind in "iuf":
            raw.kinds[name] = "number"
            if np.isinf(values).any():
                raise DataError(
                    f"Input X contains infinity in column '{clean(name)}', the first in row {np.isinf(values).argmax()}.",
                    "Correct it, or put NaN there: a missing value is marked for the model.",
                    "D190",
                )
    for name, dtype in zip(X.columns, X.dtypes, strict=True):
        if str(dtype).lower().startswith(("categor", "enum")):
            raw.kinds[str(name)] = "category"
    return raw
