"""Pictures side by side on one sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np

GAP, PAPER = 2, 255  # pixels between pictures, and their brightness


def sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of pictures of one size, uint8 [H, W] or [H, W, 3] → one picture; rows may be of unequal length."""
    height, width, *rest = rows[0][0].shape
    columns = max(map(len, rows))
    made = np.full((len(rows) * (height + GAP) - GAP, columns * (width + GAP) - GAP, *rest), PAPER, dtype=np.uint8)
    for i, row in enumerate(rows):
        for k, picture in enumerate(row):
            made[i * (height + GAP) :, k * (width + GAP) :][:height, :width] = picture
    return made


def squared(pictures: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
    """Pictures in rows, about as many as there are in each."""
    columns = math.ceil(math.sqrt(len(pictures)))
    return [pictures[k : k + columns] for k in range(0, len(pictures), columns)]


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 [H, W] or [H, W, 3], as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()
