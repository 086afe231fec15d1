"""mapsto check"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.options import FRAMING, READING, TALKING, framed, options


@click.command(name="check")
@click.argument("source")
@options(FRAMING, READING, TALKING)
def command(source: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """List everything there is to say about SOURCE before anything is learned from it."""
    from mapsto.cli import screen

    findings = framed(source, **asked).findings
    if as_json:
        screen.print_json(
            [
                {"code": f.code, "level": f.level, "count": f.count, "message": f.message, "examples": list(f.examples)}
                for f in findings
            ]
        )
    elif findings:
        screen.print_table(
            ["code", "level", "what"],
            [[f.code, f.level, str(f).removeprefix(f"{f.code} ")] for f in findings],
            screen.out,
        )
    else:
        screen.out.print("Nothing to say against these data.")
