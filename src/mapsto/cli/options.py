"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import click

READING = [
    click.option("--columns", metavar="A,B,…", help="Names for the columns of a table without a header."),
    click.option(
        "--encoding", metavar="NAME", help="The text encoding of a table, where it is in doubt (cp949, big5 …)."
    ),
    click.option("--separator", metavar="CHAR", help="What stands between cells, where it is in doubt."),
    click.option(
        "--unreadable",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="The share of pictures that may be damaged and left out (default: 0.01, or a few pictures).",
    ),
    click.option(
        "--data-dir", metavar="FOLDER", help="Where downloaded data sets are (default: MAPSTO_DATA, or a cache)."
    ),
]
TARGET = [
    click.option(
        "--target", metavar="COLUMN", help="What to learn. Several columns of 0 and 1, joined by commas, are labels."
    ),
]
SPLITTING = [
    click.option("--split-column", metavar="COLUMN", help="A column that says train, valid or test for each row."),
    click.option("--group", metavar="COLUMN", help="Rows of one group are kept together when the exam is drawn."),
    click.option("--time", metavar="COLUMN", help="The past trains, the future is the exam."),
    click.option(
        "--folds", type=click.IntRange(0), default=0, metavar="K", help="Examine every row once, in K trainings."
    ),
    click.option(
        "--split-seed", type=click.IntRange(0), default=0, metavar="N", help="The seed of the split, apart from --seed."
    ),
]
FRAMING = [
    *TARGET,
    click.option(
        "--objective",
        metavar="NAME",
        help="What is to become of the model: `mapsto zoo objectives`. With masked-words a text is its own target; with "
        "variational, adversarial, denoising or reconstruction pictures are drawn.",
    ),
    click.option(
        "--from",
        "start",
        metavar="RUN",
        help="Go on from a run, a model folder or a Hugging Face folder: its tokens and the body of its model; the head is new.",
    ),
    click.option("--test", metavar="FILE", help="A separate exam, read like the data."),
    *SPLITTING,
    click.option(
        "--seed", type=click.IntRange(0), default=0, metavar="N", help="The seed of everything but the split."
    ),
    click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, mps."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change a setting: --set model.width=64 (repeatable).",
    ),
    click.option("--epochs", type=click.IntRange(1), metavar="N", help="Train for N passes over the data."),
    click.option("--steps", type=click.IntRange(1), metavar="N", help="Train for N steps."),
    click.option(
        "--minutes", type=click.FloatRange(0, min_open=True), metavar="M", help="Train for at most M minutes."
    ),
]
SAVING = [
    click.option(
        "--save-every",
        "save_seconds",
        type=click.FloatRange(0),
        metavar="SECONDS",
        help="Save a checkpoint so often while training: what a kill can cost (default: 20, or as the run began).",
    ),
]
TALKING = [
    click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on standard output; everything else on standard error."
    ),
    click.option("--quiet", "-q", is_flag=True, help="No card, no progress."),
]


def options(*groups: list[Callable]) -> Callable:
    """A decorator that adds every option of the groups, in their order."""
    return lambda command: reduce(
        lambda made, option: option(made), [o for g in reversed(groups) for o in reversed(g)], command
    )


def reading(columns: str | None, separator: str | None, **plain: Any) -> dict[str, Any]:
    given = {"columns": _split(columns), "separator": _unescaped(separator), **plain}
    return {k: v for k, v in given.items() if v is not None}


def framed(source: str, **asked: Any) -> Any:
    """The frame that the options ask for. What is wrong with them is refused, with all that is wrong with the data."""
    frame = proposed(source, **asked)
    if frame.faults:
        frame.refuse()
    return frame


def proposed(
    source: str,
    target: str | None,
    test: str | None,
    settings: tuple[str, ...],
    epochs: int | None,
    steps: int | None,
    minutes: float | None,
    **how: Any,
) -> Any:
    """The frame that the options ask for; settings that are none are in its `faults`."""
    import mapsto
    from mapsto.framing.settings import parse

    read = {k: how.pop(k) for k in ("columns", "encoding", "separator", "data_dir", "unreadable")}
    frame = mapsto.frame(source, targets(target), test=test, **reading(**read), **how)
    changes = []
    for text in settings:
        with frame.faults.noting():
            changes.append(parse(text))
    frame.change(changes)
    ends: list[dict[str, Any]] = []
    if epochs:
        ends.append({"name": "epochs", "count": epochs})
    if steps:
        ends.append({"name": "steps", "count": steps})
    with frame.faults.noting():
        if minutes:
            ends = [{"name": "minutes", "count": minutes}, *(ends or [dict(frame.settings["algorithm"]["until"])])]
        if ends:
            frame.set("algorithm.until", ends[0] if len(ends) == 1 else {"name": "either", "several": ends})
    return frame


def targets(target: str | None) -> str | list[str] | None:
    names = _split(target)
    return names if names and len(names) > 1 else target


def _split(words: str | None) -> list[str] | None:
    return [w.strip() for w in words.split(",")] if words else None


def _unescaped(separator: str | None) -> str | None:
    return "\t" if separator in ("\\t", "tab") else separator
