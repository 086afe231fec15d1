"""Several digits in one picture."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mapsto.core.nouns import Raw
from mapsto.data.mnist_sets import PICTURES, SIDE, composed, mnist_sets, uniform
from mapsto.data.read import read

FEW = {"train": 30, "valid": 10, "test": 20}


def digits(count: int, level: int) -> np.ndarray:
    """`count` blank pictures with a block of their own brightness where MNIST writes: level, level + 1, …"""
    pictures = np.zeros((count, 28, 28), np.uint8)
    pictures[:, 4:24, 4:24] = (level + np.arange(count, dtype=np.uint8))[:, None, None]
    return pictures


def few_digits() -> Raw:
    """Forty digits to train on, bright 1 to 40, and twenty for the exam, bright 101 to 120."""
    image = np.concatenate([digits(40, 1), digits(20, 101)])
    names = np.array([str(i % 10) for i in range(60)], dtype=object)
    split = np.array(["train"] * 40 + ["test"] * 20, dtype=object)
    return Raw("mnist", {"image": image, "digit": names}, target="digit", split=split)


def test_labels_are_the_digits_that_the_picture_shows() -> None:
    mnist, raw = few_digits(), mnist_sets(few_digits(), FEW)
    names = {int(image.max()): name for image, name in zip(*mnist.columns.values(), strict=True)}
    for image, shown in zip(raw.columns["image"], raw.columns["digits"], strict=True):
        assert shown == sorted({names[level] for level in np.unique(image).tolist() if level})
    assert {len(shown) for shown in raw.columns["digits"]} == {1, 2, 3, 4}


def test_every_digit_lies_whole_in_its_picture_and_hides_no_other() -> None:
    canvas, _ = composed(digits(40, 1), np.array(list("0123456789") * 4, dtype=object), seed=3, count=200)
    assert canvas.shape == (200, 2 * SIDE, 2 * SIDE)
    covered = (canvas > 0).sum((1, 2))
    assert set(covered.tolist()) == {400, 800, 1200, 1600}
    assert (covered == 400).sum() == pytest.approx(50, abs=20)


def test_no_digit_s_own_picture_is_shown_in_two_splits() -> None:
    raw = mnist_sets(few_digits(), FEW)
    seen = {split: set(np.unique(raw.columns["image"][raw.split == split])) - {0} for split in FEW}
    assert seen["train"] <= set(range(1, 37))
    assert seen["valid"] <= set(range(37, 41))
    assert seen["test"] <= set(range(101, 121))


def test_a_picture_follows_from_its_number_alone() -> None:
    names = np.array(list("0123456789") * 4, dtype=object)
    few, more = (composed(digits(40, 1), names, seed=3, count=count) for count in (5, 50))
    assert np.array_equal(few[0], more[0][:5])
    assert few[1] == more[1][:5]
    assert not np.array_equal(few[0], composed(digits(40, 1), names, seed=4, count=5)[0])


def test_numbers_are_those_of_splitmix64() -> None:
    # the first outputs for seed 1234567, as published with the generator's reference code
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert uniform(1234567, 3, 1)[:, 0].tolist() == [(n >> 11) * 2.0**-53 for n in published]


def test_the_set_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PICTURES, "train", 100)
    (tmp_path / "mnist").mkdir()
    for stem, count, level in ("train", 40, 1), ("t10k", 20, 101):
        image, label = digits(count, level), (np.arange(count) % 10).astype(np.uint8)
        (tmp_path / "mnist" / f"{stem}-images-idx3-ubyte").write_bytes(
            struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + image.tobytes()
        )
        (tmp_path / "mnist" / f"{stem}-labels-idx1-ubyte").write_bytes(
            struct.pack(">4BI", 0, 0, 8, 1, count) + label.tobytes()
        )
    for file in sorted((tmp_path / "mnist").iterdir()):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 1, mtime=0))
        file.unlink()
    raw = read("MNIST_sets", data_dir=tmp_path)
    assert raw.name == "mnist-sets"
    assert raw.target == "digits"
    assert raw.columns["image"].shape == (6_100, 56, 56)
    assert raw.kinds == {"image": "image", "digits": "categories"}
    assert (raw.split == "train").sum() == 100
    assert [f.code for f in raw.findings] == ["D071"]  # not the published files
