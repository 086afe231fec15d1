"""Words for things: `{"name": "res-net", "depth": 18}` ↔ `ResNet(depth=18)`.

Every catalogue folder is a *shelf*: its `__init__` lists one line a class, and nothing is imported before it is asked for.
Only what stands on a shelf has a name; a name in a file is never an import path.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from mapsto.core import hints
from mapsto.core.errors import BadInput, FrameError, MapstoError, UnknownName
from mapsto.core.text import clean

SHELVES = {
    "source": "mapsto.data",
    "world": "mapsto.data.worlds",
    "domain": "mapsto.domains",
    "measure": "mapsto.measures",
    "model": "mapsto.models",
    "objective": "mapsto.objectives",
    "experience": "mapsto.algorithms.experience",
    "update": "mapsto.algorithms.update",
    "optimizer": "mapsto.algorithms.optimizers",
    "augmentation": "mapsto.data.augment",
    "schedule": "mapsto.core.schedules",
    "until": "mapsto.learner.until",
    "recipe": "mapsto.recipes",
}
KINDS = [kind for kind in SHELVES if kind != "recipe"]  # a recipe is no part of anything
LONG = 200  # characters of a word that are compared


def shelf(package: str, **lines: str) -> tuple[Callable, Callable, list[str], dict[str, str]]:
    """A folder's list of classes or functions: `shelf(__name__, MLP="mlp")` says that class MLP is in file mlp.py.

    Returns the module's `__getattr__`, `__dir__`, `__all__` (PEP 562) and `__shelf__`: registered name → "module:Class".
    """

    def find(attribute: str) -> Any:
        if attribute not in lines:
            raise AttributeError(f"module {package!r} has no attribute {attribute!r}")
        return getattr(importlib.import_module(f"{package}.{lines[attribute]}"), attribute)

    listed = {kebab(cls): f"{package}.{file}:{cls}" for cls, file in lines.items()}
    return find, lambda: sorted(lines), list(lines), listed


def shelf_here(module: str, *classes: str) -> dict[str, str]:
    """`__shelf__` of a single file that holds several small classes."""
    return {kebab(cls): f"{module}:{cls}" for cls in classes}


def kebab(name: str) -> str:
    """LeNet → le-net, MLP → mlp, AdamW → adam-w, mnist_mlp → mnist-mlp."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", "-", name).lower()


def near(word: str, words: Iterable[str], count: int = 3) -> list[str]:
    """The words that `word` may have meant, nearest first."""
    by_squashed = {squash(w)[:LONG]: w for w in words}
    close = difflib.get_close_matches(squash(word)[:LONG], by_squashed, n=count, cutoff=0.5)
    return [by_squashed[c] for c in close]


def squash(word: str) -> str:
    return re.sub(r"[-_\s]", "", word).lower()


def listed(kind: str) -> dict[str, str]:
    """Registered name → "module:Class" of one shelf. Imports no class."""
    return importlib.import_module(SHELVES[kind]).__shelf__


def find(kind: str, name: str) -> Any:
    """The class (of recipes, the function) of that name on shelf `kind`; hyphens and case do not matter.

    UnknownName offers the nearest.
    """
    names = listed(kind)
    if not isinstance(name, str):
        raise UnknownName(
            f"a {kind} is named by a word, but came {_shown(name, 60)}.", f"There are: {', '.join(names)}.", "F002"
        )
    for candidate, place in names.items():
        if squash(candidate) == squash(name):
            module, cls = place.split(":")
            return getattr(importlib.import_module(module), cls)
    hint = near(name, names)
    raise UnknownName(
        f"no {kind} '{clean(name, 60)}'." + (f" Near it: {', '.join(hint)}." if hint else ""),
        f"There are: {', '.join(names)}.",
        "F002",
    )


def name_of(cls: type) -> str:
    """The registered name of a class. UnknownName for one that stands on no shelf (a user's own)."""
    for kind in SHELVES:
        for name, place in listed(kind).items():
            if place == f"{cls.__module__}:{cls.__qualname__}":
                return name
    raise UnknownName(
        f"{cls.__qualname__} is your own class: it has no registered name, so a file cannot name it.",
        f"Hand it over when loading: mapsto.load(RUN, model={cls.__qualname__}(…)).",
    )


def spec(thing: Any) -> dict[str, Any]:
    """The program that made `thing`, as plain values: its name and its constructor's arguments.

    Holds because a constructor keeps each argument under its own name. `build(kind, spec(x))` is x again, untrained.
    """
    arguments = inspect.signature(type(thing)).parameters
    return {"name": name_of(type(thing)), **{a: plain(getattr(thing, a)) for a in arguments}}


def plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return spec(value)


