"""Data frames of pandas and polars, known by their looks."""

import sys

import numpy as np
import pytest

from mapsto.core.errors import DataError
from mapsto.data.frames import Frames
from mapsto.data.read import read

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")


def test_a_pandas_frame_keeps_types_and_names_rows_by_its_index():
    frame = pandas.DataFrame(
        {
            "n": [1, 2, 3],
            "f": [1.5, None, 2.5],
            "s": ["a", None, "c"],
            "c": pandas.Categorical(["u", "v", None]),
            "b": [True, False, True],
            "d": pandas.to_datetime(["2020-01-01", None, "2020-01-03"]),
            "l": [[1], [2, 3], None],
            "mixed": [1, "x", None],
            "I": pandas.array([1, None, 3], dtype="Int64"),
        },
        index=["x", "y", "z"],
    )
    raw = Frames().read(frame)
    assert raw.columns["n"].dtype == np.int64
    assert np.isnan(raw.columns["f"][1]) and np.isnan(raw.columns["I"][1])
    assert raw.columns["s"].tolist() == ["a", None, "c"] and raw.columns["c"].tolist() == ["u", "v", None]
    assert raw.columns["b"].dtype == bool
    assert raw.columns["d"].dtype == "datetime64[s]" and np.isnat(raw.columns["d"][1])
    assert raw.columns["l"].tolist() == [[1], [2, 3], None]
    assert raw.columns["mixed"].tolist() == ["1", "x", None]
    assert raw.labels.tolist() == ["x", "y", "z"]


def test_a_polars_frame_reads_the_same_and_lazily_too():
    frame = polars.DataFrame({"n": [1, None, 3], "s": ["a", None, "c"], "b": [True, None, False]})
    for given in (frame, frame.lazy()):
        assert Frames().accepts(given)
        raw = Frames().read(given)
        assert np.isnan(raw.columns["n"][1]) and raw.columns["s"].tolist() == ["a", None, "c"]
        assert raw.columns["b"].tolist() == ["true", None, "false"]


def test_changing_the_columns_does_not_change_the_frame():
    frame = pandas.DataFrame({"n": [1.0, 2.0]})
    Frames().read(frame).columns["n"][0] = 9
    assert frame["n"][0] == 1.0


def test_columns_of_one_name_are_refused():
    frame = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="same name: 'a'"):
        read(frame)
    again = read(frame, forgiving=True)
    assert list(again.columns) == ["a", "a (2)"] and [f.code for f in again.findings] == ["D114"]


def test_a_frame_without_rows_is_refused():
    with pytest.raises(DataError, match="no rows"):
        Frames().read(pandas.DataFrame({"a": []}))


def test_asking_about_other_things_imports_neither_library():
    import subprocess

    code = (
        "import sys; from mapsto.data.frames import Frames; Frames().accepts({}); "
        "print('pandas' in sys.modules, 'polars' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
