"""Sentences with a word a line: what is read, what is skipped, and what is refused with its place."""

import gzip
import os
from pathlib import Path

import pytest

from mapsto.core.errors import BadInput, DataError
from mapsto.data.conll import Conll
from mapsto.data.read import read
from mapsto.domains import Words

REAL = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def line(number, word, upos="NOUN", xpos="_", lemma="_"):
    return f"{number}\t{word}\t{lemma}\t{upos}\t{xpos}\t_\t0\troot\t_\tSpaceAfter=No\n"


UNIVERSAL = (
    "# sent_id = 1\n# text = They don't fish\n"
    + line(1, "They", "PRON", "PRP", "they")
    + "2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    + line(2, "do", "AUX", "VBP", "do")
    + line(3, "n't", "PART", "RB", "not")
    + "3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t0:root\t_\n"
    + line(4, "fish", "VERB", "VB", "fish")
    + "\n\n# sent_id = 2\n"
    + line(1, "#", "SYM", "#", "#")
    + line(2, "ad hoc", "ADJ", "JJ", "ad hoc")
)


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_a_conllu_file_gives_words_and_a_column_a_layer(tmp_path):
    raw = read(written(tmp_path / "a.conllu", UNIVERSAL))
    assert raw.columns["tokens"].tolist() == [["They", "do", "n't", "fish"], ["#", "ad hoc"]]
    assert raw.columns["upos"].tolist() == [["PRON", "AUX", "PART", "VERB"], ["SYM", "ADJ"]]
    assert list(raw.columns) == ["tokens", "upos", "xpos", "deprel", "lemma"]
    assert raw.kinds == {"tokens": "words", "upos": "tags", "xpos": "tags", "deprel": "tags", "lemma": "tags"}
    assert raw.labels.tolist() == ["a.conllu sentence 1", "a.conllu sentence 2"]
    assert raw.target is None and raw.split is None
    assert {(f.code, f.count) for f in raw.findings} == {("D057", 2), ("D058", 1)}


def test_line_ends_gzip_and_a_missing_last_blank_line_do_not_matter(tmp_path):
    plain = read(written(tmp_path / "a.conllu", UNIVERSAL))
    packed = tmp_path / "b.conllu.gz"
    packed.write_bytes(gzip.compress(("\ufeff" + UNIVERSAL.replace("\n", "\r\n").rstrip()).encode()))
    assert read(packed).columns["tokens"].tolist() == plain.columns["tokens"].tolist()


def test_a_folder_is_split_by_the_names_of_its_files(tmp_path):
    for name in ("train", "dev", "test"):
        written(tmp_path / f"en_x-ud-{name}.conllu", line(1, name) + "\n" + line(1, "more") + "\n")
    written(tmp_path / "LICENSE.txt", "free")
    raw = read(tmp_path)
    assert raw.split.tolist() == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert [row[0] for row in raw.columns["tokens"]] == ["train", "more", "dev", "more", "test", "more"]
    assert raw.labels[2] == "en_x-ud-dev.conllu sentence 1"
    written(tmp_path / "other.conllu", line(1, "x"))
    with pytest.raises(DataError, match=r"(?s)of 1 the split is not said: other\.conllu.*train, dev or test"):
        read(tmp_path)


def test_halves_of_conll_2003_have_their_names(tmp_path):
    for name in ("train", "testa", "testb"):
        written(tmp_path / f"eng.{name}.conll", "-DOCSTART- -X- O\n\nU.N. NNP B-ORG\nofficial NN O\n")
    raw = read(tmp_path)
    assert raw.split.tolist() == ["train", "valid", "test"]
    assert raw.columns["column 3"][0] == ["B-ORG", "O"]


def test_plain_columns_are_numbered_or_named(tmp_path):
    path = written(tmp_path / "ner.conll", "# a comment\nAda  NNP B-PER\n# NN O\n\nHopper NNP B-PER \n")
    raw = read(path)
    assert raw.columns["tokens"].tolist() == [["Ada", "#"], ["Hopper"]]
    assert list(raw.columns) == ["tokens", "column 2", "column 3"] and raw.target is None
    raw = read(path, columns=["word", "pos", "ner"])
    assert list(raw.columns) == ["tokens", "pos", "ner"] and raw.columns["ner"].tolist() == [["B-PER", "O"], ["B-PER"]]
    with pytest.raises(DataError, match="3 columns, but 2 are named"):
        read(path, columns=["word", "ner"])


