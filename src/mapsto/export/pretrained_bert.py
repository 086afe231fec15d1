"""BERT as Hugging Face writes it: its tensors and its tokens, as a BERT and a Text of ours."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor

from mapsto.core.errors import BadInput
from mapsto.core.hints import fitted
from mapsto.core.text import few
from mapsto.domains.filled import Filled
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import SPECIAL, UNKNOWN
from mapsto.export.pretrained import ANOTHER, Pretrained, cutting, tokens_there
from mapsto.layers.block import WIDER
from mapsto.models.bert import BERT

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


def bert(config: dict[str, Any], weights: dict[str, Tensor], written: Any) -> Pretrained:
    """config: as config.json says it. weights: by their names. written: tokenizer.json."""
    config = fitted(config, Config)
    weights = {_name(name): tensor.float() for name, tensor in weights.items()}
    text, order = _text(written, config["max_position_embeddings"], config["vocab_size"])
    width = config["hidden_size"]
    odd = {
        "hidden_act": config.get("hidden_act", "gelu") != "gelu",
        "intermediate_size": config["intermediate_size"] != WIDER * width,
    }
    if any(odd.values()):
        named = few(f"{name}={config[name]}" for name, is_odd in odd.items() if is_odd)
        raise BadInput(
            f"a BERT here has GELU and blocks that widen {WIDER} times, but config.json says {named}.", ANOTHER
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
    there = tokens_there(written, vocabulary)
    lacking = [token for token in SPECIAL[:-1] if token not in there]
    if lacking:
        raise BadInput(f"tokenizer.json lacks {few(lacking)}, which a BERT reads.", ANOTHER)
    tokens = [*SPECIAL, *sorted(there.keys() - set(SPECIAL), key=lambda token: there[token])]
    order = [there.get(token, there[SPECIAL[UNKNOWN]]) for token in tokens]  # [NONE] is ours alone
    lower = bool((written.get("normalizer") or {}).get("lowercase", False))
    text = cutting(written, tokens, lower=lower, longest=longest, ends=True, blanks=True)
    return text, torch.tensor(order)


def _name(name: str) -> str:
    """Of a tensor: without the name of the whole, and as later versions write it."""
    return (
        name.removeprefix("bert.")
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias")
    )
