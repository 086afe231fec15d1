"""Fill in the blanks: a text is its own teacher."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Field, Losses, Mean
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.hashed import BITS, mixed, uniform
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.core.ragged import mask
from mapsto.domains.tokenizer import MASK, SPECIAL
from mapsto.measures.masked import MaskedAccuracy, MaskedPerplexity

MASKED, ANOTHER = 0.8, 0.1  # of the words asked for; the rest are shown as they are


@dataclass
class MaskedWords(Objective):
    """−log p(w | the text with w and others hidden), the mean over the hidden words (Devlin et al. 2019, arXiv:1810.04805, §3.1).

    share: of each text's words (tokens that are not special) that are asked for, at least one. 80 % of them are shown as a mask,
    10 % as another word, 10 % as they are, so that a model cannot rely on what it sees.

    In training they are drawn anew at each step. In an exam they follow from the text alone: they are the same from exam to exam,
    whatever the text is batched with. The model answers at the places that the input's "asked" names (see `BERT`), one of its
    `outputs` tokens each.
    """

    share: float = 0.15

    problem = "fill-in"
    large = "it is three numbers at every place of every text, for one in seven that is asked"

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise FrameError(f"share is the share of words that are hidden, in (0, 1), but came {self.share}.")

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        asked = hidden(batch["input"], self.share, model.outputs, anew=model.training)
        surprise = F.cross_entropy(_logits(model, asked).flatten(0, 1), asked.truth.flatten(), reduction="none")
        counts = asked.real.float()  # [B, M]
        if "weight" in batch:
            counts = counts * batch["weight"][:, None]
        return {"masked-words": Mean((surprise.view_as(counts) * counts).sum(), counts.sum())}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """[B, T, 3]: the token at each place, blanks filled in; what the model takes it for, NaN where that was not asked; its
        surprise, in nats, at the token that stands there (where a blank was, at the one put there).

        Asked are the blanks of a text that has some, else the words that an exam hides.
        """
        tokens = batch["input"]["tokens"]
        asked = hidden(batch["input"], self.share, model.outputs, questions=True)
        log_p = _logits(model, asked).log_softmax(-1)
        guess = log_p.argmax(-1)
        truth = torch.where(asked.truth == MASK, guess, asked.truth)
        told = torch.stack([guess.float(), -log_p.gather(2, truth[:, :, None])[:, :, 0]], dim=-1)  # [B, M, 2]
        told = told.masked_fill(~asked.real[:, :, None], float("nan"))
        there = told.new_full((*tokens.shape, 2), float("nan"))
        there.scatter_(1, asked.places[:, :, None].expand(-1, -1, 2), told)
        filled = torch.where(tokens == MASK, there[:, :, 0], tokens.float())
        return torch.cat([filled[:, :, None], there], dim=-1)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"perplexity": MaskedPerplexity(), "accuracy": MaskedAccuracy()}


@dataclass(frozen=True)
class Asked:
    """What a model is asked: `input`, in which words are hidden; of M places a text, `places` [B, M] and the tokens that stand
    there, `truth` [B, M]; `real` [B, M] says which of them count, for a text of fewer words has fewer."""

    input: Field
    places: Tensor
    truth: Tensor
    real: Tensor


def hidden(input: Field, share: float, vocabulary: int, anew: bool = False, questions: bool = False) -> Asked:
    """A share of the words of each text hidden: drawn `anew` from the default generator, or as the text itself has it.

    questions: of a text with blanks in it, these are asked for instead. Otherwise M follows from T, the padded length, so that
    nobody waits for the device to count.
    """
    tokens, here = input["tokens"], mask(input["count"], input["tokens"].shape[1])
    words = here & (tokens >= len(SPECIAL))
    count, most = words.sum(dim=1), max(1, round(share * tokens.shape[1]))
    wanted = (share * count.double()).round().long().clamp(min=1).minimum(count)
    if questions:
        blank = here & (tokens == MASK)
        blanks = blank.sum(dim=1)
        words, wanted = torch.where(blanks[:, None] > 0, blank, words), torch.where(blanks > 0, blanks, wanted)
        most = max(most, int(blanks.max()))
    order, how, which = torch.rand(3, *tokens.shape, device=tokens.device) if anew else _settled(tokens, here)
    places = order.masked_fill(~words, 2.0).topk(most, largest=False).indices
    real = torch.arange(most, device=tokens.device) < wanted[:, None]
    truth, how, which = (each.gather(1, places) for each in (tokens, how, which))
    others = vocabulary - len(SPECIAL)
    another = len(SPECIAL) + (which * others).long().clamp(max=others - 1)
    shown = torch.where(how < MASKED, MASK, torch.where(how < MASKED + ANOTHER, another, truth))
    shown = torch.where(real & (truth != MASK), shown, truth)
    return Asked({**input, "tokens": tokens.scatter(1, places, shown), "asked": places}, places, truth, real)


def _logits(model: nn.Module, asked: Asked) -> Tensor:
    """[B, M, V]"""
    logits = model(asked.input).float()
    if logits.shape[:2] != asked.places.shape:
        raise ShapeError(
            f"MaskedWords needs logits {[*asked.places.shape, 'V']} at the places asked for, but {type(model).__name__} gave "
            f"{list(logits.shape)}.",
            "Use a model that answers for each token: --set model.name=bert",
        )
    return logits


def _settled(tokens: Tensor, here: Tensor) -> Tensor:
    """[3, B, T] numbers in [0, 1) that look random and follow from each text's own tokens, `here` [B, T], and the place."""
    place = torch.arange(tokens.shape[1], device=tokens.device)
    text = mixed(tokens * 8191 + place).masked_fill(~here, 0).sum(dim=1, keepdim=True) & BITS
    each = mixed(text ^ mixed(place + 1))
    return torch.stack([uniform(each + k) for k in range(3)])