def test_the_only_layer_is_the_target_and_a_column_that_counts_is_none(tmp_path):
    raw = read(written(tmp_path / "a.iob", "1\tAda\tB-PER\n2\tsaw\tO\n\n1\tBob\tB-PER\n"))
    assert list(raw.columns) == ["tokens", "column 3"] and raw.target == "column 3"
    assert raw.columns["tokens"].tolist() == [["Ada", "saw"], ["Bob"]]


def test_words_of_other_white_space_are_words(tmp_path):
    raw = read(written(tmp_path / "a.conll", "\u3000 SYM\n\u2028 SYM\n"))
    assert raw.columns["tokens"].tolist() == [["\u3000", "\u2028"]]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.conllu", line(1, "a") + "2\tb\tNOUN\n", r"a\.conllu: line 2 has 3 cells, where CoNLL-U has 10: '2 b NOUN'"),
        ("a.conllu", line(1, "a") + "\n" + line(1, ""), "line 3 has nothing in its cell 2"),
        ("a.conllu", line("x", "a"), "line 1 begins with 'x', where the number of a word stands"),
        ("a.conllu", line(1, "a") + line(1, "b"), "line 2 numbers its word 1, but it is number 2 of its sentence"),
        ("a.conllu", line(1, "a") + line(3, "b"), "line 2 numbers its word 3"),
        ("a.conll", "a X Y\nb X\n", "line 2 has 2 cells, where the lines before have 3"),
        ("a.conll", "a\tX\nb\t\n", "line 2 has nothing in its cell 2"),
        ("a.conllu", "", "no sentence"),
        ("a.conllu", "# text = a\n\n", "no sentence"),
        ("a.conll", "a X\nb\0 X\n", "NUL byte in line 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, name, text, said):
    with pytest.raises(DataError, match=said):
        read(written(tmp_path / name, text))


def test_another_encoding_is_found_out_or_named(tmp_path):
    text = "".join(
        line(1, word) + "\n" for word in ("영화가", "정말", "재미있다", "그런데", "너무", "길어서", "졸렸다")
    )
    raw = read(written(tmp_path / "a.conllu", text, "cp949"))
    assert raw.columns["tokens"][0] == ["영화가"]
    assert [f.code for f in raw.findings if f.code == "D010"] == ["D010"]
    assert read(tmp_path / "a.conllu", encoding="cp949").columns["tokens"][2] == ["재미있다"]
    with pytest.raises(DataError, match=r"not utf-8 throughout: line 1, column 3"):
        read(tmp_path / "a.conllu", encoding="utf-8")
    with pytest.raises(BadInput, match="no use for it"):
        read(tmp_path / "a.conllu", separator=",")


def test_it_accepts_its_own_files_only(tmp_path):
    written(tmp_path / "a.csv", "a,b\n1,2\n")
    assert not Conll().accepts(tmp_path) and not Conll().accepts(tmp_path / "a.csv") and not Conll().accepts(3)
    assert Conll().accepts("x.CONLLU.gz")


@pytest.mark.skipif(not (REAL / "ud_chinese_gsd").is_dir(), reason="needs ud_chinese_gsd in MAPSTO_DATA")
def test_a_treebank_has_the_words_that_are_told_of_it():
    raw = read(REAL / "ud_chinese_gsd")
    counts = {split: (raw.split == split).sum() for split in ("train", "valid", "test")}
    assert counts == {"train": 3997, "valid": 500, "test": 500}
    assert sum(map(len, raw.columns["tokens"][raw.split == "test"])) == 12012
    assert len({tag for row in raw.columns["upos"] for tag in row}) == 15 and "lemma" not in raw.columns


@pytest.mark.parametrize("word", ["x" * 10_000_000, "e" + "\u0301" * 1_000_000], ids=["10 MB", "combining marks"])
def test_an_endless_word_is_a_word_of_which_beginning_and_ending_are_read(tmp_path, word):
    raw = read(written(tmp_path / "a.conllu", line(1, word) + "\n" + line(1, "b")))
    words = Words(at_least=1).fit(raw.columns["tokens"])
    assert words.decode(words.encode(raw.columns["tokens"]))[0] == [word[:8] + word[-8:]]
