"""Columns that already have a type: Arrow arrays (so Parquet and data frames too), lists of Python values."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapsto.core.nouns import Finding
from mapsto.data.frames import EXACT, objects


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
    if kinds == {dict} and all(v is None or v.keys() >= {"nodes", "edges"} for v in values):  # whole graphs
        return objects(values), False
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


def arrow_of_series(series: Any) -> Any:
    """A pandas series as an Arrow array; as a list where its values are of several kinds."""
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
