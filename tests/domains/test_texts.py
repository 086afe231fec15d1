"""Text as tokens: four ways of cutting it, which of them is chosen, and what comes back."""

import json

import pytest
import torch

from mapsto.core.errors import DataError, FrameError
from mapsto.data.dataset import Examples
from mapsto.domains import Text
from mapsto.domains.text import chosen
from mapsto.domains.tokenizer import END, MASK, NONE, PAD, SPECIAL, START, STRANGE, UNKNOWN, WAYS

ENGLISH = [f"the {a} was {b} , and the {c} {d}" for a in ("film", "plot", "end") for b in ("good", "dull")
           for c in ("cast", "score") for d in ("shone", "slept", "sang")]  # fmt: skip
KOREAN = [
    "오늘은 날씨가 참 좋아서 산책을 했다",
    "커피 한 잔 ㅋㅋ",
    "기차가 늦게 왔지만 괜찮아요!!",
    "책상 위에 고양이가 자고 있었다",
]
CHINESE = ["今天天气很好,我们去公园散步", "猫在桌子上睡觉", "他昨天买了一本新书,很喜欢"]
ODD = [
    "👩‍👩‍👧 family",
    "e\u0301" * 50 + "\u0301" * 5000,
    "a\tb\nc  d ",
    "\u202eback",
    "[MASK] [PAD] <s>",
    "naïve Ünïcode ½",
    "ภาษาไทย",
]


@pytest.mark.parametrize("values", [ENGLISH, KOREAN, CHINESE, ODD], ids=["english", "korean", "chinese", "odd"])
def test_byte_pairs_give_any_text_back_also_what_training_never_saw(values):
    domain = Text("byte-pairs", longest=20_000).fit(ENGLISH)
    assert domain.decode(domain.encode(values)) == values


@pytest.mark.parametrize("values", [ENGLISH, KOREAN, CHINESE, ODD], ids=["english", "korean", "chinese", "odd"])
def test_characters_give_back_what_training_saw_and_mark_what_it_did_not(values):
    domain = Text("characters", at_least=1, longest=20_000).fit(values)
    assert domain.decode(domain.encode(values)) == values
    assert domain.decode(domain.encode(["Ж" + values[0]])) == [STRANGE + values[0]]


@pytest.mark.parametrize("way", WAYS)
def test_no_text_is_read_as_a_special_token(way):
    said = " ".join(SPECIAL)
    domain = Text(way, at_least=1, vocabulary=500).fit([*ENGLISH, said])
    tokens = domain.encode([said])["tokens"].values
    assert len(tokens) > len(SPECIAL) and int(tokens.min()) >= len(SPECIAL)


@pytest.mark.parametrize("way", WAYS)
def test_a_word_never_seen_is_unknown_or_made_of_pieces(way):
    domain = Text(way).fit(ENGLISH)
    strange = (domain.encode(["쀍"])["tokens"].values == UNKNOWN).any()
    assert strange != (way == "byte-pairs")


def test_words_keep_to_their_vocabulary_the_frequent_ones_first():
    domain = Text("words", vocabulary=300, at_least=2).fit([*ENGLISH, "once"])
    assert domain.unknown(domain.encode(["the once film"])) == pytest.approx(1 / 3)
    assert domain.encode(["the"])["tokens"].values.tolist() == [len(SPECIAL)]


def test_capital_letters_are_small_ones_where_that_is_wanted():
    low, as_is = Text("words", lower=True).fit(ENGLISH), Text("words").fit(ENGLISH)
    assert low.decode(low.encode(["The FILM"])) == ["the film"]
    assert as_is.decode(as_is.encode(["The film"])) == [f"{STRANGE} film"]


def test_missing_is_not_empty():
    domain = Text("byte-pairs").fit([*ENGLISH, None, float("nan"), ""])
    encoded = domain.encode([None, "", "the"])["tokens"]
    assert encoded.lengths.tolist() == [1, 0, 1] and encoded.values[0] == NONE
    assert domain.decode({"tokens": encoded}) == [None, "", "the"]


def test_ends_stand_around_a_text_and_decoding_stops_at_the_end():
    domain = Text("words", ends=True).fit(ENGLISH)
    tokens = domain.encode(["the film"])["tokens"].values.tolist()
    assert tokens[0] == START and tokens[-1] == END and len(tokens) == 4
    assert domain.decode(torch.tensor([[*tokens, tokens[1], PAD]])) == ["the film"]


def test_a_long_text_is_cut_also_where_it_is_one_line_of_ten_million_letters():
    domain = Text("byte-pairs", longest=8).fit(ENGLISH)
    assert domain.encode(["the film " * 100, "x" * 10_000_000])["tokens"].lengths.tolist() == [8, 8]


def test_a_batch_comes_back_as_it_went_in():
    domain = Text("words").fit(ENGLISH)
    batch = Examples({"input": domain.encode(ENGLISH[:5])}).gather(torch.tensor([3, 0]), (20,))
    assert domain.decode(batch["input"]) == [ENGLISH[3], ENGLISH[0]]


@pytest.mark.parametrize(("values", "way"), [(ENGLISH * 5, "words"), (KOREAN, "byte-pairs"), (CHINESE, "characters")])
def test_the_way_of_cutting_follows_from_the_text(values, way):
    assert chosen(values) == way
    assert Text(at_least=1).fit(values).way == way


@pytest.mark.parametrize("way", WAYS)
def test_the_same_texts_make_the_same_tokens(way):
    once, again = (Text(way).fit(ENGLISH * 3).state_dict() for _ in range(2))
    assert json.dumps(once) == json.dumps(again)


@pytest.mark.parametrize("values", [[], [None], ["", "  "], [float("nan")]])
def test_from_nothing_no_tokens_are_learned(values):
    with pytest.raises(DataError, match="no text to learn tokens from") as error:
        Text().fit(values)
    assert error.value.code == "D152"


def test_what_is_no_text_is_named():
    domain = Text("words").fit(ENGLISH)
    with pytest.raises(DataError, match="value 1 is \\['a'\\]"):
        domain.encode(["fine", ["a"]])
    with pytest.raises(DataError, match="half a character"):
        domain.encode(["\ud800"])
    with pytest.raises(FrameError, match="one of characters"):
        Text("letters")
    with pytest.raises(FrameError, match="learned no tokens"):
        Text().encode(["a"])


def test_the_special_tokens_are_in_the_order_that_models_know():
    assert tuple(range(len(SPECIAL))) == (PAD, UNKNOWN, START, END, MASK, NONE)


@pytest.mark.parametrize("way", ["characters", "words", "byte-pairs", "word-pieces"])
@pytest.mark.parametrize("ends", [False, True])
def test_pieces_are_in_step_with_tokens_and_show_what_training_has_not(way, ends):
    text = Text(way, vocabulary=320, lower=True, longest=9, ends=ends, blanks=True)
    text.fit(["the film is good", "the film is dull"] * 3)
    asked = ["The film is 영화 .", "a [MASK] film[MASK]", "", None, "the " * 20, "e\u0301 ï"]
    for value, count in zip(asked, text.encode(asked)["tokens"].lengths.tolist(), strict=True):
        assert len(text.pieces(value)) == count
    pieces = text.pieces("a [MASK] 영화")
    assert "[MASK]" in pieces and (way == "byte-pairs" or "영화" in "".join(pieces)) and (pieces[0] == "[CLS]") == ends
