"""From a .conllu to a function that tags: `mapsto train corpus.conllu --target upos`."""

import json
import random

import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import BadInput, DataError
from mapsto.domains import Tags, Words

NAMES, VERBS, THINGS = ("Ada", "Grace", "Alan", "Emmy"), ("saw", "built", "broke", "liked"), ("bridge", "duck", "saw")


def sentence(draw):
    """The same word is a verb after a name and a noun after an article."""
    said = [(draw.choice(NAMES), "PROPN", "B-PER")]
    if draw.random() < 0.3:
        said.append((draw.choice(NAMES), "PROPN", "I-PER"))
    return [
        *said,
        (draw.choice(VERBS), "VERB", "O"),
        ("the", "DET", "O"),
        (draw.choice(THINGS), "NOUN", "O"),
        (".", "PUNCT", "O"),
    ]


def corpus(rows, seed, layers=slice(1, 3)):
    draw = random.Random(seed)
    return "\n".join("".join("\t".join((w[0], *w[layers])) + "\n" for w in sentence(draw)) for _ in range(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    for split, rows, seed in (("train", 150, 0), ("dev", 40, 1), ("test", 40, 2)):
        (root / f"{split}.conll").write_text(corpus(rows, seed), encoding="utf-8")
    return root


def frame_of(folder, target):
    frame = mapsto.frame(folder, target, columns=["word", "pos", "ner"])
    return frame.change(
        [("model.width", 12), ("model.embedding", 16), ("algorithm.until.count", 6), ("algorithm.lr", 0.02)]
    )


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    return frame_of(folder, "pos").train(tmp_path_factory.mktemp("run") / "r", baseline_seconds=5)


@pytest.fixture(scope="module")
def names(folder, tmp_path_factory):
    return frame_of(folder, "ner").train(tmp_path_factory.mktemp("run") / "n", baseline_seconds=0)


def test_the_card_says_what_is_learned(folder):
    frame = frame_of(folder, "pos")
    assert frame.prepared.problem == "tagging"
    assert isinstance(frame.prepared.input, Words) and isinstance(frame.prepared.target, Tags)
    card = str(frame)
    for words in (
        "tagging: say for each token which 'pos'",
        "tag-accuracy",
        "recurrent",
        "one of 5 tags a word",
        "given by the source",
    ):
        assert words in card
    assert frame.prepared.kinds["ner"].name == "leave-out"
    assert "usual-tag" in card and "text-cnn" not in card


def test_it_learns_what_a_word_is_from_its_neighbours(run):
    assert run.scores["test"]["tag-accuracy"]["value"] == 1.0
    beside = {name: b["test"]["tag-accuracy"]["value"] for name, b in run.baselines.items()}
    assert beside["majority"] < beside["usual-tag"] < 1.0
    f = mapsto.load(run.path)
    assert f(["Ada", "saw", "the", "saw", "."]) == ["PROPN", "VERB", "DET", "NOUN", "PUNCT"]
    assert f("Ada saw the saw .") == f(["Ada", "saw", "the", "saw", "."])
    assert f([["Ada", "saw"], [], ["the", "saw"]]) == [["PROPN", "VERB"], [], ["DET", "NOUN"]]
    assert len(f(["the", "unheard-of", "saw"])) == 3
    assert f([["Ada"], []])[1] == [] and f([]) == []
    assert f({"tokens": ["Ada"]}) == ["PROPN"]


def test_spans_are_told_as_a_path_and_judged_as_wholes(names):
    assert names.written["measure"] == "span-f1" and names.scores["test"]["span-f1"]["value"] > 0.9
    f = mapsto.load(names.path)
    assert f.model.crf is True
    assert f("Ada Grace saw the duck .")[:3] == ["B-PER", "I-PER", "O"]


def test_what_it_says_of_a_sentence_hangs_on_no_other(run):
    f, draw = mapsto.load(run.path), random.Random(5)
    sentences = [[w for w, *_ in sentence(draw)] for _ in range(20)] + [[]]
    assert f(sentences) == [f([one])[0] for one in sentences]


def test_the_command_line_tags_a_text_a_file_and_examines_another(run, folder, capsys):
    main(["predict", str(run.path), "Ada saw the saw ."])
    assert "Ada/PROPN saw/VERB the/DET saw/NOUN ./PUNCT" in capsys.readouterr().out
    main(["predict", str(run.path), "Ada saw", "--json"])
    asked = {"input": "Ada saw", "prediction": ["PROPN", "VERB"], "tokens": ["Ada", "saw"]}
    assert json.loads(capsys.readouterr().out) == [asked]
    main(["predict", str(run.path), str(folder / "dev.conll"), "--csv"])
    assert len(capsys.readouterr().out.splitlines()) == 41
    main(["evaluate", str(run.path), str(folder / "dev.conll"), "--json"])
    told = json.loads(capsys.readouterr().out)["scores"]["test"]
    assert told == run.scores["valid"]
    main(["evaluate", str(run.path), "--json"])
    assert json.loads(capsys.readouterr().out)["scores"] == run.scores


def test_sentences_without_tags_can_be_asked_about(run, tmp_path, capsys):
    (tmp_path / "new.conll").write_text("Ada\nsaw\n\nthe\nduck\n")
    main(["predict", str(run.path), str(tmp_path / "new.conll"), "--json"])
    assert [row["prediction"] for row in json.loads(capsys.readouterr().out)] == [["PROPN", "VERB"], ["DET", "NOUN"]]


def test_the_report_shows_the_sentences_that_went_worst(folder, tmp_path):
    frame = frame_of(folder, "pos").set("algorithm.lr", 1e-6).set("algorithm.until.count", 1)
    page = (frame.train(tmp_path / "run", baseline_seconds=0).path / "report.html").read_text(encoding="utf-8")
    worst = page[page.index("Its worst mistakes") :]
    assert "test.conll sentence" in worst and "/NOUN" in worst
    assert "Most often it took" in page


def test_tags_that_training_never_saw_are_told_and_left_out(folder, run, tmp_path):
    (tmp_path / "other.conll").write_text("Ada\tPROPN\tO\nwow\tINTJ\tO\n")
    with pytest.raises(BadInput, match="'INTJ' in 1 word"):
        mapsto.evaluate(run.path, tmp_path / "other.conll")
    told = mapsto.evaluate(run.path, tmp_path / "other.conll", drop_unseen=True)
    assert told["unknown_labels"] == 1 and told["scores"]["test"]["tag-accuracy"]["n"] == 1
    for split in ("train", "dev"):
        (tmp_path / f"{split}.conll").write_text((folder / f"{split}.conll").read_text())
    (tmp_path / "other.conll").rename(tmp_path / "test.conll")
    found = {f.code: f for f in frame_of(tmp_path, "pos").findings}
    assert found["C003"].count == 1 and found["C024"].level == "note"


def test_a_sentence_whose_tags_do_not_match_its_words_is_named(tmp_path):
    rows = [{"words": ["a", "b"], "tags": ["X", "Y"]}, {"words": ["a", "c", "d"], "tags": ["X"]}] * 10
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    frame = mapsto.frame(tmp_path / "a.jsonl", "tags")
    frame.change([("data.kinds.words", "words"), ("data.kinds.tags", "tags")])
    with pytest.raises(DataError, match=r"line 2 has 3 words and 1 tag; so it is in 9 more"):
        frame.learner()


def test_lists_in_a_table_can_be_tagged_where_somebody_says_so(tmp_path):
    rows = [{"words": ["a", "b"], "tags": ["X", "Y"]}, {"words": ["b"], "tags": ["Y"]}] * 20
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    frame = mapsto.frame(tmp_path / "a.jsonl", "tags")
    learner = frame.set("data.kinds.tags", "tags").set("data.kinds.words", "words").learner()
    assert learner.fit(2).step == 2
    with pytest.raises(DataError, match="tags are said of words"):
        mapsto.frame(tmp_path / "a.jsonl", "tags").set("data.kinds.tags", "tags").learner()


def test_a_resumed_tagger_is_the_same_tagger(folder):
    weights = []
    for stop in (9, 4):
        learner = frame_of(folder, "ner").learner()
        learner.settle()
        learner.fit(stop)
        if stop < 9:
            state, learner = learner.state_dict(), frame_of(folder, "ner").learner()
            learner.settle()
            learner.load_state_dict(state)
            learner.fit(9)
        weights.append(learner.weights())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_verdict_and_worst_sentences_speak_of_words(folder, tmp_path, capsys):
    frame = frame_of(folder, "pos").set("algorithm.lr", 1e-6).set("algorithm.until.count", 1)
    run = frame.train(tmp_path / "run", baseline_seconds=5)
    assert "on the test words" in run.verdict["advice"] and "40 sentences judge it" in " ".join(run.verdict["lines"])
    worst = run.written["worst"][0]
    assert worst["label"].startswith("test.conll sentence") and "words wrong" in worst["label"]
    assert worst["true"].count("*") == worst["said"].count("*") >= 2
    words = zip(worst["true"].split(), worst["said"].split(), strict=True)
    wrong = [(a.strip("*"), b.strip("*")) for a, b in words if a != b]
    assert len(wrong) == int(worst["label"].split(", ")[1].split()[0])
    assert all(a.split("/")[0] == b.split("/")[0] and a.split("/")[1] != b.split("/")[1] for a, b in wrong)
    assert '<mark class="wrong">' in (run.path / "report.html").read_text(encoding="utf-8")


def test_a_model_without_attention_is_told_in_one_message(run, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(run.path), "Ada saw", "--attention"])
    assert "Recurrent has no attention" in (said := capsys.readouterr().err) and "Traceback" not in said


def test_columns_without_names_can_be_named(tmp_path):
    path = tmp_path / "names.conll"
    path.write_text("\n".join("Anna\tNNP\tB-PER\nleft\tVBD\tO\n" for _ in range(20)), encoding="utf-8")
    with pytest.raises(BadInput, match=r"no column 'entity'(.|\n)*To name them: --columns A,B,…"):
        mapsto.frame(path, target="entity").refuse()
    assert mapsto.frame(path, target="entity", columns=["word", "pos", "entity"]).prepared.problem == "tagging"
