"""mapsto predict"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import click

from mapsto.cli.drawing import DRAWING, draw
from mapsto.cli.options import READING, TALKING, options, reading
from mapsto.cli.writing import WRITING, write
from mapsto.core.text import clean, short

if TYPE_CHECKING:
    from mapsto.export.function import Function
    from mapsto.export.inputs import Inputs

FORMULA = ("=", "+", "-", "@", "|")  # a spreadsheet may run a cell that begins like this
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|-inf", re.ASCII)


@click.command(name="predict")
@click.argument("run")
@click.argument("inputs", nargs=-1)
@click.option(
    "--top", type=click.IntRange(1), metavar="K", help="Also the K likeliest answers with their probabilities."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Of two classes answer the second from this probability on; of labels, give each from it on.",
)
@click.option("--why", is_flag=True, help="Of a text, also which words spoke for the answer, and which against it.")
@click.option("--attention", is_flag=True, help="Of a text, also where a model with attention looked, token by token.")
@click.option(
    "--layer", default="", metavar="L", help="Of --attention: its layer, by number or name (default: the last)."
)
@click.option(
    "--head",
    type=click.IntRange(0),
    default=0,
    metavar="H",
    help="Of --attention: one head of the layer (default: 0, the mean over all).",
)
@click.option("--csv", "as_csv", is_flag=True, help="CSV on standard output.")
@click.option("--weights", type=click.Choice(["best", "last"]), default="best", show_default=True)
@options(WRITING, DRAWING, READING, TALKING)
def command(
    run: str,
    inputs: tuple[str, ...],
    top: int | None,
    threshold: float | None,
    why: bool,
    attention: bool,
    layer: str,
    head: int,
    as_csv: bool,
    weights: str,
    as_json: bool,
    quiet: bool,
    length: int | None,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    seed: int | None,
    count: int | None,
    given: tuple[str, ...],
    out: str | None,
    **read: Any,
) -> None:
    """Answer for INPUTS with the function of RUN: tables, pictures, folders of them, or - for a table from standard input.

    A language model goes on with a text: given as it is, in a file, or on standard input. A function that draws needs no INPUTS: it
    makes a sheet of pictures. One that acts says what to do where "[0.1, 0.2, 0, 0]" is observed, or what a table or an .npz holds.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of one answer: give one of them.")
    if attention and as_csv:
        raise click.UsageError("--attention is a map, which --csv has no cell for: use --json.")
    if (layer or head) and not attention:
        raise click.UsageError("--layer and --head are for --attention.")
    import mapsto
    from mapsto.cli import screen
    from mapsto.export.inputs import inputs_of

    f = mapsto.load(run, weights=weights)
    look = {"layer": layer, "head": head} if attention else None
    told = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    how = {word: value for word, value in told.items() if value is not None}
    sheet = {"count": count, "given": given, "out": out}
    if f.objective.problem == "generation":
        if how.keys() - {"seed"} or top or threshold is not None or why or attention or as_csv:
            raise click.UsageError("a function that draws takes --count, --given, --seed, --out and --weights.")
        return draw(f, inputs, as_json, seed=seed, **sheet)
    if odd := next((word for word, value in sheet.items() if value), ""):
        raise click.UsageError(f"--{odd} is for functions that draw.")
    if not inputs:
        raise click.UsageError("Missing argument 'INPUTS...': what is it to answer for?")
    if f.objective.problem == "language-model":
        if top or threshold is not None or why or as_csv:
            raise click.UsageError(
                "--top, --threshold, --why and --csv are for answers; this function goes on with a text."
            )
        return write(f, inputs, how, read.get("encoding"), as_json, look)
    if how:
        raise click.UsageError(f"--{next(iter(how)).replace('_', '-')} is for functions that go on with a text.")
    rows: list[dict[str, Any]] = []
    for where in inputs:
        asked = inputs_of(f, where, **reading(**read))
        rows += _rows(f, asked, threshold, top, why, look)
        for reason in asked.skipped if not quiet else ():
            screen.err.print(screen.plain(f"note: {reason}"))
    if as_json:
        screen.print_json([_plain(row) for row in rows])
    elif as_csv:
        _write_csv(rows)
    else:
        _print(rows)


