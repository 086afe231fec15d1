"""mapsto resume"""

from __future__ import annotations

import click

from mapsto.cli.importing import IMPORTING
from mapsto.cli.options import SAVING, TALKING, options
from mapsto.core import world


@click.command(name="resume")
@click.argument("run")
@options(SAVING, IMPORTING, TALKING)
def command(run: str, save_seconds: float | None, as_json: bool, quiet: bool) -> None:
    """Continue RUN from its newest checkpoint, bit for bit as if it had never stopped."""
    import mapsto
    from mapsto.cli import screen
    from mapsto.cli.train import finish

    with screen.Progressing(quiet or not world.leads()) as watch:
        result = mapsto.resume(run, watch=watch, save_seconds=save_seconds)
    world.leave()
    if world.leads():
        finish(result, as_json, screen.err if as_json else screen.out)
