"""Folders of Hugging Face's: config.json, model.safetensors and tokenizer.json of a BERT, as a model and a domain of ours.

Nothing in such a folder is run. Files may be links, since hubs keep them so in their caches; what a link leads to is read as a file
of numbers or of JSON, or refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor, nn

from mapsto.core import tensors
from mapsto.core.ceiling import Ceiling
from mapsto.core.devices import memory
from mapsto.core.errors import BadInput, Damaged, FrameError, MapstoError
from mapsto.core.hints import Unfit, fitted
from mapsto.core.nouns import Domain
from mapsto.core.reading import read_file, read_json
from mapsto.core.text import clean, few
from mapsto.domains.filled import Filled
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import SPECIAL, UNKNOWN, Way
from mapsto.layers.block import WIDER
from mapsto.models.bert import BERT

FILES = ("config.json", "model.safetensors", "tokenizer.json")
FAMILIES = ("bert",)
WAYS: dict[str, Way] = {"WordPiece": "word-pieces", "BPE": "byte-pairs"}
COPY = "Download the folder again, with config.json, model.safetensors and tokenizer.json."
# what stands before the name of a part in their files → before it in ours; of a block, after its number
EMBEDDINGS = {"embeddings.LayerNorm": "norm"}
BLOCK = {
    "attention.output.dense": "attention.join",
    "attention.output.LayerNorm": "norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "last_norm",
}
HEAD = {"cls.predictions.transform.dense": "head.change", "cls.predictions.transform.LayerNorm": "head.norm"}


class Config(TypedDict):
    """config.json of a BERT, as far as it is read."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    vocab_size: int
    hidden_act: NotRequired[str]
    layer_norm_eps: NotRequired[float]
    hidden_dropout_prob: NotRequired[float]


@dataclass(frozen=True)
class Pretrained:
    """A model and the domain of what it reads; `target` where it says words of it, None where its head is new."""

    model: nn.Module
    input: Domain
    target: Domain | None


def is_hugging_face(folder: Path) -> bool:
    """Whether a folder holds such a model, and none of mapsto's; looks at names only."""
    there = [(folder / name).exists() for name in (*FILES[:2], "manifest.json", "frame.toml")]
    return there[0] and (there[1] or (folder / FILES[2]).exists()) and not any(there[2:])


