"""mapsto train"""

from __future__ import annotations

from typing import Any

import click

from mapsto.cli.importing import IMPORTING, as_before
from mapsto.cli.options import FRAMING, READING, SAVING, TALKING, framed, options
from mapsto.core import world


@click.command(name="train")
@click.argument("source")
@options(
    FRAMING,
    [
        click.option("--run", metavar="FOLDER", help="The run folder (default: runs/<data>-<number>)."),
        click.option(
            "--baselines",
            "baseline_seconds",
            type=click.FloatRange(0),
            default=30.0,
            metavar="SECONDS",
            show_default=True,
            help="How long the simple models beside it may take together.",
        ),
        click.option(
            "--sharded", is_flag=True, help="Under torchrun: divide weights and moments among the processes (FSDP2)."
        ),
        click.option("--tensorboard", is_flag=True, help="Also write TensorBoard events into the run folder."),
    ],
    SAVING,
    READING,
    IMPORTING,
    TALKING,
)
def command(
    source: str,
    run: str | None,
    baseline_seconds: float,
    tensorboard: bool,
    sharded: bool,
    save_seconds: float | None,
    as_json: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Frame SOURCE, train, judge, and keep the function in a run folder.

    SOURCE is a table, a folder or zip of pictures, .npz, idx, a graph (an .npz with edge_index, a folder with nodes.csv and
    edges.csv, or of the TU collection), the name of a data set (`mapsto zoo data`), plain text (.txt, or a folder of such, without
    --target: a language model), a world to act in (env:CartPole-v1), or a frame.toml.
    """
    if sharded:
        asked["settings"] = (*asked["settings"], "algorithm.update.sharded=true")
    frame = framed(source, **asked)
    quiet = quiet or not world.leads()
    from mapsto.cli import screen
    from mapsto.framing.card import card
    from mapsto.framing.train import train

    console = screen.err if as_json else screen.out
    if not quiet:
        screen.print_card(card(frame), console)
    with screen.Progressing(quiet) as watch:
        result = train(
            frame,
            run,
            watch,
            baseline_seconds=baseline_seconds,
            tensorboard=tensorboard,
            **({} if save_seconds is None else {"save_seconds": save_seconds}),
        )
    world.leave()
    if world.leads():
        finish(result, as_json, console)


def finish(result: Any, as_json: bool, console: Any) -> None:
    """What is said when a run has ended."""
    from mapsto.cli import screen
    from mapsto.export.card import question

    if as_json:
        screen.print_json(result.to_json())
        return
    screen.print_result(result, console)
    console.print()
    console.print(
        screen.plain(f"run       {result.path}  ({result.written['steps']} steps in {result.written['seconds']:.1f} s)")
    )
    console.print(screen.plain(f"report    {result.path / 'report.html'}"))
    if result.written["problem"] == "acting":
        console.print(screen.plain(f"use it    mapsto play {result.path}{as_before()}"))
        console.print(screen.plain(f"or        mapsto predict {result.path} FILE"))
        return
    reads = result.written.get("reads", "")
    if result.written["problem"] == "generation":
        ways = ['--given "…" --count 64' if reads == "text" else "--count 64"]
    else:
        asked = question(result.written["problem"], reads)
        ways = [f'"{asked}"', "FILE"] if asked else ["FILE"]
    for label, way in zip(("use it", "or"), ways, strict=False):
        console.print(screen.plain(f"{label:<9} mapsto predict {result.path} {way}"))
