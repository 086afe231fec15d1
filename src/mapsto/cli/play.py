"""mapsto play"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mapsto.cli.importing import IMPORTING
from mapsto.cli.options import TALKING, options


@click.command(name="play")
@click.argument("run")
@click.option("--episodes", type=click.IntRange(1), default=1, metavar="N", show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", show_default=True, help="Of the episodes.")
@click.option("--save", metavar="FILE", help="Keep the last one as an animated GIF.")
@click.option("--weights", type=click.Choice(["best", "last"]), default="best", show_default=True)
@options(IMPORTING, TALKING)
def command(run: str, episodes: int, seed: int, save: str | None, weights: str, as_json: bool, quiet: bool) -> None:
    """Let the function of RUN act in its world, and look on. Ctrl-C ends it."""
    import mapsto
    from mapsto.cli import screen
    from mapsto.core.disk import replace_file
    from mapsto.core.stop import Stop
    from mapsto.framing.play import Move, film, played, scene_of
    from mapsto.framing.verbs import own_world

    world, raw = own_world(run)
    f, world, scene = mapsto.load(run, weights=weights), world.twin(1), scene_of(raw)
    if save and scene is None:
        raise click.UsageError(f"nobody knows how {raw.name} looks: leave out --save.")
    came: list[dict[str, Any]] = []
    for number in range(episodes):
        moves: list[Move] = []
        with screen.Watching(scene, quiet or as_json) as watching:
            try:
                moves.extend(watching.shown(move) for move in played(f.model, f.objective, world, seed, number))
            except KeyboardInterrupt:
                if not moves:
                    raise
                moves[-1] = replace(moves[-1], end="broken off")
        last = moves[-1]
        came.append({"episode": number + 1, "return": last.total, "moves": last.number, "end": last.end})
        if not as_json:
            screen.out.print(screen.plain(f"episode {number + 1}: {last}"))
        if last.end == "broken off":
            break
    if save:
        replace_file(Path(save), film(scene, moves))
    if as_json:
        screen.print_json(came)
    if last.end == "broken off" and Stop.listening is not None:
        sys.exit(128 + Stop.listening.asked)
