"""Rows that hold texts: read beside numbers and categories, several of them one after the other."""

import json

import pytest
import torch

from mapsto.core import names
from mapsto.core.batch import gathered
from mapsto.core.errors import DataError, FrameError
from mapsto.domains import Category, Number, Row, Text
from mapsto.domains.row import text_in
from mapsto.domains.tokenizer import END

ROWS = [
    {"stars": 1, "text": "a dull film", "place": "home"},
    {"stars": None, "text": "a moving film", "place": "cinema"},
    {"stars": 5, "text": None, "place": "home"},
    {"stars": 2, "text": "", "place": None},
]
TITLED = [{"title": "a film", "text": "a dull film", "stars": 1}, {"title": None, "text": "the end", "stars": 2}] * 3


def reviews(**how) -> Row:
    return Row({"stars": Number(), "text": Text("byte-pairs", **how), "place": Category()}).fit(ROWS)


def titled(way="byte-pairs", **how) -> Row:
    return Row({"title": Text(way, **how), "text": Text(way, **how), "stars": Number()}).fit(TITLED)


def test_a_text_is_read_beside_the_other_columns():
    row = reviews()
    encoded = row.encode(ROWS)
    assert set(encoded) == {"tokens", "number", "category"}
    alone = row.columns["text"].encode([r["text"] for r in ROWS])["tokens"]
    assert torch.equal(encoded["tokens"].values, alone.values) and torch.equal(encoded["tokens"].offsets, alone.offsets)
    assert row.shape == {"tokens": [len(row.columns["text"].tokens)], "number": [2], "category": [3]}
    assert row.names_of_features() == {"number": ["stars", "stars is missing"], "category": ["place"]}
    assert row.describe().startswith("text (") and row.describe().endswith("1 number, 1 category (2 values)")
    assert text_in(row) is row.columns["text"] and text_in(Row({"a": Number()})) is None


def test_rows_come_back_as_they_were():
    row = reviews()
    back = row.decode(row.encode(ROWS))
    assert [(r["text"], r["place"]) for r in back] == [(r["text"], r["place"]) for r in ROWS]
    batch = gathered({"input": row.encode(ROWS)}, torch.arange(4), iter([40]))["input"]
    assert [r["text"] for r in row.decode(batch)] == [r["text"] for r in ROWS]


@pytest.mark.parametrize("ends", [False, True])
def test_several_texts_are_one_after_the_other_with_an_end_between(ends):
    row = titled(ends=ends)
    one, other = row.texts.values()
    assert one.state_dict() == other.state_dict()
    tokens = row.encode(TITLED)["tokens"]
    parts = [text.encode([TITLED[0][name]])["tokens"].values.tolist() for name, text in row.texts.items()]
    first = tokens.values[: tokens.lengths[0]].tolist()
    assert first == (parts[0] + parts[1] if ends else [*parts[0], END, *parts[1]])
    assert [(r["title"], r["text"]) for r in row.decode(row.encode(TITLED))] == [
        (r["title"], r["text"]) for r in TITLED
    ]
    assert row.describe().startswith("2 texts (")


def test_its_pieces_are_in_step_with_its_tokens_however_long_it_is():
    for row in (titled(), titled(ends=True), titled(longest=6), reviews(longest=3)):
        for value in TITLED if "title" in row.columns else ROWS:
            count = int(row.encode([value])["tokens"].lengths[0])
            assert len(row.pieces(value)) == count <= row.texts["text"].longest


def test_a_row_with_texts_is_built_again_from_json_alone():
    row = titled()
    spec, state = json.loads(json.dumps([names.spec(row), row.state_dict()]))
    again = names.build("domain", spec).load_state_dict(state)
    assert torch.equal(again.encode(TITLED)["tokens"].values, row.encode(TITLED)["tokens"].values)


def test_one_that_has_learned_already_is_left_as_it_is():
    learned = Text("words", at_least=1).fit(["quite other words", "and others"])
    before = learned.state_dict()
    row = Row({"stars": Number(), "text": Text()}).taught(learned).fit(ROWS)
    assert row.columns["text"] is learned and learned.state_dict() == before
    assert row.columns["stars"].mean == pytest.approx(8 / 3)


def test_a_column_without_any_text_is_refused():
    with pytest.raises(DataError, match="no text to learn tokens from"):
        Row({"stars": Number(), "text": Text()}).fit([{"stars": 1, "text": None}, {"stars": 2, "text": " "}])
    with pytest.raises(DataError, match="column 'text': Text needs text"):
        reviews().encode([{"stars": 1, "text": ["a", "list"], "place": "home"}])


def test_texts_of_a_row_that_are_cut_otherwise_are_refused():
    row = titled()
    state = row.state_dict()
    state["columns"]["text"] = Text("words", at_least=1).fit(["other words"]).state_dict()
    with pytest.raises(FrameError, match="cut into the same tokens"):
        names.build("domain", names.spec(row)).load_state_dict(state)