def load(folder: Path) -> Pretrained:
    """BadInput where it is of another family, Damaged where its files are not what they should be.

    Tokens are numbered anew, for ours begin with the special ones; a text gives the same tokens, and so the same states.
    """
    config = _json(folder, "config.json")
    family = config.get("model_type")
    if family not in FAMILIES:
        raise BadInput(
            f"{folder} is a model of the family {clean(repr(family), 40)}, but of Hugging Face folders those of "
            f"{' and '.join(FAMILIES)} can be read.",
            "Name another folder.",
        )
    data = read_file(_place(folder, "model.safetensors"), memory())
    where = str(folder / "model.safetensors")
    numbers = sum(math.prod(entry.shape) for entry in tensors.header(data, where).values())
    try:
        settings = fitted(config, Config)
        weights = {_name(name): tensor.float() for name, tensor in tensors.load(data, where).items()}
        text, order = _text(
            _json(folder, "tokenizer.json"), settings["max_position_embeddings"], settings["vocab_size"]
        )
        with Ceiling(20 * len(weights) + 100, 3 * numbers + 1_000_000, f"its weights hold {numbers:,} numbers"):
            return _bert(settings, weights, text, order)
    except MapstoError:
        raise
    except (Unfit, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {clean(str(error), 200)}"
        raise Damaged(f"{folder}: its files do not describe a BERT ({why}).", COPY, "M006") from error


def _bert(config: Config, weights: dict[str, Tensor], text: Text, order: Tensor) -> Pretrained:
    """order: the number there of each of our tokens."""
    width = config["hidden_size"]
    odd = {
        "hidden_act": config.get("hidden_act", "gelu") != "gelu",
        "intermediate_size": config["intermediate_size"] != WIDER * width,
    }
    if any(odd.values()):
        named = few(f"{name}={config[name]}" for name, is_odd in odd.items() if is_odd)
        raise BadInput(
            f"a BERT here has GELU and blocks that widen {WIDER} times, but config.json says {named}.",
            "Name another folder.",
        )
    says_words = "cls.predictions.bias" in weights
    model = BERT(
        text.shape,
        text.outputs if says_words else 1,
        width,
        config["num_hidden_layers"],
        config["num_attention_heads"],
        config["max_position_embeddings"],
        config.get("hidden_dropout_prob", 0.1),
        config.get("layer_norm_eps", 1e-12),
        each=says_words,
        tied=says_words,
    )
    found = {
        "tokens.table.weight": weights["embeddings.word_embeddings.weight"][order],
        "places.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
    }
    pairs = dict(EMBEDDINGS)
    for k in range(config["num_hidden_layers"]):
        there, here = f"encoder.layer.{k}", f"blocks.{k}"
        pairs |= {f"{there}.{theirs}": f"{here}.{ours}" for theirs, ours in BLOCK.items()}
        for kind in ("weight", "bias"):
            asked = [weights[f"{there}.attention.self.{word}.{kind}"] for word in ("query", "key", "value")]
            found[f"{here}.attention.project.{kind}"] = torch.cat(asked)
    if says_words:
        pairs |= HEAD
        found["head.bias"] = weights["cls.predictions.bias"][order]
    for theirs, ours in pairs.items():
        for kind in ("weight", "bias"):
            found[f"{ours}.{kind}"] = weights[f"{theirs}.{kind}"]
    new = {} if says_words else {f"head.{n}": t for n, t in model.head.state_dict().items()}
    model.load_state_dict(found | new)
    return Pretrained(model, text, Filled(text) if says_words else None)


def _text(written: Any, longest: int, vocabulary: int) -> tuple[Text, Tensor]:
    """The domain that cuts texts as tokenizer.json says, and the number there of each of its tokens."""
    model = written["model"]
    if model.get("type") not in WAYS:
        raise BadInput(
            f"tokenizer.json is of the kind {clean(repr(model.get('type')), 40)}; those that can be read are {few(WAYS)}.",
            "Name another folder.",
        )
    there: dict[str, int] = {**model["vocab"], **{t["content"]: t["id"] for t in written.get("added_tokens", [])}}
    if not all(type(number) is int and 0 <= number < vocabulary for number in there.values()):
        raise FrameError(f"tokenizer.json has tokens beyond the {vocabulary:,} of config.json.", COPY, "M006")
    lacking = [token for token in SPECIAL[:-1] if token not in there]
    if lacking:
        raise BadInput(f"tokenizer.json lacks {few(lacking)}, which a BERT reads.", "Name another folder.")
    others = sorted(there.keys() - set(SPECIAL), key=lambda token: there[token])
    order = [there.get(token, there[SPECIAL[UNKNOWN]]) for token in (*SPECIAL, *others)]  # [NONE] is ours alone
    vocab = {token: number for number, token in enumerate((*SPECIAL, *others))}
    plain = {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    normal = written.get("normalizer") or {}
    text = Text(
        WAYS[model["type"]],
        max(300, len(vocab)),
        at_least=1,
        lower=bool(normal.get("lowercase", False)),
        longest=longest,
        ends=True,
        blanks=True,
    )
    state = {"way": text.tokenizer, "pipeline": {**written, **plain, "model": {**model, "vocab": vocab}}}
    return text.load_state_dict(state), torch.tensor(order)


def _name(name: str) -> str:
    """Of a tensor: without the name of the whole, and as later versions write it."""
    return (
        name.removeprefix("bert.")
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias")
    )


def _json(folder: Path, name: str) -> dict[str, Any]:
    found = read_json(_place(folder, name))
    if not isinstance(found, dict):
        raise Damaged(f"{folder / name}: no table.", COPY, "M006")
    return found


def _place(folder: Path, name: str) -> Path:
    """Where the file lies."""
    if not (folder / name).exists():
        raise BadInput(
            f"no {name} in {folder}: of Hugging Face's models, folders with {few(FILES)} are read.",
            "Download it as safetensors, with its fast tokenizer.",
        )
    return (folder / name).resolve()
