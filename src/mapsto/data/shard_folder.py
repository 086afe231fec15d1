"""A folder of shards as a source: a sample of its raw rows, and what their columns and encodings mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mapsto.core import names
from mapsto.core.errors import Damaged, MapstoError
from mapsto.core.hints import Unfit, fitted
from mapsto.core.nouns import Domain, Finding, Problem, Raw, Source
from mapsto.core.reading import parse_json
from mapsto.data.frames import objects, typed_columns
from mapsto.data.shards import AGAIN, PARTS, Shards, is_shards


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
    word: str
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
        table = pyarrow.parquet.read_table(pa.BufferReader(shards.read("sample.parquet")))
        columns, _ = typed_columns({n: table.column(n) for n in table.column_names})
        for name, (kind, _) in about["kinds"].items():
            if kind == "image":
                columns[name] = _pictures(shards, about)
        if {len(values) for values in columns.values()} != {len(about["labels"])}:
            raise Damaged(f"{where}: its sample has not {len(about['labels'])} rows.", AGAIN, "M006")
        return Raw(
            about["name"],
            columns,
            about["target_name"],
            labels=objects(about["labels"]),
            findings=[Finding(**{**told, "examples": tuple(told["examples"])}) for told in about["findings"]],
            formats=about["formats"],
            shards=shards,
        )


def about_of(shards: Shards) -> About:
    """What about.json says; Damaged where it is none."""
    try:
        about: About = fitted(parse_json(shards.read("about.json"), str(shards.path / "about.json")), About)
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


def looked_at(shards: Shards, about: About) -> dict[str, np.ndarray]:
    """The rows of each part that are in the sample, evenly spread over it."""
    return {
        part: np.arange(about["sampled"][part]) * shards.rows[part] // max(about["sampled"][part], 1) for part in PARTS
    }


def _pictures(shards: Shards, about: About) -> np.ndarray:
    """The pictures of the sample, uint8 [N, H, W] or [N, H, W, C], as they were encoded."""
    rows = looked_at(shards, about)
    fields = [field for field in shards.fields if field.name == "input"]
    parts = [shards.reader(part).gather(fields, rows[part])["input"].numpy() for part in PARTS]
    pixels = np.concatenate(parts).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
