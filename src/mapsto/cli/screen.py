"""How things look in a terminal: rich where there is one, plain lines where there is none.

Words that came from data or files reach the terminal through `plain` or `print_json`, so that none of them is obeyed.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from typing import Any, Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mapsto.core.text import clean, clean_lines, escaped
from mapsto.framing.card import Card
from mapsto.insight.scenes import in_letters

PIPED = 160  # columns where there is no terminal to ask


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, soft_wrap=True, highlight=False, emoji=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED
    return console


out, err = _console(stderr=False), _console(stderr=True)
ACCENT, QUIET, WARN = "bold cyan", "dim", "yellow"
GOOD, BAD = "green", "bold red"
FOR, AGAINST = "dark_orange", "blue"
SQUARES = ("  ", "··", "░░", "▒▒", "▓▓", "██")  # of a map of attention, from nothing to the most
SEEN = 0.005  # of a weight: what is less is no look
TALL, WIDE, TOLD = 10, 20, 3  # letters of a token above it and beside it; tokens told where there is no room for a map
TOLD_NUMBERS, PLAIN_RATE, PICTURE = (
    8,
    10,
    60,
)  # of an observation; moves a second of a world without a picture; letters of one


def print_json(value: Any) -> None:
    """The one object on standard output."""
    sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, allow_nan=False), pairs=True) + "\n")


def plain(words: str, style: str = "") -> Text:
    """Words as they are: nothing in them is markup, a link, an escape sequence or a change of direction; line breaks stay."""
    return Text(clean_lines(words), style=style)


def print_card(card: Card, console: Console) -> None:
    console.print(plain(card.title, "bold"))
    width = max(60, console.width)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=ACCENT, no_wrap=True)
    grid.add_column(overflow="fold", max_width=width - 14)
    for label, line in card.lines:
        grid.add_row(label, plain(line))
        for detail in card.details.get(label, []):
            grid.add_row("", plain(detail, QUIET))
    console.print(grid)
    for finding in card.findings:
        serious = finding.level in ("warning", "error")
        console.print(plain(f"  {'!' if serious else '·'} {finding}", WARN if serious else QUIET))
    console.print()


def print_heat(answer: Any, words: list[tuple[str, float]], console: Console) -> None:
    """The words of a text, shaded by how much each spoke for the answer, or against it; a bare console gets the figures."""
    console.print()
    largest = max((abs(share) for _, share in words), default=0.0) or 1.0
    line = plain(f"for {answer}: ", QUIET)
    for word, share in words:
        style = ("", " not dim", " bold", " bold reverse")[round(3 * abs(share) / largest)]
        style = f"{FOR if share > 0 else AGAINST}{style}" if style else ""
        line.append_text(plain(word, style)).append(" ")
    console.print(line)
    if not console.is_terminal:
        console.print(plain("  ".join(f"{word} {share:+.2f}" for word, share in words)))


def print_attention(found: Any, console: Console) -> None:
    """A map of attention: tokens down and across, and a square for each pair, the fuller the more the one looked at the other.

    Where it is wider than the console, each token is told with those that it looked at most. found: an `AttentionMap`.
    """
    console.print()
    console.print(plain(f"where it looked ({found.where}):", QUIET))
    rows = [clean(token, WIDE) for token in found.rows]
    side = max(map(cell_len, rows))
    beside = [" " * (side - cell_len(token)) + token + " " for token in rows]
    if side + 1 + 2 * len(found.columns) > console.width:
        for token, row in zip(beside, found.weights.tolist(), strict=True):
            most = sorted(zip(row, found.columns, strict=True), key=lambda pair: -pair[0])[:TOLD]
            console.print(
                plain(f"{token} {'  '.join(f'{other} {share:.2f}' for share, other in most if share >= SEEN)}")
            )
        return
    letters = [_letters(token) for token in found.columns]
    height = max(map(len, letters))
    for line in range(height):
        cells = (set_cell_size(word[line - height] if height - line <= len(word) else "", 2) for word in letters)
        console.print(plain(" " * (side + 1) + "".join(cells).rstrip(), QUIET))
    for token, row in zip(beside, found.shades.tolist(), strict=True):
        squares = "".join(SQUARES[round((len(SQUARES) - 1) * shade)] for shade in row)
        console.print(plain(token).append(squares.rstrip(), style=FOR))
    console.print(plain(f"{SQUARES[-1]} is {found.most:.2f}", QUIET))


def _letters(token: str) -> list[str]:
    """What of a token stands one below the other, a mark with its letter; of a long one the beginning."""
    found: list[str] = []
    for c in token:
        if found and not cell_len(c):
            found[-1] += c
        else:
            found.append(c)
    return found if len(found) <= TALL else [*found[: TALL - 1], "⋮"]


class Bar:
    """How far something is, and how long it will take; nothing where nobody looks. beside: what stands at the bar's right."""

    def __init__(self, beside: str, quiet: bool, refreshed: float = 10):
        self.quiet, self.shown = quiet, not quiet and err.is_terminal
        self.progress = Progress(
            TextColumn("{task.description}", style=ACCENT, markup=False),
            BarColumn(bar_width=28),
            TextColumn(beside, markup=False),
            TimeRemainingColumn(compact=True),
            console=err,
            transient=True,
            refresh_per_second=refreshed,
            disable=not self.shown,
        )
        self.task: Any = None

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()


