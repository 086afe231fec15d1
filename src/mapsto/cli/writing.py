"""What `mapsto predict` does with a language model: it goes on with a text, and shows it as it is made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

WRITING = [
    click.option("--length", type=click.IntRange(1), metavar="N", help="Of a language model: tokens to write (200)."),
    click.option(
        "--temperature",
        type=click.FloatRange(0),
        metavar="T",
        help="How daring it is: 0 takes the likeliest token (0.8).",
    ),
    click.option("--top-k", type=click.IntRange(0), metavar="K", help="Only the K likeliest tokens may come (0: all)."),
    click.option(
        "--top-p",
        type=click.FloatRange(0, 1, min_open=True),
        metavar="P",
        help="Only the likeliest tokens that together have this probability (1: all).",
    ),
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Of what is drawn (0)."),
]


def write(f: Any, inputs: tuple[str, ...], how: dict[str, Any], encoding: str | None, as_json: bool) -> None:
    """Go on with each input: a text, a file that it stands in, or - for standard input. how: see `Function.continued`."""
    from mapsto.cli import screen
    from mapsto.core.text import clean_lines

    texts = [_text(where, encoding) for where in inputs]
    if as_json:
        screen.print_json([{"input": text, "prediction": "".join(f.continued(text, **how))} for text in texts])
        return
    for text in texts:
        sys.stdout.write(clean_lines(text))
        for piece in f.continued(text, **how):
            sys.stdout.write(clean_lines(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")


def _text(where: str, encoding: str | None) -> str:
    from mapsto.data.decode import text_of
    from mapsto.export.inputs import is_file

    if where == "-":
        return text_of(sys.stdin.buffer.read(), encoding, "standard input")[0]
    path = Path(where)
    return text_of(path.read_bytes(), encoding, where)[0] if is_file(path) and path.is_file() else where
