"""Several MNIST digits in one picture: which digits are shown? A task of several labels that needs no new download."""

from __future__ import annotations

import numpy as np

from mapsto.core.nouns import Raw
from mapsto.core.seeds import mix
from mapsto.data.frames import objects

PICTURES = {"train": 18_000, "valid": 2_000, "test": 4_000}
SEED = 0  # the set is what its name says: no setting changes it
SIDE = 28  # of a digit's picture; a canvas is 2 × 2 of them
MOST = 4  # digits in a picture
MOVE = 4  # pixels that a digit may lie from the middle of its quarter: as many as MNIST leaves blank around a digit
HELD = 10  # one part in so many of the training digits, the last, is shown in validation pictures only
STEP = np.uint64(0x9E3779B97F4A7C15)


def mnist_sets(mnist: Raw, pictures: dict[str, int] | None = None) -> Raw:
    """Pictures of 56 × 56 with one to four digits each, and the set of digits that each shows.

    mnist: its columns `image` uint8 [N, 28, 28] and `digit`, split into train and test. pictures: how many of each split.
    A digit's own picture is shown in one split only: test pictures are made of MNIST's test digits, validation pictures
    of its last training digits.
    """
    places = _places(mnist.split)
    parts = {}
    for part, (split, count) in enumerate((pictures or PICTURES).items()):
        digits, names = mnist.columns["image"][places[split]], mnist.columns["digit"][places[split]]
        parts[split] = composed(digits, names, mix(SEED, part), count)
    splits = [split for split, (canvas, _) in parts.items() for _ in range(len(canvas))]
    return Raw(
        "mnist-sets",
        {
            "image": np.concatenate([canvas for canvas, _ in parts.values()]),
            "digits": objects([shown for _, sets in parts.values() for shown in sets]),
        },
        target="digits",
        split=objects(splits),
        labels=objects([f"{split} {i + 1}" for split, (canvas, _) in parts.items() for i in range(len(canvas))]),
        kinds={"image": "image", "digits": "categories"},
        findings=list(mnist.findings),
    )


def composed(digits: np.ndarray, names: np.ndarray, seed: int, count: int) -> tuple[np.ndarray, list[list[str]]]:
    """`count` pictures, uint8 [count, 56, 56], of `digits` [N, 28, 28], and the sorted names of what each shows.

    Picture i is a function of (seed, i): every quarter holds one digit at most, moved a little.
    """
    drawn = uniform(seed, count, 1 + 4 * MOST)
    shown = 1 + (MOST * drawn[:, 0]).astype(np.int64)  # how many
    which, order, down, right = drawn[:, 1:].reshape(count, 4, MOST).transpose(1, 0, 2)
    which = (len(digits) * which).astype(np.int64)
    quarter = order.argsort(1, kind="stable")
    top = SIDE * (quarter // 2) + (down * (2 * MOVE + 1)).astype(np.int64)  # a margin of MOVE is cut off below
    left = SIDE * (quarter % 2) + (right * (2 * MOVE + 1)).astype(np.int64)

    canvas = np.zeros((count, 2 * SIDE + 2 * MOVE, 2 * SIDE + 2 * MOVE), dtype=np.uint8)
    side = np.arange(SIDE)
    for slot in range(MOST):
        here = np.flatnonzero(shown > slot)
        place = (
            here[:, None, None],
            (top[here, slot, None] + side)[:, :, None],
            (left[here, slot, None] + side)[:, None, :],
        )
        canvas[place] = np.maximum(canvas[place], digits[which[here, slot]])
    sets = [sorted(set(names[row[:n]])) for row, n in zip(which, shown, strict=True)]
    return np.ascontiguousarray(canvas[:, MOVE:-MOVE, MOVE:-MOVE]), sets


def uniform(seed: int, count: int, width: int) -> np.ndarray:
    """[count, width] numbers in [0, 1), row i a function of (seed, i) alone: splitmix64 of a counter."""
    counter = np.arange(count * width, dtype=np.uint64).reshape(count, width) + np.uint64(1)
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + counter * STEP
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return ((state ^ state >> np.uint64(31)) >> np.uint64(11)) * 2.0**-53


def _places(split: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of MNIST that each split's pictures are made of."""
    train, test = np.flatnonzero(split == "train"), np.flatnonzero(split == "test")
    held = max(1, len(train) // HELD)
    return {"train": train[:-held], "valid": train[-held:], "test": test}
