"""Which words a model takes to be alike: the neighbours of a word among the vectors that it has learned."""

from __future__ import annotations

import torch
from torch import nn

from mapsto.core import names
from mapsto.core.errors import BadInput, FrameError
from mapsto.core.text import clean
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import SPECIAL, UNKNOWN
from mapsto.layers.tokens import Tokens


@torch.inference_mode()
def nearest(model: nn.Module, text: Text, word: str, count: int = 10) -> list[tuple[str, float]]:
    """The `count` tokens whose vectors point most nearly where that of `word` points, with the cosine of the angle.

    BadInput where the word is not one token that training had.
    """
    layer = next((module for module in model.modules() if isinstance(module, Tokens)), None)
    if layer is None:
        raise FrameError(
            f"{type(model).__name__} has no vectors of tokens.", "Choose a model that learns them.", "F004"
        )
    (tokens,) = text.tokens.encode([word])
    if len(tokens) != 1 or tokens[0] == UNKNOWN:
        known = [text.tokens.token(number) for number in range(len(SPECIAL), len(text.tokens))]
        near = names.near(word, known)
        how = "was not in the training texts" if len(tokens) < 2 else f"is {len(tokens)} tokens to this function"
        raise BadInput(
            f"'{clean(word, 40)}' {how}." + (f" Near it: {', '.join(map(clean, near))}." if near else ""),
            "Ask about a word that it knows.",
        )
    vectors = nn.functional.normalize(layer.table.weight, dim=1)
    alike = vectors @ vectors[tokens[0]]
    alike[: len(SPECIAL)] = alike[tokens[0]] = -2.0
    found = alike.topk(min(count, len(alike) - len(SPECIAL) - 1))
    return [(text.tokens.token(n), a) for n, a in zip(found.indices.tolist(), found.values.tolist(), strict=True)]
