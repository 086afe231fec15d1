"""Handwritten digits of 8 × 8 pixels: the first thing to try, in seconds and without any file."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data


def digits(data_dir: str | None = None, seed: int = 0) -> Frame:
    """1797 digits of 8 × 8 pixels with a small convolutional network, all as proposed.

    data_dir: not needed; scikit-learn carries the digits.
    """
    return frame_data("digits", seed=seed)
