"""The texts of the exam that surprised a model most: of a language model, and of one that says hidden words.

What such a model predicts is too much to be kept, so it is asked again here, about a part of the exam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, over
from mapsto.core.nouns import Objective
from mapsto.core.text import clean
from mapsto.data.dataset import EXAM_NUMBERS, Examples, looked_at
from mapsto.domains.tokenizer import UNKNOWN, Tokenizer
from mapsto.insight.marked import Marked, starred
from mapsto.insight.report import Mistake
from mapsto.learner.examinee import Examinee

if TYPE_CHECKING:
    from mapsto.framing.prepare import Prepared

AT_MOST = 2000  # texts, or windows of a text, that are looked through
MARKED = 5  # tokens of a window, those that were expected least


@dataclass(frozen=True)
class Asked:
    """One text [T]: the tokens that stand there, what they were taken for, and the surprise at each in nats; NaN where nothing
    was asked. mean: of the surprise."""

    example: int
    mean: float
    truth: Tensor
    guess: Tensor
    surprise: Tensor


def most_surprising(ready: Prepared, model: nn.Module, objective: Objective, split: str, count: int) -> list[Mistake]:
    """At most `count` of AT_MOST examples of a split, spread evenly, the worst first; one that is right is never among them."""
    view = Examples(ready.fields[split])
    device = next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))
    examinee, found = Examinee(model, objective, device), []
    some = min(len(view), AT_MOST)
    index = torch.arange(some) * len(view) // max(some, 1)
    for block in looked_at(view, index, tokens=EXAM_NUMBERS // ready.target.outputs):
        batch = over(view.gather(block.index, block.pad_to), lambda t: t.to(device))
        batch["input"] = ready.input.ready(batch["input"])
        truth, guess, surprise = _told(ready.problem, batch, examinee.predict(batch))
        mean = surprise.nanmean(dim=1).nan_to_num(-1.0)
        amiss = ((guess != truth) & surprise.isfinite()).any(dim=1)
        worst = [i for i in mean.argsort(descending=True, stable=True).tolist() if amiss[i]][:count]
        found += [Asked(int(block.index[i]), float(mean[i]), truth[i], guess[i], surprise[i]) for i in worst]
    found.sort(key=lambda one: (-one.mean, one.example))
    tell = _window if ready.problem == "language-model" else _text
    return [tell(ready, split, one) for one in found[:count]]


def _told(problem: str, batch: Batch, prediction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What stands there, what it was taken for and the surprise, [B, T] each on the CPU; see `Asked`."""
    truth = batch["target"]
    if problem == "language-model":  # log-probabilities [B, T, V]
        surprise = -prediction.gather(2, truth.clamp(min=0)[:, :, None])[:, :, 0]
        told = truth, prediction.argmax(dim=2), surprise.masked_fill(truth < 0, float("nan"))
    else:
        told = truth, prediction[:, :, 1].nan_to_num(-1.0).long(), prediction[:, :, 2]
    return tuple(t.cpu() for t in told)


def _window(ready: Prepared, split: str, one: Asked) -> Mistake:
    """The tokens of a window, each by how little it was expected."""
    here = one.truth >= 0
    truth, surprise = one.truth[here], one.surprise[here]
    said, most = _pieces(ready.input.tokens, truth), float(surprise.max()) or 1.0
    least = set(surprise.topk(min(MARKED, len(surprise))).indices.tolist())
    heat = [(piece, -share / most) for piece, share in zip(said, surprise.tolist(), strict=True)]
    wanted: Marked = [(piece, k in least) for k, piece in enumerate(said)]
    place = int(ready.fields[split]["target"].offsets[one.example])
    label = f"{split}, from token {place + 1:,}: {one.mean:.2f} nats a token"
    return Mistake(starred(wanted), "", label=label, wanted=wanted, heat=heat)


def _text(ready: Prepared, split: str, one: Asked) -> Mistake:
    """A text as it is, and with what hidden words were taken for; those that were taken for others are marked."""
    here = one.truth >= 0
    truth, asked = one.truth[here], one.surprise[here].isfinite()
    guess = torch.where(asked, one.guess[here], truth)
    wrong = (guess != truth).tolist()
    text = ready.raw.columns[ready.input_name][ready.parts[split][one.example]]
    wanted, said = (
        list(zip(_pieces(ready.input.tokens, row, ready.input.pieces(text)), wrong, strict=True))
        for row in (truth, guess)
    )
    name = f"{ready.names_of(split, [one.example])[0]}, {sum(wrong)} of {int(asked.sum())} hidden words wrong"
    return Mistake(starred(wanted), starred(said), label=name, wanted=wanted, said=said)


def _pieces(tokens: Tokenizer, row: Tensor, standing: list[str] | None = None) -> list[str]:
    """What each token adds to the text, for a person. standing: as they stand there, for those that training has not."""
    spelled = [tokens.spelled[number].decode(errors="replace") for number in row.tolist()]
    for place, number in enumerate(row.tolist() if standing else []):
        if number == UNKNOWN:
            spelled[place] = f"{'' if tokens.way == 'characters' else ' '}{standing[place]}"
    return [clean(piece.replace("\n", "⏎")) for piece in spelled]
