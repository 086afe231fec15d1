"""Where a model looks: the weights of its attention, layer by layer and head by head."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.layers.attention import Attention


@torch.no_grad()
def attention_maps(model: nn.Module, *asked: Field) -> dict[str, Tensor]:
    """The layer's name → its weights [B, H, T, S], rows of which add up to 1, in the order in which layers are asked.

    asked: what the model is called with. Each is computed from what the layer was given, since its kernel keeps none.
    """
    found: dict[str, Tensor] = {}

    def look(name: str, layer: Attention) -> Any:
        def hook(module: nn.Module, given: tuple, named: dict[str, Any], answer: Tensor) -> None:
            words = ("x", "context", "here")
            found[name] = _weights(layer, **{**dict(zip(words, given, strict=False)), **_only(named, words)})

        return layer.register_forward_hook(hook, with_kwargs=True)

    was = model.training
    model.eval()
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, Attention):
                stack.callback(look(name, module).remove)
        model(*asked)
    model.train(was)
    return found


def _only(named: dict[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    return {word: value for word, value in named.items() if word in words}


def _weights(layer: Attention, x: Tensor, context: Tensor | None = None, here: Tensor | None = None) -> Tensor:
    """softmax(Q Kᵀ / √d) as `Attention.forward` takes it, without a cache."""
    q, k = layer.heads_of(x, context)[:2]
    score = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    if here is not None:
        score = score.masked_fill(~here[:, None, None, :], float("-inf"))
    if layer.causal:
        ahead = torch.ones(score.shape[2:], dtype=torch.bool, device=x.device).triu(1)
        score = score.masked_fill(ahead, float("-inf"))
    return score.softmax(dim=-1)
