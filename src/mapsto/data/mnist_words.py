"""MNIST, each digit with a few words about it: pictures to be drawn from a text, which need no new download."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapsto.core.nouns import Raw
from mapsto.core.seeds import spread
from mapsto.data.frames import objects

SEED = 0  # the set is what its name says: no setting changes it
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CAPTIONS = (
    "{word}",
    "{figure}",
    "a {word}",
    "the digit {word}",
    "the digit {figure}",
    "the number {word}",
    "a handwritten {word}",
    "a handwritten {figure}",
    "a {word} written by hand",
    "somebody wrote the number {figure}",
)


def mnist_words(mnist: Raw) -> Raw:
    """The pictures, and for each a caption, which is drawn from CAPTIONS by a hash of its row.

    mnist: its columns `image` uint8 [N, 28, 28] and `digit`, which stays beside them, so that what is drawn can be judged.
    """
    digits = mnist.columns["digit"]
    which = (spread(np.arange(len(digits)), SEED) * len(CAPTIONS)).astype(int)
    told = [caption(digit, k) for digit, k in zip(digits, which.tolist(), strict=True)]
    return replace(
        mnist,
        name="mnist-words",
        columns={"image": mnist.columns["image"], "caption": objects(told), "digit": digits},
        target="image",
        kinds={"image": "image", "caption": "text", "digit": "leave-out"},
    )


def caption(digit: str, which: int) -> str:
    """One of CAPTIONS about a digit, "0" to "9"."""
    return CAPTIONS[which].format(word=WORDS[int(digit)], figure=digit)
