"""Where a model of texts looked, example by example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.core.batch import over
from mapsto.core.nouns import Domain
from mapsto.data.dataset import Examples
from mapsto.domains.row import Row, text_in
from mapsto.domains.text import Text
from mapsto.insight.attention_maps import AttentionMap, attention_map

FIT = (4, 24)  # tokens of the examples that a page shows best


def looks(
    model: nn.Module,
    input: Domain,
    target: Domain,
    view: Examples,
    which: Iterable[int],
    texts: Sequence[Any] | None = None,
    answers: Tensor | None = None,
    layer: str = "",
    head: int = 0,
) -> Iterator[AttentionMap]:
    """The map of each example of a view that `which` names.

    texts: the raw values [N] of the view, or rows with them, so that tokens that training has not can be read. answers: of a
    translator, what it said, tokens [N, U], −1 beyond an end. layer, head: see `attention_map`.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    for i in which:
        one = over(view.gather(torch.tensor([i])), lambda t: t.to(device))
        answer = None if answers is None else answers[i][answers[i] >= 0].to(device)
        read = input.pieces(texts[i]) if isinstance(input, Text | Row) and texts is not None else None
        yield attention_map(
            model, input.ready(one["input"]), text_in(input) or input, answer, target, read, layer, head
        )


def shown(view: Examples, count: int) -> list[int]:
    """The first `count` examples of a length that can be taken in at a glance; where there are none, the first."""
    length = view.lengths.amax(dim=1)
    return ((length >= FIT[0]) & (length <= FIT[1])).nonzero()[:count, 0].tolist() or [0]
