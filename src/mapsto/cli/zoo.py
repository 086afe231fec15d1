"""mapsto zoo"""

from __future__ import annotations

import click

from mapsto.cli.options import TALKING, options


@click.command(name="zoo")
@click.argument("what", required=False)
@options(TALKING)
def command(what: str | None, as_json: bool, quiet: bool) -> None:
    """What there is: data, recipes, models, objectives, algorithms, domains, measures, augmentations."""
    import mapsto
    from mapsto.cli import screen

    found = mapsto.zoo(what)
    if as_json:
        screen.print_json(found)
        return
    for shelf, lines in found.items():
        screen.out.print(shelf, style="bold")
        screen.print_table(["", ""], [[f"  {name}", line] for name, line in lines.items()], screen.out)
        screen.out.print()
