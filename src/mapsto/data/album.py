"""Many pictures: decoded side by side within a bound on their memory; what was noticed is counted and named."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding
from mapsto.core.text import clean
from mapsto.data import pictures
from mapsto.data.files import Files, legible, shown
from mapsto.data.frames import objects
from mapsto.domains.picture_file import LARGEST_FILE, TOO_LARGE, how_to_raise, quiet

UNREADABLE, FORGIVEN = 0.01, 5  # see Limits
SLIVER = 20  # a picture so many times longer than wide shows little once it is squashed
LISTED = 20  # unreadable pictures named in an error


@dataclass(frozen=True)
class Limits:
    """unreadable: the share of pictures that may be unreadable and left out before it is an error; None: one in a hundred,
        or up to five where they are no more than a fifth.
    memory: bytes that the pictures may take together; beyond it, their longest side is shrunk to `longest` pixels.
    """

    unreadable: float | None = None
    memory: int = 2 << 30
    longest: int = 256


@dataclass
class Album:
    """The pictures that could be read, uint8 [K, H, W], [K, H, W, 3] or objects [K] of several sizes."""

    pixels: np.ndarray
    kept: np.ndarray  # [K] their places among the names that were asked for
    findings: list[Finding]  # one of level error where too many could not be read, or one is too large to be opened
    left_out: list[str] = field(default_factory=list)  # "cat/3.jpg: the file is empty"


def album(files: Files, names: list[str], limits: Limits) -> Album:
    """Read the pictures of these names; one that cannot be read is left out and named."""
    budget = _Budget(limits.memory)
    all_small = False
    found: list[np.ndarray | None] = []
    notes: dict[str, list[str]] = defaultdict(list)
    damaged: list[str] = []
    too_large: list[str] = []

    def one(name: str) -> pictures.Picture | DataError:
        try:
            return pictures.decode(files.bytes_of(name, LARGEST_FILE), limits.longest if budget.spent else None)
        except DataError as error:
            return error

    with quiet(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), 256):  # in blocks, so that little is decoded ahead of the budget
            block = names[start : start + 256]
            for name, picture in zip(block, pool.map(one, block), strict=True):
                if isinstance(picture, DataError):
                    reason = f"{clean(legible(name))}: {picture.message.rstrip('.')}"
                    (too_large if picture.code == TOO_LARGE else damaged).append(reason)
                    found.append(None)
                    continue
                for note in (*picture.notes, *_odd(name, picture)):
                    notes[note].append(name)
                found.append(picture.pixels)
                budget.take(picture.pixels.nbytes)
            if budget.spent and not all_small:
                all_small = True  # later ones are shrunk as they are decoded
                found = [p if p is None else pictures.shrunk(p, limits.longest) for p in found]
    kept = [i for i, p in enumerate(found) if p is not None]
    findings = [*_refused(damaged, too_large, len(names), limits), *_noted(notes)]
    if budget.spent:
        message = (
            f"together the pictures pass {limits.memory / (1 << 30):.2g} GiB, so the longest side is {limits.longest} "
            "pixels at most"
        )
        findings.append(Finding("D036", "repair", message, len(kept)))
    whole = [found[i] for i in kept]
    if len({p.ndim for p in whole}) > 1:
        count = sum(p.ndim == 2 for p in whole)
        findings.append(Finding("D042", "repair", f"grey pictures among coloured ones, made RGB: {count}", count))
        whole = [pictures.grey_to_rgb(p) for p in whole]
    return Album(stacked(whole), np.array(kept, dtype=np.int64), findings, too_large + damaged)


def names_only(files: Files, names: list[str], limits: Limits) -> Album:
    """In the place of `album`, where pictures are to be read later: their names instead of their pixels."""
    return Album(objects(names), np.arange(len(names)), [])


def unread(names: list[str]) -> list[Finding]:
    """About those of `names` that look like pictures and are of no kind that is read."""
    odd = [name for name in names if "/" in name and PurePosixPath(name).suffix.lower() in ("", *pictures.UNREAD)]
    message = f"pictures of kinds that are not read, or files without a suffix, left out: {len(odd)}"
    remedy = "Convert them to JPEG or PNG, or give them their suffix."
    return [Finding("D056", "warning", message, len(odd), shown(odd), remedy)] if odd else []


def stacked(whole: list[np.ndarray]) -> np.ndarray:
    """Arrays of one shape as a dense array [N, …], of several shapes, or none at all, as objects [N]."""
    if len({p.shape for p in whole}) != 1:
        return objects(whole)
    dense = np.empty((len(whole), *whole[0].shape), dtype=whole[0].dtype)
    for i, p in enumerate(whole):
        dense[i] = p
    return dense


def _odd(name: str, picture: pictures.Picture) -> list[str]:
    height, width = picture.pixels.shape[:2]
    odd = ["sliver"] if min(height, width) < 3 or max(height, width) > SLIVER * min(height, width) else []
    named = _NAMED.get(PurePosixPath(name).suffix.lower())
    return odd if named in (None, picture.format) else [*odd, "another format"]


def _refused(damaged: list[str], too_large: list[str], count: int, limits: Limits) -> list[Finding]:
    findings = []
    if too_large:
        message = f"pictures too large to be opened unasked: {len(too_large)}"
        remedy = how_to_raise("N")
        findings.append(Finding(TOO_LARGE, "error", message, len(too_large), tuple(too_large[:LISTED]), remedy))
    share = limits.unreadable
    allowed = int(max(UNREADABLE * count, min(FORGIVEN, count / 5)) if share is None else share * count)
    if damaged and (len(damaged) > allowed or len(damaged) == count):
        message = f"{len(damaged)} of {count} pictures cannot be read, more than the {allowed} that may be left out"
        remedy = "Remove or replace them, or allow a larger share: --unreadable 0.5"
        findings.append(Finding("D204", "error", message, len(damaged), tuple(damaged[:LISTED]), remedy))
    elif damaged:
        message = f"pictures that cannot be read, left out: {len(damaged)} of {count}"
        remedy = "Copy or download them again, or remove them."
        findings.append(Finding("D030", "repair", message, len(damaged), tuple(damaged[:5]), remedy))
    return findings


def _noted(notes: dict[str, list[str]]) -> list[Finding]:
    findings = []
    for note, names in sorted(notes.items()):
        code, level, message = _NOTES.get(
            note, ("D031", "repair", f"pictures in {note}, converted to 8-bit RGB or grey")
        )
        findings.append(Finding(code, level, f"{message}: {len(names)}", len(names), shown(names)))
    return findings


_NOTES = {
    "turned by EXIF": ("D032", "repair", "pictures turned upright as their EXIF data say"),
    "first frame of several": ("D033", "warning", "animated or many-page pictures, of which the first frame was taken"),
    "transparency": ("D031", "repair", "pictures with transparency, laid on white"),
    "palette": ("D031", "repair", "pictures with a palette, converted to 8-bit RGB or grey"),
    "1-bit": ("D031", "repair", "black-and-white pictures of 1 bit, made grey"),
    "16-bit": ("D034", "repair", "pictures of 16 bits, scaled to 8 bits"),
    "another format": (
        "D045",
        "note",
        "pictures of another format than their names say, read as what they are",
    ),
    "sliver": ("D046", "warning", f"pictures 1 or 2 pixels wide, or more than {SLIVER} times longer than wide"),
}
_NAMED = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM",
}  # fmt: skip


@dataclass
class _Budget:
    """Bytes that may still be taken; once spent, it stays so."""

    left: int
    spent: bool = False

    def take(self, size: int) -> None:
        self.left -= size
        self.spent = self.spent or self.left < 0
