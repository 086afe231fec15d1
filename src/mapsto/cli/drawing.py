"""What `mapsto predict` does with a function that draws: a sheet of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

DRAWING = [
    click.option(
        "--count", type=click.IntRange(1, 10_000), metavar="N", help="Of a function that draws: pictures (64)."
    ),
    click.option(
        "--given",
        multiple=True,
        metavar="WORDS",
        help="What is to be drawn: a class or a text (repeatable: a row each; default: every class).",
    ),
    click.option("--out", metavar="FILE.png", help="Where the sheet of pictures goes (sheet.png)."),
]
COUNT, SEED, OUT = 64, 0, "sheet.png"
ROW = 16  # pictures of a file side by side


def draw(
    f: Any,
    inputs: tuple[str, ...],
    as_json: bool,
    count: int | None = None,
    given: tuple[str, ...] = (),
    out: str | None = None,
    seed: int | None = None,
) -> None:
    """Draw a sheet: a row for each of `given`, or for each class; where there is one or none, about as many rows as columns. Of
    pictures that come as inputs, what their codes give back, below them."""
    from mapsto.cli import screen
    from mapsto.core import disk
    from mapsto.core.errors import BadInput
    from mapsto.core.text import clean, many
    from mapsto.domains.sheet import png, sheet, squared

    path = Path(out or OUT)
    if path.suffix.lower() != ".png":
        raise click.UsageError(f"a sheet is a PNG: --out {path.with_suffix('.png')}")
    if inputs:
        if count or seed:
            raise click.UsageError(
                "--count and --seed are for drawing; pictures that are given come back from their codes."
            )
        labels, rows = _returned(f, inputs, given)
    else:
        labels, rows = _drawn(f, count or COUNT, given, seed or SEED)
    made = sum(map(len, rows)) // (2 if inputs else 1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"no folder {path.parent} can be made ({error.strerror}).", "Name another with --out."
        ) from error
    disk.replace_file(path, png(sheet(rows if len(rows) > 1 else squared(rows[0]))))
    if as_json:
        screen.print_json({"out": str(path), "pictures": made, "rows": labels, "seed": seed or SEED})
        return
    told = f", a row each: {', '.join(map(clean, labels))}" if len(labels) > 1 else ""
    told = ", and below each what comes back of it" if inputs else told
    screen.out.print(screen.plain(f"{many(made, 'picture')} in {path}{told}"))


def _drawn(f: Any, count: int, given: tuple[str, ...], seed: int) -> tuple[list[str], list[list[Any]]]:
    """What each row is of, and its pictures; those below each other are drawn from the same random numbers."""
    from mapsto.cli import screen
    from mapsto.core.text import clean
    from mapsto.domains.category import Category
    from mapsto.domains.text import Text
    from mapsto.export.drawing import unheard

    asked = list(given or (f.input.classes if isinstance(f.input, Category) else ()) or [None])
    ends = [(k + 1) * count // len(asked) for k in range(len(asked))]
    rows = [
        f.draw(max(1, end - begin), value, seed) for value, begin, end in zip(asked, [0, *ends], ends, strict=False)
    ]
    for value in given if isinstance(f.input, Text) else ():
        if strange := unheard(f.input, value):
            words = ", ".join(f"'{clean(word, 30)}'" for word in strange)
            screen.err.print(screen.plain(f"note: said of no picture that was learned from: {words}"))
    return ["" if value is None else str(value) for value in asked], rows


def _returned(f: Any, inputs: tuple[str, ...], given: tuple[str, ...]) -> tuple[list[str], list[list[Any]]]:
    """Pictures as the function sees them, and below them what comes back from their codes."""
    from mapsto.cli import screen
    from mapsto.core.errors import BadInput
    from mapsto.core.text import clean
    from mapsto.export.inputs import is_file, pictures_at

    rows = []
    for where in inputs:
        if not is_file(Path(where)):
            shown = clean(where, 60)
            raise BadInput(f"no file {shown}.", f"What is to be drawn is said so: --given '{shown}'")
        found = pictures_at(Path(where))
        for reason in found.skipped:
            screen.err.print(screen.plain(f"note: {reason}"))
        seen = f.target.decode(f.target.encode(found.column))
        back = f.reconstruct(seen, given[0] if given else None)
        for k in range(0, len(seen), ROW):
            rows += [seen[k : k + ROW], back[k : k + ROW]]
    return [], rows
