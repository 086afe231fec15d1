"""mapsto check"""

from __future__ import annotations

import sys
from typing import Any

import click

from mapsto.cli.importing import IMPORTING
from mapsto.cli.options import FRAMING, READING, TALKING, options, proposed


@click.command(name="check")
@click.argument("source")
@options(FRAMING, READING, IMPORTING, TALKING)
def command(source: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """List everything there is to say about SOURCE before anything is learned from it, worst first.

    Leaves with 2 where something has to be mended first (level error), else with 0.
    """
    from mapsto.cli import screen
    from mapsto.core.faults import Faults

    found = Faults()
    with found.noting():
        found.extend(proposed(source, **asked).check())
    if as_json:
        screen.print_json(
            [
                {
                    "code": f.code,
                    "level": f.level,
                    "count": f.count,
                    "message": f.message,
                    "examples": list(f.examples),
                    "remedy": f.remedy,
                }
                for f in found
            ]
        )
    elif found:
        screen.print_table(
            ["code", "level", "what, and what to do"],
            [
                [f.code, f.level, str(f).removeprefix(f"{f.code} ") + (f"\n{f.remedy}" if f.remedy else "")]
                for f in found
            ],
            screen.out,
        )
    else:
        screen.out.print("Nothing to say against these data.")
    if found.errors:
        sys.exit(2)
