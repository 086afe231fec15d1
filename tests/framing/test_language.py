"""From a text to a function that goes on with it: `mapsto train shakespeare.txt`."""

import itertools
import json

import numpy as np
import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import BadInput, DataError, FrameError, MapstoError
from mapsto.domains import Text
from mapsto.domains.tokenizer import END
from mapsto.framing.language import PIECE, domain_of, pieces, tokens_of

WORDS = ("king", "queen", "fool", "wise", "dead", "merry", "night", "day")


def verse(lines=400, seed=0):
    draw = np.random.default_rng(seed)
    return "".join(f"The {a} was {b}, and the {a} is {b}.\n" for a, b in draw.choice(WORDS, (lines, 2)))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("verse") / "verse.txt"
    path.write_text(verse(), encoding="utf-8")
    return path


def small(text, **how):
    frame = mapsto.frame(text, device="cpu", **how).set("data.window", 32)
    frame.set("model", {"name": "gpt", "width": 32, "depth": 1, "heads": 2, "context": 32})
    return frame.set("algorithm.until", {"name": "steps", "count": 150})


@pytest.fixture(scope="module")
def run(text, tmp_path_factory):
    return small(text).train(tmp_path_factory.mktemp("run") / "r", baseline_seconds=5)


# -- the frame


def test_a_text_is_framed_as_what_comes_next(text):
    frame = mapsto.frame(text)
    card = " ".join(str(frame).split())
    assert frame.prepared.problem == "language-model" and frame.settings["model"]["name"] == "gpt"
    for said in (
        "text from itself",
        "say what comes next in 'text'",
        "tokens to train",
        "by place: the first 90 % trains, then 5 % valid, 5 % test",
        "nats-per-token on the test tokens",
        "characters",
        "or n-gram",
        "D085",
    ):
        assert said in card, said


def test_the_split_is_by_place_to_the_character(text):
    whole, ready = verse(), mapsto.frame(text).prepared
    parts = [ready.raw.columns["text"][ready.parts[part]].tolist() for part in ("train", "valid", "test")]
    assert "".join(itertools.chain(*parts)) == whole
    first = int(len(whole) * 0.9)
    assert parts[0] == [whole[:first]] and len(parts[1][0]) == pytest.approx(0.05 * len(whole), abs=1)
    nano = mapsto.frame(text).set("data.split.valid", 0.1).set("data.split.test", 0.0).prepared
    assert nano.raw.columns["text"].tolist() == [whole[:first], whole[first:]] and not len(nano.parts["test"])


def test_targets_are_the_tokens_that_come_next_and_every_exam_token_is_there_once(text):
    ready = mapsto.frame(text).set("data.window", 50).prepared
    for part in ("valid", "test"):
        tokens = tokens_of(ready.input, ready.raw.columns["text"][ready.parts[part]])
        fields = ready.fields[part]
        assert fields["input"]["tokens"].values.tolist() == tokens[:-1].tolist()
        assert fields["target"].values.tolist() == tokens[1:].tolist()
        assert set(fields["target"].lengths.tolist()) - {50} in (set(), {(len(tokens) - 1) % 50})
    train = ready.fields["train"]
    assert (train["input"]["tokens"].values[1:] == train["target"].values[:-1]).all()
    assert ready.examples == {part: len(ready.fields[part]["target"].values) for part in ready.parts}


def test_tokens_are_learned_from_the_training_part_alone_and_strange_ones_are_counted(tmp_path):
    path = tmp_path / "two.txt"
    path.write_text(verse(300) + "ÆÆÆÆ\n" * 40, encoding="utf-8")
    frame = mapsto.frame(path)
    assert "Æ" not in {frame.prepared.input.tokens.token(n) for n in range(frame.prepared.target.outputs)}
    (told,) = [f for f in frame.findings if f.code == "C085"]
    assert told.count == 160 and "count as unknown" in told.message


def test_few_letters_are_characters_and_many_are_byte_pairs():
    assert domain_of([verse(50)], {}).way == "characters"
    many = "".join(chr(0xAC00 + k) for k in range(400)) + " "
    assert domain_of([many * 30], {}).way == "byte-pairs"
    assert domain_of([verse(50)], {"tokenizer": "words"}).way == "words"


def test_a_text_is_cut_into_pieces_at_line_ends_and_comes_back_whole():
    long = verse(1200) + "x" * (3 * PIECE) + "\n" + verse(10)
    cut = list(pieces(long))
    assert "".join(cut) == long and max(map(len, cut)) == PIECE
    assert sum(piece.endswith("\n") for piece in cut) >= len(cut) - 4
    domain = domain_of([long], {})
    assert domain.decode(tokens_of(domain, [long])[None].long()) == [long]


