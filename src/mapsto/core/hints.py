"""Plain values, as JSON and TOML hold them, against Python's type hints: what a file says is checked before it is used.

A hint is bool, int, float, str, None, Any, a closed choice (Literal), list[…], tuple[…, ...], dict[str, …], a table with known
names (TypedDict), a class that a nested {"name": …} may build, or a choice of them (A | B).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from mapsto.core.text import clean

WHOLE = 2**53  # beyond it, readers of JSON disagree
# {"name": …} and the class wanted → an object of it; TypeError for one of another class
Nested = Callable[[dict[str, Any], type], Any]
hints_of = cache(get_type_hints)


class Unfit(TypeError):
    """A value that is none of what its hint allows. `path` leads to it ("split.test"); `wanted` is in words."""

    def __init__(self, path: str, wanted: str, came: Any):
        super().__init__(f"{path or 'it'} needs {wanted}, but came {clean(repr(came), 60)}")
        self.path, self.wanted, self.came = path, wanted, came


def fitted(value: Any, hint: Any, nested: Nested | None = None, path: str = "") -> Any:
    """`value` as the hint wants it, with what is nested in it built. Raises Unfit.

    Numbers are finite, whole ones 0 or more. In a TypedDict, names that it does not know are let through.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for choice in inner:
            try:
                return fitted(value, choice, nested, path)
            except Unfit as error:
                if error.path != path:  # the right form, with something wrong deeper in it
                    raise
    elif hint is Any or _is(value, hint, inner if origin is Literal else ()):
        return value
    elif origin in (list, tuple) and isinstance(value, list | tuple):
        return [fitted(v, inner[0], nested, f"{path}[{i}]") for i, v in enumerate(value)]
    elif origin is dict and isinstance(value, dict):
        return {k: fitted(v, inner[1], nested, _below(path, k)) for k, v in value.items()}
    elif is_typeddict(hint) and isinstance(value, dict):
        return _table(value, hint, nested, path)
    elif isinstance(hint, type) and isinstance(value, dict) and isinstance(value.get("name"), str) and nested:
        try:
            return nested(value, hint)
        except TypeError as error:
            raise Unfit(path, words(hint), value) from error
    raise Unfit(path, words(hint), value)


def words(hint: Any) -> str:
    """A hint as a person says it: "a whole number of 0 or more"."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(words(choice) for choice in inner)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin in (list, tuple):
        return f"a list, each of it {words(inner[0])}"
    if origin is dict or is_typeddict(hint):
        return "a table"
    plain = {
        bool: "true or false",
        int: "a whole number of 0 or more",
        float: "a number",
        str: "a word",
        NoneType: "nothing",
    }
    return plain.get(hint) or f"a table with the name of a {hint.__name__}"


def _is(value: Any, hint: Any, choices: tuple) -> bool:
    """Whether a single value fits. type(…) is: True is no whole number here, though it is an int to Python."""
    if choices:
        return any(type(value) is type(choice) and value == choice for choice in choices)
    if hint is int:
        return type(value) is int and 0 <= value <= WHOLE
    if hint is float:
        return type(value) in (int, float) and abs(value) < 1e308  # which neither NaN nor infinity is
    if hint in (bool, str, NoneType):
        return type(value) is hint
    return isinstance(hint, type) and not is_typeddict(hint) and get_origin(hint) is None and isinstance(value, hint)


def _table(value: dict, hint: Any, nested: Nested | None, path: str) -> dict:
    known = hints_of(hint)
    for name in _required(hint) - value.keys():
        raise Unfit(_below(path, name), words(known[name]), None)
    return {k: fitted(v, known.get(k, Any), nested, _below(path, str(k))) for k, v in value.items()}


@cache
def _required(hint: Any) -> frozenset[str]:
    extras = get_type_hints(hint, include_extras=True)  # __required_keys__ does not see through annotations as text
    return frozenset(name for name, of in extras.items() if hint.__total__ and get_origin(of) is not NotRequired)


def _below(path: str, name: str) -> str:
    return f"{path}.{clean(name, 60)}" if path else clean(name, 60)
