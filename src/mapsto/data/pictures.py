"""One picture: the bytes of a file → 8-bit pixels, grey [H, W] or RGB [H, W, 3], safely.

Only raster formats are opened; the size is read from the header before anything is unpacked.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mapsto.core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # never EPS and the like: they run programs
MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray  # uint8 [H, W] or [H, W, 3]
    notes: tuple[str, ...] = ()  # what was changed on the way: "turned by EXIF", "palette", "16-bit" …


def decode(data: bytes, longest: int | None = None) -> Picture:
    """The picture in `data`, its longest side at most `longest`. DataError with the reason if there is none."""
    from PIL import Image, UnidentifiedImageError

    _refuse_what_is_no_picture(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise DataError(_too_large(width, height))
            notes = ["first frame of several"] if getattr(image, "is_animated", False) else []
            turn = _turn(image)
            plain, changes = _eight_bit(image)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"it is too large: more than {MOST_PIXELS // 1_000_000} million pixels.") from error
    except UnidentifiedImageError as error:
        raise DataError("it cannot be decoded: no picture of a kind that is read here.") from error
    except Exception as error:  # a damaged file makes a decoder raise anything at all
        raise DataError(f"it cannot be decoded ({type(error).__name__}: {error}).") from error
    notes += changes
    if turn is not None:
        plain = plain.transpose(turn)
        notes.append("turned by EXIF")
    pixels = np.asarray(plain, dtype=np.uint8)
    return Picture(pixels if longest is None else shrunk(pixels, longest), tuple(notes))


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


@contextmanager
def quiet() -> Iterator[None]:
    """For the whole of a pool of threads, since Python's warning filters are shared by them: Pillow's remarks on odd
    metadata are silent, its warning of a decompression bomb is an error."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _refuse_what_is_no_picture(data: bytes) -> None:
    if not data:
        raise DataError("the file is empty.")
    start = data[:512].lstrip()
    if start[:1] == b"<":
        raise DataError("it is a web page or XML saved under a picture's name.")
    if start.startswith(b"version https://git-lfs"):
        raise DataError("it is only a Git LFS pointer; fetch the files with 'git lfs pull'.")
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        raise DataError("it is a HEIC picture, which cannot be read; convert it to JPEG.")
    magic = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"BM", b"GIF8", b"RIFF", b"II", b"MM")
    if not start.startswith(magic) and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start):
        raise DataError("it is text saved under a picture's name.")


def _too_large(width: int, height: int) -> str:
    limit = MOST_PIXELS // 1_000_000
    return (
        f"it is too large: {width} × {height} = {width * height / 1e6:.0f} million pixels, where {limit} are allowed."
    )


def _turn(image: Image) -> int | None:
    """How the camera was held, as the transposition that puts the picture upright."""
    from PIL import Image as Pillow

    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # metadata are often damaged, and the picture is fine without them
        return None
    flip = Pillow.Transpose
    return {
        2: flip.FLIP_LEFT_RIGHT,
        3: flip.ROTATE_180,
        4: flip.FLIP_TOP_BOTTOM,
        5: flip.TRANSPOSE,
        6: flip.ROTATE_270,
        7: flip.TRANSVERSE,
        8: flip.ROTATE_90,
    }.get(orientation)


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
        raise DataError(f"its values go from {low} to {high}: not 8 or 16 bits a pixel; save it as 8-bit PNG.")
    return Pillow.fromarray(np.round(values.astype(np.float32) / 257).astype(np.uint8))


def _is_grey(image: Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