def test_between_two_texts_stands_an_end(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(verse(100), encoding="utf-8")
    ready = mapsto.frame(tmp_path).prepared
    tokens = ready.fields["train"]["input"]["tokens"].values
    assert int((tokens == END).sum()) == 2
    assert int((ready.fields["valid"]["target"].values == END).sum()) == 0


def test_files_called_so_are_examined(tmp_path):
    for name, seed in ("train.txt", 1), ("valid.txt", 2), ("test.txt", 3):
        (tmp_path / name).write_text(verse(100, seed), encoding="utf-8")
    ready = mapsto.frame(tmp_path).prepared
    texts = {part: ready.raw.columns["text"][rows].tolist() for part, rows in ready.parts.items()}
    assert texts == {"train": [verse(100, 1)], "valid": [verse(100, 2)], "test": [verse(100, 3)]}
    assert ready.how_split.startswith("given by the names of the files")


def test_another_text_may_be_the_exam(text, tmp_path):
    (tmp_path / "other.txt").write_text(verse(50, 9), encoding="utf-8")
    ready = mapsto.frame(text, test=tmp_path / "other.txt").prepared
    assert ready.raw.columns["text"][ready.parts["test"]].tolist() == [verse(50, 9)]
    assert ready.how_split.startswith("given: the test is a text of its own; by place: the first 95 % trains")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"the separate exam table\.csv is no plain text"):
        _ = mapsto.frame(text, test=tmp_path / "table.csv").prepared


def test_a_frame_written_down_is_the_same_frame(text, tmp_path):
    frame = small(text)
    (tmp_path / "frame.toml").write_text(frame.toml(), encoding="utf-8")
    again = mapsto.frame(tmp_path / "frame.toml")
    assert again.toml() == frame.toml()
    assert again.prepared.digest == frame.prepared.digest
    assert again.settings["data"]["window"] == 32


@pytest.mark.parametrize("way", [{"group": "text"}, {"time": "text"}, {"folds": 5}, {"split_column": "text"}])
def test_a_text_is_divided_by_place_and_in_no_other_way(text, way):
    with pytest.raises(FrameError, match="a text is divided by place"):
        mapsto.frame(text, **way).learner()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("data.window", 0, "a whole number of tokens above 0"),
        ("data.window", 100_000, "more than a window of 100000 are needed to train"),
        ("data.split.test", 0.99, "add up to less than 1"),
        ("data.text.tokenizer", "letters", "tokenizer"),
        ("model.heads", 5, "cannot be parted into 5 heads"),
        ("model.context", 16, "at most 16 tokens at once, but came 128"),
        ("objective", "cross-entropy", "cross-entropy is for classification, but this is language-model"),
    ],
)
def test_settings_that_cannot_be_are_refused(text, path, value, said):
    with pytest.raises(MapstoError, match=said):
        mapsto.frame(text).set(path, value).learner().fit(1)


def test_too_little_text_is_refused(tmp_path):
    path = tmp_path / "word.txt"
    path.write_text("word", encoding="utf-8")
    with pytest.raises(DataError, match="tokens to train on"):
        mapsto.frame(path).learner()


# -- the run


def test_it_learns_and_beats_counts(run):
    leading = {name: scores["test"]["nats-per-token"]["value"] for name, scores in run.baselines.items()}
    mine = run.scores["test"]["nats-per-token"]["value"]
    assert leading["frequencies"] > leading["bigram"] > mine
    assert run.scores["test"]["bits-per-byte"]["value"] == pytest.approx(mine / np.log(2), rel=1e-6)
    assert run.scores["test"]["word-perplexity"]["value"] > np.exp(mine)
    assert run.verdict["take"] == "deep"


def test_the_function_goes_on_with_a_text(run):
    f = mapsto.load(run.path)
    said = f("The king")
    assert 0 < len(said) <= 200 and said == f("The king") != f("The fool")
    assert f(["The king", "The fool"]) == [f("The king"), f("The fool")]
    assert "".join(f.continued("The king", length=17, temperature=0.0)) == "".join(
        itertools.islice(f.continued("The king", length=400, temperature=0.0), 17)
    )
    assert len("".join(f.continued("The", length=100))) == 100  # far beyond its context
    assert f("") and f({"text": "The"}) == f("The")
    assert "�" not in f("ÆÆ")[1:]


def test_another_text_can_be_examined_and_its_own_again(run, tmp_path):
    assert mapsto.evaluate(run.path)["scores"] == run.scores
    (tmp_path / "other.txt").write_text(verse(60, 5), encoding="utf-8")
    other = mapsto.evaluate(run.path, tmp_path / "other.txt")["scores"]["test"]["nats-per-token"]
    assert other["value"] == pytest.approx(run.scores["test"]["nats-per-token"]["value"], rel=0.2)
    (tmp_path / "strange.txt").write_text("zzz qqq!!! " * 200, encoding="utf-8")
    strange = mapsto.evaluate(run.path, tmp_path / "strange.txt")["scores"]["test"]["nats-per-token"]
    assert strange["value"] > 2 * other["value"]


