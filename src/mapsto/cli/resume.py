"""mapsto resume"""

from __future__ import annotations

import click

from mapsto.cli.options import TALKING, options


@click.command(name="resume")
@click.argument("run")
@options(TALKING)
def command(run: str, as_json: bool, quiet: bool) -> None:
    """Continue RUN from its newest checkpoint, bit for bit as if it had never stopped."""
    import mapsto
    from mapsto.cli import screen
    from mapsto.cli.train import finish

    with screen.Progressing(quiet) as watch:
        result = mapsto.resume(run, watch=watch)
    finish(result, as_json, screen.err if as_json else screen.out)
