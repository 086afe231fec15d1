"""A folder of shards as a source: a sample of its raw rows, and what their columns and encodings mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np

from mapsto.core import devices, names
from mapsto.core.errors import Damaged, MapstoError
from mapsto.core.hints import Unfit, fitted
from mapsto.core.nouns import Domain, Finding, Problem, Raw, Source
from mapsto.core.reading import read_json
from mapsto.data.frames import objects
from mapsto.data.shards import AGAIN, PARTS, Shards, is_shards

SHARE = (
    200  # of the memory that is free, so small a part for the sample of each split: it is looked at in several forms
)


class Named(TypedDict):
    name: str


class End(TypedDict):
    """One domain: its constructor's arguments, and what it learned."""

    spec: Named
    state: dict[str, Any]


class Told(TypedDict):
    """A finding."""

    code: str
    level: Literal["error", "repair", "warning", "note"]
    message: str
    count: int
    examples: list[str]
    remedy: str


class About(TypedDict):
    """about.json."""

    name: str
    target_name: str
    targets: NotRequired[str | list[str] | None]
    problem: Problem
    kinds: dict[str, list[str]]
    how_split: str
    formats: dict[str, str]
    reading: dict[str, Any]
    domains: dict[str, End]
    sampled: dict[str, int]
    labels: list[str]
    findings: list[Told]
    rows: str


@dataclass
class ShardFolder(Source):
    """A folder that `mapsto shard` wrote. What it gives is a sample; `Raw.shards` is all of it."""

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and is_shards(Path(where))

    def read(self, where: str | Path) -> Raw:
        shards = Shards(Path(where))
        about = about_of(shards)
        shards.reading = about["reading"]
        chosen = _chosen(shards, about)
        columns = _columns(shards.checked("sample.parquet"), np.concatenate(list(chosen.values())))
        for name, (kind, _) in about["kinds"].items():
            if kind == "image":
                columns[name] = _pictures(shards)
        return Raw(
            about["name"],
            columns,
            about["target_name"],
            labels=objects([about["labels"][row] for rows in chosen.values() for row in rows]),
            findings=[Finding(**{**told, "examples": tuple(told["examples"])}) for told in about["findings"]],
            formats=about["formats"],
            shards=shards,
        )


def about_of(shards: Shards) -> About:
    """What about.json says; Damaged where it is none."""
    try:
        about: About = fitted(read_json(shards.checked("about.json")), About)
        if len(about["labels"]) != sum(about["sampled"].values()):
            raise ValueError(f"it has {len(about['labels'])} labels")
        for part in PARTS:
            if not 0 <= about["sampled"][part] <= shards.rows[part]:
                raise ValueError(f"{part} has no {about['sampled'][part]} rows")
        return about
    except (Unfit, KeyError, ValueError) as error:
        raise Damaged(f"{shards.path / 'about.json'}: {error}.", AGAIN, "M006") from error


def domains_of(shards: Shards, about: About) -> tuple[Domain, Domain]:
    """The domains of both ends, as they were when the rows were encoded."""
    ends = []
    try:
        for end in ("input", "target"):
            written = about["domains"][end]
            ends.append(names.build("domain", written["spec"]).load_state_dict(written["state"]))
    except MapstoError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise Damaged(f"{shards.path / 'about.json'}: it describes no domains ({error}).", AGAIN, "M006") from error
    return ends[0], ends[1]


def _chosen(shards: Shards, about: About) -> dict[str, np.ndarray]:
    """Of each part, the rows of the sample that are read: all, or as many as memory has room for, evenly spread.

    Leaves in `shards.looked_at` which rows of the part these are.
    """
    wide = sum(field.wide for field in shards.fields)
    most, begin, chosen = max(100, devices.room() // (SHARE * wide)), 0, {}
    for part in PARTS:
        stored, rows = about["sampled"][part], shards.rows[part]
        count = min(stored, most)
        places = np.arange(count) * stored // max(count, 1)
        shards.looked_at[part] = places * rows // max(stored, 1)
        chosen[part] = begin + places
        begin += stored
    return chosen


def _columns(path: Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The raw values of these rows of sample.parquet, ascending; read little by little."""
    import pyarrow as pa
    import pyarrow.parquet

    from mapsto.data.arrow import typed_columns

    taken, done = [], 0
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(1024, use_threads=False):
            low, high = np.searchsorted(rows, (done, done + len(batch)))
            taken.append(batch.take(pa.array(rows[low:high] - done)))
            done += len(batch)
            pa.default_memory_pool().release_unused()  # else a heap keeps some ten times a batch
        table = pa.Table.from_batches(taken, file.schema_arrow)
    return typed_columns({name: table.column(name) for name in table.column_names})[0]


def _pictures(shards: Shards) -> np.ndarray:
    """The pictures of the sample, uint8 [N, H, W] or [N, H, W, C], as they were encoded."""
    fields = [field for field in shards.fields if field.name == "input"]
    parts = [shards.reader(part).gather(fields, shards.looked_at[part])["input"].numpy() for part in PARTS]
    pixels = np.concatenate(parts).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
