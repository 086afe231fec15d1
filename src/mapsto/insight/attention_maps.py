"""Where a model looks: the weights of its attention, layer by layer and head by head, and one of them between words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.errors import BadInput, FrameError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, few
from mapsto.domains.tokenizer import START
from mapsto.domains.words import Words
from mapsto.insight import figures
from mapsto.layers.additive_attention import AdditiveAttention
from mapsto.layers.attention import Attention

WORDS = ("x", "context", "here")  # of the arguments of `Attention.forward`, those that its weights hang on


@dataclass(frozen=True)
class AttentionMap:
    """How much each of `rows` looked at each of `columns`, both tokens as they are written: weights [T, S], whose rows add up
    to 1.

    layer: its name in the model. head: which of its heads, 1 the first; 0 is the mean over all.
    """

    rows: list[str]
    columns: list[str]
    weights: Tensor
    layer: str
    head: int

    @property
    def most(self) -> float:
        """The largest weight of a token that had several to look at."""
        several = self.weights[(self.weights > 0).sum(dim=1) > 1]
        return float(several.max()) if len(several) else 1.0

    @property
    def shades(self) -> Tensor:
        """How dark each pair is drawn, [T, S], 1 for the `most`: the root, so that a look shared among many is still seen."""
        return (self.weights / self.most).clamp(max=1).sqrt()

    @property
    def where(self) -> str:
        return f"{self.layer}, {f'head {self.head}' if self.head else 'the mean over its heads'}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; weights to four digits."""
        weights = [[round(share, 4) for share in row] for row in self.weights.tolist()]
        return {
            "layer": self.layer,
            "head": self.head,
            "rows": self.rows,
            "columns": self.columns,
            "weights": weights,
        }

    def _repr_html_(self) -> str:
        """The map as a picture, for a notebook."""
        drawn = figures.attention(self.shades.numpy(), self.rows, self.columns)
        return f'<img src="{figures.address(drawn)}" alt="where it looked: {escape(self.where)}">'


def attends(model: nn.Module) -> bool:
    """Whether there is any attention in a model."""
    return any(isinstance(module, Attention | AdditiveAttention) for module in model.modules())


def attention_map(
    model: nn.Module,
    input: Field,
    text: Domain,
    answer: Tensor | None = None,
    target: Domain | None = None,
    read: list[str] | None = None,
    layer: str = "",
    head: int = 0,
) -> AttentionMap:
    """Where a model looked when it was given one text.

    input: the text, ready, as a batch of one without padding; text: the domain that cut it. answer: of a translator, the
    tokens [U] that it says, of the domain `target`: each is beside what was looked at in order to say it. read: the tokens of
    the text for a person, where more is known of them than their numbers (see `Text.pieces`).
    layer: by its name, or by its number, 1 the nearest to the input; of a translator the numbers are of the layers that look
        from the answer at the text. "" is the last of these. head: 1 the first; 0 is the mean over all.
    FrameError where the model has no attention, BadInput where it has no such layer or head.
    """
    if not attends(model):
        raise FrameError(
            f"{type(model).__name__} has no attention, so that nobody can see where it looks.",
            "Train one that has: --set model.name=bert; of translations transformer, or seq2seq with attention=additive.",
            "F004",
        )
    read = _written(text, input) if read is None else list(map(_visible, read or [""]))
    said: list[str] = []
    begun: list[str] = []
    if answer is None:
        maps = attention_maps(model, lambda: model(input))
    else:
        before = torch.cat([answer.new_tensor([START]), answer[:-1]])
        maps = attention_maps(model, lambda: model.decode(model.encode(input), before[None]))
        said, begun = ([_visible(target.tokens.token(n)) for n in row.tolist()] for row in (answer, before))
    name = _chosen(model, list(maps), layer)
    weights, asks = maps[name][0].cpu(), model.get_submodule(name)
    if not 0 <= head <= len(weights):
        raise BadInput(f"{name} has the heads 1 to {len(weights)}, but came {head}.", "0 is the mean over all of them.")
    own = begun if answer is not None and not _across(asks) and asks.causal else read
    head = head or int(len(weights) == 1)
    shown = weights[head - 1] if head else weights.mean(dim=0)
    return AttentionMap(said if _across(asks) else own, own, shown, name, head)


@torch.no_grad()
def attention_maps(model: nn.Module, ask: Callable[[], Any]) -> dict[str, Tensor]:
    """The layer's name → its weights [B, H, T, S], rows of which add up to 1, in the order in which layers are asked.

    ask: calls the model. Weights are computed from what each layer was given, since its kernel keeps none; additive
    attention, which is asked anew for each token that is said, has a row for each time.
    """
    found: dict[str, Tensor] = {}

    def look(name: str, layer: Attention | AdditiveAttention) -> Any:
        def hook(module: nn.Module, given: tuple, named: dict[str, Any], answer: Tensor) -> None:
            if isinstance(layer, Attention):
                found[name] = _weights(layer, **{**dict(zip(WORDS, given, strict=False)), **_only(named, WORDS)})
                return
            query, offered, _, here = given
            share = layer.shares(query, offered, here)[:, None, None]
            found[name] = torch.cat([found[name], share], dim=2) if name in found else share

        return layer.register_forward_hook(hook, with_kwargs=True)

    with ExitStack() as stack:
        stack.callback(model.train, model.training)
        for name, module in model.named_modules():
            if isinstance(module, Attention | AdditiveAttention):
                stack.callback(look(name, module).remove)
        model.eval()
        ask()
    return found


def _chosen(model: nn.Module, names: list[str], wanted: str) -> str:
    """The layer that is meant; see `attention_map`."""
    usual = [name for name in names if _across(model.get_submodule(name))] or names
    if not wanted:
        return usual[-1]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(usual):
        return usual[int(wanted) - 1]
    if wanted not in names:
        raise BadInput(
            f"this {type(model).__name__} has no layer of attention '{clean(wanted, 40)}'.",
            f"There are 1 to {len(usual)}; by name: {few(names, 12)}.",
        )
    return wanted


def _across(layer: nn.Module) -> bool:
    """Whether it looks from what is said at what was read."""
    return isinstance(layer, AdditiveAttention) or layer.cross


def _written(domain: Domain, input: Field) -> list[str]:
    """The tokens of one text, for a person."""
    if isinstance(domain, Words):
        (words,) = domain.decode(input)
        return list(map(_visible, words or [""]))  # of an empty one, a place is there all the same
    return [_visible(domain.tokens.token(number)) for number in input["tokens"][0].tolist()]


def _visible(token: str) -> str:
    """A token without the blanks around it; of one that is nothing else, a sign that stands for it."""
    return clean(token).strip() or ("⏎" if "\n" in token else "␣")


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
