"""BLEU: whose words, and what becomes of texts without any."""

import pytest
import torch

from mapsto.domains import Text
from mapsto.measures import BLEU, SacreBLEU
from mapsto.measures.bleu import words
from mapsto.measures.interval import estimate

TRUE = [
    "A man in a blue shirt is standing on a ladder.",
    "Two dogs run across the snow.",
    "She doesn't know it: 3 of 4!",
]
SAID = [
    "A man in a blue shirt stands on a ladder.",
    "two dogs are running across the snow .",
    "she does not know, 3 of 4!",
]


def encoded(text, sentences):
    tokens = text.encode(sentences)["tokens"]
    padded, count = tokens.gather(torch.arange(len(tokens)), int(tokens.lengths.max()))
    return {"tokens": padded, "count": count}


@pytest.fixture(scope="module")
def text():
    return Text("byte-pairs", ends=True).fit(TRUE + SAID)


def test_words_are_small_and_signs_stand_alone():
    assert words("A man's T-shirt, 3.5€") == ["a", "man", "'", "s", "t", "-", "shirt", ",", "3", ".", "5", "€"]
    assert words("你好吗? OK안녕") == ["你", "好", "吗", "?", "ok안녕"]


def test_the_number_is_sacrebleu_s_of_the_same_words(text):
    from sacrebleu.metrics import BLEU as Library

    told = BLEU(text)
    told.update(encoded(text, SAID), encoded(text, TRUE))
    library = Library(tokenize="none", lowercase=False, smooth_method="none", force=True)
    said, true = ([" ".join(words(s)) for s in sentences] for sentences in (SAID, TRUE))
    assert told.total() == pytest.approx(library.corpus_score(said, [true]).score, abs=1e-4)
    assert 20 < told.total() < 80


@pytest.mark.parametrize(("tokenize", "lower"), [("13a", False), ("13a", True), ("char", False)])
def test_the_other_is_sacrebleu_s_own(text, tokenize, lower):
    from sacrebleu.metrics import BLEU as Library

    told = SacreBLEU(text, tokenize, lower)
    told.update(encoded(text, SAID), encoded(text, TRUE))
    library = Library(tokenize=tokenize, lowercase=lower)
    assert told.total() == pytest.approx(library.corpus_score(SAID, [TRUE]).score, abs=1e-4)
    assert told.signature == str(library.get_signature())
    assert f"case:{'lc' if lower else 'mixed'}" in told.signature and "version" in told.signature


def test_saying_nothing_scores_nothing(text):
    for measure in (BLEU(text), SacreBLEU(text)):
        measure.update(torch.full((3, 4), -1), encoded(text, TRUE))
        assert measure.total() == 0.0
        measure.update(encoded(text, TRUE), encoded(text, TRUE))
        assert 0 < measure.total() < 100


def test_word_for_word_is_a_hundred_and_has_an_interval(text):
    measure = BLEU(text)
    measure.update(encoded(text, TRUE), encoded(text, TRUE))
    found = estimate(measure)
    assert found.value == pytest.approx(100) and found.n == 3 and found.low <= found.high
