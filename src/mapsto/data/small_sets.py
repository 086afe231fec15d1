"""The small real sets that scikit-learn carries, read from its folder: importing it takes longer than importing torch."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.nouns import Finding, Raw
from mapsto.data.frames import objects


def _table(
    loader: str, files: Sequence[str], target: str, names: Sequence[str], classes: Sequence[str] = (), **asked: Any
) -> Callable[[str], Raw]:
    """How to read a set of numbers [N, C] named `names`, with one answer a row: a number, or one of `classes`."""

    def load(name: str) -> Raw:
        rows = _rows(loader, files, float, **asked)
        columns = dict(zip([*names, target], np.ascontiguousarray(rows.T), strict=True))
        if classes:
            columns[target] = objects([classes[int(answer)] for answer in columns[target]])
        kinds = {target: "category"} if classes else {}
        return Raw(name, columns, target=target, labels=_labels(len(rows)), kinds=kinds)

    return load


def _digits(name: str) -> Raw:
    rows = _rows("load_digits", ["digits.csv.gz"], int)
    image = (rows[:, :-1].reshape(-1, 8, 8) * 15).astype(np.uint8)
    message = "grey values from 0 to 16 were multiplied by 15, to go from 0 to 240"
    return Raw(
        name,
        {"image": image, "digit": objects([str(digit) for digit in rows[:, -1]])},
        target="digit",
        labels=_labels(len(rows)),
        kinds={"image": "image", "digit": "category"},
        findings=[Finding("D070", "note", message, len(rows))],
    )


def _labels(count: int) -> np.ndarray:
    return objects([f"row {i + 1}" for i in range(count)])


def _rows(loader: str, files: Sequence[str], kind: type, **asked: Any) -> np.ndarray:
    """[N, C + 1] numbers, the answer last. A scikit-learn that keeps its files elsewhere is asked itself, by its `loader`."""
    paths = [_folder() / file for file in files]
    if all(path.is_file() for path in paths):
        return np.column_stack([_numbers(path, kind) for path in paths])
    from sklearn import datasets

    return np.column_stack(getattr(datasets, loader)(return_X_y=True, **asked)).astype(kind)


def _folder() -> Path:
    """Where scikit-learn keeps them; a folder that is not there, without scikit-learn."""
    package = importlib.util.find_spec("sklearn")
    return Path(str(package and package.origin)).parent / "datasets" / "data"


def _numbers(path: Path, kind: type) -> np.ndarray:
    """[N, C] numbers. The files that are not packed begin with a line that counts rows and columns."""
    packed = path.suffix == ".gz"
    data = path.read_bytes()
    lines = (gzip.decompress(data) if packed else data).decode().splitlines()[not packed :]
    return np.loadtxt(lines, kind, delimiter="," if "," in lines[0] else None)


_CELLS = (
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave points", "symmetry", "fractal dimension",
)  # fmt: skip

SMALL: dict[str, Callable[[str], Raw]] = {
    "iris": _table(
        "load_iris",
        ["iris.csv"],
        "species",
        ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
        ["setosa", "versicolor", "virginica"],
    ),
    "wine": _table(
        "load_wine",
        ["wine_data.csv"],
        "cultivar",
        ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
         "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline"],
        ["class_0", "class_1", "class_2"],
    ),
    "breast-cancer": _table(
        "load_breast_cancer",
        ["breast_cancer.csv"],
        "diagnosis",
        [*(f"mean {of}" for of in _CELLS), *(f"{of} error" for of in _CELLS), *(f"worst {of}" for of in _CELLS)],
        ["malignant", "benign"],
    ),
    "diabetes": _table(
        "load_diabetes",
        ["diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"],
        "progression",
        ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"],
        scaled=False,
    ),
    "digits": _digits,
}  # fmt: skip
