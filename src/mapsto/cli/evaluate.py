"""mapsto evaluate"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.options import READING, TALKING, options, reading, targets


@click.command(name="evaluate")
@click.argument("run")
@click.argument("source", required=False)
@click.option(
    "--target", metavar="COLUMN", help="The column with the answers, if it is called otherwise than in training."
)
@click.option("--drop-unseen", is_flag=True, help="Leave out answers that the function never saw, and count them.")
@options(READING, TALKING)
def command(
    run: str, source: str | None, target: str | None, drop_unseen: bool, as_json: bool, quiet: bool, **read: Any
) -> None:
    """Put the function of RUN to the exam: on its own splits, or on SOURCE, which holds the answers too."""
    import mapsto
    from mapsto.cli import screen

    found = mapsto.evaluate(run, source, targets(target), drop_unseen, **reading(**read))
    if as_json:
        screen.print_json(found)
        return
    splits = list(found["scores"])
    names = list(found["scores"][splits[-1]])
    screen.print_table(
        ["", *splits], [[n, *(screen.score(found["scores"][s].get(n)) for s in splits)] for n in names], screen.out
    )
    if found.get("left_out"):
        screen.err.print(f"{found['left_out']} rows without an answer that this function can give were left out.")
    if found.get("unknown_labels"):
        screen.err.print(f"{found['unknown_labels']} labels that this function never saw were left out of the answers.")
