"""The written form of a frame: plain values in nested tables, reached by dotted paths."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from mapsto.core import names
from mapsto.core.errors import Damaged, FrameError, UnknownName
from mapsto.core.reading import deeper, read_text
from mapsto.core.text import clean, escaped
from mapsto.learner.run import LONGEST

SHORT = {"lr": "learning_rate", "batch": "batch_size", "decay": "weight_decay"}
DEEP, DOTS = 30, 500  # levels of its tables; dots in a line, whose cost grows with their square
CROWD = 200  # settings in one table, or tables in one list
Table = dict[str, Any]


def resolve(table: Table, path: str) -> tuple[Table, str]:
    """The innermost table and key of a dotted path; a key may be left out where the rest is unique below.

    `algorithm.lr` finds `algorithm.update.learning_rate`. UnknownName offers the nearest paths.
    """
    first, *rest = words(path)
    if first not in table or not rest:
        raise _unknown(table, path)
    here, walked = table[first], [first]
    for word in rest[:-1]:
        if not isinstance(here, dict) or word not in here:
            raise _unknown(table, path)
        here = here[word]
        walked.append(word)
    key = SHORT.get(rest[-1], rest[-1])
    if key in here or walked[-1] in ("kinds", "text"):
        return here, key
    deeper = [(owner, key) for owner in _tables(here) if key in owner]
    if len(deeper) == 1:
        return deeper[0]
    raise _unknown(table, path)


def words(path: str) -> list[str]:
    """data.kinds."a.b" → data, kinds, a.b"""
    return [quoted or bare for quoted, bare in re.findall(r'"([^"]+)"|([^."]+)', path)]


def _tables(table: Table) -> Iterator[Table]:
    yield table
    for value in table.values():
        if isinstance(value, dict):
            yield from _tables(value)


def paths(table: Table, before: str = "") -> Iterator[str]:
    for key, value in table.items():
        yield f"{before}{key}"
        if isinstance(value, dict):
            yield from paths(value, f"{before}{key}.")


def _unknown(table: Table, path: str) -> UnknownName:
    every = list(paths(table))
    last = words(path)[-1] if words(path) else path
    hint = names.near(path, every) or [
        p for p in every if p.split(".")[-1] in names.near(last, {p.split(".")[-1] for p in every})
    ]
    return UnknownName(
        f"no setting '{path}'." + (f" Near it: {', '.join(hint)}." if hint else ""),
        "`mapsto frame … --toml` prints every setting.",
        "F001",
    )


def parse(text: str) -> tuple[str, Any]:
    """ "model.width=64" → ("model.width", 64). A value is TOML, or else a bare word."""
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise FrameError(f"--set needs PATH=VALUE, but came '{text}'.", "For example: --set model.width=64", "F005")
    try:
        return path.strip(), tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return path.strip(), value.strip()


def dumps(table: Table) -> str:
    """TOML in which nothing stands that a terminal would obey: such characters are written as \\u…."""
    text = tomli_w.dumps(_without_none(table))
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise FrameError(
            "a name that is not UTF-8 cannot be written to frame.toml.", "Rename the file or column.", "F006"
        )
    return escaped(text)


def read(path: Path) -> str:
    """The text of a frame.toml."""
    try:
        return read_text(path, LONGEST)
    except Damaged as error:
        raise FrameError(error.message, "`mapsto frame DATA --toml` prints a good one.", "F006") from error


def loads(text: str, name: str) -> Table:
    """The settings of a frame.toml, of which only forms are checked. FrameError says which is none, and where."""
    name = clean(name, 400)
    good = "`mapsto frame DATA --toml` prints a good one."
    try:
        if max((line.count(".") for line in text.splitlines()), default=0) > DOTS:
            raise ValueError(f"more than {DOTS} dots in a line")
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = clean(str(error), 200) or type(error).__name__
        raise FrameError(f"{name} is not TOML: {why}.", good, "F006") from error
    if deeper(table, DEEP):
        raise FrameError(f"{name} has tables nested more than {DEEP} levels deep.", good, "F006")
    crowded = next((path for path in _crowded(table) if path != "data.kinds"), None)
    if crowded is not None:
        raise FrameError(f"{name} has more than {CROWD} entries in [{clean(crowded, 60)}].", good, "F006")
    return table


def _crowded(value: Any, path: str = "") -> Iterator[str]:
    """Where there are more settings, or tables in a list, than anybody writes: each would be looked into and told of."""
    inner = value.items() if isinstance(value, dict) else [("", v) for v in value if isinstance(v, dict | list)]
    if len(inner) > CROWD:
        yield path
    for word, below in inner:
        if isinstance(below, dict | list):
            yield from _crowded(below, f"{path}.{word}".strip("."))


def _without_none(value: Any) -> Any:
    """TOML has no null: what is None is left out, and defaults to None when read."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value
