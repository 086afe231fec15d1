"""What the report is told where every word has a tag: what was taken for what, and the sentences that went worst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mapsto.core.ragged import Ragged
from mapsto.core.text import clean
from mapsto.domains.column import parts
from mapsto.insight.report import Mistake, Report

if TYPE_CHECKING:
    from mapsto.framing.prepare import Prepared

CLASSES = 60  # tags at most that a chart shows
SHOWN = 40  # wrong words of one sentence that are told


def tell_tags(report: Report, ready: Prepared, split: str, guess: torch.Tensor, truth: Ragged, most: int) -> None:
    """Fill in the chart of tags, and the sentences of which most words went wrong, `most` of them.

    guess [N, T], −1 where a sentence has ended.
    """
    answers = truth.gather(torch.arange(len(truth)), guess.shape[1])[0]
    wrong = (answers >= 0) & (guess != answers)
    tags = [clean(str(tag), 30) for tag in ready.target.classes]
    if len(tags) <= CLASSES:
        report.classes = tags
        pair = (answers * len(tags) + guess)[answers >= 0]
        report.confusion = torch.bincount(pair, minlength=len(tags) ** 2).view(len(tags), len(tags)).numpy()
    worst = wrong.sum(dim=1).argsort(descending=True, stable=True)[:most].tolist()
    report.mistakes = [_mistake(ready, split, i, guess[i], wrong[i]) for i in worst if wrong[i].any()]


def _mistake(ready: Prepared, split: str, example: int, guess: torch.Tensor, wrong: torch.Tensor) -> Mistake:
    row = int(ready.parts[split][example])
    words, truth = (parts(ready.raw.columns[name][row], row, "") for name in (ready.input_name, ready.target_name))
    said = ready.target.decode(guess[None])[0]
    at = wrong.nonzero()[:SHOWN, 0].tolist()
    return Mistake(
        clean(" ".join(f"{words[i]}/{truth[i]}" for i in at), 600),
        clean(" ".join(f"{words[i]}/{said[i]}" for i in at), 600),
        label=ready.names_of(split, [example])[0],
        values={clean(ready.input_name): ready.input.show(words)},
    )
