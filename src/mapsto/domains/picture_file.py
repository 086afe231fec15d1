"""A picture's file, opened safely: what unpacking it would take is read from its header, before anything is unpacked."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from mapsto.core.errors import BadInput, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # never EPS and the like: they run programs
MOST_PIXELS = 64_000_000
UNASKED, DENSEST = 12_000_000, 100  # more pixels than this come with at least a byte to every so many of them
MOST_SCANS = 64  # of a JPEG; a camera's progressive ones have about ten
MOST_NUMBERS = 100_000  # in one field of a TIFF: it has one for each strip of its pixels
LARGEST_FILE = 512 << 20  # bytes
TOO_LARGE = "D203"  # the code of a picture that the user can let pass


def open_picture(data: bytes) -> Image:
    """The picture that begins in `data`, its pixels not unpacked yet. DataError with the reason if it should not be."""
    from PIL import Image, UnidentifiedImageError

    _refuse_what_is_no_picture(data)
    _refuse_damaged(data)
    try:
        picture = Image.open(BytesIO(data), formats=FORMATS)
        pixels, tile = picture.width * picture.height, _tile(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"it is too large: {error}", how_to_raise("N"), TOO_LARGE) from error
    except UnidentifiedImageError as error:
        raise DataError("it cannot be decoded: no picture of a kind that is read here.", code="D030") from error
    except Exception as error:  # a damaged header makes a decoder raise anything at all
        raise undecodable(error) from error
    if tile > max(4 * pixels, 1_000_000):
        raise DataError(f"it claims tiles of {tile} pixels for a picture of {pixels}: a bomb?", code="D030")
    said, most = f"{picture.width} × {picture.height} = {pixels / 1e6:.0f} million pixels", most_pixels()
    if pixels > most:
        raise DataError(
            f"it is too large: {said}, where {most / 1e6:.0f} are allowed.", how_to_raise(pixels), TOO_LARGE
        )
    if pixels > UNASKED and pixels > DENSEST * len(data) and picture.mode != "1" and most == MOST_PIXELS:
        raise DataError(f"it unpacks to {said} from {len(data)} bytes: a bomb?", how_to_raise(pixels), TOO_LARGE)
    if picture.format == "PNG":
        _refuse_damaged_png(data)
    return picture


def undecodable(error: Exception) -> DataError:
    """What to say of a decoder that gave up."""
    if isinstance(error, MemoryError):
        return DataError("it does not fit into the memory.", code="D030")
    if "truncated" in str(error):
        return DataError(f"it is cut short ({error}).", "Copy or download it again.", "D030")
    return DataError(f"it cannot be decoded ({type(error).__name__}: {error}).", code="D030")


def turn_of(picture: Image) -> int | None:
    """How the camera was held (EXIF), as the transposition that puts the picture upright; None for one that is so."""
    from PIL import Image as Pillow

    told = picture.info.get("exif", b"")
    try:
        if not fits(told.removeprefix(b"Exif\0\0")):
            return None
        orientation = picture.getexif().get(0x0112, 1)
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


def most_pixels() -> int:
    """Of one picture: 64 million, or what the environment variable MAPSTO_PIXELS says."""
    said = os.environ.get("MAPSTO_PIXELS", "")
    if said and not said.isdecimal():
        raise BadInput(f"MAPSTO_PIXELS should be a whole number of pixels, but is {said!r}.", code="D219")
    return int(said) if said else MOST_PIXELS


def how_to_raise(pixels: int | str) -> str:
    return f"Make it smaller, or remove it; if it is meant to be so, say MAPSTO_PIXELS={pixels} in the environment."


@contextmanager
def quiet() -> Iterator[None]:
    """For the whole of a pool of threads, since both are shared by them: Pillow's remarks on odd metadata are silent,
    and its own limit on pixels, which knows no remedy, gives way to ours."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def fits(data: bytes) -> bool:
    """Whether the first directory of TIFF or EXIF `data` claims no more than `data` can hold.

    TIFF 6.0, section 2: entries of (field, type, count, value or offset). Each may point to the same bytes as others.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return True
    big = data[2:4] in (b"+\0", b"\0+")
    entry, head = (order + "HHQQ", order + "Q") if big else (order + "HHII", order + "H")
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(head, data, start)
        entries = [
            struct.unpack_from(entry, data, start + struct.calcsize(head) + i * struct.calcsize(entry))
            for i in range(min(count, 65_535))
        ]
    except (struct.error, OverflowError):
        return False
    sizes = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # of numbers; others: bytes
    crowded = any(number > MOST_NUMBERS for _, kind, number, _ in entries if kind in sizes)
    return not crowded and sum(sizes.get(kind, 1) * number for _, kind, number, _ in entries) <= 2 * len(data)


def _refuse_damaged(data: bytes) -> None:
    if data[:2] in (b"II", b"MM") and not fits(data):
        raise DataError("it is damaged: its header claims more than the file can hold.", code="D030")
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > MOST_SCANS:
        raise DataError(f"it is drawn over {data.count(bytes([255, 218]))} times: a bomb?", code="D030")


def _refuse_damaged_png(data: bytes) -> None:
    """Pillow makes black of some pixels that are not as they were written.

    PNG 3, section 5.3: chunks of length, kind, data, checksum; one whose kind begins with a capital cannot be done without.
    """
    at, kind = 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise DataError("it is cut short.", "Copy or download it again.", "D030")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise DataError("it is cut short.", "Copy or download it again.", "D030")
        if kind[:1].isupper() and zlib.crc32(memoryview(data)[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise DataError("it is damaged: a checksum in it is wrong.", "Copy or download it again.", "D030")
        at = end + 4


def _tile(picture: Image) -> int:
    """Pixels in one tile of a TIFF in tiles; it is unpacked whole."""
    if picture.format != "TIFF":
        return 0
    return int(picture.tag_v2.get(322, 0)) * int(picture.tag_v2.get(323, 0))


def _refuse_what_is_no_picture(data: bytes) -> None:
    if not data:
        raise DataError("the file is empty.", "Copy or download it again.", "D030")
    start = data[:512].lstrip()
    what = ""
    if start[:1] == b"<":
        what = "it is a web page or XML saved under a picture's name: a failed download?"
    elif start.startswith(b"version https://git-lfs"):
        what = "it is only a Git LFS pointer; fetch the files with 'git lfs pull'."
    elif data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        what = "it is a HEIC picture, which cannot be read; convert it to JPEG."
    elif not start.startswith(_MARKS) and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start):
        what = "it is text saved under a picture's name."
    if what:
        raise DataError(what, code="D030")


_MARKS = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"BM", b"GIF8", b"RIFF", b"II", b"MM")
