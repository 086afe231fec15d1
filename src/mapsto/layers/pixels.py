"""Pictures as bytes, and as networks see and draw them: in [−1, 1]."""

from __future__ import annotations

from torch import Tensor

HALF = 127.5


def scaled(picture: Tensor) -> Tensor:
    """uint8, or floats 0 … 255, [B, C, H, W] → float32 in [−1, 1]."""
    return picture.float() / HALF - 1


def bytes_of(drawn: Tensor) -> Tensor:
    """[B, C, H, W] in [−1, 1] → floats 0 … 255, which `Image.decode` rounds; what lies outside is taken for its edge."""
    return (drawn.float().clamp(-1, 1) + 1) * HALF
