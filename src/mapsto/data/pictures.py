"""One picture: the bytes of a file → 8-bit pixels, grey [H, W] or RGB [H, W, 3], safely (domains/picture_file.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING

import numpy as np

from mapsto.core.errors import DataError
from mapsto.domains.picture_file import open_picture, turn_of, undecodable

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
UNREAD = (
    ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".eps", ".pdf", ".psd", ".tga", ".ico", ".dng", ".cr2", ".nef", ".arw",
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray  # uint8 [H, W] or [H, W, 3]
    format: str  # by what is in the file: "PNG", "JPEG" …
    notes: tuple[str, ...] = ()  # what was changed on the way: "turned by EXIF", "palette", "16-bit" …


def decode(data: bytes, longest: int | None = None) -> Picture:
    """The picture in `data`, its longest side at most `longest`. DataError with the reason if there is none."""
    with open_picture(data) as image, _ROOM.of(image.width * image.height):
        try:
            # of a camera's JPEG, further pictures are previews of the one
            frames = image.format != "MPO" and getattr(image, "is_animated", False)
            notes = ["first frame of several"] if frames else []
            turn = turn_of(image)
            plain, changes = _eight_bit(image)
            if turn is not None:
                plain = plain.transpose(turn)
            pixels = np.asarray(plain, dtype=np.uint8)
        except DataError:
            raise
        except Exception as error:  # a damaged file makes a decoder raise anything at all
            raise undecodable(error) from error
        notes += changes + (["turned by EXIF"] if turn is not None else [])
        kind = "JPEG" if image.format == "MPO" else image.format or ""
        return Picture(pixels if longest is None else shrunk(pixels, longest), kind, tuple(notes))


def shrunk(pixels: np.ndarray, longest: int) -> np.ndarray:
    """The picture with its longest side at most `longest`, averaged down; one that is small enough, as it is."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def grey_to_rgb(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels


def _eight_bit(image: Image) -> tuple[Image, list[str]]:
    """The decoded picture in mode L or RGB, and what that took. Transparent parts are laid on white."""
    from PIL import Image as Pillow

    raw_modes = [tile[3][0] if isinstance(tile[3], tuple) else tile[3] for tile in image.tile]
    sixteen = any(";16" in str(raw_mode) for raw_mode in raw_modes)
    image.load()
    mode = image.mode
    if mode in ("L", "RGB"):
        return image, ["16-bit"] if sixteen else []
    if mode == "1":
        return image.convert("L"), ["1-bit"]
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _scaled(image), ["16-bit"]
    notes = ["16-bit"] if sixteen else []
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
        flat = Pillow.alpha_composite(white, clear).convert("RGB")
        grey = mode in ("LA", "La") or (mode in ("P", "PA") and _is_grey(flat))
        return flat.convert("L") if grey else flat, [*notes, "transparency"]
    colour = image.convert("RGB")
    if mode == "P":
        return (colour.convert("L") if _is_grey(colour) else colour), [*notes, "palette"]
    return colour, [*notes, mode]


def _scaled(image: Image) -> Image:
    """Grey values of 16 bits as 8 bits: scaled, so that bright parts are not clipped."""
    from PIL import Image as Pillow

    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F" or low < 0 or high > 65535:
        raise DataError(
            f"its values go from {low} to {high}: not 8 or 16 bits a pixel; save it as 8-bit PNG.", code="D030"
        )
    return Pillow.fromarray(np.round(values.astype(np.float32) / 257).astype(np.uint8))


def _is_grey(image: Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


class _Room:
    """Pixels that may be unpacked at the same time by several threads; one picture alone always may."""

    def __init__(self, pixels: int):
        self.left, self.all, self.changed = pixels, pixels, Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: self.left >= min(pixels, self.all))
            self.left -= pixels
        try:
            yield
        finally:
            with self.changed:
                self.left += pixels
                self.changed.notify_all()


_ROOM = _Room(48_000_000)
