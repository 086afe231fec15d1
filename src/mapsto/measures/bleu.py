"""BLEU of words in small letters: the figure that papers on small sets give."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.core.nouns import Domain, Measure
from mapsto.measures.ngrams import bleu, shared

_LETTERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # of scripts without spaces
WORD = re.compile(rf"[{_LETTERS}]|[^\W{_LETTERS}]+|[^\w\s]")


class BLEU(Measure):
    """Tokenised, lower-cased BLEU of a corpus, 0 to 100, with one reference a sentence and no smoothing (Papineni et al. 2002).

    Words are runs of letters and digits, each other sign one by itself, and so each letter of a script without spaces.
    prediction, target: what `text` decodes, tokens [B, U] or a dict with them; where no text is given, each token is a word, and
        those below 0 are none.
    """

    perfect = 100.0
    signature = "one reference, lower case, words and signs apart, 1 to 4 in a row, not smoothed"

    def __init__(self, text: Domain | None = None):
        super().__init__()
        self.text = text

    def keep(self, prediction: Field, target: Field) -> Tensor:
        pairs = zip(sentences(prediction, self.text), sentences(target, self.text), strict=True)
        counts = [shared(words(said), words(true)) for said, true in pairs]
        return torch.tensor(counts, dtype=torch.float32, device=device_of(prediction))

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        return bleu(kept, weight, smooth=False)


def words(sentence: str) -> list[str]:
    return WORD.findall(sentence.lower())


def sentences(encoded: Field, text: Domain | None) -> list[str]:
    """What is said, as `text` decodes it."""
    if text is not None:
        return [said or "" for said in text.decode(encoded)]
    return [" ".join(str(token) for token in row if token >= 0) for row in encoded.tolist()]


def device_of(encoded: Field) -> torch.device:
    return encoded["tokens"].device if isinstance(encoded, dict) else encoded.device
