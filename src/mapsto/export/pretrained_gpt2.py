"""GPT-2 as Hugging Face writes it (Radford et al. 2019): its tensors and its tokens, as a GPT and a Text of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, NotRequired, TypedDict

import torch
from torch import Tensor

from mapsto.core.errors import BadInput, Damaged
from mapsto.core.hints import fitted
from mapsto.core.text import clean
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import END, SPECIAL
from mapsto.export.pretrained import ANOTHER, COPY, Pretrained, cutting, tokens_there
from mapsto.layers.block import WIDER
from mapsto.models.gpt import GPT

NEW = -1  # the number there of a token that is ours alone
MASKS = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # older versions wrote down what a place may see
TABLE, HEAD = "wte.weight", "lm_head.weight"
SHOWN = 3  # tensors that a message names
# what a GPT here is, in the words of config.json; the first is what is meant where nothing is said
SAID: dict[str, tuple] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}


class Config(TypedDict):
    """config.json of a GPT-2, as far as it is read."""

    n_embd: int
    n_layer: int
    n_head: int
    n_positions: int
    vocab_size: int
    n_inner: NotRequired[int | None]
    activation_function: NotRequired[str]
    layer_norm_epsilon: NotRequired[float]
    resid_pdrop: NotRequired[float]
    scale_attn_weights: NotRequired[bool]
    scale_attn_by_inverse_layer_idx: NotRequired[bool]
    add_cross_attention: NotRequired[bool]
    tie_word_embeddings: NotRequired[bool]
    eos_token_id: NotRequired[int | None]


class Place(NamedTuple):
    """Where a tensor is: its name there and here, and its shape there. turned: there [in, out], and here [out, in]."""

    theirs: str
    ours: str
    shape: tuple[int, ...]
    turned: bool = False


def gpt2(config: dict[str, Any], weights: dict[str, Tensor], written: Any) -> Pretrained:
    """config: as config.json says it. weights: by their names. written: tokenizer.json.

    BadInput where a GPT of ours is something else, Damaged where tensors are missing or of other shapes.
    """
    config = fitted(config, Config)
    _refuse_odd(config)
    text, order = _text(written, config)
    weights = _fitting(weights, config)
    tied = config.get("tie_word_embeddings", True)
    model = GPT(
        text.shape,
        text.outputs,
        config["n_embd"],
        config["n_layer"],
        config["n_head"],
        config["n_positions"],
        config.get("resid_pdrop", 0.1),
        tied,
    )
    found = {}
    for place in _places(config):
        tensor = weights[place.theirs].float()
        if place.theirs in (TABLE, HEAD):
            tensor = _renumbered(tensor, order)
        found[place.ours] = tensor.T if place.turned else tensor
    model.load_state_dict(found)
    return Pretrained(model, text, text)


def _places(config: Config) -> Iterator[Place]:
    """All tensors that such a model has."""
    D, V = config["n_embd"], config["vocab_size"]
    yield Place(TABLE, "tokens.table.weight", (V, D))
    yield Place("wpe.weight", "places.weight", (config["n_positions"], D))
    for k in range(config["n_layer"]):
        for theirs, ours, shape in (
            ("ln_1", "norm", (D,)),
            ("attn.c_attn", "attention.project", (D, 3 * D)),
            ("attn.c_proj", "attention.join", (D, D)),
            ("ln_2", "last_norm", (D,)),
            ("mlp.c_fc", "widen", (D, WIDER * D)),
            ("mlp.c_proj", "narrow", (WIDER * D, D)),
        ):
            yield Place(f"h.{k}.{theirs}.weight", f"blocks.{k}.{ours}.weight", shape, turned=len(shape) == 2)
            yield Place(f"h.{k}.{theirs}.bias", f"blocks.{k}.{ours}.bias", shape[-1:])
    yield Place("ln_f.weight", "norm.weight", (D,))
    yield Place("ln_f.bias", "norm.bias", (D,))
    if not config.get("tie_word_embeddings", True):
        yield Place(HEAD, "head.weight", (V, D))


def _refuse_odd(config: Config) -> None:
    odd = [f"{name}={config[name]}" for name, meant in SAID.items() if config.get(name, meant[0]) not in meant]
    if config.get("n_inner") not in (None, WIDER * config["n_embd"]):
        odd.append(f"n_inner={config['n_inner']}")
    if odd:
        raise BadInput(
            f"a GPT here has GELU by its tanh formula, norms of epsilon 1e-5, blocks that widen {WIDER} times, and attention to "
            f"itself, divided by the root of a head's width alone, but config.json says {clean(', '.join(odd), 200)}.",
            ANOTHER,
        )


def _fitting(weights: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """The tensors by their names without the name of the whole, all that there have to be and no others."""
    known = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    if len(known) < len(weights):
        raise Damaged(
            "model.safetensors has tensors twice, with and without 'transformer.' before the name.", COPY, "M006"
        )
    known = {name: tensor for name, tensor in known.items() if not MASKS.fullmatch(name)}
    lacking = list(islice((place.theirs for place in _places(config) if place.theirs not in known), SHOWN + 1))
    if lacking:
        message = f"model.safetensors lacks {_listed(lacking)}, which a GPT-2 as in config.json has."
        raise Damaged(message, COPY, "M006")
    places = {place.theirs: place for place in _places(config)}
    odd = [
        f"{name} is {_form(known[name])}, where numbers of {list(place.shape)} belong"
        for name, place in places.items()
        if known[name].shape != place.shape or not known[name].is_floating_point()
    ]
    if odd:
        raise Damaged(f"model.safetensors is not as config.json describes it: {_listed(odd)}.", COPY, "M006")
    if HEAD not in places and HEAD in known and torch.equal(known[HEAD], known[TABLE]):
        del known[HEAD]  # the one table, written down twice
    others = sorted(known.keys() - places.keys())
    if others:
        raise BadInput(f"model.safetensors has {_listed(others)}, of which a GPT here knows nothing.", ANOTHER)
    return known


def _listed(words: list[str]) -> str:
    return "; ".join(clean(word, 100) for word in words[:SHOWN]) + (" …" if len(words) > SHOWN else "")


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _text(written: Any, config: Config) -> tuple[Text, Tensor]:
    """The domain that cuts texts as tokenizer.json says, and the number there of each of its tokens, or NEW."""
    there = tokens_there(written, config["vocab_size"])
    if (written.get("decoder") or {}).get("type") != "ByteLevel":
        raise BadInput("tokenizer.json does not cut texts into bytes, as that of a GPT-2 does.", ANOTHER)
    numbers = {token: there.get(token, NEW) for token in SPECIAL}
    end = next((token for token, number in there.items() if number == config.get("eos_token_id")), None)
    if end is not None:
        numbers[SPECIAL[END]] = there[end]
    others = sorted(there.keys() - {*SPECIAL, end}, key=lambda token: there[token])
    numbers |= {token: there[token] for token in others}
    return cutting(written, list(numbers), longest=config["n_positions"]), torch.tensor(list(numbers.values()))


def _renumbered(table: Tensor, order: Tensor) -> Tensor:
    """Vectors of their tokens, [V, D], for ours. One that they have not has the mean of all: so whatever is read, it is said
    with a probability of less than 1 / V (Hewitt 2021, "Initializing new word embeddings for pretrained language models"),
    where a vector of zeros would often have the largest of all logits."""
    mean = table[order[order != NEW]].mean(dim=0, keepdim=True)
    return torch.cat([table, mean])[order]  # NEW is the last
