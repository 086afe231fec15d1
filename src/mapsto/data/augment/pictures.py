"""Pictures of a batch as augmentations see them: uint8 or float32 [B, C, H, W], in pixel values, not yet normalised."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.batch import Batch
from mapsto.core.errors import ShapeError


def pictures(batch: Batch, augmentation: str) -> Tensor:
    """The input [B, C, H, W]. ShapeError where the examples are no pictures."""
    input = batch["input"]
    if isinstance(input, dict) or input.dim() != 4:
        came = f"columns {', '.join(input)}" if isinstance(input, dict) else f"shape {list(input.shape)}"
        raise ShapeError(
            f"{augmentation} changes pictures [B, C, H, W], but the input has {came}.",
            f"Leave {augmentation} out of the augmentations.",
        )
    return input


def between(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    """Uniform in [low, high], [count], on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def resampled(input: Tensor, theta: Tensor) -> Tensor:
    """Each picture seen through its own affine map, bilinear; beyond the edge is its mirror image.

    theta [B, 2, 3]: from places in the result to places in the picture, both x, y in [−1, 1].
    """
    grid = F.affine_grid(theta, list(input.shape), align_corners=False)
    seen = F.grid_sample(input.float(), grid, padding_mode="reflection", align_corners=False)
    return in_kind(seen, input)


def in_kind(changed: Tensor, input: Tensor) -> Tensor:
    """`changed`, float, as the kind of number that `input` has; rounded where that is whole."""
    return changed if input.is_floating_point() else changed.round_().clamp_(0, 255).to(input.dtype)
