"""mapsto shard"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.options import READING, SPLITTING, TALKING, TARGET, options, reading, targets


@click.command(name="shard")
@click.argument("source")
@click.argument("out")
@options(
    TARGET,
    SPLITTING,
    [
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="PATH=VALUE",
            help="A setting of [data]: --set data.split.test=0.1 --set data.kinds.zip=category (repeatable).",
        )
    ],
    READING,
    TALKING,
)
def command(
    source: str, out: str, target: str | None, settings: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any
) -> None:
    """Write SOURCE, however large, as the folder OUT of encoded examples, to train from within any memory.

    SOURCE is a table (.csv .tsv .jsonl .parquet, also .gz) or a folder or zip of pictures; it is read in blocks, three times, and
    never whole. What is to be learned and who is examined is settled here:

    \b
    mapsto shard clicks.parquet clicks.shards --target bought
    mapsto train clicks.shards

    OUT appears whole or not at all. --time and --folds need all rows at once, and are refused: name a --split-column.
    """
    import mapsto
    from mapsto.cli import screen
    from mapsto.framing.settings import parse

    read = {k: asked.pop(k) for k in ("columns", "encoding", "separator", "data_dir", "unreadable")}
    shards = mapsto.shard(source, out, targets(target), settings=dict(map(parse, settings)), **reading(**read), **asked)
    size = sum(size for size, _ in shards.files.values())
    if as_json:
        screen.print_json({"folder": str(shards.path), "rows": shards.rows, "bytes": size, "files": len(shards.files)})
    elif not quiet:
        said = ", ".join(f"{count:,} to {word}" for word, count in zip(_FOR, shards.rows.values(), strict=True))
        screen.out.print(
            screen.plain(f"shards    {shards.path}  ({size / 2**20:,.0f} MiB in {len(shards.files)} files)")
        )
        screen.out.print(screen.plain(f"rows      {said}"))
        screen.out.print(screen.plain(f"train     mapsto train {shards.path}"))


_FOR = ("train", "choose by", "be examined on")
