"""The page holds everything, asks nobody for anything, and takes nothing from the data for markup."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import torch

from mapsto.core.nouns import Estimate, Finding
from mapsto.insight.attention_maps import AttentionMap
from mapsto.insight.marked import apart
from mapsto.insight.report import Mistake, Report, page
from mapsto.insight.verdict import judge

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
VOID = {"meta", "img", "link", "br", "hr", "input"}


def accuracy(**splits: float) -> dict[str, dict[str, Estimate]]:
    return {split: {"accuracy": Estimate(v, v - 0.02, min(1.0, v + 0.02), 500)} for split, v in splits.items()}


SCORES = accuracy(train=0.99, valid=0.85, test=0.84)
BASELINES = {"majority": accuracy(test=0.5), "decision-tree": accuracy(train=0.9, test=0.7)}
VERDICT = judge("classification", "accuracy", 1, SCORES, BASELINES)


def bare() -> Report:
    return Report("titanic", "sex, age ↦ survived", "classification", "accuracy", 1, VERDICT, SCORES)


def full(word: str = "cat") -> Report:
    report = bare()
    report.title = report.task = report.card = word
    report.baselines = {**BASELINES, word: accuracy(test=0.6)}
    report.curve = [{"step": k, "train_loss": 1 / k, "valid_score": 1 - 1 / k} for k in (1, 2, 3)]
    report.best_step, report.classes = 2, [word, "dog"]
    report.confusion = np.array([[40, 2], [7, 30]])
    report.by_class = {word: Estimate(0.8, 0.7, 0.9, 42)}
    report.stated, report.came = np.linspace(0.5, 1, 50), np.ones(50)
    report.predictions, report.truths = np.arange(30.0), np.arange(30.0) + 1
    report.mistakes = [Mistake(word, word, 0.97, word, np.zeros((8, 8), np.uint8))]
    report.suspects = [Mistake(word, word, 0.5, word, values={word: word})]
    report.findings = [Finding("D1", "warning", word, 3, (word,))]
    report.made = {word: word}
    return report


class Balanced(HTMLParser):
    """Every element that is opened is closed, in order; attributes are kept."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_every_section_is_there_when_there_is_something_to_say_and_only_then():
    titles = re.findall("<h2>(.*?)</h2>", page(full()))
    assert titles == ["Scores", "Beside simpler models", "How it learned", "Where it goes wrong", "Its worst mistakes",
                      "Labels to look at first", "What the check found", "The frame", "How it was made"]  # fmt: skip
    assert re.findall("<h2>(.*?)</h2>", page(bare())) == ["Scores"]


def test_the_verdict_and_its_figures_can_be_read():
    text = " ".join(Balanced(page(full())).text.split())
    assert VERDICT.advice in text and all(line in text for line in VERDICT.lines)
    assert "0.84 ± 0.02" in text and "limited by data" in text and "take the deep model" in text
    assert "Most often it took dog for cat (7); cat for dog (2)." in text


def test_nothing_from_the_data_is_taken_for_markup():
    report = full(HOSTILE)
    written = page(report)
    parsed = Balanced(written)
    assert HOSTILE in parsed.text
    assert not [a for a in parsed.attributes if a[1].startswith("on")]
    assert "<img src=x" not in written


def test_the_page_asks_nobody_for_anything():
    parsed = Balanced(page(full()))
    addresses = [value for _, name, value in parsed.attributes if name in ("src", "href", "srcset", "action")]
    assert len(addresses) >= 7 and all(value.startswith("data:image/") for value in addresses)
    tags = {tag for tag, _, _ in parsed.attributes}
    assert not tags & {"script", "link", "iframe", "object"} and "<script" not in page(full())
    assert "@import" not in page(full()) and "url(" not in page(full())


def test_the_policy_lets_in_this_one_style_sheet_and_pictures_within_the_page():
    written = page(bare())
    style = re.search("<style>(.*?)</style>", written, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; img-src data:; style-src 'sha256-{digest}'\"" in written
    assert " style=" not in written  # which the policy would not let in


def test_rows_that_went_wrong_stand_in_a_table_with_their_columns():
    report = bare()
    report.mistakes = [Mistake("24,000", "99,000", None, "line 7", values={"age": "52"}),
                       Mistake("5", "6", None, "line 9", values={"rooms": "3"})]  # fmt: skip
    text = Balanced(page(report)).text
    assert "line 7" in text and "age" in text and "rooms" in text and "sure" not in text.replace("measure", "")


def test_the_same_report_gives_the_same_page():
    assert page(full()) == page(full())


def test_an_answer_in_words_stands_under_the_true_one_with_what_is_wrong_marked():
    report = bare()
    report.problem = "translation"
    wanted, said = apart(f"a {HOSTILE} dog", "a cat")
    report.mistakes = [Mistake("", "", label="row 3", values={"": HOSTILE}, wanted=wanted, said=said)]
    written = page(report)
    parsed = Balanced(written)
    assert HOSTILE in parsed.text and "<img src=x" not in written
    assert '<mark class="wrong">cat</mark>' in written and " dog</mark>" in written
    assert "red ones are wrong" in parsed.text and "84" in parsed.text and "500 test sentences" in parsed.text


def test_of_a_text_that_was_not_expected_the_tokens_are_shaded():
    report = bare()
    report.problem = "language-model"
    heat, wanted = [("to", -1.0), (" be", -0.1)], [("to", True), (" be", False)]
    report.mistakes = [Mistake("", "", label="test, from token 7", heat=heat, wanted=wanted)]
    written = page(report)
    assert '<span class="against4">to</span><span class="against0"> be</span>' in written
    assert "the less it was expected" in written and "500 test windows" in Balanced(written).text


def test_where_it_looked_is_a_picture_like_the_others():
    report = bare()
    report.looks = [AttentionMap([HOSTILE, "b"], ["c"], torch.ones(2, 1), "decoder.0.cross", 2)]
    written = page(report)
    assert "<h2>Where it looks</h2>" in written and "decoder.0.cross, head 2" in Balanced(written).text
    assert "<img src=x" not in written
