"""A model that others have trained, and what it reads: what the families of such models have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from mapsto.core.errors import BadInput, FrameError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, few
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import SPECIAL, UNKNOWN, Way

WAYS: dict[str, Way] = {"WordPiece": "word-pieces", "BPE": "byte-pairs"}
COPY = "Download the folder again, with config.json, model.safetensors and tokenizer.json."
ANOTHER = "Name another folder."


@dataclass(frozen=True)
class Pretrained:
    """A model and the domain of what it reads; `target` where it says words of it, None where its head is new."""

    model: nn.Module
    input: Domain
    target: Domain | None


def tokens_there(written: Any, vocabulary: int) -> dict[str, int]:
    """Token → its number, below `vocabulary`, as tokenizer.json has them."""
    model = written["model"]
    if model.get("type") not in WAYS:
        raise BadInput(
            f"tokenizer.json is of the kind {clean(repr(model.get('type')), 40)}; those that can be read are {few(WAYS)}.",
            ANOTHER,
        )
    there: dict[str, int] = {**model["vocab"], **{t["content"]: t["id"] for t in written.get("added_tokens", [])}}
    if not all(type(number) is int and 0 <= number < vocabulary for number in there.values()):
        raise FrameError(f"tokenizer.json has tokens beyond the {vocabulary:,} of config.json.", COPY, "M006")
    return there


def cutting(written: Any, tokens: Sequence[str], **how: Any) -> Text:
    """A domain that cuts texts as tokenizer.json says, but numbers its tokens as they stand in `tokens`. how: the domain's
    other settings."""
    model, vocab = written["model"], {token: number for number, token in enumerate(tokens)}
    # the special tokens have other names here, and no text may be cut by chance
    sure = {"unk_token": SPECIAL[UNKNOWN], "dropout": None} if model["type"] == "BPE" else {}
    plain = {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    text = Text(WAYS[model["type"]], max(300, len(vocab)), at_least=1, **how)
    state = {"way": text.tokenizer, "pipeline": {**written, **plain, "model": {**model, **sure, "vocab": vocab}}}
    return text.load_state_dict(state)
