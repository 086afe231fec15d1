"""A .txt without a target: a text, unless a separator says that it is a table."""

import gzip

import pytest

from mapsto.core.errors import BadInput, DataError
from mapsto.data.corpus import Corpus
from mapsto.data.read import read

PROSE = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n" * 20


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "play.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


def test_a_text_is_one_row_as_it_stands(text):
    raw = read(text, prose=True)
    assert raw.columns["text"].tolist() == [PROSE]
    assert raw.kinds == {"text": "text"} and raw.target is None and raw.labels.tolist() == ["play.txt"]
    (told,) = raw.findings
    assert told.code == "D085" and f"{len(PROSE):,} characters" in told.message and "--target" in told.remedy


def test_nobody_who_names_a_target_gets_a_text(text):
    with pytest.raises(DataError, match="does not look like a table"):
        read(text)


def test_a_table_stays_a_table(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"word {i}\tWort {i}\n" for i in range(30)), encoding="utf-8")
    assert not Corpus().accepts(path)
    assert len(read(path, prose=True, columns=["en", "de"]).columns) == 2


def test_whoever_says_how_a_table_is_read_means_a_table(text):
    assert list(read(text, prose=True, columns=["line"], separator="|").columns) == ["line"]


def test_a_gzipped_text_and_line_ends_of_another_system(tmp_path):
    path = tmp_path / "play.txt.gz"
    path.write_bytes(gzip.compress(PROSE.replace("\n", "\r\n").encode()))
    assert read(path, prose=True).columns["text"].tolist() == [PROSE]


def test_a_folder_of_texts_is_a_row_each_in_the_order_of_their_names(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"{name}\n{PROSE}", encoding="utf-8")
    (tmp_path / "c.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / ".hidden").write_text("x", encoding="utf-8")
    raw = read(tmp_path, prose=True)
    assert raw.labels.tolist() == ["a.txt", "b.txt"]
    assert "2 texts" in raw.findings[0].message and "1 empty file left out" in raw.findings[0].message
    assert raw.split is None


def test_files_called_so_are_the_split(tmp_path):
    for name in ("train.txt", "val.txt", "test.txt.gz"):
        data = f"{name}\n{PROSE}".encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    raw = read(tmp_path, prose=True)
    assert dict(zip(raw.labels, raw.split, strict=True)) == {
        "train.txt": "train",
        "val.txt": "valid",
        "test.txt.gz": "test",
    }


def test_a_folder_of_anything_else_is_not_taken_for_texts(tmp_path):
    (tmp_path / "a.txt").write_text(PROSE)
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    assert not Corpus().accepts(tmp_path)
    (tmp_path / "b.csv").unlink()
    assert Corpus().accepts(tmp_path)
    (tmp_path / "class").mkdir()
    assert not Corpus().accepts(tmp_path)
    assert not Corpus().accepts(tmp_path / "class")
    assert not Corpus().accepts(tmp_path / "none.txt")


def test_one_line_of_ten_megabytes_is_a_text(tmp_path):
    path = tmp_path / "line.txt"
    path.write_text("never a line end, " * 600_000, encoding="utf-8")
    assert len(read(path, prose=True).columns["text"][0]) == 10_800_000


def test_another_encoding_is_found_out_and_said_or_asked_for(tmp_path):
    path = tmp_path / "old.txt"
    path.write_bytes("한국어로 쓴 글입니다. 오래된 파일이라 이렇게 저장되어 있습니다.\n".encode("cp949") * 20)
    raw = read(path, prose=True)
    assert raw.columns["text"][0].startswith("한국어로 쓴 글입니다")
    assert [f.code for f in raw.findings] == ["D010", "D085"]
    with pytest.raises(DataError, match="old.txt"):
        read(path, prose=True, encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "D106"),
        (b" \n\t\n", "D106"),
        (b"Good text,\nthen a\0 zero\n", "D117"),
        (b"%PDF-1.7\n not a text", "D118"),
        (gzip.compress(PROSE.encode() * 50)[:-20], "D123"),
    ],
)
def test_what_is_no_text_is_refused_with_its_code(tmp_path, content, code):
    path = tmp_path / "broken.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="broken") as refused:
        read(path, prose=True)
    assert refused.value.code == code


def test_a_setting_for_pictures_is_refused(text):
    with pytest.raises(BadInput, match="'unreadable' is for folders of pictures"):
        read(text, prose=True, unreadable=0.1)
