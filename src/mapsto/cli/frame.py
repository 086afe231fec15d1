"""mapsto frame"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.importing import IMPORTING
from mapsto.cli.options import FRAMING, READING, TALKING, framed, options


@click.command(name="frame")
@click.argument("source")
@options(FRAMING, READING, IMPORTING, TALKING)
@click.option("--toml", is_flag=True, help="Print every setting as frame.toml instead, to edit and train from.")
def command(source: str, toml: bool, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Look at SOURCE and propose how to learn it: the card, before anything is fitted.

    SOURCE is a table, a folder or zip of pictures, .npz, idx, the name of a data set (`mapsto zoo data`), plain text (.txt, or a
    folder of such, without --target: a language model), a world to act in (env:CartPole-v1), or a frame.toml.
    """
    frame = framed(source, **asked)
    if toml:
        click.echo(frame.toml(), nl=False)
        return
    from mapsto.cli import screen
    from mapsto.framing.card import card

    if as_json:
        made = card(frame)
        screen.print_json(
            {"settings": frame.settings, "card": dict(made.lines), "findings": [str(f) for f in made.findings]}
        )
    else:
        screen.print_card(card(frame), screen.out)
