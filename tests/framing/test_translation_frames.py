"""From sentence pairs to a function that translates: `mapsto train pairs.tsv --target en`."""

import json
import random
import re

import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import DataError, MapstoError
from mapsto.domains import Text

WORDS = {
    "rot": "red", "blau": "blue", "klein": "small", "gross": "large", "hund": "dog", "katze": "cat",
    "pferd": "horse", "vogel": "bird", "sieht": "sees", "jagt": "chases", "ruft": "calls",
}  # fmt: skip
MANY = 500


def sentence(draw):
    adjectives, nouns, verbs = list(WORDS)[:4], list(WORDS)[4:8], list(WORDS)[8:]
    return [
        f(choices) for f, choices in zip([draw.choice] * 5, [adjectives, nouns, verbs, adjectives, nouns], strict=True)
    ]


def corpus(rows=MANY, seed=0):
    draw, found = random.Random(seed), {}
    while len(found) < rows:
        said = sentence(draw)
        found[" ".join(said)] = " ".join(WORDS[word] for word in said)
    return list(found.items())


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("de\ten\n" + "".join(f"{de}\t{en}\n" for de, en in corpus()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    frame = mapsto.frame(table, target="en")
    frame.set("model", {"name": "seq2-seq", "width": 48, "embedding": 32, "dropout": 0.0})
    frame.set("algorithm.until.count", 8).set("algorithm.lr", 1e-2).set("objective.smoothing", 0.0)
    return frame.train(tmp_path_factory.mktemp("run") / "r")


def test_a_target_of_sentences_beside_sentences_is_a_translation(table):
    frame = mapsto.frame(table, target="en")
    ready = frame.prepared
    assert ready.problem == "translation" and isinstance(ready.target, Text) and ready.target.ends
    assert not ready.input.ends and ready.target.way == "byte-pairs"
    assert ready.target.outputs == ready.target.shape["tokens"][0]
    card = str(frame)
    assert (
        "say the same in other words 'en'" in card and "or transformer" in card and "bleu on the test sentences" in card
    )


def test_it_learns_to_translate_sentences_it_has_not_seen(run):
    assert run.scores["test"]["bleu"]["value"] > 80
    f = mapsto.load(run.path)
    assert f("rot hund sieht klein katze") == "red dog sees small cat"
    assert f(["blau vogel ruft gross pferd", "gross katze jagt rot hund"]) == [
        "blue bird calls large horse",
        "large cat chases red dog",
    ]
    assert f([]) == []


def test_it_translates_a_sentence_alike_alone_and_in_company(run):
    f = mapsto.load(run.path)
    asked = [de for de, _ in corpus(30, seed=3)] + ["hund", "", "ein satz mit fremden worten darin"]
    assert f(asked) == [f(text) for text in asked]


def test_how_bleu_was_counted_stands_beside_it(run, capsys):
    written = json.loads((run.path / "result.json").read_text())
    assert "lower case" in written["signatures"]["bleu"]
    assert "tok:13a" in written["signatures"]["sacrebleu"] and "tok:13a" in str(run)
    assert "tok:13a" in (run.path / "report.html").read_text()


def test_the_command_line_translates(run, table, tmp_path, capsys):
    main(["predict", str(run.path), "klein pferd ruft blau hund"])
    assert "small horse calls blue dog" in capsys.readouterr().out
    new = tmp_path / "new.tsv"
    new.write_text("de\nrot katze sieht rot vogel\n")
    main(["predict", str(run.path), str(new), "--json"])
    assert json.loads(capsys.readouterr().out)[0]["prediction"] == "red cat sees red bird"
    main(["evaluate", str(run.path), str(table)])
    assert "bleu" in capsys.readouterr().out


def test_parallel_files_can_be_asked_about_and_examined_on(run, tmp_path, capsys):
    pairs = corpus(20, seed=5)
    (tmp_path / "new.de").write_text("".join(f"{de}\n" for de, _ in pairs))
    (tmp_path / "new.en").write_text("".join(f"{en}\n" for _, en in pairs))
    main(["evaluate", str(run.path), str(tmp_path / "new.de"), "--json"])
    assert json.loads(capsys.readouterr().out)["scores"]["test"]["bleu"]["value"] > 90
    main(["predict", str(run.path), str(tmp_path / "new.de"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert len(said) == 20 and said[3]["prediction"] == pairs[3][1] and said[3]["input"] == "new, line 4"


def test_the_report_shows_the_worst_sentences(table, tmp_path):
    frame = mapsto.frame(table, target="en").set("model", {"name": "transformer", "width": 8, "heads": 2, "depth": 1})
    frame.set("algorithm.until.count", 1).set("algorithm.lr", 1e-6)
    page = (frame.train(tmp_path / "run").path / "report.html").read_text(encoding="utf-8")
    worst = re.sub("<.*?>", "", page[page.index("Its worst mistakes") :])  # without the marks
    assert any(de in worst and en in worst for de, en in corpus())


@pytest.mark.parametrize("model", ["transformer", "seq2seq"])
def test_a_resumed_run_is_the_same_run(table, model):
    def learner():
        frame = mapsto.frame(table, target="en").set("model", {"name": model, "width": 8, "depth": 1})
        return frame.set("algorithm.until.count", 1).learner()

    whole, first = learner().fit(6), learner().fit(3)
    second = learner()
    second.load_state_dict(first.state_dict())
    second.fit(6)
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_rows_that_ask_the_same_are_on_one_side_of_the_split(tmp_path):
    pairs = [(de, f"{en} {word}") for i, (de, en) in enumerate(corpus(120)) for word in ("now", "then")[: 1 + (i < 40)]]
    path = tmp_path / "twice.tsv"
    path.write_text("de\ten\n" + "".join(f"{de}\t{en}\n" for de, en in pairs), encoding="utf-8")
    frame = mapsto.frame(path, target="en")
    asked = {part: set(frame.prepared.raw.columns["de"][rows]) for part, rows in frame.prepared.parts.items()}
    assert (
        not asked["train"] & asked["test"]
        and not asked["train"] & asked["valid"]
        and not asked["valid"] & asked["test"]
    )
    assert any(f.code == "C044" for f in frame.findings)


def test_text_beside_numbers_is_no_translation(tmp_path):
    path = tmp_path / "mixed.tsv"
    path.write_text("de\tstars\ten\n" + "".join(f"{de}\t{i % 5}.5\t{en}\n" for i, (de, en) in enumerate(corpus())))
    with pytest.raises(MapstoError, match="free text") as error:
        mapsto.frame(path, target="en").refuse()
    assert "D134" in str(error.value) or error.value.code == "D134"
    with pytest.raises(DataError, match="a text as the target is a translation"):
        mapsto.frame(path, target="en").set("data.kinds.en", "text").refuse()
    asked = mapsto.frame(path, target="stars")
    assert asked.prepared.problem != "translation"


def test_ids_are_still_refused_as_a_target(tmp_path):
    path = tmp_path / "ids.tsv"
    path.write_text("de\tid\n" + "".join(f"{de}\tx{i:05}y\n" for i, (de, _) in enumerate(corpus())))
    with pytest.raises(MapstoError, match="D134|an id, free text"):
        mapsto.frame(path, target="id").refuse()


def test_a_model_that_does_not_translate_is_refused(table):
    frame = mapsto.frame(table, target="en").set("model", {"name": "text-cnn"})
    with pytest.raises(MapstoError, match="reads one text and says another"):
        frame.train("nowhere")


def test_it_has_to_beat_the_most_similar_sentence(run):
    beside = run.baselines["nearest-sentence"]
    assert 0 < beside["test"]["bleu"]["value"] < run.scores["test"]["bleu"]["value"] and "train" not in beside
    assert run.verdict["take"] == "deep" and "test sentences" in " ".join(
        [run.verdict["advice"], *run.verdict["lines"]]
    )


def test_a_translator_that_has_learned_nothing_is_not_to_be_used(table, tmp_path, capsys):
    frame = mapsto.frame(table, target="en").set("model", {"name": "transformer", "width": 8, "heads": 2, "depth": 1})
    run = frame.set("algorithm.until.count", 1).set("algorithm.lr", 1e-6).train(tmp_path / "run", baseline_seconds=0)
    assert run.scores["test"]["bleu"]["value"] < 1 and run.verdict["take"] == "nearest-sentence"
    assert "Use it" not in " ".join([run.verdict["advice"], *run.verdict["lines"]])
    worst = run.written["worst"][0]
    assert dict(corpus())[worst["asked"]] == worst["true"].replace("*", "") and "*" in worst["true"]
    said = str(run)
    assert (
        "worst mistakes" in said
        and f"true  {worst['true']}" in said
        and "beside simple models on the same test sen" in said
    )
    main(["report", str(run.path)])
    assert (
        f'predict {run.path} "a sentence"' in (told := capsys.readouterr().out) and f"predict {run.path} FILE" in told
    )
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert '<mark class="missed">' in page and "Where it looks" in page and "decoder.0.cross" in page
    assert 'f("a sentence")' in (run.path / "model" / "README.md").read_text(encoding="utf-8")


def test_the_nearest_sentence_can_be_trained_by_itself(table, tmp_path):
    run = (
        mapsto.frame(table, target="en")
        .set("model.name", "nearest-sentence")
        .train(tmp_path / "run", baseline_seconds=0)
    )
    f, (de, _) = mapsto.load(run.path), corpus()[0]
    assert run.written["steps"] == 1 and set(f(de).split()) <= set(WORDS.values())
    assert mapsto.evaluate(run.path)["scores"]["test"] == run.scores["test"]


def test_where_it_looked_is_shown(run, capsys):
    found = mapsto.attention(run.path, "rot hund sieht klein katze")
    assert found.layer == "look" and found.rows[-1] == "[SEP]" and len(found.columns) >= 5
    assert mapsto.attention(run.path, ["rot hund", "katze"])[1].columns == mapsto.attention(run.path, "katze").columns
    main(["predict", str(run.path), "rot hund sieht klein katze", "--attention"])
    assert "where it looked (look, head 1)" in (said := capsys.readouterr().out) and "█" in said
    main(["predict", str(run.path), "rot hund", "--attention", "--json"])
    (told,) = json.loads(capsys.readouterr().out)
    assert told["attention"]["columns"] == mapsto.attention(run.path, "rot hund").columns
    for wrong in (
        ["--layer", "1"],
        ["--attention", "--csv"],
        ["--attention", "--layer", "9"],
        ["--attention", "--head", "2"],
    ):
        with pytest.raises(SystemExit):
            main(["predict", str(run.path), "rot hund", *wrong])
        assert capsys.readouterr().err
