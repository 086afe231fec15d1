"""Translation: one sequence of tokens from another, learned token by token and answered by search."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, Field, Losses, Mean, joined, pieces, size
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import END, PAD, SPECIAL, START
from mapsto.layers.beam import State, beam
from mapsto.measures import BLEU, SacreBLEU
from mapsto.objectives.judged import first, known

NEVER = [token for token in range(len(SPECIAL)) if token != END]  # says nothing to anybody
MARGIN = 10  # tokens that an answer may have beside `stretch` times those of its input
TOGETHER = 1 << 12  # tokens whose logits an exam holds at a time
MEASURES = ("bleu", "sacrebleu")


@runtime_checkable
class Translator(Protocol):
    """A model that says a sequence, having read another; `models/transformer.py` is one."""

    def encode(self, input: Field) -> Any: ...
    def decode(self, memory: Any, tokens: Tensor) -> Tensor: ...
    def begin(self, memory: Any) -> State: ...
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]: ...


@dataclass
class Translation(Objective):
    """−Σ q(v) log p(v | x, y₁ … y_t) over the tokens of y, END the last of them, with q as in CrossEntropy; the mean is over
    tokens. The model is told the true beginning each time (teacher forcing: Williams and Zipser 1989); see `Translator`.

    smoothing: the share of q spread evenly over all tokens, in [0, 1).
    beam: beginnings that are followed where an answer is looked for; 1 is greedy. length_penalty: how much longer answers are
        given for their length, 0 not at all; see layers/beam.py. An answer has at most `longest` tokens, and at most `stretch`
        times those of its input and ten.
    judged_by: the measure that a run is stopped and compared by.
    """

    smoothing: float = 0.1
    beam: int = 1
    length_penalty: float = 1.0
    longest: int = 256
    stretch: float = 2.0
    judged_by: str = "bleu"

    problem = "translation"
    looks_at = 2_000

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise FrameError(f"smoothing is a share in [0, 1), but came {self.smoothing}.")
        if min(self.beam, self.longest) < 1 or self.length_penalty < 0 or self.stretch <= 0:
            raise FrameError(
                "beam and longest are at least 1, length_penalty at least 0 and stretch above 0, but came "
                f"{self.beam}, {self.longest}, {self.length_penalty} and {self.stretch}."
            )
        known("Translation", self.judged_by, dict.fromkeys(MEASURES))

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        if not torch.is_inference_mode_enabled():
            return self._losses(model, batch)
        parts = -(-batch["target"]["tokens"].numel() // TOGETHER)
        return joined([self._losses(model, part) for part in pieces(batch, min(parts, size(batch)))])

    def _losses(self, model: nn.Module, batch: Batch) -> Losses:
        tokens = batch["target"]["tokens"]  # [B, 1 + U], START before them
        said, true = tokens[:, :-1], tokens[:, 1:]
        logits = model.decode(model.encode(batch["input"]), said).float()  # [B, U, V]
        loss = F.cross_entropy(
            logits.flatten(0, 1), true.flatten(), ignore_index=PAD, label_smoothing=self.smoothing, reduction="none"
        )
        counts = (true != PAD).to(loss.dtype)
        if "weight" in batch:
            counts = counts * batch["weight"][:, None]
        return {"cross-entropy": Mean((loss.view_as(counts) * counts).sum(), counts.sum())}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Tokens [B, U] int64, up to END, then −1."""
        if not isinstance(model, Translator):
            raise ShapeError(
                f"Translation needs a model that reads one text and says another, but {type(model).__name__} does not.",
                "Choose one that does: --set model.name=transformer, or seq2seq. Your own has encode, decode, begin and step.",
            )
        count = batch["input"]["count"]
        longest = (self.stretch * count).long().add(MARGIN).clamp(max=self.longest)
        start = torch.full_like(count, START)
        state = model.begin(model.encode(batch["input"]))
        return beam(model.step, state, start, END, longest, self.beam, self.length_penalty, NEVER).tokens

    def measures(self, target: Domain) -> dict[str, Measure]:
        """sacreBLEU where its library is installed (mapsto[text])."""
        text = target if isinstance(target, Text) else None
        found = {"bleu": partial(BLEU, text)}
        if importlib.util.find_spec("sacrebleu"):
            tokenize = "char" if text and text.way == "characters" else "13a"
            found["sacrebleu"] = partial(SacreBLEU, text, tokenize, bool(text and text.lower))
        elif self.judged_by == "sacrebleu":
            raise FrameError(
                "to be judged by sacrebleu needs the library of that name.", "pip install mapsto[text]", "F004"
            )
        return first(self.judged_by, found)
