"""mapsto report"""

from __future__ import annotations

import click

from mapsto.cli.options import TALKING, options


@click.command(name="report")
@click.argument("run")
@click.option("--open", "show", is_flag=True, help="Open report.html in the browser.")
@options(TALKING)
def command(run: str, show: bool, as_json: bool, quiet: bool) -> None:
    """Show what came of RUN, and where its report.html is."""
    from mapsto.cli import screen
    from mapsto.cli.train import finish
    from mapsto.framing.finished import finished
    from mapsto.framing.result import Result
    from mapsto.learner.run import Run

    folder = Run(run)
    finish(Result(folder.path, finished(folder)), as_json, screen.out)
    if show:
        import webbrowser

        webbrowser.open((folder.path / "report.html").resolve().as_uri())
