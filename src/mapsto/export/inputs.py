"""What a function is asked about, when the question is a file: rows of a table, pictures in a folder, lines from a pipe."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core import names, seeds
from mapsto.core.batch import Batch
from mapsto.core.errors import BadInput, DataError
from mapsto.core.nouns import Raw, Space, View
from mapsto.core.text import clean, few, many
from mapsto.data.album import Limits, album, unread
from mapsto.data.files import legible, opened
from mapsto.data.frames import objects
from mapsto.data.pictures import SUFFIXES
from mapsto.data.read import nothing_there, read
from mapsto.data.shard_folder import about_of, domains_of
from mapsto.data.shards import PARTS, Shards, flat, is_shards, nested
from mapsto.domains.box import Box
from mapsto.domains.image import Image
from mapsto.domains.row import Row
from mapsto.domains.text import Text
from mapsto.domains.whole_graph import WholeGraph
from mapsto.domains.words import Words
from mapsto.export.function import Function

SAID = 32  # numbers of an observation, at most, that anybody types


@dataclass
class Inputs:
    """A column that the function's input domain encodes, a name for each of its values, and what could not be read."""

    labels: list[str]
    column: Any
    skipped: list[str] = field(default_factory=list)

    @property
    def several(self) -> Any:
        """The column as several inputs, also where one of them is a list, or there is only one."""
        return self.column if isinstance(self.column, View | Mapping) else objects(list(self.column))

    def values(self, f: Function) -> list:
        """The values of the column; of encoded ones, what the input domain makes of them."""
        if not isinstance(self.column, View):
            return list(self.column)
        each = (self.column.gather(torch.tensor([i]))["input"] for i in range(len(self.column)))
        return [value for one in each for value in f.input.decode(one)]


class Joined(View):
    """Views one after the other."""

    def __init__(self, views: list[View]):
        self.views = views
        lengths = [view.lengths for view in views if view.lengths is not None]
        self.lengths = torch.cat(lengths) if lengths else None

    def __len__(self) -> int:
        return sum(map(len, self.views))

    def gather(self, index: Tensor, pad_to: Sequence[int] = ()) -> Batch:
        pad_to = pad_to or self.longest(index)
        parts, places, begin = [], [], 0
        for view in self.views:
            here = ((index >= begin) & (index < begin + len(view))).nonzero()[:, 0]
            if len(here):
                parts.append(view.gather(index[here] - begin, pad_to))
                places.append(here)
            begin += len(view)
        together = [flat(part) for part in parts]
        back = torch.cat(places).argsort()
        return nested({name: torch.cat([part[name] for part in together])[back] for name in together[0]})

    def order(self, seed: tuple[int, ...], then: tuple[int, ...] = ()) -> Tensor:
        return seeds.shuffled(len(self), *seed)


def refuse_other_domains(f: Function, shards: Shards) -> None:
    """BadInput where the rows of a folder are encoded otherwise than the function has learned to read them."""
    for mine, theirs in zip((f.input, f.target), domains_of(shards, about_of(shards)), strict=True):
        if names.spec(mine) != names.spec(theirs) or mine.state_dict() != theirs.state_dict():
            raise BadInput(
                f"the rows in {shards.path} are encoded for another function.",
                "Name the data that the shards were made of.",
                "F004",
            )


def inputs_of(f: Function, where: str, **reading: Any) -> Inputs:
    """Everything at `where` that `f` can be asked about: a file, a folder, "-" for a table from standard input; to a function of
    text, a word that is no file is the text itself, of which the columns beside it are missing; to one that acts, an observation
    in JSON."""
    path = Path(where)
    said = isinstance(f.input, Text | Words)
    if where != "-" and not (where and is_file(path)):  # "" would be this folder
        if said:
            return Inputs([clean(where, 40)], [where])
        if isinstance(f.input, Space):
            return _observed(f.input, where)
        named = path.suffix and not any(map(str.isspace, where))  # a file, whose name is misspelt perhaps
        if isinstance(f.input, Row) and len(f.input.texts) == 1 and not named:
            return _text_alone(f.input, where)
    if is_shards(path):
        return _shards(f, Shards(path))
    if isinstance(f.input, Image) and (path.is_dir() or path.suffix.lower() in (*SUFFIXES, ".zip")):
        return pictures_at(path)
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
    if raw.relation is not None:
        asked = f.nodes(raw)
        if f.of_pairs:
            labels = [f"{labels[a]} – {labels[b]}" for a, b in asked.fields["input"].places.tolist()]
        elif isinstance(f.input, Row) and f.input.columns.keys() <= raw.columns.keys():
            skipped += _noticed(f.input, raw.columns, f.about.get("target_name"))
        return Inputs(labels, asked, skipped)
    if isinstance(f.input, Space):
        return Inputs(labels, _observations(f.input, raw), skipped)
    if isinstance(f.input, Row):
        return Inputs(labels, raw.columns, skipped + _noticed(f.input, raw.columns, f.about.get("target_name")))
    if (name := f.about.get("input_name")) in raw.columns and (said or isinstance(f.input, WholeGraph)):
        return Inputs(labels, raw.columns[name], skipped)
    if said and len(raw.columns) == 1:
        return Inputs(labels, next(iter(raw.columns.values())), skipped)
    rank = 0 if said else len(f.input.shape)
    for values in raw.columns.values():
        sample = values[0] if values.dtype == object and len(values) else values[:1].squeeze(0)
        if isinstance(sample, np.ndarray) and (sample.ndim >= 2) == (rank == 3) and sample.ndim:
            return Inputs(labels, values, skipped)
    raise BadInput(
        f"{clean(where)} holds nothing that this function takes: {f.input.describe()}.",
        "Name the kind of data it was trained on.",
    )