class Progressing(Bar):
    """A watch that draws a bar with the loss and the leading measure."""

    def __init__(self, quiet: bool):
        super().__init__("{task.fields[figures]}", quiet, refreshed=5)
        self.figures: dict[str, str] = {}

    def begin(self, learner: Any) -> None:
        self.measure = learner.best.measure
        self.seen = learner.algorithm.experience.seen
        self.begun = time.monotonic()
        if self.task is None:
            self.task = self.progress.add_task(
                "training", figures="", total=learner.horizon or None, completed=learner.step
            )
        else:
            self.progress.reset(
                self.task, description="training", total=learner.horizon or None, completed=learner.step
            )

    def __call__(self, report: Any) -> None:
        loss = sum(report.losses.values())
        self.figures["loss"] = f"loss {loss:.4f}"
        for name, value in self.seen().items():  # of recent episodes
            self.figures["seen"] = f"{name} {value:.4g}"
        if report.scores:
            self.figures["score"] = f"valid {self.measure} {report.scores[self.measure].value:.4f}"
        words = f"epoch {report.epoch:.1f}  step {report.step}  " + "  ".join(self.figures.values())
        self.progress.update(self.task, completed=report.step, figures=words)
        for news in report.news:
            self.tell(news)

    def say(self, what: str) -> None:
        if self.task is not None:
            self.progress.update(self.task, description=clean(what), figures="")

    def tell(self, what: str) -> None:
        if not self.quiet:
            err.print(plain(what, WARN))


class Drawing(Bar):
    """A bar of how many pictures are drawn by now."""

    def __init__(self, quiet: bool):
        super().__init__("{task.completed:,} of {task.total:,} pictures", quiet)

    def __call__(self, done: int, count: int) -> None:
        if self.task is None:
            self.task = self.progress.add_task("drawing", total=count)
        self.progress.update(self.task, completed=done)


class Watching:
    """A watch over an episode: how the world looks, in letters, or its numbers; nothing where nobody looks.

    scene: a `Scene`, or None where nobody knows how this world looks.
    """

    def __init__(self, scene: Any, quiet: bool):
        self.scene, self.looks = scene, not quiet and out.is_terminal
        self.live = Live(console=out, auto_refresh=False, transient=True)
        self.due = time.monotonic()

    def __enter__(self) -> Watching:
        if self.looks:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.looks:
            self.live.stop()

    def shown(self, move: Any) -> Any:
        """The same move, once it has been seen for as long as it takes."""
        if not self.looks:
            return move
        words = f"{move}" + ("" if move.action is None else f", action {move.action}")
        self.live.update(plain(f"{self._looks_like(move)}\n{words}"), refresh=True)
        self.due += 1 / (self.scene.rate if self.scene else PLAIN_RATE)
        time.sleep(max(0.0, self.due - time.monotonic()))
        return move

    def _looks_like(self, move: Any) -> str:
        if self.scene is None:
            numbers = move.observation.ravel()
            more = ", …" if len(numbers) > TOLD_NUMBERS else ""
            return f"({', '.join(f'{number:.3g}' for number in numbers[:TOLD_NUMBERS])}{more})"
        return in_letters(self.scene.draw(move.observation.tolist(), 2 * min(PICTURE, out.width)))


def print_result(result: Any, console: Console) -> None:
    for line in str(result).splitlines():
        style = ACCENT if line.startswith("verdict") else "bold" if line.startswith(" " * 24) else ""
        indent = len(line) - len(line.lstrip()) if line.startswith(" " * 10) and not style else 0
        for part in textwrap.wrap(line, max(60, console.width - 1), subsequent_indent=" " * indent) or [""]:
            console.print(plain(part, style))


def print_table(columns: list[str], rows: list[list[str]], console: Console) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    console.print(table)


def terminal() -> str:
    """What standard output can show."""
    if not out.is_terminal:
        return "none: plain lines without colour"
    colours = "no colours" if out.no_color or not out.color_system else f"{out.color_system} colours"
    return f"{colours}, {out.width} columns, {out.encoding}"


def score(figure: dict[str, Any] | None) -> str:
    """A score as value [low, high]."""
    if not figure or figure["value"] is None:
        return "–"
    large = abs(figure["value"]) >= 100
    value, low, high = (
        None if figure[k] is None else f"{figure[k]:,.0f}" if large else f"{figure[k]:.4g}"
        for k in ("value", "low", "high")
    )
    return str(value) if low is None else f"{value} [{low}, {high}]"
