"""Bytes of pictures, and the numbers about 0 that networks draw in."""

from __future__ import annotations

from torch import Tensor

MIDDLE = 127.5


def signed(pixels: Tensor) -> Tensor:
    """0 … 255, bytes or not → float32 in [−1, 1]."""
    return pixels.float() / MIDDLE - 1


def pixels(signed: Tensor) -> Tensor:
    """Numbers, those in [−1, 1] and whatever lies outside → float32, 0 … 255."""
    return ((signed.float() + 1) * MIDDLE).clamp(0, 255)