def _observed(space: Space, where: str) -> Inputs:
    """What a world shows, said outright in JSON: one observation, or a list of several."""
    several = isinstance(space, Box) and math.prod(space.size) > SAID
    example = json.dumps(np.zeros(space.size).tolist() if isinstance(space, Box) else space.classes[0])
    how = "Name an .npz of them." if several else f"Say one so: mapsto predict RUN '{example}'"
    try:
        said = json.loads(where)
    except ValueError as error:
        raise BadInput(nothing_there(where), how, "D105") from error
    single = space.single(said)
    if not single and not isinstance(said, list):
        raise BadInput(f"what is observed is {space.describe()}, but came {clean(where, 40)}.", how, "D150")
    values = [said] if single else said
    return Inputs([clean(json.dumps(value), 40) for value in values], objects(values))


def _observations(space: Space, raw: Raw) -> np.ndarray:
    """What a world shows, from a file: an array of observations, or a table with a column for each of their numbers."""
    columns = list(raw.columns.values())
    numbers = math.prod(space.size) if isinstance(space, Box) else 1
    if isinstance(space, Box):
        for values in columns:
            if values.dtype != object and values.shape[1:] == tuple(space.size):
                return values
    if len(columns) == numbers and all(values.ndim == 1 and values.dtype != object for values in columns):
        return np.stack(columns, 1).reshape(-1, *space.size) if isinstance(space, Box) else columns[0]
    raise BadInput(
        f"what is observed is {space.describe()}, but {clean(raw.name)} holds {many(len(columns), 'column')}: "
        f"{few(raw.columns, 8)}.",
        f"Keep {many(numbers, 'column')} of numbers, in the order of the world's, or name an .npz of observations.",
        "D150",
    )


def is_file(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or with a zero in it
        return False


def _shards(f: Function, shards: Shards) -> Inputs:
    """Every row of a folder of shards, part by part, encoded as they are."""
    refuse_other_domains(f, shards)
    views = {part: shards.view(part) for part in PARTS}
    labels = [f"{part}: {name}" for part, view in views.items() for name in shards.called(part, range(len(view)))]
    return Inputs(labels, Joined(list(views.values())))


def _text_alone(row: Row, text: str) -> Inputs:
    """A row of which nothing is known but its text."""
    others = [name for name in row.columns if name not in row.texts]
    columns = {name: objects([None if name in others else text]) for name in row.columns}
    return Inputs([clean(text, 40)], columns, [f"nothing is known beside the text: missing are {few(others, 8)}"])


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


def pictures_at(path: Path) -> Inputs:
    """Every picture at `path`, read as for training; one that cannot be read is skipped and named, however many are."""
    if not path.exists():
        raise BadInput(f"no file {clean(str(path))}.")
    with opened(path) as files:
        names = [name for name in files.names if name.lower().endswith(SUFFIXES)]
        if not names:
            raise DataError(
                f"no pictures in {clean(str(path))}.", f"Expected files ending in {', '.join(SUFFIXES[:4])} …", "D200"
            )
        read = album(files, names, Limits(unreadable=1.0))
        noticed = [f for f in [*files.findings(), *unread(files.names)] if f.level in ("repair", "warning")]
    if not len(read.kept):
        raise DataError(
            f"none of {many(len(names), 'picture')} in {clean(str(path))} can be read; the first: {read.left_out[0]}.",
            "Copy or download them again.",
            "D204",
        )
    labels = [clean(legible(names[i] if path.is_dir() else str(path))) for i in read.kept]
    return Inputs(labels, read.pixels, [f"skipped {reason}" for reason in read.left_out] + [str(f) for f in noticed])
