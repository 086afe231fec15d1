"""Texts, translations and tagged sentences as shards: encoded, learned, resumed and answered as from memory, to the last bit."""

import json
import random

import pandas
import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.batch import columns
from mapsto.core.errors import BadInput, DataError
from mapsto.core.ragged import Ragged
from mapsto.data import shards as home
from mapsto.data import stream as streaming
from mapsto.data.frames import objects
from mapsto.data.shards import PARTS, Shards
from mapsto.export.inputs import inputs_of
from mapsto.framing import survey as surveying
from mapsto.learner.race import Settled

WORDS = (
    "a",
    "dull",
    "film",
    "of",
    "no",
    "great",
    "wit",
    "yet",
    "moving",
    "and",
    "odd",
    "in",
    "its",
    "way",
    ",",
    "영화",
    "好看",
    "🎬",
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Shards of few rows, read a few at a time; no page is drawn."""
    monkeypatch.setattr(home, "BLOCK_ROWS", 16)
    monkeypatch.setattr(home, "SHARD_BYTES", 40_000)
    monkeypatch.setattr(streaming, "TEXT_AT_ONCE", 3000)
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")


def said(draw) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(3, 20)))


@pytest.fixture
def reviews(tmp_path):
    draw = random.Random(0)
    lines = [f"{said(draw)} no {n}\t{draw.choice(PARTS)}\t{draw.choice(('good', 'bad'))}" for n in range(300)]
    path = tmp_path / "reviews.tsv"
    path.write_text("text\tpart\tliked\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path):
    draw, root = random.Random(1), tmp_path / "pairs"
    root.mkdir()
    for part, rows in (("train", 120), ("valid", 30), ("test", 50)):
        for language in ("de", "en"):
            text = "".join(f"{said(draw)} {part} {n}\n" for n in range(rows))
            (root / f"{part}.{language}").write_text(text, encoding="utf-8")
    return root


def same(one, other) -> bool:
    """Whether columns of examples are the same, ragged ones too."""
    one, other = dict(columns(one)), dict(columns(other))
    if one.keys() != other.keys():
        return False
    return all(
        torch.equal(a.values, b.values) and torch.equal(a.offsets, b.offsets) and (a.pad, a.count) == (b.pad, b.count)
        if isinstance(a, Ragged)
        else torch.equal(a, b)
        for a, b in ((one[name], other[name]) for name in one)
    )


def everything(path):
    shards = Shards(path)
    return {part: shards.view(part).columns(torch.arange(shards.rows[part])) for part in PARTS}


def both(source, target, out, **how):
    """The same data framed from shards and from memory."""
    mapsto.shard(source, out, target, **how)
    return mapsto.frame(out, device="cpu"), mapsto.frame(source, target, device="cpu", **how)


def learned(frame, model, steps, state=None):
    frame.set("model", model).set("algorithm.update.precision", "float32").set("algorithm.batch", 16)
    learner = frame.learner()
    learner.settle(Settled(threads=1, layout="contiguous"))
    if state:
        learner.load_state_dict(state)
    return learner.fit(steps)


def weights(learner):
    return torch.cat([p.detach().reshape(-1) for p in learner.model.parameters()])


@pytest.mark.parametrize("target", ["liked", "en"])
def test_texts_in_shards_are_those_in_memory(request, tmp_path, target):
    source = request.getfixturevalue("reviews" if target == "liked" else "pairs")
    how = {"split_column": "part"} if target == "liked" else {}
    streamed, resident = both(source, target, tmp_path / "out", **how)
    assert streamed.prepared.problem == resident.prepared.problem
    for one, other in (
        (streamed.prepared.input, resident.prepared.input),
        (streamed.prepared.target, resident.prepared.target),
    ):
        assert one.state_dict() == other.state_dict()
    found = everything(tmp_path / "out")
    assert all(same(found[part], resident.prepared.fields[part]) for part in PARTS)
    assert len(list((tmp_path / "out").glob("train-*.row.bin"))) > 1


def test_tagged_sentences_in_shards_are_those_in_memory(tmp_path):
    draw, root = random.Random(2), tmp_path / "corpus"
    root.mkdir()
    for part in ("train", "dev", "test"):
        sentences = ["".join(f"{w}\t{w[0]}\n" for w in said(draw).split()) for _ in range(40)]
        (root / f"{part}.conll").write_text("\n".join(sentences), encoding="utf-8")
    streamed, resident = both(root, "tag", tmp_path / "out", columns=["word", "tag"])
    found = everything(tmp_path / "out")
    assert streamed.prepared.problem == "tagging"
    assert all(same(found[part], resident.prepared.fields[part]) for part in PARTS)
    model = {"name": "recurrent", "width": 4, "embedding": 8, "each": True, "crf": True}
    assert torch.equal(weights(learned(streamed, model, 4)), weights(learned(resident, model, 4)))


def test_what_is_learned_from_shards_is_what_is_learned_from_memory(reviews, tmp_path):
    streamed, resident = both(reviews, "liked", tmp_path / "out", split_column="part")
    model = {"name": "text-cnn", "embedding": 8, "width": 4}
    one, other = learned(streamed, model, 12), learned(resident, model, 12)
    assert one.algorithm.experience.padding == other.algorithm.experience.padding != ""
    assert torch.equal(weights(one), weights(other))
    for split in PARTS:
        assert one.evaluate(split, intervals=False) == other.evaluate(split, intervals=False)


def test_a_run_over_texts_in_shards_goes_on_bit_for_bit(reviews, tmp_path):
    mapsto.shard(reviews, tmp_path / "out", "liked", split_column="part")
    model = {"name": "text-cnn", "embedding": 8, "width": 4}
    whole, first = (learned(mapsto.frame(tmp_path / "out", device="cpu"), model, steps) for steps in (11, 5))
    again = learned(mapsto.frame(tmp_path / "out", device="cpu"), model, 11, first.state_dict())
    assert torch.equal(weights(whole), weights(again))


def test_a_function_answers_for_texts_in_shards_as_for_the_texts(reviews, tmp_path):
    mapsto.shard(reviews, tmp_path / "out", "liked", split_column="part")
    frame = mapsto.frame(tmp_path / "out", device="cpu").set("model", {"name": "bag-of-embeddings", "width": 8})
    result = frame.set("algorithm.until.count", 1).train(tmp_path / "run", baseline_seconds=0)
    f = mapsto.load(result.path)
    asked = inputs_of(f, str(tmp_path / "out"))
    labelled = dict(zip(asked.labels, f.encoded_predictions(asked.column), strict=True))
    lines = reviews.read_text(encoding="utf-8").splitlines()
    for number in (2, 77, 301):
        text, part, _ = lines[number - 1].split("\t")
        torch.testing.assert_close(labelled[f"{part}: line {number}"], f.encoded_predictions([text])[0])
    assert len(labelled) == 300
    scores = mapsto.evaluate(result.path, tmp_path / "out")["scores"]
    assert scores["test"] == result.scores["test"] and scores["valid"] == result.scores["valid"]


def test_reasons_and_attention_are_told_of_texts_in_shards(reviews, tmp_path, capsys):
    lines = reviews.read_text(encoding="utf-8").splitlines()[:61]
    reviews.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mapsto.shard(reviews, tmp_path / "out", "liked", split_column="part")
    frame = mapsto.frame(tmp_path / "out", device="cpu").set(
        "model", {"name": "bert", "width": 8, "heads": 2, "depth": 1}
    )
    result = frame.set("algorithm.until", {"name": "steps", "count": 2}).train(tmp_path / "run", baseline_seconds=0)
    f = mapsto.load(result.path)
    asked = inputs_of(f, str(tmp_path / "out"))
    told, looked = mapsto.why(f, asked.column), mapsto.attention(f, asked.column)
    text, part, _ = lines[36].split("\t")
    place = asked.labels.index(f"{part}: line 37")
    one = mapsto.why(f, text)
    assert len(told) == len(looked) == 60
    torch.testing.assert_close(torch.tensor(told[place].shares), torch.tensor(one.shares), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(looked[place].weights, mapsto.attention(f, text).weights)
    main(["predict", str(result.path), str(tmp_path / "out"), "--why", "--attention", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 60 and all(row["why"] and row["attention"]["rows"] for row in rows)


def test_tags_are_told_of_sentences_in_shards(tmp_path, capsys):
    draw, path = random.Random(4), tmp_path / "all.conll"
    path.write_text(
        "\n".join("".join(f"{w}\t{w[0]}\n" for w in said(draw).split()) for _ in range(60)), encoding="utf-8"
    )
    mapsto.shard(path, tmp_path / "out", "tag", columns=["word", "tag"])
    frame = mapsto.frame(tmp_path / "out", device="cpu").set(
        "model", {"name": "recurrent", "width": 4, "embedding": 8, "each": True}
    )
    result = frame.set("algorithm.until", {"name": "steps", "count": 2}).train(tmp_path / "run", baseline_seconds=0)
    main(["predict", str(result.path), str(tmp_path / "out"), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 60 and all(len(row["tokens"]) == len(row["prediction"]) for row in rows)


def test_long_texts_are_neither_counted_nor_held_whole(reviews, tmp_path, monkeypatch):
    """A sample of few bytes: domains are fitted on a part of the texts, and say so."""
    monkeypatch.setattr(surveying, "BYTES", 40_000)
    long = [line.replace("\t", " so" * 400 + "\t", 1) for line in reviews.read_text(encoding="utf-8").splitlines()[1:]]
    path = tmp_path / "long.tsv"
    path.write_text("text\tpart\tliked\n" + "\n".join(long) + "\n", encoding="utf-8")
    column = surveying.Column()
    column.add(objects([line.split("\t")[0] for line in long]), count=True)
    assert column.counts is None
    mapsto.shard(path, tmp_path / "out", "liked", split_column="part")
    found = mapsto.check(tmp_path / "out", device="cpu")
    assert [f for f in found if f.code == "C081"] and not [f for f in found if f.level == "error"]


def test_tags_that_do_not_match_their_words_leave_no_folder(tmp_path):
    rows = [{"tokens": ["a", "b"], "tags": ["x", "y"]}] * 20 + [{"tokens": ["a", "b"], "tags": ["x"]}]
    data = pandas.DataFrame(rows)
    kinds = {"data.kinds.tokens": "words", "data.kinds.tags": "tags"}
    with pytest.raises(DataError, match="2 words and 1 tag") as caught:
        mapsto.shard(data, tmp_path / "out", "tags", settings=kinds)
    assert caught.value.code == "D148" and not (tmp_path / "out").exists()


def test_what_is_no_text_is_not_translated(tmp_path):
    draw = random.Random(3)
    path = tmp_path / "mixed.tsv"
    path.write_text("size\ten\n" + "".join(f"{n % 7}.5\t{said(draw)} {n}\n" for n in range(60)), encoding="utf-8")
    with pytest.raises(BadInput, match="which is no text") as caught:
        mapsto.shard(path, tmp_path / "out", "en", settings={"data.kinds.en": "text"})
    assert caught.value.code == "D135" and not (tmp_path / "out").exists()
