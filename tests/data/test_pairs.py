"""Sentence pairs in parallel files: a column a language, and every line beside the one it belongs to."""

import gzip
import os
from pathlib import Path

import pytest

from mapsto.core.errors import BadInput, DataError
from mapsto.data.read import read

DATA = Path(os.environ.get("MAPSTO_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        name = name.replace("__", ".")
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def pairs(count, word):
    return "".join(f"{word} {i}\n" for i in range(count))


@pytest.fixture
def folder(tmp_path):
    return write(
        tmp_path / "talks",
        train__de=pairs(6, "Satz"),
        train__en=pairs(6, "sentence"),
        val__de__gz=pairs(2, "Wahl"),
        val__en__gz=pairs(2, "choice"),
        test_2016__de=pairs(3, "Frage"),
        test_2016__en=pairs(3, "question"),
    )


def codes(raw):
    return {finding.code: finding for finding in raw.findings}


def test_a_folder_of_languages_is_a_column_each_split_by_its_names(folder):
    raw = read(folder)
    assert list(raw.columns) == ["de", "en"] and raw.kinds == {"de": "text", "en": "text"}
    assert raw.columns["en"].tolist()[5:8] == ["sentence 5", "choice 0", "choice 1"]
    assert raw.split.tolist() == ["train"] * 6 + ["valid"] * 2 + ["test"] * 3
    assert raw.labels[8] == "test_2016, line 1"


def test_of_several_exams_the_first_is_taken_and_that_is_said(folder):
    write(folder, test_2017__de="x\n", test_2017__en="y\n")
    raw = read(folder)
    told = codes(raw)["D063"]
    assert raw.split.tolist().count("test") == 3
    assert told.examples == ("test_2017",) and "test_2017.de" in told.remedy


def test_one_file_of_a_pair_names_that_pair(folder):
    raw = read(folder / "val.en.gz")
    assert raw.columns["de"].tolist() == ["Wahl 0", "Wahl 1"] and raw.split is None


def test_pairs_of_no_split_are_there_to_be_dealt_out(tmp_path):
    raw = read(write(tmp_path / "a", corpus__ko=pairs(4, "글"), corpus__en=pairs(4, "text"), README__md="hello"))
    assert len(raw) == 4 and raw.split is None and list(raw.columns) == ["en", "ko"]


def test_lines_are_parted_at_line_feeds_alone(tmp_path):
    raw = read(
        write(tmp_path / "a", c__en="one\u2028more\r\ntwo\x0b\r\n three", c__de="eins\nzwei\ndrei\n"), encoding="utf-8"
    )
    assert raw.columns["en"].tolist() == ["one\u2028more", "two", "three"]


def test_lines_that_are_empty_in_a_language_are_left_out_on_both_sides(tmp_path):
    raw = read(
        write(tmp_path / "a", train__en="a\n\nc\n \nd\n", train__de="A\nB\nC\nD\n\n", dev__en="x\n", dev__de="X\n")
    )
    assert raw.columns["en"].tolist() == ["a", "c", "x"] and raw.columns["de"].tolist() == ["A", "C", "X"]
    told = codes(raw)["D064"]
    assert told.count == 3 and told.examples[0] == "train, line 2"
    assert raw.split.tolist() == ["train", "train", "valid"]


def test_files_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"train.de 3, train.en 2") as error:
        read(write(tmp_path / "a", train__de="a\nb\nc\n", train__en="a\nb\n"))
    assert error.value.code == "D271"


def test_a_split_that_lacks_a_language_is_refused(folder):
    os.remove(folder / "val.en.gz")
    with pytest.raises(DataError, match="val is there in de, but not in en") as error:
        read(folder)
    assert error.value.code == "D270"


def test_nothing_in_them_is_refused(tmp_path):
    with pytest.raises(DataError, match="no line of a says something"):
        read(write(tmp_path / "a", train__de="\n\n", train__en="a\n\n"))
    with pytest.raises(DataError, match="no line of b says something"):
        read(write(tmp_path / "b", train__de="", train__en=""))


def test_wrong_encodings_are_told_by_their_file(tmp_path):
    korean = "안녕하세요 여러분 만나서 반갑습니다\n" * 3
    raw = read(write(tmp_path / "a", c__ko=korean.encode("cp949"), c__en=pairs(3, "hello")))
    assert raw.columns["ko"][0] == korean.strip().split("\n")[0]
    assert "c.ko was read as" in codes(raw)["D010"].message
    broken = korean.encode()[:40] + b"\xff" + korean.encode()[40:]
    with pytest.raises(DataError, match="c.ko"):
        read(write(tmp_path / "b", c__ko=broken, c__en=pairs(3, "hello")))
    with pytest.raises(DataError, match="NUL byte in line 2"):
        read(write(tmp_path / "c", c__ko="a\nb\0\n", c__en="a\nb\n"))


def test_damaged_gzip_is_refused(folder):
    whole = (folder / "val.de.gz").read_bytes()
    (folder / "val.de.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="val.de.gz is damaged gzip"):
        read(folder)


def test_folders_of_other_things_are_not_taken_for_pairs(tmp_path):
    write(tmp_path / "tables", train__csv="a,b\n1,2\n3,4\n", train__en="x", train__de="y")
    assert set(read(tmp_path / "tables").columns) == {"a", "b"}
    write(tmp_path / "programs", a__py="1", a__js="2", b__en="x")
    with pytest.raises(BadInput):
        read(tmp_path / "programs")


@pytest.mark.skipif(not (DATA / "multi30k_de_en").is_dir(), reason="needs shared/data/multi30k_de_en")
def test_multi30k_is_read_as_it_was_published():
    raw = read(DATA / "multi30k_de_en")
    assert {part: raw.split.tolist().count(part) for part in ("train", "valid", "test")} == {
        "train": 29000,
        "valid": 1014,
        "test": 1000,
    }
    assert raw.columns["en"][0] == "Two young, White males are outside near many bushes."
    assert codes(raw)["D063"].examples == ("test_2017_flickr", "test_2017_mscoco")
