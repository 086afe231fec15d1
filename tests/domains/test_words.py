"""Sentences of words that are set apart already: numbers of words, and of their characters."""

import pytest
import torch

from mapsto.core.batch import gathered
from mapsto.core.errors import DataError, FrameError
from mapsto.domains import Words
from mapsto.domains.words import BEGIN, END, PAD, ROOM, UNKNOWN

SENTENCES = [["They", "can", "fish", "."], ["they", "fish"], []]


def test_a_word_has_one_number_whatever_its_capitals_and_its_characters_tell_them():
    words = Words().fit(SENTENCES)
    assert words.words == ["fish", "they"]  # those that come twice
    encoded = words.encode([["They", "they", "THEY", "can"]])
    assert encoded["tokens"].values.tolist() == [3, 3, 3, UNKNOWN]
    every = Words(at_least=1).fit([*SENTENCES, ["HEY"]])
    first, second, third = every.encode([["They", "they", "THEY"]])["characters"].values.tolist()
    assert first != second != third != first
    assert Words(lower=False).fit(SENTENCES).words == ["fish"]


def test_characters_stand_between_a_beginning_and_an_end():
    words = Words(at_least=1).fit([["ab"]])
    assert words.letters == ["a", "b"]
    spelled = words.encode([["ba?"]])["characters"].values[0].tolist()
    assert spelled == [BEGIN, 5, 4, UNKNOWN, END, *[PAD] * (ROOM - 5)]


def test_of_a_long_word_the_beginning_and_the_ending_are_kept():
    words = Words(at_least=1).fit([["abcdefghijklmnopqrstuvwxyz", "x" * 100_000]])
    assert words.decode(words.encode([["abcdefghijklmnopqrstuvwxyz"]])) == [["abcdefghstuvwxyz"]]
    assert words.encode([["x" * 100_000]])["characters"].values.shape == (1, ROOM)


def test_a_batch_of_it_is_padded_and_comes_back():
    words = Words(at_least=1).fit(SENTENCES)
    batch = gathered({"input": words.encode(SENTENCES)}, torch.tensor([1, 0, 2]), iter([5, 5]))["input"]
    assert batch["tokens"].shape == (3, 5) and batch["characters"].shape == (3, 5, ROOM)
    assert batch["count"].tolist() == [2, 4, 0]
    assert words.decode(batch) == [SENTENCES[1], SENTENCES[0], []]


def test_a_text_is_a_sentence_whose_words_are_set_apart_by_spaces():
    words = Words(at_least=1).fit(["They can  fish ."])
    assert words.decode(words.encode(["They can fish ."])) == [SENTENCES[0]]
    assert words.single("They can") and words.single(["They", "can"])
    assert not words.single([["They"], ["can"]])
    assert words.show(["a\x1b[31m", "b"]) == "a[31m b"


def test_few_words_are_better_than_none():
    assert Words(at_least=5).fit([["a", "b"]]).words == ["a", "b"]
    assert Words(vocabulary=1, at_least=1).fit([["a", "b", "b"]]).words == ["b"]


def test_its_share_of_unknown_words_is_told():
    words = Words().fit(SENTENCES)
    assert words.unknown(words.encode([["They", "can"]])) == 0.5
    assert words.unknown(words.encode([[]])) == 0.0


def test_what_is_no_sentence_is_refused():
    for value in (None, 3, {"a": 1}, ["a", None]):
        with pytest.raises(DataError, match="Words needs lists"):
            Words().fit([value])
    with pytest.raises(DataError, match="no words to learn"):
        Words().fit([[], ""])
    with pytest.raises(FrameError, match="at least 1"):
        Words(at_least=0)
