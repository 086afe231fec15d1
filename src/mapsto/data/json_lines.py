"""JSON lines: one object a line; keys are columns, absent keys missing values, nested objects columns "outer.inner"."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Finding, Raw
from mapsto.data.arrow import typed_columns
from mapsto.data.grid import line_labels, refuse_columns, shortened

DEEPEST = 32  # objects and lists within each other
SPARSE, LOOSE = 20, 10_000_000  # at most so many cells for each that is there, or so many
EXPECTED = 'Expected one object a line, such as {"x": 1, "y": "a"}.'


def json_lines(text: str, name: str) -> Raw:
    """The table in `text`. Lines that are no object are an error; where most are, they are left out and one goes on."""
    columns: dict[str, list] = {}
    lines: list[int] = []
    nested: set[str] = set()
    odd, there = Faults(), 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        with odd.noting():
            flat = _flat(_object(line, number, name), nested)
            for key, value in flat.items():
                values = columns.setdefault(key, [])
                values += [None] * (len(lines) - len(values))
                values.append(value)
            lines.append(number)
            there += len(flat)
        if len(odd) > max(len(lines), 10):
            break
        refuse_columns(len(columns), name)
        if len(columns) * len(lines) > max(LOOSE, SPARSE * there):
            raise DataError(
                f"{name} has {len(columns)} different keys in its first {len(lines)} lines: its cells are nearly all empty.",
                "Expected lines with the same keys; put what varies into a list.",
                "D121",
            )
    if len(odd) > len(lines):
        Faults(odd[:1]).refuse()
    if not columns:
        raise DataError(f"{name} has {len(lines)} objects and no key in them.", EXPECTED, "D125")
    for values in columns.values():
        values += [None] * (len(lines) - len(values))
    missing = sum(value is None for values in columns.values() for value in values)
    typed, findings = typed_columns(columns)
    if nested:
        findings.append(
            Finding("D021", "note", "nested objects became columns", len(nested), tuple(sorted(nested)[:5]))
        )
    if missing:
        gaps = tuple(key for key, values in columns.items() if None in values)
        findings.append(
            Finding("D012", "note", "taken as missing: null or an absent key; in columns", missing, gaps[:5])
        )
    if odd:
        more = f" So are {len(odd) - 1} more." if len(odd) > 1 else ""
        findings.append(Finding("D125", "error", odd[0].message + more, len(odd), remedy=odd[0].remedy))
    return Raw(name, typed, labels=line_labels(np.array(lines), "line"), findings=findings)


def _object(line: str, number: int, name: str) -> dict:
    where = f"{name}: line {number}"
    try:
        row = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON ({error}): {shortened(line)}.", EXPECTED, "D125") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is a JSON {type(row).__name__}, not an object: {shortened(line)}.", EXPECTED, "D125")
    if line.count("{") + line.count("[") > DEEPEST and _depth(row) > DEEPEST:
        raise DataError(f"{where} is nested more than {DEEPEST} deep: {shortened(line)}.", EXPECTED, "D125")
    return row


def _once(pairs: list[tuple[str, Any]]) -> dict:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {shortened(next(key for key in keys if keys.count(key) > 1))} comes twice")
    return row


def _depth(value: Any) -> int:
    """Level by level, since a call within a call would itself be too deep."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def _flat(row: dict, nested: set[str], prefix: str = "") -> dict:
    flat = {}
    for key, value in row.items():
        if isinstance(value, dict):
            nested.add(prefix + key)
            flat |= _flat(value, nested, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
