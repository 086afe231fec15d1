"""What objectives that learn to draw share: the random numbers that pictures are drawn from, and that exams use."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mapsto.core import hashed
from mapsto.core.batch import Batch, size

LARGE = "it is a picture for every example"


def codes(model: nn.Module, batch: Batch) -> Tensor:
    """Random codes [B, latent] of N(0, 1) to draw from: each a function of its example's own number, `index`, alone."""
    device = next(model.parameters()).device
    row = batch.get("index", torch.arange(size(batch), device=device))
    return hashed.normal(hashed.places(row, (model.latent,)))


def normal(model: nn.Module, picture: Tensor, shape: tuple[int, ...], purpose: int) -> Tensor:
    """[B, *shape] of N(0, 1): drawn anew where the model is trained; in an exam they follow from each picture [B, C, H, W] itself.

    purpose: what they are for, so that those for one thing do not follow from those for another.
    """
    return _drawn(model, picture, shape, purpose, torch.randn, hashed.normal)


def uniform(model: nn.Module, picture: Tensor, shape: tuple[int, ...], purpose: int) -> Tensor:
    """[B, *shape] in [0, 1), as `normal`."""
    return _drawn(model, picture, shape, purpose, torch.rand, hashed.uniform)


def _drawn(
    model: nn.Module,
    picture: Tensor,
    shape: tuple[int, ...],
    purpose: int,
    anew: Callable[..., Tensor],
    settled: Callable[[Tensor], Tensor],
) -> Tensor:
    if model.training:
        return anew(len(picture), *shape, device=picture.device)
    return settled(hashed.places(hashed.fingerprint(picture) + purpose, shape))
