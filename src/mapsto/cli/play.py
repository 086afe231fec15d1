"""mapsto play"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mapsto.cli.options import TALKING, options


@click.command(name="play")
@click.argument("run")
@click.option("--episodes", type=click.IntRange(1), default=1, metavar="N", show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", show_default=True, help="Of their beginnings.")
@click.option("--save", metavar="FILE", help="Keep the last episode as an animated GIF.")
@click.option("--weights", type=click.Choice(["best", "last"]), default="best", show_default=True)
@options(TALKING)
def command(run: str, episodes: int, seed: int, save: str | None, weights: str, as_json: bool, quiet: bool) -> None:
    """Let the function of RUN act in its world, and look on. Ctrl-C ends it."""
    import mapsto
    from mapsto.cli import screen
    from mapsto.core.disk import replace_file
    from mapsto.core.errors import BadInput
    from mapsto.framing.play import film, played, scene_of, told, world_of

    f, (world, about) = mapsto.load(run, weights=weights), world_of(run)
    scene = scene_of(about)
    if save and scene is None:
        raise BadInput(f"nobody knows how {about.get('id', about['name'])} looks.", "Leave out --save.")
    results: list[dict[str, Any]] = []
    for number in range(episodes):
        moves = []
        with screen.Watching(scene, quiet or as_json) as watching:
            for move in played(f.model, f.objective, world, seed, number):
                moves.append(move)
                watching.show(move)
        last = moves[-1]
        results.append({"episode": number + 1, "return": last.total, "moves": last.number, "end": last.end})
        if not (as_json or quiet):
            screen.out.print(screen.plain(f"episode {number + 1}: {told(last)}"))
    if save:
        replace_file(Path(save), film(scene, moves))
    if as_json:
        screen.print_json(results)
