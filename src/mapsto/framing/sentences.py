"""The sentences that were translated worst, beside what was asked and what was wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.insight.marked import apart, starred
from mapsto.insight.report import Mistake
from mapsto.measures.bleu import BLEU
from mapsto.measures.ngrams import bleu

if TYPE_CHECKING:
    from mapsto.framing.prepare import Prepared


def worst_sentences(ready: Prepared, guess: Tensor, truth: Field, split: str, count: int) -> list[Mistake]:
    """At most `count` of a split by the BLEU of each alone, smoothed, worst first; one that is right is never among them.

    guess: tokens [N, U] as they were predicted; truth: as the target domain encodes it.
    """
    kept, one = BLEU(ready.target).keep(guess, truth), torch.ones(1)
    alone = torch.stack([bleu(row[None], one, smooth=True) for row in kept])
    worst = [row for row in alone.argsort(stable=True)[:count].tolist() if alone[row] < 100]
    asked, wanted = (
        ready.raw.columns[name][ready.parts[split][worst]] for name in (ready.input_name, ready.target_name)
    )
    labels = ready.names_of(split, worst)
    return [
        _mistake(label, ready.input.show(text), ready.target.show(true), ready.target.show(said))
        for true, said, label, text in zip(wanted, ready.target.decode(guess[worst]), labels, asked, strict=True)
    ]


def _mistake(label: str, asked: str, true: str, said: str) -> Mistake:
    wanted, answer = apart(true, said)
    return Mistake(starred(wanted), starred(answer), label=label, values={"": asked}, wanted=wanted, said=answer)
