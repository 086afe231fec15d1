"""How a text goes on: a language model's answer, piece by piece as it is made."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import torch
from torch import nn

from mapsto.core.errors import BadInput
from mapsto.core.nouns import Writer
from mapsto.domains.text import Text, whole
from mapsto.domains.tokenizer import END, UNKNOWN
from mapsto.layers.decoding import Choice, written

BLANK = "\n"  # what stands before a text that has no beginning


def continued(model: nn.Module, domain: Text, text: str, length: int, choose: Choice) -> Iterator[str]:
    """What `model` writes after `text`, `length` tokens at most; a piece may hold no character yet, or several.

    BadInput where the model does not write.
    """
    if not isinstance(model, Writer):
        raise BadInput(
            f"{type(model).__name__} does not go on with a text.", "Train a language model: mapsto train TEXT.txt"
        )
    (tokens,) = domain.tokens.encode([whole(text, "what is to be gone on with") or BLANK])
    device = next((t.device for t in [*model.parameters(), *model.buffers()]), "cpu")
    prompt = torch.tensor([tokens or [UNKNOWN]], device=device)
    characters = codecs.getincrementaldecoder("utf-8")("replace")  # a token may be a part of one
    spelled = domain.tokens.spelled
    model.eval()
    for token in written(model.reading(), prompt, length, choose, stop=END):
        yield characters.decode(spelled[int(token)])
    yield characters.decode(b"", final=True)
