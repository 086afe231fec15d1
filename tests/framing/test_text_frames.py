"""From a table of texts to a function that answers for one: `mapsto train reviews.csv --target label`."""

import json
import random

import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import DataError, MapstoError
from mapsto.domains import Text
from mapsto.export.card import question
from mapsto.insight.verdict import judge

PRAISE, BLAME = ("wonderful", "moving", "funny", "a joy"), ("dull", "lifeless", "a bore", "clumsy")
PLACES = ("the film is", "I found the story", "its cast is", "on the whole, the end was")


def reviews(rows=240, seed=0):
    draw = random.Random(seed)
    made = []
    for i in range(rows):
        good = i % 2
        words = [f"{draw.choice(PLACES)} {draw.choice(PRAISE if good else BLAME)}" for _ in range(draw.randint(1, 4))]
        made.append((f"{', and '.join(words)} . no {i}", "yes" if good else "no"))
    return made


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("reviews") / "reviews.tsv"
    path.write_text("text\tliked\n" + "".join(f"{t}\t{y}\n" for t, y in reviews()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    frame = mapsto.frame(table, target="liked").set("algorithm.until.count", 8).set("model.width", 16)
    return frame.train(tmp_path_factory.mktemp("run") / "r", baseline_seconds=5)


def test_a_column_of_text_is_read_as_text(table):
    frame = mapsto.frame(table, target="liked")
    assert isinstance(frame.prepared.input, Text) and frame.settings["model"]["name"] == "text-cnn"
    card = str(frame)
    assert "text (" in card and "words)" in card and "padding" in card


def test_it_learns_and_answers_in_raw_words(run):
    assert run.scores["test"]["accuracy"]["value"] > 0.95
    f = mapsto.load(run.path)
    assert f("the film is wonderful . no 5") == "yes"
    assert f(["the film is dull", "a joy", ""])[:2] == ["no", "yes"]
    assert f({"text": "clumsy and dull"}) == "no"
    assert f.probabilities("a joy")["yes"] > 0.5


def test_simple_models_stand_beside_it(run):
    assert {"majority", "bag-of-words"} <= set(run.written["baselines"])


def test_what_it_says_of_a_text_hangs_on_no_other(run):
    f = mapsto.load(run.path)
    texts = [text for text, _ in reviews(40, seed=1)]
    together = f.encoded_predictions(texts)
    alone = torch.cat([f.encoded_predictions([text]) for text in texts])
    torch.testing.assert_close(together, alone)


def test_the_command_line_takes_a_text_as_it_stands(run, table, capsys):
    main(["predict", str(run.path), "the film is lifeless"])
    assert "no" in capsys.readouterr().out
    main(["predict", str(run.path), str(table), "--csv"])
    assert len(capsys.readouterr().out.splitlines()) == 241
    main(["evaluate", str(run.path), str(table)])
    assert "accuracy" in capsys.readouterr().out


def test_it_says_which_words_spoke_for_its_answer(run, capsys):
    told = mapsto.why(run.path, "the film is dull and its cast is lifeless")
    spoke = dict(zip(told.tokens, told.shares, strict=True))
    assert max(spoke, key=spoke.get) in ("dull", "lifeless") and told.answer == 0
    against = mapsto.why(run.path, ["a joy"], answer="no")[0]
    assert sum(against.shares) < 0
    main(["predict", str(run.path), "the film is dull", "--why"])
    assert "for no" in (said := capsys.readouterr().out) and "dull +" in said
    assert [word for word, _ in mapsto.nearest(run.path, "dull", 3)]


def test_the_report_shows_texts_that_went_wrong(table, tmp_path):
    frame = mapsto.frame(table, target="liked").set("algorithm.until.count", 1).set("algorithm.lr", 1e-6)
    page = (frame.train(tmp_path / "run", baseline_seconds=0).path / "report.html").read_text(encoding="utf-8")
    worst = page[page.index("Its worst mistakes") :]
    assert 'class="for4"' in worst and "integrated gradients" in worst


def test_how_text_is_cut_can_be_said(table):
    frame = mapsto.frame(table, target="liked").set("data.text.tokenizer", "characters").set("data.text.longest", 30)
    assert frame.prepared.input.way == "characters"
    assert int(frame.prepared.fields["train"]["input"]["tokens"].lengths.max()) == 30
    again = mapsto.frame(table, target="liked")
    with pytest.raises(MapstoError, match="tokenizer"):
        again.set("data.text.tokenizer", "letters")
    with pytest.raises(MapstoError, match="Near it"):
        again.set("data.text.tokeniser", "words")


def test_a_question_that_is_no_text_is_refused(run):
    with pytest.raises(DataError, match="Text needs text"):
        mapsto.load(run.path)([["a", "list"]])


def test_folds_keep_their_worst_texts(table, tmp_path):
    frame = mapsto.frame(table, target="liked", folds=3).set("algorithm.until.count", 1).set("algorithm.lr", 1e-6)
    result = frame.train(tmp_path / "run", baseline_seconds=0)
    folds = [json.loads((result.path / f"fold-{k}" / "result.json").read_text())["worst"] for k in (1, 2, 3)]
    assert result.written["worst"][:3] == [worst[0] for worst in folds] and len(result.written["worst"]) == 5
    assert result.written["worst"][0]["asked"] in str(result)
    page = (result.path / "report.html").read_text(encoding="utf-8")
    assert question(result.written["problem"], result.written["reads"]) == "a text"
    assert folds[2][0]["label"] in page[page.index("Its worst mistakes") :]


def test_the_verdict_is_told_that_there_is_a_text(table, tmp_path, monkeypatch):
    told = {}
    monkeypatch.setattr("mapsto.framing.conclude.judge", lambda *a, **how: told.update(how) or judge(*a, **how))
    mapsto.frame(table, target="liked").set("model.name", "bag-of-words").train(tmp_path / "run", baseline_seconds=0)
    assert told["text"] is True


def test_what_spoke_for_an_answer_to_nothing_is_nothing(run):
    told = mapsto.why(run.path, ["", "dull"])
    assert told[0].tokens == told[0].shares == [] and told[1].tokens == ["dull"]
