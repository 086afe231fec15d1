"""What is wrong with written settings, all of it at once: words that are none, values that cannot be, and what clashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapsto.core import names
from mapsto.core.errors import FrameError, UnknownName
from mapsto.core.faults import Faults
from mapsto.core.hints import WHOLE
from mapsto.core.text import clean
from mapsto.framing.settings import Table, paths

GIVEN = ("inputs", "outputs")  # what the data decide about a model
OWN = "your-own"
PARTS = ("experience", "update", "until")
NESTED = {"optimizer": "optimizer", "schedule": "schedule", "several": "until"}
FASTEST = 10.0  # the data are standardised, so that no larger learning rate learns anything


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= WHOLE


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


# path → what it has to be, in words and as a test
WANTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "data.source": ("a path or the name of a data set", _text),
    "data.target": ("the name of a column, or a list of names", lambda v: v is None or _text(v) or _texts(v)),
    "data.test": ("a path", _text),
    "data.columns": ("a list of names", _texts),
    "data.encoding": ("the name of an encoding", _text),
    "data.separator": ("one character", _text),
    "data.data_dir": ("a folder", _text),
    "data.unreadable": ("a share from 0 to 1", _share),
    "data.kinds": ("a table of columns and their kinds", lambda v: isinstance(v, dict) and all(map(_text, v.values()))),
    "data.given": ("the name of a column, or nothing", _text),
    "data.size": ("a list of whole numbers", lambda v: isinstance(v, list) and all(_count(n) for n in v)),
    "data.text": ("a table: how text is cut into tokens", lambda v: isinstance(v, dict)),
    "data.resident": ("a whole number of MiB", lambda v: _count(v) and v > 0),
    "data.window": ("a whole number of tokens above 0", lambda v: _count(v) and v > 0),
    "data.augment": ("a list of tables", lambda v: isinstance(v, list) and all(isinstance(a, dict) for a in v)),
    "data.missing_targets": ("a share from 0 to 1", _share),
    "data.drop_unseen": ("true or false", _yes_or_no),
    "data.split": ("a table", lambda v: isinstance(v, dict)),
    "data.split.test": ("a share from 0 to 1", _share),
    "data.split.valid": ("a share from 0 to 1", _share),
    "data.split.seed": ("a whole number of 0 or more", _count),
    "data.split.folds": ("a whole number of 0 or more", _count),
    "data.split.fold": ("a whole number of 0 or more", _count),
    "data.split.alone": ("true or false", _yes_or_no),
    "data.split.share": ("a share from 0 to 1; 0 is all", _share),
    "data.split.column": ("the name of a column", _text),
    "data.split.group": ("the name of a column", _text),
    "data.split.time": ("the name of a column", _text),
    "run.seed": ("a whole number of 0 or more", _count),
    "run.device": ("auto, cpu, cuda or mps", _text),
    "run.start": ("the folder of a run or model", _text),
    "run.judge": ("the folder of a run or model that tells pictures apart", _text),
}


TABLES = ("data", "model", "objective", "algorithm", "run")


def in_whole(table: Table, name: str) -> Faults:
    """Of a whole frame.toml, called `name`, before its data are read: empty where it can be gone on with."""
    found = Faults()
    for noun in TABLES:
        if not isinstance(table.get(noun), dict):
            message = f"{name} has no [{noun}] table."
            found.note(FrameError(message, "`mapsto frame DATA --toml` prints a whole one.", "F007"))
    for noun in table:
        if noun not in TABLES:
            message = f"{name} has a table [{clean(noun)}] that is none."
            found.note(UnknownName(message, f"There are: {', '.join(TABLES)}.", "F001"))
    if found:
        return found
    if "source" not in table["data"]:
        found.note(FrameError(f"{name} has no data.source.", "Say where the data are.", "F007"))
    found.extend(in_data(table))
    return Faults([*found, *in_components(table)]) if found else found


def in_data(table: Table) -> Faults:
    """Of the tables [data] and [run]: unknown settings, values of the wrong kind, ways to split that clash."""
    found = Faults()
    for path in paths({noun: table[noun] for noun in ("data", "run")}):
        if path in ("data", "run") or path.startswith(("data.kinds.", "data.augment.", "data.text.")):
            continue
        with found.noting():
            _check(table, path)
    if isinstance(table["data"].get("text"), dict):
        found.extend(_of("domain", {**table["data"]["text"], "name": "text"}, "data.text"))
    if not found:
        with found.noting():
            _split(table["data"])
    return found


def _check(table: Table, path: str) -> None:
    if path not in WANTED:
        near = names.near(path, WANTED)
        raise UnknownName(
            f"no setting '{clean(path)}'." + (f" Near it: {', '.join(near)}." if near else ""),
            "`mapsto frame … --toml` prints every setting.",
            "F001",
        )
    value: Any = table
    for word in path.split("."):
        value = value[word]
    what, fits = WANTED[path]
    if not fits(value):
        raise FrameError(f"{path} is {what}, but came {clean(repr(value), 60)}.", code="F003")


def _split(data: Table) -> None:
    split = data.get("split", {})
    ways = [word for word in ("column", "group", "time") if split.get(word)]
    if len(ways) > 1:
        raise FrameError(
            f"the exam is drawn in one way, but came {' and '.join(f'data.split.{way}' for way in ways)}.",
            "Leave out all but one of --split-column, --group and --time.",
            "F004",
        )
    if split.get("folds", 0) < 2:
        return
    why = {"column": "a column says who is examined", "time": "the split is by time"}
    clash = [why[way] for way in ways if way in why]
    if clash:
        message = f"folds deal out all rows at random or by group, but {clash[0]}."
        raise FrameError(message, "Leave out --folds, or the other.", "F004")
    if data.get("test"):
        message = f"folds examine every row in turn, but {clean(str(data['test']))} is a separate exam."
        raise FrameError(message, "Leave out --folds, or --test.", "F004")


def in_components(table: Table) -> Faults:
    """Of model, objective and algorithm: what can be told without the data."""
    found = Faults()
    for noun in ("model", "objective"):
        if not (noun == "model" and table["model"].get("name") == OWN):
            found.extend(_of(noun, table[noun], noun))
    for word in table["algorithm"]:
        if word not in PARTS:
            near = names.near(word, PARTS)
            message = f"no setting 'algorithm.{clean(word)}'." + (f" Near it: algorithm.{near[0]}." if near else "")
            found.note(UnknownName(message, f"An algorithm has {', '.join(PARTS)}.", "F001"))
    for part in PARTS:
        found.extend(_of(part, table["algorithm"].get(part), f"algorithm.{part}"))
    augment = table["data"].get("augment", [])
    for augmentation in augment if isinstance(augment, list) else []:
        found.extend(_of("augmentation", augmentation, "data.augment"))
    return found


def _of(kind: str, written: Any, path: str) -> Faults:
    """The mistakes in one written noun, and in those within it."""
    found = Faults()
    with found.noting():
        if not isinstance(written, dict) or "name" not in written:
            message = f"'{path}' is a table with a name, but came {clean(repr(written), 60)}."
            raise FrameError(message, f"There are: {', '.join(names.listed(kind))}.", "F003")
        cls = names.find(kind, written["name"])
    if found:
        return found
    values = {word: value for word, value in written.items() if word not in ("name", *GIVEN)}
    for word, value in values.items():
        if word in NESTED:
            for inner in value if isinstance(value, list) else [value]:
                found.extend(_of(NESTED[word], inner, f"{path}.{word}"))
    for mistake in names.mistakes(cls, {w: v for w, v in values.items() if w not in NESTED and v != "auto"}):
        found.note(mistake)
    rate = values.get("learning_rate")
    if isinstance(rate, int | float) and rate > FASTEST:
        message = f"{path}.learning_rate is {clean(repr(rate), 20)}: with a rate above {FASTEST:g} nothing is learned."
        found.note(FrameError(message, "Usual are 1e-4 to 1e-1; --set algorithm.lr=auto finds one.", "F003"))
    if not found and kind != "model" and rate != "auto":
        with found.noting():
            names.build(kind, written)
    return found
