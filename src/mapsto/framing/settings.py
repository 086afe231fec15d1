"""The written form of a frame: plain values in nested tables, reached by dotted paths."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import tomli_w

from mapsto.core import names
from mapsto.core.errors import FrameError, UnknownName

SHORT = {"lr": "learning_rate", "batch": "batch_size", "decay": "weight_decay"}
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
    if key in here or walked[-1] == "kinds":
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
    return tomli_w.dumps(_without_none(table))


def loads(text: str, name: str) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{name} is not TOML: {error}."
        raise FrameError(message, "`mapsto frame DATA --toml` prints a good one.", "F006") from error


def _without_none(value: Any) -> Any:
    """TOML has no null: what is None is left out, and defaults to None when read."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(v) for v in value]
    return value
