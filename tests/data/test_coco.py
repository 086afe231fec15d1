"""Pictures listed in COCO's JSON."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsto.core.errors import DataError
from mapsto.data.coco import Coco
from mapsto.data.read import read

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/bccd"
KINDS = {1: "cat", 2: "dog", 3: "bird"}


def listing(files: list[str], shown: list[list[int]]) -> dict:
    """COCO's layout: picture i is `files[i]`, with a box of each kind in `shown[i]`, the first of them twice."""
    boxes = [(i, kind) for i, kinds in enumerate(shown) for kind in kinds[:1] + kinds]
    return {
        "images": [{"id": i, "file_name": file, "width": 8, "height": 6} for i, file in enumerate(files)],
        "annotations": [
            {"id": n, "image_id": i, "category_id": k, "bbox": [0, 0, 2, 2]} for n, (i, k) in enumerate(boxes)
        ],
        "categories": [{"id": k, "name": name} for k, name in KINDS.items()],
    }


def picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), grey, np.uint8)).save(path)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Three pictures to train on, below a folder of their own, and two for the exam, one of them of nothing."""
    root = tmp_path / "zoo"
    for i, name in enumerate(["a.png", "b.png", "c.png", "d.png", "e.png"]):
        picture(root / "pictures" / name, 10 * i)
    write(root / "instances_train.json", listing(["a.png", "b.png", "c.png"], [[2, 1], [1], [3]]))
    write(root / "instances_val.json", listing(["d.png", "e.png"], [[2], []]))
    return root


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def test_labels_are_the_sorted_kinds_of_things_in_each_picture(zoo: Path) -> None:
    raw = read(zoo)
    assert raw.target == "labels"
    assert raw.columns["labels"].tolist() == [["cat", "dog"], ["cat"], ["bird"], ["dog"], []]
    assert raw.columns["image"].shape == (5, 6, 8, 3)
    assert raw.columns["image"][:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40]
    assert raw.split.tolist() == ["train"] * 3 + ["valid"] * 2
    assert raw.labels.tolist() == [f"pictures/{c}.png" for c in "abcde"]
    assert raw.findings == []


def test_coco_s_own_folders_are_read(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / f"{split}2017" / f"{split}1.jpg", 50)
        write(tmp_path / "annotations" / f"instances_{split}2017.json", listing([f"{split}1.jpg"], [[1]]))
    assert read(tmp_path).split.tolist() == ["train", "valid"]


def test_annotations_beside_the_pictures_of_a_split_mean_these_pictures(tmp_path: Path) -> None:
    for split, grey in ("train", 10), ("valid", 20), ("test", 30):
        picture(tmp_path / split / "same_name.jpg", grey)
        write(tmp_path / split / "_annotations.coco.json", listing(["same_name.jpg"], [[1]]))
    raw = read(tmp_path)
    assert raw.split.tolist() == ["train", "valid", "test"]
    assert raw.columns["image"][:, 0, 0, 0].tolist() == [10, 20, 30]


def test_a_zip_archive_is_read_like_the_folder(zoo: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", zoo.parent, "zoo"))
    assert read(packed).columns["labels"].tolist() == read(zoo).columns["labels"].tolist()


def test_a_zip_archive_of_class_folders_is_none_of_its_business(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "classes.zip", "w") as archive:
        archive.writestr("cat/1.png", b"")
    (tmp_path / "torn.zip").write_bytes(b"PK")
    assert not Coco().accepts(tmp_path / "classes.zip")
    assert not Coco().accepts(tmp_path / "torn.zip")
    assert not Coco().accepts(tmp_path)


def test_one_file_without_a_split_leaves_the_split_to_the_frame(zoo: Path) -> None:
    (zoo / "instances_val.json").unlink()
    (zoo / "instances_train.json").rename(zoo / "instances_default.json")
    assert read(zoo).split is None


def test_several_files_must_all_say_their_split(zoo: Path) -> None:
    (zoo / "instances_val.json").rename(zoo / "instances_more.json")
    with pytest.raises(DataError, match=r"instances_more\.json does not say which split"):
        read(zoo)


def test_absent_and_unlisted_pictures_are_left_out_and_counted(zoo: Path) -> None:
    (zoo / "pictures/b.png").unlink()
    picture(zoo / "pictures/extra.png", 99)
    raw = read(zoo)
    assert [Path(n).name for n in raw.labels] == ["a.png", "c.png", "d.png", "e.png"]
    assert [(f.code, f.examples) for f in raw.findings] == [("D038", ("b.png",)), ("D039", ("pictures/extra.png",))]


def test_damaged_pictures_follow_the_folder_s_policy(zoo: Path) -> None:
    (zoo / "pictures/c.png").write_bytes(b"\x89PNG torn")
    raw = read(zoo)
    assert raw.columns["labels"].tolist() == [["cat", "dog"], ["cat"], ["dog"], []]
    assert raw.split.tolist() == ["train", "train", "valid", "valid"]
    assert [f.code for f in raw.findings] == ["D030"]
    with pytest.raises(DataError, match="1 of 5 pictures cannot be read"):
        read(zoo, unreadable=0.1)


def test_boxes_of_unlisted_pictures_or_kinds_are_counted(zoo: Path) -> None:
    odd = listing(["a.png", "b.png", "c.png"], [[1], [2], [3]])
    odd["annotations"] += [{"image_id": 77, "category_id": 1}, {"image_id": 0, "category_id": 9}]
    write(zoo / "instances_train.json", odd)
    raw = read(zoo)
    assert raw.columns["labels"].tolist()[0] == ["cat"]
    assert [(f.code, f.count) for f in raw.findings] == [("D044", 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "whole JSON"), ("[]", "not laid out"), ('{"images": [{}]}', "not laid out"), ("[" * 100_000, "whole JSON")],
)
def test_what_is_no_coco_file_is_refused_with_what_was_expected(zoo: Path, text: str, said: str) -> None:
    (zoo / "instances_train.json").write_text(text)
    with pytest.raises(DataError, match=said):
        read(zoo)


def test_no_listed_picture_there_says_which_was_sought(zoo: Path) -> None:
    shutil.rmtree(zoo / "pictures")
    with pytest.raises(DataError, match=r"none of 5 listed pictures is there \(the first: a\.png\)"):
        read(zoo)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/bccd is not here")
def test_real_blood_cells_are_accepted_as_coco() -> None:
    assert Coco().accepts(SHARED)
