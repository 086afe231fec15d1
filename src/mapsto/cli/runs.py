"""mapsto runs"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from mapsto.cli.options import TALKING, options
from mapsto.core import text


@click.group(name="runs", invoke_without_command=True)
@click.option("--folder", default="runs", metavar="FOLDER", show_default=True, help="Where the runs are.")
@options(TALKING)
@click.pass_context
def command(context: click.Context, folder: str, as_json: bool, quiet: bool) -> None:
    """List the runs here, or clean up after them."""
    context.obj = folder
    if context.invoked_subcommand is None:
        show(folder, as_json)


@command.command(name="list")
@options(TALKING)
@click.pass_obj
def listing(folder: str, as_json: bool, quiet: bool) -> None:
    """List the runs here."""
    show(folder, as_json)


def show(folder: str, as_json: bool) -> None:
    import mapsto
    from mapsto.cli import screen

    rows = mapsto.runs(folder)
    if as_json:
        screen.print_json(rows)
    elif not rows:
        screen.out.print(screen.plain(f"No runs in {folder}/ yet. The first thing to try: mapsto train digits"))
    else:
        screen.print_table(
            ["run", "model", "state", "step", "test", "seconds"],
            [
                [
                    r["run"],
                    r["model"],
                    r["state"],
                    str(r["step"]),
                    f"{r['measure']} {screen.score(r['test'])}" if r["test"] else "–",
                    f"{r['seconds']:.1f}" if r["seconds"] is not None else "–",
                ]
                for r in rows
            ],
            screen.out,
        )


@command.command(name="clean")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clean(folder: str, yes: bool) -> None:
    """Remove what is no longer needed: checkpoints of finished runs, and what broken-off processes left half-written.

    Functions, results and reports stay; a run that can be resumed keeps its checkpoints.
    """
    from mapsto.learner.run import runs

    found = [
        run.path / "checkpoints" for run in runs(folder) if (run.path / "result.json").exists() and run.checkpoints()
    ]
    found += [p for p in Path(folder).glob(".*.partial") if p.is_dir()]
    if not found:
        click.echo("Nothing to remove.")
        return
    size = sum(f.stat().st_size for p in found for f in p.rglob("*") if f.is_file())
    click.echo("\n".join(text.clean(str(p)) for p in found))
    if yes or click.confirm(f"Remove these {len(found)} folders ({size / 1e6:.1f} MB)?"):
        for path in found:
            shutil.rmtree(path)
        click.echo(f"Removed {len(found)} folders.")
