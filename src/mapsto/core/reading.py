"""Files and JSON that somebody else may have written: read without following links, without waiting, and strictly."""

from __future__ import annotations

import json
import math
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from mapsto.core.errors import Damaged
from mapsto.core.text import clean

DEEP = 100  # levels of nesting; a checkpoint has about 20
JSON_BYTES = 64 << 20  # as Python objects it takes up to some 25 times as much
RESTORE = "Restore it from a copy, or train again."


def read_file(path: Path, most: int | None = None) -> bytes:
    """The bytes of a regular file of at most `most` bytes.

    Damaged where there is none, where it is larger, and where it is something else: a link, which may lead anywhere; a
    pipe or device, whose opening may wait for ever or do something.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Damaged(f"{_shown(path)}: a link, folder, pipe or device, where a file belongs.", RESTORE, "M001")
        # looked at first, for opening alone can have effects; the flags are for what took its place since
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                raise Damaged(f"{_shown(path)}: {size:,} bytes, where at most {most:,} belong.", RESTORE, "M007")
            return file.read(size)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, Damaged):
            raise
        raise Damaged(f"{_shown(path)}: cannot be read ({_why(error)}).", RESTORE, "M001") from error


def read_text(path: Path, most: int) -> str:
    """A text file in UTF-8 of at most `most` bytes."""
    try:
        return read_file(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{_shown(path)}: not text in UTF-8 ({error.reason}).", "Save it as UTF-8.", "M001") from error


def read_json(path: Path) -> Any:
    """A JSON file, strictly. Damaged where it cannot be read as one."""
    return parse_json(read_file(path, JSON_BYTES), str(path))


def parse_json(data: bytes, where: str, finite: bool = True) -> Any:
    """JSON in UTF-8, strictly: no name twice in an object, nothing nested deeper than DEEP, and, where `finite`, no NaN or ∞.

    Damaged names `where`, the file, and what is wrong with it.
    """
    more = {"parse_constant": _refuse, "parse_float": _finite} if finite else {}
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, **more)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{clean(where)}: not JSON ({_why(error)}).", RESTORE, "M004") from error
    if deeper(value, DEEP):
        raise Damaged(f"{clean(where)}: nested more than {DEEP} levels deep.", RESTORE, "M004")
    return value


def deeper(value: Any, levels: int) -> bool:
    """Whether lists and dicts are nested deeper than so many levels; without recursion, for it may be 100,000."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal names counts: what one has checked another may not see."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name '{twice[:60]}' comes twice")
    return made


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is no number that a computer can hold")
    return number


def _why(error: Exception) -> str:
    return clean(getattr(error, "strerror", None) or str(error) or type(error).__name__, 200)


def _shown(path: Path) -> str:
    return clean(str(path), 400)
