"""What a function is asked about, when the question is a file: rows of a table, pictures in a folder, lines from a pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import BadInput, DataError
from mapsto.core.text import clean, few, many
from mapsto.data import pictures
from mapsto.data.read import read
from mapsto.domains.image import Image
from mapsto.domains.row import Row
from mapsto.export.function import Function

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass
class Inputs:
    """A column that the function's input domain encodes, a name for each of its values, and what could not be read."""

    labels: list[str]
    column: Any
    skipped: list[str] = field(default_factory=list)


def inputs_of(f: Function, where: str, **reading: Any) -> Inputs:
    """Everything at `where` (a file, a folder, or "-" for a table from standard input) that `f` can be asked about."""
    path = Path(where)
    if isinstance(f.input, Image) and (path.is_dir() or path.suffix.lower() in PICTURES):
        return _pictures(path)
    reading = {**f.about.get("reading", {}), **reading}
    reading["formats"] = {  # whatever stands in the place of the answer is not read
        column: how for column, how in reading.get("formats", {}).items() if column != f.about.get("target_name")
    }
    try:
        raw = read(where, **reading)
    except DataError:
        target = f.about.get("target_name")
        if target not in reading.get("columns", []):
            raise
        raw = read(
            where, **{**reading, "columns": [c for c in reading["columns"] if c != target]}
        )  # a question has no answer yet
    labels = [clean(str(n)) for n in raw.labels] if raw.labels is not None else [str(i + 1) for i in range(len(raw))]
    skipped = [str(finding) for finding in raw.findings if finding.level in ("repair", "warning")]
    if isinstance(f.input, Row):
        return Inputs(labels, raw.columns, skipped + _noticed(f.input, raw.columns, f.about.get("target_name")))
    rank = len(f.input.shape)
    for values in raw.columns.values():
        sample = values[0] if values.dtype == object and len(values) else values[:1].squeeze(0)
        if isinstance(sample, np.ndarray) and (sample.ndim >= 2) == (rank == 3) and sample.ndim:
            return Inputs(labels, values, skipped)
    raise BadInput(
        f"{clean(where)} holds nothing that this function takes: {f.input.describe()}.",
        "Name the kind of data it was trained on.",
    )


def _noticed(row: Row, columns: dict[str, np.ndarray], target: str | None) -> list[str]:
    """What the function makes of these columns that a person may not expect."""
    extra = [name for name in columns if name not in row.columns and name != target]
    said = [f"C060 {many(len(extra), 'column')} not read by this function: {few(extra)}"] if extra else []
    unseen = row.unseen(columns)
    if unseen:
        where = ", ".join(f"{clean(name)} {count}" for name, count in list(unseen.items())[:5])
        count = sum(unseen.values())
        said.append(
            f"C061 {many(count, 'cell')} of a category that training has not (or only once), taken for unknown: {where}"
        )
    return said


def _pictures(path: Path) -> Inputs:
    files = (
        [path]
        if path.is_file()
        else sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES and not p.name.startswith("."))
    )
    if not files:
        raise BadInput(f"no pictures in {path}.", f"Expected files ending in {', '.join(PICTURES[:4])} …")
    if not path.exists():
        raise BadInput(f"no file {path}.")
    labels, found, skipped = [], [], []
    for file in files:
        try:
            found.append(pictures.decode(file.read_bytes()).pixels)
            labels.append(clean(str(file.relative_to(path)) if path.is_dir() else str(file)))
        except (DataError, OSError) as error:
            skipped.append(f"skipped {clean(file.name)}: {str(error).splitlines()[0]}")
    if not found:
        raise DataError(f"none of {len(files)} pictures in {path} could be read: {skipped[0]}")
    column = np.empty(len(found), dtype=object)
    for i, pixels in enumerate(found):
        column[i] = pixels
    return Inputs(labels, column, skipped)
