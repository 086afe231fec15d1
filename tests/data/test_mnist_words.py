"""MNIST with a few words about each digit."""

import numpy as np

from mapsto.core.nouns import Raw
from mapsto.data.mnist_words import CAPTIONS, WORDS, caption, mnist_words


def digits(count):
    names = np.array([str(i % 10) for i in range(count)], dtype=object)
    split = np.array(["train"] * (count - 10) + ["test"] * 10, dtype=object)
    return Raw("mnist", {"image": np.zeros((count, 28, 28), np.uint8), "digit": names}, target="digit", split=split)


def test_every_caption_names_its_digit_and_no_other():
    raw = mnist_words(digits(3000))
    for told, digit in zip(raw.columns["caption"], raw.columns["digit"], strict=True):
        named = {str(i) for i, word in enumerate(WORDS) if word in told.split()} | {c for c in told if c.isdigit()}
        assert named == {digit}
    assert len(set(raw.columns["caption"])) == 10 * len(CAPTIONS)
    assert (raw.target, raw.kinds["caption"]) == ("image", "text")


def test_a_caption_follows_from_the_row_alone():
    few, many = mnist_words(digits(50)), mnist_words(digits(400))
    assert few.columns["caption"].tolist() == many.columns["caption"][:50].tolist()
    assert caption("7", 6) == "a handwritten seven"
