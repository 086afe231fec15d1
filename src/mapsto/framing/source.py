"""From what the user names to a frame: a source to frame anew, or a frame.toml to frame again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mapsto.core import names
from mapsto.core.errors import BadInput
from mapsto.core.nouns import Raw
from mapsto.core.text import clean
from mapsto.data.environment import Environment
from mapsto.data.read import named, nothing_there, read
from mapsto.framing import mistakes
from mapsto.framing import settings as written
from mapsto.framing.frame import SPLIT, Frame

READING = ("columns", "encoding", "separator", "data_dir", "unreadable")
IN_MEMORY = "<memory>"


def frame(
    source: Any,
    target: str | list[str] | None = None,
    *,
    test: Any = None,
    columns: list[str] | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    data_dir: str | Path | None = None,
    unreadable: float | None = None,
    split_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    folds: int = 0,
    split_seed: int = 0,
    seed: int = 0,
    device: str = "auto",
    objective: str | None = None,
    start: str | Path | None = None,
) -> Frame:
    """Look at the data of a task and propose how to learn it. Print the frame for its card; change it; `train` it.

    source: a file (table, pictures' zip, .npz, idx), a folder of pictures, a recipe, the name of a data set, a pandas or
        polars frame, arrays (X, y) or a dict of them, a `torch.utils.data.Dataset`, plain text (a .txt, or a folder of them,
        without a target: a language model), a world to act in (env:CartPole-v1), or a frame.toml. A word that names
        several of them is a path before a recipe, and a recipe before a data set.
    target: the column to learn; several columns of 0 and 1 are labels that may hold together.
    test: a separate exam, read like `source`. columns: names for a table without a header.
    data_dir: where the data of recipes and named sets are.
    unreadable: the share of pictures that may be unreadable and left out; see data/album.py for what it is unasked.
    split_column, group, time, folds, split_seed: who is examined; see `mapsto train --help`.
    objective: what is to become of the model, by its name; masked-words needs no target, for a text is its own.
    start: a run, a model folder, or a folder of Hugging Face's: what it reads with and the body of its model are gone on with.
    Raises BadInput with what was expected, what came, and what to do.
    """
    if isinstance(source, str) and not source.strip():
        raise BadInput("no data were named.", "Name a file, a folder or a data set: mapsto zoo data", "D105")
    if isinstance(source, str | Path) and str(source).endswith(".toml"):
        return _asked(reopen(written.read(Path(source)), str(source)), objective, start)
    reading = {
        "columns": columns,
        "encoding": encoding,
        "separator": separator,
        "data_dir": str(data_dir) if data_dir else None,
        "unreadable": unreadable,
    }
    split = {"column": split_column or "", "group": group or "", "time": time or "", "folds": folds, "seed": split_seed}
    if _is_recipe(source):
        return _asked(
            _by_recipe(source, {"target": target, "test": test, **reading}, split, seed, device), objective, start
        )
    if isinstance(source, str) and not _leads_somewhere(source):
        hint = names.near(source, names.listed("recipe"))
        also = f" Recipes near it: {', '.join(hint)}." if hint else ""
        raise BadInput(nothing_there(source), f"Named sets: {', '.join(named())}.{also}", "D105")
    made = frame_data(source, target, test=test, reading=reading, split=split, seed=seed, device=device)
    return _asked(made, objective, start)


def frame_data(
    source: Any,
    target: str | list[str] | None = None,
    *,
    test: Any = None,
    reading: dict[str, Any] | None = None,
    split: dict[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Frame:
    """`frame` for data themselves: no word is taken for a recipe. What recipes begin with.

    reading: columns, encoding, separator, data_dir, unreadable, as of `read`. split: the `data.split` settings, or some of them.
    """
    given = {k: v for k, v in (reading or {}).items() if v is not None}
    prose = target is None
    raw = read(source, **given, forgiving=True, prose=prose)
    exam = read(test, **given, formats=raw.formats, forgiving=True, prose=prose) if test is not None else None
    named = isinstance(source, str | Path)
    data = {
        "source": _place(source) if named else IN_MEMORY,
        "target": target or raw.target,
        "test": (_place(test) if isinstance(test, str | Path) else IN_MEMORY) if test is not None else "",
        **given,
        "split": split or {},
    }
    return Frame(raw, exam, data, seed, device)


def reopen(toml: str, name: str, source: Any = None, test: Any = None) -> Frame:
    """A frame from the text of its frame.toml; data that were in memory then are handed over again."""
    now = written.loads(toml, name)
    mistakes.in_whole(now, name).refuse()
    data = now["data"]
    data |= {"target": data.get("target"), "test": data.get("test", "")}  # in their places: it may be written again
    data["split"] = {**SPLIT, **data.get("split", {})}
    now["run"] = {"seed": 0, "device": "auto", **now["run"]}
    raw = _again(data["source"], source, data, name)
    exam = _again(data["test"], test, data, name, raw.formats) if data["test"] else None
    return Frame(raw, exam, complete=now)


def _again(where: str, handed: Any, data: dict[str, Any], name: str, formats: dict[str, str] | None = None) -> Raw:
    """What a frame.toml was framed on: handed over, or read where it says. Nothing is downloaded: a file asks for it."""
    reading = {**{k: data[k] for k in READING if k in data}, "prose": data.get("target") is None}
    if handed is not None:
        return read(handed, **reading, formats=formats, forgiving=True)
    if where in (IN_MEMORY, "-"):
        raise BadInput(
            f"{name} was framed on data in memory or from a pipe, which no file holds.",
            "Hand them over again: mapsto.resume(RUN, source=…)",
            "F007",
        )
    path = os.path.expanduser(where)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise BadInput(
            f"{name} names {clean(where, 200)}, which is no file and no folder.", "Correct its source.", "F007"
        )
    try:
        return read(where, **reading, formats=formats, download=False, forgiving=True)
    except OSError as error:
        raise BadInput(
            f"{clean(where, 200)} cannot be read ({error.strerror}).", "Look at that place.", "F007"
        ) from error


def _is_recipe(source: Any) -> bool:
    if not isinstance(source, str) or os.path.exists(os.path.expanduser(source)):
        return False
    return any(names.squash(name) == names.squash(source) for name in names.listed("recipe"))


def _leads_somewhere(source: str) -> bool:
    """Whether there is something to read at this path or of this name; what "-" leads to is only known by reading."""
    known = any(names.squash(name) == names.squash(source) for name in named())
    return source == "-" or known or Environment().accepts(source) or os.path.exists(os.path.expanduser(source))


def _by_recipe(word: str, asked: dict[str, Any], split: dict[str, Any], seed: int, device: str) -> Frame:
    """The recipe's frame, its exam drawn and its device chosen as asked; BadInput for what a recipe brings itself."""
    data_dir = asked.pop("data_dir")
    for option, value in asked.items():
        if value is not None:
            raise BadInput(
                f"the recipe '{word}' brings its own {option}, but came {value!r}.",
                "Leave it out, or frame the data themselves by their path.",
                "F004",
            )
    made = names.find("recipe", word)(data_dir=data_dir, seed=seed)
    for setting, value in split.items():
        if value:
            made.set(f"data.split.{setting}", value)
    return made if device == "auto" else made.set("run.device", device)


def _asked(made: Frame, objective: str | None, start: str | Path | None) -> Frame:
    """The frame with these settings, where they are asked for."""
    if start is not None:
        made.set("run.start", _place(Path(start).expanduser()))
    return made if objective is None else made.set("objective", objective)


def _place(source: str | Path) -> str:
    """A path that holds from any working folder; the name of a set as it is."""
    return str(Path(source).resolve()) if os.path.exists(source) else str(source)