def build(kind: str, written: dict[str, Any]) -> Any:
    """The object that `spec` wrote down. Unknown names and settings are refused, with the nearest ones; so are values
    that the constructor's hints rule out, and those that it refuses."""
    if not isinstance(written, dict) or "name" not in written:
        raise FrameError(f"a {kind} needs a name.", f"There are: {', '.join(listed(kind))}.", "F002")
    cls = find(kind, written["name"])
    values = {word: value for word, value in written.items() if word != "name"}
    for mistake in mistakes(cls, values):
        raise mistake
    expected = _hints(cls)
    try:
        return cls(**{word: hints.fitted(value, expected.get(word, Any), _nested) for word, value in values.items()})
    except MapstoError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError) as error:  # what torch thinks of them
        said = clean(str(error), 200)
        raise FrameError(f"{cls.__name__} cannot be built from {_shown(values, 300)}: {said}.", code="F003") from error


def mistakes(cls: type, values: dict[str, Any]) -> Iterator[BadInput]:
    """What the constructor's arguments and their hints rule out: unknown words, a word that is none of a closed choice, a
    count that is none, an optimizer that is a model."""
    known, expected = inspect.signature(cls).parameters, _hints(cls)
    for word, value in values.items():
        if word not in known:
            hint = near(word, known)
            yield UnknownName(
                f"{cls.__name__} has no setting '{clean(word, 60)}'."
                + (f" Near it: {', '.join(hint)}." if hint else ""),
                f"It has: {', '.join(known)}.",
                "F001",
            )
            continue
        try:
            hints.fitted(value, expected.get(word, Any), _nested)
        except hints.Unfit as error:
            yield _unfit(cls, word, value, expected[word], error)
        except BadInput as error:  # of something nested
            yield error


def _hints(cls: type) -> dict[str, Any]:
    return hints.hints_of(cls if is_dataclass(cls) else cls.__init__)


def _unfit(cls: type, word: str, value: Any, hint: Any, error: hints.Unfit) -> FrameError:
    if get_origin(hint) is Literal and isinstance(value, str):
        choices = [str(choice) for choice in get_args(hint)]
        near_it = near(value, choices)
        return FrameError(
            f"{cls.__name__} has no {word} '{clean(value, 60)}'."
            + (f" Near it: {', '.join(near_it)}." if near_it else ""),
            f"There are: {', '.join(choices)}.",
            "F003",
        )
    where = f" ({error.path})" if error.path else ""
    default = inspect.signature(cls).parameters[word].default
    plain_default = isinstance(default, int | float | str | bool)
    return FrameError(
        f"{cls.__name__} needs for {word}{where} {error.wanted}, but came {_shown(error.came, 60)}.",
        f"Its default is {default!r}." if plain_default else "",
        "F003",
    )


def _nested(written: dict[str, Any], wanted: type) -> Any:
    """What a nested {"name": …} describes, where a `wanted` is called for. TypeError where it describes something else."""
    for kind in KINDS:
        here = any(squash(name) == squash(written["name"]) for name in listed(kind))
        if here and issubclass(find(kind, written["name"]), wanted):
            return build(kind, written)
    raise TypeError(f"no {wanted.__name__}")


def _shown(value: Any, limit: int) -> str:
    return clean(repr(value), limit)


def summary(kind: str, name: str) -> str:
    """The first line of a class's or function's docstring, read from its source without importing it."""
    module, cls = listed(kind)[name].split(":")
    found = importlib.util.find_spec(module)
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == cls:
            return (ast.get_docstring(node) or "").split("\n")[0]
    return ""


def complete(kind: str, written: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """`written` with every setting it leaves to its default spelled out; those in `without` are somebody else's to give."""
    if "name" not in written:
        raise FrameError(f"a {kind} needs a name.", f"There are: {', '.join(listed(kind))}.", "F003")
    cls = find(kind, written["name"])
    settings = {
        word: _finished(written[word]) if word in written else plain(_default(cls, parameter))
        for word, parameter in inspect.signature(cls).parameters.items()
        if word not in without
    }
    return {"name": name_of(cls), **settings, **{k: v for k, v in written.items() if k not in settings and k != "name"}}


def _finished(value: Any) -> Any:
    if isinstance(value, list):
        return [_finished(v) for v in value]
    kind = _kind_of(value)
    return complete(kind, value) if kind else value


def _kind_of(value: Any) -> str | None:
    """The shelf on which a nested {"name": …} stands; None for anything else."""
    if not (isinstance(value, dict) and isinstance(value.get("name"), str)):
        return None
    return next((k for k in KINDS if any(squash(n) == squash(value["name"]) for n in listed(k))), None)


def _default(cls: type, parameter: inspect.Parameter) -> Any:
    """A default value; dataclasses keep the makers of theirs in their fields."""
    if is_dataclass(cls):
        made = next(f for f in fields(cls) if f.name == parameter.name)
        if made.default_factory is not MISSING:
            return made.default_factory()
    if parameter.default is inspect.Parameter.empty:
        raise FrameError(
            f"{cls.__name__} needs a value for '{parameter.name}'.",
            f"Give it: {name_of(cls)}.{parameter.name}=…",
            "F003",
        )
    return parameter.default
