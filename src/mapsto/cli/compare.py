"""mapsto compare"""

from __future__ import annotations

import click

from mapsto.cli.options import TALKING, options


@click.command(name="compare")
@click.argument("runs", nargs=-1, required=True)
@options(TALKING)
def command(runs: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Finished RUNS side by side, the best on the test split first."""
    import mapsto
    from mapsto.cli import screen

    rows = mapsto.compare(*runs)
    if as_json:
        screen.print_json(rows)
        return
    screen.print_table(
        ["run", "model", "parameters", "measure", "test", "valid", "seconds", "limit"],
        [
            [
                r["run"],
                r["model"],
                f"{r['parameters']:,}",
                r["measure"],
                screen.score(r["test"]),
                screen.score(r["valid"]),
                f"{r['seconds']:.1f}",
                r["limit"],
            ]
            for r in rows
        ],
        screen.out,
    )
    if len({r["data"] for r in rows}) > 1:
        screen.err.print(
            "These runs were examined on different data or splits: their scores cannot be set against each other."
        )
    elif len({r["measure"] for r in rows}) > 1:
        screen.err.print("These runs are judged by different measures; the columns show each run's own.")
