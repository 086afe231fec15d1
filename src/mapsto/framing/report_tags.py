"""What the report is told where every word has a tag: what was taken for what, and the sentences that went worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mapsto.core.ragged import Ragged
from mapsto.core.text import clean, many
from mapsto.domains.column import parts
from mapsto.insight.marked import Marked, starred
from mapsto.insight.report import Mistake, Report

if TYPE_CHECKING:
    from mapsto.framing.prepare import Prepared

CLASSES = 60  # tags at most that a chart shows
SHOWN = 120  # words of one sentence


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
    """The sentence, and the tag of each word that has not its own."""
    row = int(ready.parts[split][example])
    words, truth = (parts(ready.raw.columns[name][row], row, "") for name in (ready.input_name, ready.target_name))
    said = ready.target.decode(guess[None])[0]
    wanted, answer = (_marked(words, tags, wrong.tolist()) for tags in (truth, said))
    name = f"{ready.names_of(split, [example])[0]}, {int(wrong.sum())} of {many(len(words), 'word')} wrong"
    return Mistake(starred(wanted), starred(answer), label=name, wanted=wanted, said=answer)


def _marked(words: list[str], tags: list[Any], wrong: list[bool]) -> Marked:
    pieces: Marked = []
    for word, tag, mark in list(zip(words, tags, wrong, strict=False))[:SHOWN]:
        pieces += [(clean(f"{word}/{tag}" if mark else str(word), 80), mark), (" ", False)]
    return pieces[:-1] + ([(" …", False)] if len(words) > SHOWN else [])
