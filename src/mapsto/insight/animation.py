"""Pictures one after the other as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = 64  # of what a world has rendered itself
WIDE, HIGH = 360, 270  # pixels, at most, of such a picture
PACE = 40  # milliseconds of a picture: 25 a second are smooth, and more make a page heavy
MOST = 600  # pictures of an animation
REST = 1000  # milliseconds that the last one stays


def rendered(pixels: np.ndarray) -> Image:
    """What a world has rendered, uint8 [H, W, 3], as a small picture of few colours."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((WIDE, HIGH), Image.Resampling.LANCZOS)
    return picture.quantize(COLOURS, dither=Image.Dither.NONE)


def animated(pictures: Sequence[Image], rate: float) -> bytes:
    """A GIF that begins again when it is over. rate: pictures a second; where they are more than PACE has, some are left out."""
    every = max(1, round(rate * PACE / 1000))
    shown = [*pictures[:-1:every][: MOST - 1], pictures[-1]]
    took = round(100 * every / rate) * 10  # whole hundredths of a second: a GIF knows no others
    file = io.BytesIO()
    times = [took] * (len(shown) - 1) + [REST]
    shown[0].save(file, "GIF", save_all=True, append_images=shown[1:], duration=times, loop=0, disposal=1)
    return file.getvalue()
