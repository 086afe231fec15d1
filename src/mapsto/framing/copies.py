"""The same picture twice, or nearly the same, and the same text: found at a cost that grows with their number, not of pairs."""

from __future__ import annotations

import numpy as np

from mapsto.core.nouns import Finding, Raw
from mapsto.core.text import clean, many
from mapsto.data.splits import Parts
from mapsto.framing.infer import Kind

SIDE = 16  # pixels of the thumbnails that pictures are compared by
LEAST = 32  # pixels on the shorter side; smaller pictures of different things look too much alike
ALIKE = 0.98  # correlation of two thumbnails from which on they show the same
ROTATIONS, NEIGHBOURS = 8, 3
NAMED = 5  # pairs
ABOUND = 0.1  # share of pictures that are copies of others


def marks(pictures: np.ndarray) -> np.ndarray:
    """[N] whole numbers, the same for pictures that are the same pixel for pixel."""
    return np.fromiter((hash((p.shape, p.tobytes())) for p in pictures), np.int64, len(pictures))


def on_one_side(raw: Raw, kinds: dict[str, Kind], parts: Parts, findings: list[Finding]) -> Parts:
    """Copies of one picture all in the part that the first of them was dealt to; what that moved is told.

    Where copies abound they are the nature of the data (a few drawings, over and over), and stay where they are.
    """
    name = picture_column(raw, kinds)
    if name is None:
        return parts
    _, first, member = np.unique(marks(raw.columns[name]), return_index=True, return_inverse=True)
    part = part_of(parts, len(raw))
    moved = np.flatnonzero(part != part[first[member]])
    if not len(moved) or len(raw) - len(first) > ABOUND * len(raw):
        return parts
    message = f"{many(len(moved), 'picture')} moved to the side of the split on which a copy of it stands"
    findings.append(
        Finding("C074", "repair", message, len(moved), named(raw, np.stack([first[member[moved]], moved], axis=1)))
    )
    part = part[first[member]]
    return {split: np.flatnonzero(part == split) for split in parts}


def texts_on_one_side(raw: Raw, kinds: dict[str, Kind], parts: Parts, findings: list[Finding]) -> Parts:
    """Rows that ask the same, each with an answer of its own, all in the part that the first of them was dealt to: else the
    exam would ask what training has seen answered."""
    name = next(name for name, kind in kinds.items() if kind.name == "text")
    texts = np.array([str(text) for text in raw.columns[name]], dtype=object)
    _, first, member = np.unique(texts, return_index=True, return_inverse=True)
    part = part_of(parts, len(raw))
    moved = np.flatnonzero(part != part[first[member]])
    if not len(moved):
        return parts
    message = f"{many(len(moved), 'row')} moved to the side of the split on which the same text stands"
    findings.append(
        Finding("C044", "repair", message, len(moved), named(raw, np.stack([first[member[moved]], moved], axis=1)))
    )
    part = part[first[member]]
    return {split: np.flatnonzero(part == split) for split in parts}


def picture_column(raw: Raw, kinds: dict[str, Kind]) -> str | None:
    """The column of pictures in memory, where there is one."""
    return next(
        (
            name
            for name, kind in kinds.items()
            if kind.name == "image" and all(isinstance(p, np.ndarray) for p in raw.columns[name])
        ),
        None,
    )


def part_of(parts: Parts, count: int) -> np.ndarray:
    """[count] the part each row is in, "" for one that is in none."""
    part = np.full(count, "", dtype=object)
    for name, rows in parts.items():
        part[rows] = name
    return part


def named(raw: Raw, pairs: np.ndarray) -> tuple[str, ...]:
    """The first of `pairs` [P, 2] for a person: "cat/1.png = dog/7.png"."""
    names = [f"row {row + 1}" for row in range(len(raw))] if raw.labels is None else raw.labels
    return tuple(" = ".join(clean(str(names[row]), 120) for row in pair) for pair in pairs[:NAMED])


def nearly_same(pictures: np.ndarray) -> np.ndarray:
    """[P, 2] places of pictures that are one but for size and encoding, the lower place first.

    Pictures are sorted by whether brightness rises from one spot to the next (dHash, Krawetz 2013) in several orders of the
    spots; neighbours there are compared by their thumbnails.
    """
    thumbs = _thumbnails(pictures)
    coarse = thumbs.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).mean((2, 4))
    rises = [coarse[:, :, 1:] > coarse[:, :, :-1], coarse[:, 1:] > coarse[:, :-1]]
    bits = np.concatenate([r.reshape(len(thumbs), -1) for r in rises], axis=1)
    flat = thumbs.reshape(len(thumbs), -1)
    found = [np.empty((0, 2), np.int64)]
    for turn in range(ROTATIONS):
        packed = np.packbits(np.roll(bits, turn * bits.shape[1] // ROTATIONS, axis=1), axis=1)
        order = np.lexsort(packed.T[::-1])
        for step in range(1, NEIGHBOURS + 1):
            one, other = order[:-step], order[step:]
            alike = np.einsum("nd,nd->n", flat[one], flat[other]) >= ALIKE
            found.append(np.sort(np.stack([one[alike], other[alike]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _thumbnails(pictures: np.ndarray) -> np.ndarray:
    """[N, SIDE, SIDE], centred, of length 1; zeros for a picture that is too small, or of one colour."""
    from PIL import Image

    thumbs = np.zeros((len(pictures), SIDE, SIDE), np.float32)
    for i, picture in enumerate(pictures):
        if (
            min(picture.shape[:2]) >= LEAST
            and picture.dtype == np.uint8
            and (picture.ndim == 2 or picture.shape[2] in (3, 4))
        ):
            grey = Image.fromarray(picture).convert("L")
            thumbs[i] = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))
    thumbs -= thumbs.mean((1, 2), keepdims=True)
    length = np.sqrt(np.square(thumbs).sum((1, 2), keepdims=True))
    return np.where(length > SIDE, thumbs / np.maximum(length, 1), 0)  # a spread of one grey level at least
