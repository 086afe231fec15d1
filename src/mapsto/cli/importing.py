"""--import: a module of one's own is imported before anything else, so that the worlds it registers are known.

A file never names one (SECURITY.md): only the person at the keyboard does, each time.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from mapsto.core.errors import BadInput
from mapsto.core.stop import Stop
from mapsto.core.text import clean

NAMED = "mapsto.cli.importing"  # where a command keeps what was imported for it


def as_before(context: click.Context | None = None) -> str:
    """What is to be said again to another verb: " --import my_worlds", or "" where nothing was imported."""
    context = context or click.get_current_context(silent=True)
    return "".join(f" --import {module}" for module in context.meta.get(NAMED, ())) if context else ""


def imported(context: click.Context, option: click.Parameter, modules: tuple[str, ...]) -> None:
    """Import these modules, which may lie in the working folder. BadInput where one is not there, or fails."""
    if not modules:
        return
    context.meta[NAMED] = modules
    if Stop.listening is not None:
        Stop.listening.again = as_before(context)
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # behind what is installed: a file beside the data does not take its place
    for module in modules:
        said = clean(module, 60)
        try:
            importlib.import_module(module)
        except Exception as error:  # what it does when it is imported is its own
            missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
            if missing or not all(map(str.isidentifier, module.split("."))):
                raise BadInput(
                    f"there is no module '{said}', neither in this folder nor installed.",
                    "Name a module as Python imports it: --import my_worlds, from the folder that my_worlds.py lies in.",
                    "D306",
                ) from error
            raise BadInput(
                f"the module '{said}' cannot be imported: {type(error).__name__}: {clean(str(error), 200)}.",
                "Mend the module, or install what it needs.",
                "D306",
            ) from error


IMPORTING = [
    click.option(
        "--import",
        "modules",
        multiple=True,
        metavar="MODULE",
        expose_value=False,
        callback=imported,
        help="Import a module of your own first: one that registers environments with gymnasium (repeatable).",
    ),
]