def _rows(
    f: Function, asked: Inputs, threshold: float | None, top: int | None, why: bool, look: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """What is said of each of the inputs, by the names that JSON has. look: the layer and head of --attention."""
    import numpy as np

    import mapsto
    from mapsto.domains.column import parts

    predictions = f.encoded_predictions(asked.column)
    shares = f.shares(predictions) if f.tells_shares else [None] * len(predictions)
    rows: list[dict[str, Any]] = []
    for label, answer, share in zip(asked.labels, f.answers(predictions, threshold), shares, strict=True):
        told = answer.tolist() if isinstance(answer, np.ndarray) else answer  # several numbers, as JSON has them
        rows.append({"input": label, "prediction": told, **_certainty(answer, share, top, f.objective.problem)})
    if f.objective.problem == "tagging":
        for row, value in zip(rows, asked.values(f), strict=True):
            row["tokens"] = parts(value, 0, "Words")
    if why:
        for row, one in zip(rows, mapsto.why(f, asked.several), strict=True):
            row["why"] = list(zip(one.tokens, one.shares, strict=True))
    if look is not None:
        for row, one in zip(rows, mapsto.attention(f, asked.several, **look), strict=True):
            row["attention"] = one
    if f.of_pairs:  # which are the likeliest is what one asks of so many
        rows.sort(key=lambda row: -row["probabilities"]["joined"])
    return rows


def _write_csv(rows: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["input", "prediction", *map(clean, _extra(rows))])
    for row in rows:
        writer.writerow([harmless(cell) for cell in (row["input"], _answer(row), *_cells(row))])


def _print(rows: list[dict[str, Any]]) -> None:
    from mapsto.cli import screen

    screen.print_table(
        ["input", "prediction", *_extra(rows)],
        [[row["input"], "none" if row["prediction"] == [] else _said(_answer(row)), *_cells(row)] for row in rows],
        screen.out,
    )
    for row in rows:
        if "why" in row:
            screen.print_heat(row["prediction"], row["why"], screen.out)
    for row in rows:
        if "attention" in row:
            screen.print_attention(row["attention"], screen.out)


def _answer(row: dict[str, Any]) -> Any:
    """The prediction, and where it is one tag for each word, each behind its word."""
    if "tokens" not in row:
        return row["prediction"]
    return " ".join(f"{word}/{tag}" for word, tag in zip(row["tokens"], row["prediction"], strict=True))


def _certainty(answer: Any, share: dict[Any, float] | None, top: int | None, problem: str) -> dict[str, Any]:
    if share is None:
        return {}
    found: dict[str, Any] = {
        "probability": share.get(answer) if problem == "classification" else None,
        "probabilities": share,
    }
    if top:
        found["top"] = sorted(share.items(), key=lambda item: -item[1])[:top]
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    made = {k: v for k, v in row.items() if v is not None}
    if "attention" in made:
        made["attention"] = made["attention"].to_json()
    if "probabilities" in made:
        made["probabilities"] = {str(k): v for k, v in made["probabilities"].items()}
    if "top" in made:
        made["top"] = [{"answer": a, "probability": p} for a, p in made["top"]]
    return made


def _extra(rows: list[dict[str, Any]]) -> list[str]:
    first = rows[0] if rows else {}
    if "top" in first:
        return [f"{kind} {k + 1}" for k in range(len(first["top"])) for kind in ("answer", "probability")]
    if first.get("probability") is not None:
        return ["probability"]
    return [f"p({label})" for label in first.get("probabilities", {})]


def _cells(row: dict[str, Any]) -> list[str]:
    if "top" in row:
        return [cell for answer, p in row["top"] for cell in (_said(answer), f"{p:.4f}")]
    if row.get("probability") is not None:
        return [f"{row['probability']:.4f}"]
    return [f"{p:.4f}" for p in row.get("probabilities", {}).values()]


def _said(answer: Any) -> str:
    if isinstance(answer, list):
        return " | ".join(short(a) if isinstance(a, float) else clean(str(a)) for a in answer)
    return short(answer) if isinstance(answer, float) else clean(str(answer))


def harmless(cell: Any) -> str:
    """A cell of a CSV: a quote stands before words that a spreadsheet would run; numbers, also those of a class, stay."""
    said = _said(cell)
    begins = unicodedata.normalize("NFKC", said.lstrip()).startswith(FORMULA)  # ＝ is taken for = in some of them
    return f"'{said}" if begins and not NUMBER.fullmatch(said) else said
