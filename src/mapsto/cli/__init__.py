"""The command line. `main` turns every error into one message and an exit code: 0 good, 2 bad input, 3 failed run."""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import click

import mapsto
from mapsto.core import world
from mapsto.core.errors import MapstoError
from mapsto.core.stop import Stop, at_once
from mapsto.core.text import clean_lines

VERBS = {
    "frame": "Look at data and propose how to learn them: the card, before anything is fitted.",
    "check": "List everything there is to say about data: missing, doubled, uneven, leaking.",
    "shard": "Write data larger than memory as a folder that training streams from.",
    "train": "Frame, train and judge; keep the function in a run folder.",
    "resume": "Continue a run that was stopped, bit for bit.",
    "evaluate": "Put a learned function to the exam, on its own splits or on other data.",
    "predict": "Answer for a file, a folder, a text, or lines from standard input.",
    "report": "Show what came of a run, and where its report.html is.",
    "compare": "Finished runs side by side.",
    "runs": "List the runs here, or clean up after them.",
    "zoo": "What there is: data sets, recipes, models, objectives, algorithms.",
    "doctor": "Look at this installation, and try on this machine what must be equal.",
}

TOGETHER = ("train", "resume")  # for the others, one process is enough
QUIET = 2.0  # seconds in which torchrun ends a process that would only repeat what the first one has said


class Verbs(click.Group):
    """Each verb is a file in this folder, imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        return _verb(name)

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple:
        from mapsto.core.names import near

        if args and args[0] not in VERBS:
            hint = near(args[0], VERBS)
            context.fail(
                f"no verb '{args[0]}'."
                + (f" Near it: {', '.join(hint)}." if hint else f" There are: {', '.join(VERBS)}.")
            )
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@functools.cache
def _verb(name: str) -> click.Command:
    if name not in TOGETHER and not world.leads():
        sys.exit(0)
    command = importlib.import_module(f"mapsto.cli.{name}").command
    command.callback = _with_torch(command.callback)
    return command


def _with_torch(act: Callable) -> Callable:
    """`act`, once torch is there. Broken off while torch is imported, its own code would abort the process: so a signal waits."""

    @functools.wraps(act)
    def after(*arguments: Any, **asked: Any) -> Any:
        if Stop.listening is not None:
            with Stop.listening.held():
                _import_torch()
        with at_once():  # a signal that came meanwhile
            return act(*arguments, **asked)

    return after


def _import_torch() -> None:
    """Past the garbage collector: nothing that an import makes is garbage, and each look through all of it takes a tenth
    of a second. Two of those come at exit, where the memory of the process goes as a whole."""
    if "torch" in sys.modules or not gc.isenabled():
        return
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.enable()
    gc.freeze()
    atexit.register(gc.freeze)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mapsto.__version__, prog_name="mapsto")
def app() -> None:
    """x ↦ y: from your own data to a trained, judged, reusable function.

    \b
    mapsto train digits                                  the first thing to try
    mapsto train titanic.csv --target survived           a table
    mapsto train photos/                                 a folder of pictures, one folder a class
    mapsto train reviews.tsv --target label              texts
    mapsto train shakespeare.txt                         a text, to go on with
    mapsto train mnist --target image                    pictures, to draw more of them
    mapsto predict runs/titanic-1 new.csv                its answers
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code. MAPSTO_DEBUG=1 shows tracebacks."""
    debug = bool(os.environ.get("MAPSTO_DEBUG"))
    stop = Stop()
    try:
        with stop:
            app.main(arguments, prog_name="mapsto", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _leave(stop.interrupted("stopped."))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, MapstoError):
            _leave(error)
        if stop.asked:  # what a library made of being broken off
            _leave(stop.interrupted("stopped."))
        _say(
            f"{type(error).__name__}: {error}\nThis is a fault of mapsto or of a library below it, not of yours. "
            "MAPSTO_DEBUG=1 shows where it happened."
        )
        sys.exit(3)


def _leave(error: MapstoError) -> None:
    if not world.leads():
        time.sleep(QUIET)
    _say(f"{type(error).__name__}{error.code and f' {error.code}'}: {error}")
    sys.exit(error.exit_code)


def _say(words: str) -> None:
    """On standard error, without what a terminal would obey: a message may quote a file."""
    print(clean_lines(words), file=sys.stderr)
