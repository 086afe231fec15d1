"""mapsto doctor"""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mapsto.cli.options import TALKING, options

if TYPE_CHECKING:
    from mapsto.framing.doctor import Check
    from mapsto.framing.machine import Fact


@click.command(name="doctor")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="FOLDER",
    help="Where runs are kept: its disk is tried (default: here).",
)
@options(TALKING)
def command(folder: Path, as_json: bool, quiet: bool) -> None:
    """Look at this installation, and try on this machine what must be equal; a few seconds.

    Leaves with exit code 3 where a library is missing or something differs.
    """
    from mapsto.framing import machine

    facts, checks = machine.libraries(), []
    whole = all(fact.good for fact in facts)
    if whole:  # else what follows may not even be imported
        from mapsto.cli import screen
        from mapsto.framing import doctor

        facts += [*machine.devices(), *machine.room(folder), machine.Fact("terminal", screen.terminal())]
        watched = screen.err.is_terminal and not quiet
        with screen.err.status("trying what must be equal …") if watched else nullcontext():
            checks = list(doctor.checks(machine.present(), folder))
    good = whole and all(check.good for check in checks)
    if as_json:
        click.echo(
            json.dumps({"good": good, "facts": [asdict(f) for f in facts], "checks": [_plain(c) for c in checks]})
        )
    elif whole:
        _show(facts, checks, quiet)
    else:
        click.echo("\n".join(f"{'' if fact.good else '! '}{fact.name}: {fact.value}" for fact in facts))
    if not good:
        raise SystemExit(3)


def _show(facts: list[Fact], checks: list[Check], quiet: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from mapsto.cli import screen

    if not quiet:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style=screen.ACCENT, no_wrap=True)
        grid.add_column(overflow="fold", max_width=max(60, screen.out.width) - 14)
        for fact in facts:
            grid.add_row(fact.name, Text(fact.value))
        screen.out.print(grid)
        screen.out.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, side in (
        ("what must be equal", "left"),
        ("on", "left"),
        ("", "left"),
        ("measured", "right"),
        ("", "left"),
    ):
        table.add_column(column, justify=side, overflow="fold")
    for check in checks:
        mark = Text("ok", style=screen.GOOD) if check.good else Text("differs", style=screen.BAD)
        table.add_row(Text(check.claim), Text(check.where), mark, _figure(check.figure), Text(check.words))
    screen.out.print(table)
    screen.out.print()
    amiss = sum(not check.good for check in checks)
    if amiss:
        screen.out.print(Text(f"{amiss} of {len(checks)} differ: do not trust what is trained here.", style=screen.BAD))
        screen.out.print("Tell us: `mapsto doctor --json` says all that is needed to find out why.")
    else:
        screen.out.print(Text(f"All {len(checks)} as they should be.", style=screen.GOOD))


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,}" if isinstance(value, int) else f"{value:.2g}"


def _plain(check: Check) -> dict:
    return asdict(check) | ({"figure": None} if math.isnan(check.figure) else {})
