"""BLEU as sacreBLEU counts it, so that figures from different places can be compared."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.core.nouns import Domain, Measure
from mapsto.measures.bleu import device_of, sentences
from mapsto.measures.ngrams import bleu

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU as Library


class SacreBLEU(Measure):
    """BLEU of a corpus, 0 to 100, with sacreBLEU's words and smoothing (Post 2018, arXiv:1804.08771); needs that library.

    tokenize: its "13a", or "char" for scripts without spaces. lower: capitals count as small letters. prediction, target, text:
    as of BLEU. `signature` is what to write beside the figure.
    """

    perfect = 100.0

    def __init__(
        self, text: Domain | None = None, tokenize: Literal["13a", "char", "none"] = "13a", lower: bool = False
    ):
        super().__init__()
        self.text, self.tokenize, self.lower = text, tokenize, lower

    def keep(self, prediction: Field, target: Field) -> Tensor:
        pairs = zip(sentences(prediction, self.text), sentences(target, self.text), strict=True)
        scores = [self._library.sentence_score(said, [true]) for said, true in pairs]
        counts = [[*score.counts, *score.totals, score.sys_len, score.ref_len] for score in scores]
        return torch.tensor(counts, dtype=torch.float32, device=device_of(prediction))

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return bleu(kept, weight, smooth=True)

    @property
    def signature(self) -> str:
        library = self._made(of_sentences=False)
        library.corpus_score(["a"], [["a"]])  # it tells how many references there were once it has seen some
        return str(library.get_signature())

    @cached_property
    def _library(self) -> Library:
        return self._made(of_sentences=True)

    def _made(self, of_sentences: bool) -> Library:
        from sacrebleu.metrics import BLEU as Library

        return Library(lowercase=self.lower, tokenize=self.tokenize, force=True, effective_order=of_sentences)
