"""mapsto evaluate"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.importing import IMPORTING
from mapsto.cli.options import READING, TALKING, options, reading, targets


@click.command(name="evaluate")
@click.argument("run")
@click.argument("source", required=False)
@click.option(
    "--target", metavar="COLUMN", help="The column with the answers, if it is called otherwise than in training."
)
@click.option("--drop-unseen", is_flag=True, help="Leave out answers that the function never saw, and count them.")
@click.option(
    "--judge", metavar="RUN", help="Of a function that draws: a run that tells pictures apart looks at what it draws."
)
@click.option(
    "--count", type=click.IntRange(2), default=10_000, show_default=True, metavar="N", help="Pictures for --judge."
)
@options(READING, IMPORTING, TALKING)
def command(
    run: str,
    source: str | None,
    target: str | None,
    drop_unseen: bool,
    judge: str | None,
    count: int,
    as_json: bool,
    quiet: bool,
    **read: Any,
) -> None:
    """Put the function of RUN to the exam: on its own splits, or on SOURCE, which holds the answers too."""
    import mapsto
    from mapsto.cli import screen
    from mapsto.core.text import clean

    with screen.Drawing(quiet or judge is None) as told:
        found = mapsto.evaluate(run, source, targets(target), drop_unseen, judge, count, told, **reading(**read))
    if as_json:
        screen.print_json(found)
        return
    splits = list(found["scores"])
    names = list(found["scores"][splits[-1]])
    screen.print_table(
        ["", *splits], [[n, *(screen.score(found["scores"][s].get(n)) for s in splits)] for n in names], screen.out
    )
    if "shares" in found:
        shares = [f"{clean(name)} {share['value']:.1%}" for name, share in found["shares"].items()]
        screen.out.print(screen.plain(f"drawn: {', '.join(shares)}"))
    if found.get("left_out"):
        screen.err.print(f"{found['left_out']} rows without an answer that this function can give were left out.")
    if found.get("unknown_labels"):
        screen.err.print(f"{found['unknown_labels']} labels that this function never saw were left out of the answers.")