def test_the_report_shows_how_it_goes_on(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "How it goes on" in page and '<pre class="text"><b>' in page and "loss over steps" in page


def test_the_command_line_goes_on_with_a_text(run, tmp_path, capsys, monkeypatch):
    main(
        ["predict", str(run.path), "The king", "--length", "20", "--temperature", "0.5", "--top-k", "5", "--seed", "3"]
    )
    said = capsys.readouterr().out
    f = mapsto.load(run.path)
    assert said == "The king" + "".join(f.continued("The king", 20, 0.5, 5, 1.0, 3)) + "\n"
    (tmp_path / "begun.txt").write_text("The king", encoding="utf-8")
    main(["predict", str(run.path), str(tmp_path / "begun.txt"), "--length", "20", "--json"])
    assert json.loads(capsys.readouterr().out) == [
        {"input": "The king", "prediction": "".join(f.continued("The king", 20))}
    ]


@pytest.mark.parametrize("option", ["--csv", "--top=3", "--threshold=0.5", "--why"])
def test_what_is_for_answers_is_refused(run, option, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(run.path), "The king", option])
    assert "goes on with a text" in capsys.readouterr().err


def test_a_model_of_another_kind_goes_on_with_nothing(run):
    f = mapsto.load(run.path)
    f.model = torch.nn.Linear(2, 2)
    with pytest.raises(BadInput, match="Linear does not go on with a text"):
        f("The king")


def test_counts_alone_can_be_trained_and_go_on(text, tmp_path):
    frame = mapsto.frame(text).set("model.name", "n-gram")
    run = frame.train(tmp_path / "run", baseline_seconds=0)
    assert run.written["steps"] == 1
    assert mapsto.load(run.path).input.__class__ is Text
    assert len("".join(mapsto.load(run.path).continued("The", length=30))) == 30


def test_it_is_resumed_bit_for_bit(text, tmp_path):
    from mapsto.core.state import pack, unpack

    whole, before, after = (small(text).learner() for _ in range(3))
    before.fit(60)
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert pack(whole.fit(100).state_dict()) == pack(after.fit(100).state_dict())


def test_a_text_that_is_its_own_teacher_is_read_line_by_line(text):
    ready = mapsto.frame(text, objective="masked-words").prepared
    assert ready.problem == "fill-in" and len(ready.raw) == 400
    assert ready.raw.labels[2] == "verse.txt line 3"
    assert ready.raw.columns["text"][2] == verse().split("\n")[2]


def test_another_run_may_go_on_from_this_one(run, text, tmp_path):
    (tmp_path / "more.txt").write_text(verse(200, 7), encoding="utf-8")
    frame = mapsto.frame(tmp_path / "more.txt", start=run.path).set("data.window", 32)
    assert frame.prepared.input.state_dict() == mapsto.load(run.path).input.state_dict()
    begun, anew = frame.learner(), small(tmp_path / "more.txt").learner()
    scores = [learner.evaluate("valid")["nats-per-token"].value for learner in (begun, anew)]
    assert scores[0] < 1.5 < 2.5 < scores[1]


def test_where_it_looked_stands_under_what_it_wrote(run, capsys):
    main(["predict", str(run.path), "The king", "--length", "5", "--attention"])
    said = capsys.readouterr().out
    assert said.startswith("The king") and "where it looked (blocks.0.attention, the mean over its heads)" in said
    found = mapsto.attention(run.path, "The king was dead, and the king is merry.")
    assert len(found.rows) == 32 and (found.weights.triu(1) == 0).all()  # the last tokens that are seen at once
    main(["predict", str(run.path), "The king", "--length", "5", "--attention", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["attention"]["rows"] == ["T", "h", "e", "␣", "k", "i", "n", "g"]


def test_the_windows_that_surprised_it_most_are_shown(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "the less it was expected" in page and "nats a token" in page and "Where it looks" in page
    whole = verse()
    exam = whole[int(len(whole) * 0.95) :]
    worst = run.written["worst"]
    assert worst[0]["true"].replace("*", "").replace("⏎", "\n").strip() in exam and "said" not in worst[0]
    nats = [float(one["label"].split(": ")[1].split()[0]) for one in worst]
    assert nats == sorted(nats, reverse=True) and nats[0] > run.scores["test"]["nats-per-token"]["value"]
    assert "on the test tokens" in run.verdict["advice"]
