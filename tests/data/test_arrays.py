"""Arrays from files and from memory."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mapsto.core.errors import DataError
from mapsto.data.arrays import Arrays, idx_array
from mapsto.data.folder import Folder

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5)).astype(np.uint8)


def finding(raw, code):
    return next(f for f in raw.findings if f.code == code)


def idx(array):
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist_like(folder, packed=True):
    labels = np.arange(6, dtype=np.uint8)
    files = {
        "train-images-idx3-ubyte": IMAGES[:4],
        "train-labels-idx1-ubyte": labels[:4],
        "t10k-images-idx3-ubyte": IMAGES[4:],
        "t10k-labels-idx1-ubyte": labels[4:],
    }
    folder.mkdir(exist_ok=True)
    for name, array in files.items():
        data = idx(array)
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


# ── idx ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("packed", [True, False])
def test_the_four_files_in_a_folder_are_one_set(tmp_path, packed):
    raw = Folder().read(mnist_like(tmp_path / "m", packed))
    assert (raw.columns["image"] == IMAGES).all() and raw.columns["label"].tolist() == [0, 1, 2, 3, 4, 5]
    assert raw.split.tolist() == ["train"] * 4 + ["test"] * 2
    assert raw.target == "label" and raw.kinds == {"image": "image", "label": "category"}


def test_one_file_finds_its_labels_and_its_test_files(tmp_path):
    mnist_like(tmp_path)
    raw = Arrays().read(tmp_path / "train-images-idx3-ubyte.gz")
    assert len(raw) == 6 and finding(raw, "D050").count == 4
    raw = Arrays().read(tmp_path / "t10k-images-idx3-ubyte.gz")
    assert raw.columns["label"].tolist() == [4, 5] and raw.split is None


def test_pictures_without_labels_are_refused(tmp_path):
    mnist_like(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="no idx file of labels of the test split"):
        Arrays().read(tmp_path / "t10k-images-idx3-ubyte.gz")


@pytest.mark.parametrize(
    "data, what",
    [
        (idx(IMAGES)[:-1], r"says shape \[6, 4, 5\], which is 120 bytes, but 119 follow"),
        (idx(IMAGES) + b"x", "but more follow"),
        (b"\x01" + idx(IMAGES)[1:], "no idx file: it begins with 01 00 08 03"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
        (b"", "no idx file"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "but 0 follow"),
        (gzip.compress(idx(IMAGES))[:-9], "damaged gzip"),
    ],
)
def test_headers_are_checked_strictly(data, what):
    with pytest.raises(DataError, match=what):
        idx_array(data, "f")


def test_other_types_of_idx_are_big_endian():
    data = struct.pack(">BBBBI", 0, 0, 0x0C, 1, 2) + struct.pack(">2i", 7, -9)
    assert idx_array(data, "f").tolist() == [7, -9]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_mnist_is_all_there():
    raw = Folder().read(SHARED / "mnist")
    assert raw.columns["image"].shape == (70000, 28, 28) and (raw.split == "test").sum() == 10000
    assert raw.columns["label"][:5].tolist() == [5, 0, 4, 1, 9]


# ── npz ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("x, y", [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target")])
def test_npz_of_input_and_target(tmp_path, x, y):
    np.savez(tmp_path / "a.npz", **{x: IMAGES, y: np.arange(6)})
    raw = Arrays().read(tmp_path / "a.npz")
    assert (raw.columns[x] == IMAGES).all() and raw.target == y and raw.kinds == {x: "image"}


@pytest.mark.parametrize("names", ["x_{}", "{}_x"])
def test_npz_with_splits(tmp_path, names):
    y = names.replace("x", "y")
    arrays = {names.format("train"): IMAGES[:3], y.format("train"): np.arange(3)}
    arrays |= {names.format("val"): IMAGES[3:4], y.format("val"): np.array([7])}
    arrays |= {names.format("test"): IMAGES[4:], y.format("test"): np.array([8, 9])}
    np.savez(tmp_path / "a.npz", **arrays)
    raw = Arrays().read(tmp_path / "a.npz")
    assert raw.split.tolist() == ["train"] * 3 + ["valid"] + ["test"] * 2
    assert raw.columns["y"].tolist() == [0, 1, 2, 7, 8, 9] and (raw.columns["x"] == IMAGES).all()


def test_npz_of_columns_leaves_out_what_does_not_fit_and_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", age=np.arange(5), name=np.array(list("abcde")), mean=np.zeros(2), one=np.array(3))
    raw = Arrays().read(tmp_path / "a.npz")
    assert list(raw.columns) == ["age", "name"] and raw.columns["name"].tolist() == list("abcde")
    assert finding(raw, "D055").examples == ("mean [2]", "one []")


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(2), y=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(DataError, match="array 'y' holds Python objects"):
        Arrays().read(tmp_path / "a.npz")


def test_a_damaged_npz_is_said(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(100))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="not a whole zip"):
        Arrays().read(path)


def test_input_and_target_of_two_lengths_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((5, 2)), y=np.zeros(4))
    with pytest.raises(DataError, match="x has 5, y has 4"):
        Arrays().read(tmp_path / "a.npz")


# ── memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dict_of_arrays_is_a_table():
    raw = Arrays().read({"n": np.array([1, 2], np.int8), "s": ["a", None], "v": np.ones((2, 3), np.float32)})
    assert raw.columns["n"].dtype == np.int64 and raw.columns["s"].tolist() == ["a", None]
    assert raw.columns["v"].shape == (2, 3)
    with pytest.raises(DataError, match="n has 2, m has 3"):
        Arrays().read({"n": [1, 2], "m": [1, 2, 3]})


def test_a_pair_is_input_and_target():
    raw = Arrays().read((np.ones((4, 3)), ["u", "v", "u", "v"]))
    assert raw.target == "y" and raw.columns["x"].shape == (4, 3) and raw.columns["y"].tolist() == ["u", "v", "u", "v"]
    raw = Arrays().read((["a text", "another"], [0, 1]))
    assert raw.columns["x"].tolist() == ["a text", "another"] and raw.columns["y"].dtype == np.int64


def test_a_frame_and_a_target_are_a_table():
    pandas = pytest.importorskip("pandas")
    raw = Arrays().read((pandas.DataFrame({"a": [1, 2], "b": ["u", "v"]}), np.array([0.5, 1.5])))
    assert list(raw.columns) == ["a", "b", "y"] and raw.target == "y"


def test_pictures_of_other_layouts_become_8_bit_with_channels_last():
    colour = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 3)).astype(np.uint8)
    for given in (colour, colour.transpose(0, 3, 1, 2), (colour / 255).astype(np.float32), colour.astype(np.int64)):
        raw = Arrays().read({"image": given})
        assert raw.columns["image"].dtype == np.uint8 and (raw.columns["image"] == colour).all()
    assert Arrays().read({"image": colour[..., :1]}).columns["image"].shape == (3, 8, 9)


def test_pictures_of_other_values_are_vectors_and_that_is_said():
    raw = Arrays().read({"x": np.random.default_rng(0).normal(size=(3, 8, 9))})
    assert raw.columns["x"].shape == (3, 72) and finding(raw, "D054").level == "warning"


def test_one_hot_targets_become_class_numbers_but_several_labels_stay():
    raw = Arrays().read((np.ones((3, 2)), np.eye(3)))
    assert raw.columns["y"].tolist() == [0, 1, 2] and finding(raw, "D051")
    several = Arrays().read((np.ones((3, 2)), np.array([[1, 1], [0, 1], [0, 0]])))
    assert several.columns["y"].tolist() == [[0, 1], [1], []] and several.kinds["y"] == "categories"


def test_what_is_given_is_not_shared_with_what_is_learned_from():
    x, y = np.ones((4, 3)), np.arange(4)
    raw = Arrays().read((x, y))
    raw.columns["x"][0], raw.columns["y"][0] = 7, 7
    assert x[0, 0] == 1 and y[0] == 0


@pytest.mark.parametrize("given", [{}, {"a": 3}, {"a": np.zeros(0)}, {"a": np.array([1j])}])
def test_what_is_no_column_is_refused(given):
    with pytest.raises(DataError):
        Arrays().read(given)
