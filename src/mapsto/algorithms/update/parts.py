"""The parts of a model by their distance from its answer: which of them are changed, and how fast (Howard and Ruder 2018,
arXiv:1801.06146)."""

from __future__ import annotations

from torch import nn

from mapsto.core.errors import FrameError
from mapsto.core.nouns import Layered

Distances = dict[nn.Parameter, int]  # 0: of the part that answers


def parts_of(model: nn.Module) -> list[nn.Module]:
    """From the input to the answer, as the model itself says, else its children that hold weights, in their order."""
    if isinstance(model, Layered):
        return model.parts()
    return [child for child in model.children() if any(True for _ in child.parameters())]


def freeze(model: nn.Module, trained: int) -> None:
    """Let only the last `trained` parts be changed. FrameError where there are not so many."""
    parts = parts_of(model)
    if not 1 <= trained <= len(parts):
        raise FrameError(
            f"{type(model).__name__} has {len(parts)} parts, of which the last {trained} are to be trained.",
            f"Set algorithm.update.trained to a number from 1 (its answer alone) to {len(parts)}, or leave it out.",
            "F004",
        )
    kept = {p for part in parts[len(parts) - trained :] for p in part.parameters()}
    for p in model.parameters():
        if p not in kept:
            p.requires_grad_(False)


def distances(model: nn.Module) -> Distances:
    """How many parts lie between each parameter and the answer; one that is in no part counts as the farthest."""
    parts = parts_of(model)
    found: Distances = {}
    for distance, part in enumerate(reversed(parts)):
        for p in part.parameters():
            found.setdefault(p, distance)
    return {p: found.get(p, max(len(parts) - 1, 0)) for p in model.parameters()}
