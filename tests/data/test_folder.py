"""Folders and archives: classes, splits, tables of labels, and everything that lies about in real ones."""

import io
import os
import stat
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsto.core.errors import DataError
from mapsto.data.folder import Folder
from mapsto.data.read import read

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


def picture(value=0, size=(6, 5), mode="RGB", kind="PNG", **options):
    sink = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value, value // 2, 0)).save(sink, kind, **options)
    return sink.getvalue()


def fill(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def codes(raw):
    return {finding.code for finding in raw.findings}


def finding(raw, code):
    return next(f for f in raw.findings if f.code == code)


CLASSES = {"cat/1.png": picture(10), "cat/2.png": picture(20), "dog/1.png": picture(30), "dog/2.PNG": picture(40)}


def test_one_folder_a_class(tmp_path):
    raw = Folder().read(fill(tmp_path, CLASSES))
    assert raw.columns["image"].shape == (4, 5, 6, 3) and raw.columns["image"].dtype == np.uint8
    assert raw.columns["image"][:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert raw.columns["label"].tolist() == ["cat", "cat", "dog", "dog"]
    assert raw.labels.tolist() == sorted(CLASSES) and raw.target == "label" and raw.split is None
    assert raw.kinds == {"image": "image", "label": "category"}


@pytest.mark.parametrize("train, valid, test", [("train", "valid", "test"), ("Training", "val", "TEST")])
def test_split_folders_above_the_classes(tmp_path, train, valid, test):
    files = {f"{s}/{name}": data for s in (train, valid, test) for name, data in CLASSES.items()}
    raw = Folder().read(fill(tmp_path, files))
    rows = dict(zip(raw.labels, zip(raw.split, raw.columns["label"], strict=True), strict=True))
    assert rows[f"{valid}/dog/1.png"] == ("valid", "dog") and rows[f"{train}/cat/1.png"] == ("train", "cat")
    assert sorted(raw.split) == ["test"] * 4 + ["train"] * 4 + ["valid"] * 4


def test_classes_called_train_and_bus_are_classes(tmp_path):
    raw = Folder().read(fill(tmp_path, {"train/1.png": picture(), "bus/1.png": picture()}))
    assert sorted(raw.columns["label"]) == ["bus", "train"] and raw.split is None


@pytest.mark.parametrize("above", ["", "photos/", "a/b/"])
def test_an_archive_reads_like_its_folder(tmp_path, above):
    raw = Folder().read(zipped(tmp_path / "pets.zip", {above + name: data for name, data in CLASSES.items()}))
    assert raw.columns["image"][:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert raw.columns["label"].tolist() == ["cat", "cat", "dog", "dog"]


def test_grey_pictures_stay_grey_and_become_rgb_among_coloured_ones(tmp_path):
    grey = {"a/1.png": picture(9, mode="L"), "b/1.png": picture(8, mode="L")}
    assert Folder().read(fill(tmp_path / "grey", grey)).columns["image"].shape == (2, 5, 6)
    raw = Folder().read(fill(tmp_path / "both", {**grey, "b/2.png": picture(7)}))
    assert raw.columns["image"].shape == (3, 5, 6, 3) and raw.columns["image"][0, 0, 0].tolist() == [9, 9, 9]
    assert finding(raw, "D042").count == 2


def test_pictures_of_several_sizes_are_objects(tmp_path):
    raw = Folder().read(fill(tmp_path, {"a/1.png": picture(size=(4, 4)), "b/1.png": picture(size=(3, 7))}))
    assert raw.columns["image"].dtype == object
    assert [p.shape for p in raw.columns["image"]] == [(4, 4, 3), (7, 3, 3)]


def test_what_lies_about_is_ignored_and_counted(tmp_path):
    clutter = {".DS_Store": b"x", "cat/Thumbs.db": b"x", "__MACOSX/cat/._1.png": b"x", "cat/.hidden.png": b"x"}
    assert finding(Folder().read(fill(tmp_path / "f", {**CLASSES, **clutter})), "D040").count == 4
    raw = Folder().read(zipped(tmp_path / "z.zip", {**CLASSES, **clutter}))
    assert len(raw) == 4 and finding(raw, "D040").count == 4


def test_damaged_pictures_are_left_out_counted_and_named(tmp_path):
    files = {f"{c}/{i}.png": picture() for c in "ab" for i in range(5)}
    files["a/3.png"] = files["a/3.png"][:40]
    files["b/4.png"] = b"<html>not found</html>"
    raw = Folder().read(fill(tmp_path, files))
    said = finding(raw, "D030")
    assert len(raw) == 8 and said.level == "repair" and said.count == 2
    assert "b/4.png: it is a web page" in said.examples[1]
    assert "a/3.png" not in raw.labels.tolist()


def test_too_many_damaged_pictures_stop_the_reading(tmp_path):
    with pytest.raises(DataError, match="2 of 4 pictures cannot be read"):
        read(fill(tmp_path, {**CLASSES, "cat/1.png": b"", "dog/1.png": b""}))


def test_exif_palette_and_animation_are_counted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {**CLASSES, "cat/t.jpg": picture(kind="JPEG", exif=exif), "cat/p.gif": picture(kind="GIF")}
    raw = Folder().read(fill(tmp_path, files))
    assert {"D031", "D032"} <= codes(raw) and raw.columns["image"].dtype == object


def test_a_class_folder_without_pictures_is_named(tmp_path):
    fill(tmp_path, CLASSES)
    (tmp_path / "bird").mkdir()
    assert finding(Folder().read(tmp_path), "D035").examples == ("bird",)
    split = fill(tmp_path / "s", {f"train/{n}": d for n, d in CLASSES.items()} | {"test/cat/1.png": picture()})
    (split / "test/dog").mkdir()
    assert finding(Folder().read(split), "D035").examples == ("test/dog",)


def test_one_class_is_not_enough(tmp_path):
    with pytest.raises(DataError, match="only one class: cat"):
        read(fill(tmp_path, {"cat/1.png": picture(), "cat/2.png": picture()}))


def test_pictures_without_class_folders_are_refused_with_the_layouts(tmp_path):
    with pytest.raises(DataError, match="labels.csv"):
        read(fill(tmp_path, {"1.png": picture(), "2.png": picture()}))


def test_pictures_outside_the_classes_are_left_out_and_said(tmp_path):
    raw = Folder().read(fill(tmp_path, {**CLASSES, "logo.png": picture()}))
    assert len(raw) == 4 and finding(raw, "D041").examples == ("logo.png",)


def test_broken_links_are_skipped_and_circles_end(tmp_path):
    fill(tmp_path, CLASSES)
    os.symlink(tmp_path / "nowhere.png", tmp_path / "cat/3.png")
    os.symlink(tmp_path, tmp_path / "cat/again")
    raw = Folder().read(tmp_path)
    assert len(raw) == 4 and finding(raw, "D037").examples == ("cat/3.png", "cat/again")


def test_pictures_beyond_the_memory_are_shrunk_and_said(tmp_path):
    big = {f"{c}/{i}.png": picture(size=(100, 50)) for c in "ab" for i in range(3)}
    raw = Folder(memory=20_000, longest=20).read(fill(tmp_path, big))
    assert raw.columns["image"].shape == (6, 10, 20, 3) and finding(raw, "D036").level == "repair"
    assert Folder(memory=1 << 20, longest=20).read(tmp_path).columns["image"].shape == (6, 50, 100, 3)


def test_korean_class_names_of_a_mac_are_composed(tmp_path):
    files = {unicodedata.normalize("NFD", name) + "/1.png": picture() for name in ("고양이", "강아지")}
    assert sorted(Folder().read(fill(tmp_path, files)).columns["label"]) == ["강아지", "고양이"]


def test_korean_class_names_in_an_archive_of_windows_are_read_right(tmp_path):
    path = zipped(tmp_path / "k.zip", {"AAAAAA/1.png": picture(), "BBBBBB/2.png": picture()})
    data = path.read_bytes().replace(b"AAAAAA", "고양이".encode("cp949")).replace(b"BBBBBB", "강아지".encode("cp949"))
    path.write_bytes(data)
    assert sorted(Folder().read(path).columns["label"]) == ["강아지", "고양이"]


# ── a table beside the pictures ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("column", ["file", "filename", "File Name", "path", "image"])
def test_a_table_beside_the_pictures_labels_them(tmp_path, column):
    table = f"{column},kind,weight\nimg/1.png,cat,1.5\nimg/2.png,dog,2.5\n"
    raw = Folder().read(fill(tmp_path, {"labels.csv": table, "img/1.png": picture(10), "img/2.png": picture(20)}))
    assert raw.columns["image"][:, 0, 0, 0].tolist() == [10, 20]
    assert raw.columns["kind"].tolist() == ["cat", "dog"] and raw.columns["weight"].tolist() == [1.5, 2.5]
    assert raw.labels.tolist() == ["img/1.png", "img/2.png"] and raw.kinds == {"image": "image"}


def test_names_may_lack_the_folder_or_the_suffix(tmp_path):
    table = "image_id,label\nx1,cat\nx2.png,dog\n"
    raw = Folder().read(fill(tmp_path, {"train.csv": table, "img/x1.png": picture(10), "img/x2.png": picture(20)}))
    assert raw.columns["label"].tolist() == ["cat", "dog"] and raw.target == "label"


def test_several_labels_a_picture_are_left_as_they_are_written(tmp_path):
    table = "file,label\n1.png,cat|dog\n2.png,dog\n"
    raw = Folder().read(fill(tmp_path, {"labels.csv": table, "1.png": picture(), "2.png": picture()}))
    assert raw.columns["label"].tolist() == ["cat|dog", "dog"]


def test_rows_without_picture_and_pictures_without_row_are_counted(tmp_path):
    table = "file,label\n1.png,cat\nlost.png,dog\n2.png,dog\n"
    files = {"labels.csv": table, "1.png": picture(), "2.png": picture(), "extra.png": picture()}
    raw = Folder().read(fill(tmp_path, files))
    assert len(raw) == 2 and finding(raw, "D038").examples == ("lost.png",)
    assert finding(raw, "D039").examples == ("extra.png",)


def test_a_table_that_names_no_picture_there_is_refused(tmp_path):
    files = {"labels.csv": "file,label\nx.png,cat\ny.png,dog\n", "1.png": picture(), "2.png": picture()}
    with pytest.raises(DataError, match="first value: 'x.png', first picture: '1.png'"):
        Folder().read(fill(tmp_path, files))


def test_some_other_table_does_not_hide_the_class_folders(tmp_path):
    raw = Folder().read(fill(tmp_path, {**CLASSES, "prices.csv": "a,b\n1,2\n"}))
    assert raw.target == "label" and len(raw) == 4


def test_splits_come_from_the_folders_of_the_pictures(tmp_path):
    table = "file,label\ntrain/1.png,cat\ntest/1.png,dog\n"
    raw = Folder().read(fill(tmp_path, {"labels.csv": table, "train/1.png": picture(), "test/1.png": picture()}))
    assert raw.split.tolist() == ["train", "test"]


# ── only tables ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_of_one_table_is_that_table(tmp_path):
    raw = Folder().read(fill(tmp_path, {"data.csv": "a,b\n1,x\n", "README.txt": "about\nit\n"}))
    assert raw.columns["a"].tolist() == [1]


def test_train_and_test_tables_are_joined_with_their_splits(tmp_path):
    files = {"train.csv": "a,y\n1,u\n2,v\n", "test.csv": "a\n3.5\n"}
    raw = Folder().read(fill(tmp_path, files))
    assert raw.columns["a"].tolist() == [1, 2, 3.5] and raw.columns["y"].tolist() == ["u", "v", None]
    assert raw.split.tolist() == ["train", "train", "test"] and "D043" in codes(raw)
    assert raw.labels.tolist() == ["train.csv line 2", "train.csv line 3", "test.csv line 2"]


def test_several_tables_without_splits_are_asked_about(tmp_path):
    with pytest.raises(DataError, match=r"2 tables: movies.csv, ratings.csv"):
        Folder().read(fill(tmp_path, {"movies.csv": "a,b\n1,2\n", "ratings.csv": "a,b\n1,2\n"}))


def test_a_folder_of_neither_says_what_it_found(tmp_path):
    with pytest.raises(DataError, match=r"Found: 2 \.wav, 1 \.md, in sound/"):
        Folder().read(fill(tmp_path, {"sound/1.wav": b"", "sound/2.wav": b"", "a.md": b""}))


# ── hostile archives ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png"])
def test_members_that_lead_outside_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="leads outside"):
        Folder().read(zipped(tmp_path / "z.zip", {**CLASSES, name: picture()}))


def test_links_in_an_archive_are_refused(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("cat/1.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="link as a member"):
        Folder().read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", bytes(11_000_000))
    with pytest.raises(DataError, match="a bomb"):
        Folder().read(path)


def test_a_damaged_member_is_a_damaged_picture_and_a_damaged_archive_an_error(tmp_path):
    path = zipped(tmp_path / "z.zip", {f"{c}/{i}.png": picture(i * 7 + ord(c)) for c in "ab" for i in range(5)})
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT")
    data[at + 6] ^= 0xFF
    path.write_bytes(data)
    assert finding(Folder().read(path), "D030").count == 1
    path.write_bytes(data[:100])
    with pytest.raises(DataError, match="not a whole zip"):
        Folder().read(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_cats_and_dogs_are_all_there():
    raw = Folder().read(SHARED / "cats_dogs/cats_dogs.zip")
    assert raw.columns["image"].shape == (12000, 32, 32, 3)
    assert (raw.split == "test").sum() == 2000 and (raw.columns["label"] == "cat").sum() == 6000


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_blood_cells_without_labels_are_refused():
    (refused,) = (found for found in Folder().read(SHARED / "bccd").findings if found.level == "error")
    assert "only one class: JPEGImages" in refused.message
