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


def write(
    f: Any,
    inputs: tuple[str, ...],
    how: dict[str, Any],
    encoding: str | None,
    as_json: bool,
    look: dict[str, Any] | None = None,
) -> None:
    """Go on with each input: a text, a file that it stands in, or - for standard input. how: see `Function.continued`.

    look: the layer and head that are asked where they looked in the text itself; None for no such map.
    """
    import mapsto
    from mapsto.cli import screen
    from mapsto.core.text import clean_lines

    texts = [_text(where, encoding) for where in inputs]
    maps = [None if look is None else mapsto.attention(f, text, **look) for text in texts]
    if as_json:
        said = [{"input": text, "prediction": "".join(f.continued(text, **how))} for text in texts]
        screen.print_json(
            [row if one is None else {**row, "attention": one.to_json()} for row, one in zip(said, maps, strict=True)]
        )
        return
    for text, one in zip(texts, maps, strict=True):
        sys.stdout.write(clean_lines(text))
        for piece in f.continued(text, **how):
            sys.stdout.write(clean_lines(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")
        if one is not None:
            screen.print_attention(one, screen.out)


def _text(where: str, encoding: str | None) -> str:
    from mapsto.data.decode import text_of
    from mapsto.export.inputs import is_file

    if where == "-":
        return text_of(sys.stdin.buffer.read(), encoding, "standard input")[0]
    path = Path(where)
    return text_of(path.read_bytes(), encoding, where)[0] if is_file(path) and path.is_file() else where
