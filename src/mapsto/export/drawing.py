"""What a function that draws is asked for: pictures of something, or the way of a picture through its code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core import names
from mapsto.core.batch import Batch, over, size
from mapsto.core.errors import BadInput
from mapsto.core.nouns import Coder, Domain
from mapsto.core.text import clean, few
from mapsto.data.dataset import Examples, looked_at
from mapsto.data.frames import objects
from mapsto.domains.category import Category, label
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import UNKNOWN
from mapsto.layers.pixels import bytes_of, scaled

if TYPE_CHECKING:
    from mapsto.export.function import Function

A_SEED = 1 << 20  # pictures that are drawn from one seed, before those of the next begin
SEEDS = 1 << 32  # of which each has its own numbers


def draw(f: Function, count: int, given: Any, seed: int) -> list[np.ndarray]:
    """See `Function.draw`."""
    if f.objective.problem != "generation":
        raise BadInput(f"only a function that draws can draw, but this is {f!r}.", "Ask it: f(raw).")
    if not isinstance(count, int) or not 1 <= count <= A_SEED:
        raise BadInput(f"from 1 to {A_SEED:,} pictures are drawn, but came {count}.")
    if not isinstance(seed, int) or not 0 <= seed < SEEDS:
        raise BadInput(
            f"a seed is a whole number from 0 to {SEEDS - 1:,}, but came {clean(str(seed), 40)}.", "Choose another."
        )
    if isinstance(given, list | tuple | np.ndarray):
        raise BadInput(
            f"what is given is one class or text, of which all pictures are, but came {len(given)}.",
            "Draw of one after the other; or a picture of each: f([…, …])",
        )
    if given is None and isinstance(f.input, Text):
        raise BadInput("this function draws of a text, but none was given.", 'Say it: f.draw(8, "…"), or --given "…"')
    classes = f.input.classes if isinstance(f.input, Category) else []
    values = (
        [classes[i * len(classes) // count] for i in range(count)] if given is None and classes else [given] * count
    )
    refuse_unheard(f.input, values)
    return f.target.decode(f.encoded_predictions(objects(values), seed * A_SEED))


def refuse_unheard(domain: Domain, values: Iterable[Any]) -> None:
    """BadInput for what no training picture was of. domain: of what is given."""
    for value in {id(value): value for value in values}.values():
        if isinstance(domain, Category) and not domain.classes:
            if value is not None:
                raise BadInput(
                    f"this function was told of no picture what it is of, but is asked for {clean(repr(value), 40)}.",
                    "Leave it out; or train with what is given: --set data.given=COLUMN",
                )
        elif isinstance(domain, Category) and value is None:
            raise BadInput(
                "this function was told of each picture what it is of, and wants to be told.",
                f'Say it: given="…", or --given "…". There are: {few(domain.classes, 12)}.',
            )
        elif isinstance(domain, Category) and domain.place(label(value)) < 0:
            near = names.near(str(value), map(str, domain.classes))
            raise BadInput(
                f"no picture that was learned from is of {clean(repr(value), 40)}."
                + (f" Near it: {', '.join(near)}." if near else ""),
                f"There are: {few(domain.classes, 12)}.",
            )
        elif isinstance(domain, Text) and len(unheard(domain, value)) == len(domain.pieces(value)):
            raise BadInput(
                f"no word of {clean(repr(value), 60)} was said of any picture that was learned from.",
                "Say it in words of the training data.",
            )


def unheard(domain: Text, value: Any) -> list[str]:
    """The words of a text that were said of no picture that was learned from."""
    tokens = domain.encode([value])["tokens"].values.tolist()
    return [piece for piece, token in zip(domain.pieces(value), tokens, strict=True) if token == UNKNOWN]


@torch.inference_mode()
def reconstruct(f: Function, pictures: Sequence[Any], given: Any = None) -> list[np.ndarray]:
    """See `Function.reconstruct`."""
    if not isinstance(f.model, Coder):
        raise BadInput(
            f"a picture comes back from its code, but {type(f.model).__name__} has none.",
            "Train one that has: --objective variational, or reconstruction",
        )
    told = list(given) if isinstance(given, list | tuple | np.ndarray) else [given] * len(pictures)
    if len(told) != len(pictures):
        raise BadInput(f"{len(pictures)} pictures came, and what is given of {len(told)}.", "Give one of each.")
    if not told:
        return []
    refuse_unheard(f.input, told)
    view = Examples({"input": f.input.encode(objects(told)), "target": f.target.encode(pictures)})
    parts = []
    for block in looked_at(view, torch.arange(len(view))):
        batch = over(view.gather(block.index, block.pad_to), lambda t: t.to(f.device))
        parts.append(returned(f.model, {**batch, "input": f.input.ready(batch["input"])}).cpu())
    return f.target.decode(torch.cat(parts))


def returned(model: Coder, batch: Batch) -> Tensor:
    """The pictures [B, C, H, W] of a ready batch, 0 … 255, as they come back from their codes."""
    return bytes_of(model.drawn(model.code(scaled(batch["target"]), batch["input"]), batch["input"]))


def wanted(domain: Domain, values: Sequence[Any], seed: int = 0) -> Batch:
    """A batch that asks for a picture of each of `values`, not ready yet; of the same seed always the same ones."""
    view = Examples({"input": domain.encode(objects(list(values)))})
    batch = view.gather(torch.arange(len(view)))
    return {**batch, "index": torch.arange(size(batch)) + seed * A_SEED}
