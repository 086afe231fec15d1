"""Text whose blanks have been filled in: what is said of a text when it is its own teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from torch import Tensor

from mapsto.core.batch import Field
from mapsto.core.nouns import Domain, Shape
from mapsto.core.ragged import Ragged
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import PAD


class Filled(Domain):
    """encode: N texts → their tokens, ragged; in a batch [B, T], −1 beyond the end of each.
    decode: the same, or [N, T, 3] as `MaskedWords.predict` gives it → texts.

    text: how they are cut into tokens; the input reads the same.
    """

    learned = ()

    def __init__(self, text: Text | None = None):
        self.text = text or Text(ends=True, blanks=True)

    def fit(self, values: Sequence) -> Self:
        self.text.fit(values)
        return self

    def encode(self, values: Sequence) -> Ragged:
        return replace(self.text.encode(values)["tokens"], pad=-1)

    def decode(self, encoded: Field) -> list[str | None]:
        if isinstance(encoded, Tensor):
            tokens = encoded[..., 0].nan_to_num(PAD) if encoded.is_floating_point() else encoded
            encoded = tokens.long().clamp(min=PAD)
        return self.text.decode(encoded)

    @property
    def shape(self) -> Shape:
        return self.text.shape

    @property
    def outputs(self) -> int:
        """The tokens that there are."""
        return self.text.outputs

    def show(self, value: Any) -> str:
        return self.text.show(value)

    def describe(self) -> str:
        return f"{self.text.describe()}, blanks filled in"

    def state_dict(self) -> dict[str, Any]:
        return {"text": self.text.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        self.text.load_state_dict(state["text"])
        return self

    @classmethod
    def sample(cls) -> Self:
        return cls(Text.sample())

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        return Text.examples(count, seed)
