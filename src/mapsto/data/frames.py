"""Columns that already have a type: Arrow tables (Parquet too), pandas and polars frames, lists of Python values."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean

EXACT = 2**53  # up to here every whole number is a float64 too; beyond it numbers are names


@dataclass
class Frames(Source):
    """A pandas or polars data frame, recognised without importing either. The index names the rows, nothing else."""

    def accepts(self, where: Any) -> bool:
        home = type(where).__module__.split(".")[0]
        return home in ("pandas", "polars") and type(where).__name__ in ("DataFrame", "LazyFrame")

    def read(self, where: Any) -> Raw:
        if type(where).__module__.split(".")[0] == "polars":
            frame = where.collect() if type(where).__name__ == "LazyFrame" else where
            names, labels = list(frame.columns), None
            arrays = [frame.get_column(name).to_arrow() for name in names]
        else:
            names = [".".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in where.columns]
            arrays = [_arrow_of_series(where.iloc[:, i]) for i in range(len(names))]
            plain_index = type(where.index).__name__ == "RangeIndex"
            labels = None if plain_index else np.array([str(v) for v in where.index], dtype=object)
        findings: list[Finding] = []
        names = told_apart(names, "the frame", findings)
        columns, noticed = typed_columns(dict(zip(names, arrays, strict=True)))
        raw = Raw("frame", columns, labels=labels, findings=findings + noticed)
        if not len(raw):
            what = "rows" if names else "columns"
            raise DataError(f"the frame has no {what}.", "Expected at least one of each.", "D107")
        return raw


def typed_columns(arrays: dict[str, Any]) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """Arrow arrays, or lists of Python values, by name → columns for a Raw, and what was done to them.

    Structs become one column a field ("user.age"); bytes are left out.
    """
    columns: dict[str, np.ndarray] = {}
    opaque, flattened, mixed = [], [], []
    waiting = list(arrays.items())
    while waiting:
        name, values = waiting.pop(0)
        if isinstance(values, list):
            columns[name], is_mixed = python_column(values)
            mixed += [name] * is_mixed
        elif pa.types.is_struct(values.type):
            flattened.append(name)
            waiting[:0] = [
                (f"{name}.{field.name}", pc.struct_field(values, [i])) for i, field in enumerate(values.type)
            ]
        elif pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
            opaque.append(name)
        else:
            columns[name] = arrow_column(values)
    return columns, findings_about(opaque, flattened, mixed)


def findings_about(opaque: list[str], flattened: list[str], mixed: list[str]) -> list[Finding]:
    findings = []
    if opaque:
        message = "columns hold raw bytes and were left out"
        findings.append(Finding("D024", "warning", message, len(opaque), tuple(opaque[:5])))
    if flattened:
        message = "nested columns were taken apart, one column a field"
        findings.append(Finding("D021", "note", message, len(flattened), tuple(flattened[:5])))
    if mixed:
        message = "columns mix kinds of values and were read as text"
        findings.append(Finding("D023", "warning", message, len(mixed), tuple(mixed[:5])))
    return findings


def arrow_column(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """An Arrow array [N] → numbers, bool, datetime64[s], or objects with None where a value is missing."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return arrow_column(values.cast(kind.value_type))
    if pa.types.is_boolean(kind):
        return _dense(values) if not values.null_count else objects(values.cast(pa.string()).to_pylist())
    if pa.types.is_integer(kind):
        largest = max((abs(v) for v in pc.min_max(values).as_py().values() if v is not None), default=0)
        if largest > EXACT:
            return objects(values.cast(pa.string()).to_pylist())
        return _dense(values.cast(pa.float64() if values.null_count else pa.int64()))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _dense(values.cast(pa.float64(), safe=False))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _dense(values.cast(pa.timestamp("s"), safe=False)).astype("datetime64[s]")
    if pa.types.is_duration(kind):
        return _dense(values.cast(pa.duration("us"), safe=False)).astype("timedelta64[us]") / np.timedelta64(1, "s")
    if pa.types.is_time(kind):
        return objects([None if v is None else str(v) for v in values.to_pylist()])
    if pa.types.is_fixed_size_list(kind) and not values.null_count and _is_number(kind.value_type):
        flat = pc.list_flatten(values)
        if not flat.null_count:
            return arrow_column(flat).reshape(len(values), kind.list_size)
    return objects(values.to_pylist())


def python_column(values: list) -> tuple[np.ndarray, bool]:
    """Python values (None and NaN are missing) → a column [N], and whether kinds were mixed and so became text."""
    values = [None if isinstance(v, float) and v != v else v for v in values]
    kinds = {type(v) for v in values if v is not None}
    if not kinds or kinds == {str} or kinds <= {list, tuple, np.ndarray}:
        return objects([list(v) if isinstance(v, tuple | np.ndarray) else v for v in values]), False
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return arrow_column(pa.array([None if v is None else bool(v) for v in values], pa.bool_())), False
    if all(issubclass(k, int | float | np.number) and not issubclass(k, bool) for k in kinds):
        whole = all(issubclass(k, int | np.integer) for k in kinds)
        if whole and any(v is not None and abs(int(v)) > EXACT for v in values):
            return objects([None if v is None else str(v) for v in values]), False
        return arrow_column(pa.array(values, pa.int64() if whole else pa.float64())), False
    if all(issubclass(kind, datetime.date) for kind in kinds):
        return np.array([np.datetime64("NaT") if v is None else v for v in values], dtype="datetime64[s]"), False
    return objects([None if v is None else str(v) for v in values]), True


def told_apart(names: list[str], where: str, findings: list[Finding]) -> list[str]:
    """The names, each once: one that comes again is an error, and gets a number for what else there is to find."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not twice:
        return names
    shown = ", ".join(f"'{clean(name, 60)}'" for name in twice[:5])
    message = f"{where} has several columns of the same name: {shown}."
    findings.append(Finding("D114", "error", message, len(twice), remedy="Give each column a name of its own."))
    told: list[str] = []
    taken = set(names)
    for name in names:
        if name in told:
            name = next(f"{name} ({k})" for k in range(2, len(names) + 2) if f"{name} ({k})" not in taken)
            taken.add(name)
        told.append(name)
    return told


def _arrow_of_series(series: Any) -> Any:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return [None if gone else v for v, gone in zip(series.tolist(), series.isna(), strict=True)]


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _dense(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A NumPy array that may be written to; missing floats are NaN, missing times NaT."""
    if isinstance(values, pa.ChunkedArray):
        return np.array(values.to_numpy())
    return np.array(values.to_numpy(zero_copy_only=False))


def objects(values: list) -> np.ndarray:
    """An object column [N]; filled one by one, since NumPy would make a matrix of lists of one length."""
    column = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        column[i] = value
    return column
