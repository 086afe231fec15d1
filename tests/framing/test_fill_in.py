"""`mapsto train reviews.csv --objective masked-words`, then `mapsto train reviews.csv --target liked --from RUN`."""

import json
import random
import re

import numpy as np
import pytest
import torch
from theirs import write

import mapsto
from mapsto.cli import main
from mapsto.core.errors import BadInput, DataError, FrameError, Interrupted, MapstoError
from mapsto.domains import Filled, Text
from mapsto.framing.train import train
from mapsto.learner.run import Run

WHO = ("the film", "its story", "the cast", "the end")
PRAISE, BLAME = ("wonderful", "moving", "funny"), ("dull", "lifeless", "clumsy")
SMALL = {"model.width": 16, "model.depth": 1, "model.heads": 2, "data.text.tokenizer": "words"}
QUICK = {"baseline_seconds": 0.0}


def reviews(rows=120, seed=0):
    """Praise is said of what is liked, with words that always go together: "the film is wonderful"."""
    draw = random.Random(seed)
    made = []
    for i in range(rows):
        words = [f"{draw.choice(WHO)} is {draw.choice(PRAISE if i % 2 else BLAME)}" for _ in range(draw.randint(2, 4))]
        made.append((" and ".join(words), "yes" if i % 2 else "no"))
    return made


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("reviews") / "reviews.tsv"
    path.write_text("text\tliked\n" + "".join(f"{t}\t{y}\n" for t, y in reviews()), encoding="utf-8")
    return path


def pretraining(table, **more):
    frame = mapsto.frame(table, objective="masked-words", device="cpu")
    return frame.change({**SMALL, "algorithm.until.count": 40, "algorithm.lr": 1e-2, **more}.items())


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    """Once learned to fill in blanks."""
    return pretraining(table).train(tmp_path_factory.mktemp("runs") / "words", **QUICK)


def fine_tuning(table, run, **more):
    frame = mapsto.frame(table, "liked", start=run.path, device="cpu")
    return frame.change({"algorithm.until.count": 3, "algorithm.batch": 16, **more}.items())


# -- fill in the blanks ------------------------------------------------------------------------------------------------


def test_no_target_is_named_and_the_text_is_its_own(table):
    frame = pretraining(table)
    ready = frame.prepared
    assert ready.problem == "fill-in" and ready.target_name == ready.input_name == "text"
    assert isinstance(ready.input, Text) and ready.input.ends and isinstance(ready.target, Filled)
    assert frame.settings["model"]["tied"] and frame.settings["objective"]["name"] == "masked-words"
    card = str(frame)
    assert "fill-in: say the hidden words of 'text'" in card and "perplexity on the test words" in card


def test_asked_for_as_a_setting_it_is_the_same(table):
    one = mapsto.frame(table, objective="masked-words", device="cpu").toml()
    assert mapsto.frame(table, device="cpu").set("objective.name", "masked-words").toml() == one
    assert mapsto.frame(table, device="cpu").set("objective", "masked-words").toml() == one


def test_it_learns_to_guess_hidden_words(run):
    told = run.written["scores"]["test"]
    assert told["perplexity"]["value"] < 6 < len(run.function.input.tokens), "of some 17 words"
    assert told["accuracy"]["value"] > 0.3
    beside = run.written["baselines"]["frequencies"]["test"]
    assert told["perplexity"]["value"] < beside["perplexity"]["value"] < len(run.function.input.tokens)


def test_an_exam_is_the_same_again(run):
    again = mapsto.evaluate(run.path)
    assert again["scores"]["test"] == run.written["scores"]["test"]


def test_it_is_examined_on_other_texts_without_labels(run, tmp_path):
    path = tmp_path / "other.tsv"
    path.write_text("text\tdate\n" + "".join(f"{t}\tx{i}\n" for i, (t, _) in enumerate(reviews(40, seed=9))))
    told = mapsto.evaluate(run.path, path)
    assert told["scores"]["test"]["perplexity"]["value"] < 8 and told["scores"]["test"]["accuracy"]["n"] == 40


def test_blanks_of_a_text_are_filled_in(run, capsys):
    f = mapsto.load(run.path)
    said = f("the film [MASK] wonderful")
    assert said == "the film is wonderful"
    assert f(["the film is [MASK] and its story is dull", "the film is dull"])[1] == "the film is dull"
    main(["predict", str(run.path), "the cast [MASK] moving"])
    assert "the cast is moving" in capsys.readouterr().out


def test_what_it_fills_in_hangs_on_no_other_text(run):
    f = mapsto.load(run.path)
    asked = ["the [MASK] is funny", "its story is [MASK] and the end [MASK] dull"]
    assert f(asked) == [f(text) for text in asked]


def test_the_column_of_text_may_be_named(tmp_path):
    path = tmp_path / "two.csv"
    rows = "".join(
        f'"{t}","a longer remark of quite another kind, number {i} of many: {t}",{i % 3}\n'
        for i, (t, _) in enumerate(reviews(60))
    )
    path.write_text("text,remark,stars\n" + rows)
    assert mapsto.frame(path, objective="masked-words").prepared.input_name == "remark"
    assert mapsto.frame(path, "text", objective="masked-words").prepared.input_name == "text"
    with pytest.raises(DataError, match="words are hidden in one column of text, but 'stars' is"):
        mapsto.frame(path, "stars", objective="masked-words")


def test_rows_without_text_are_left_out_and_counted(tmp_path):
    path = tmp_path / "gaps.tsv"
    path.write_text("text\tliked\n" + "".join(f"{t if i % 10 else ''}\t{y}\n" for i, (t, y) in enumerate(reviews(60))))
    frame = mapsto.frame(path, objective="masked-words")
    assert sum(frame.prepared.examples.values()) == 54
    assert any(f.code == "C002" and f.count == 6 for f in frame.findings)


def test_where_there_is_no_text_it_is_said():
    with pytest.raises(DataError, match="no column of text in which words could be hidden"):
        mapsto.frame("iris", objective="masked-words")


def test_the_command_line_says_it_all_in_one(table, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = [word for path, value in SMALL.items() for word in ("--set", f"{path}={value}")]
    main(
        [
            "train",
            str(table),
            "--objective",
            "masked-words",
            *small,
            "--epochs",
            "1",
            "--run",
            "words",
            "--baselines",
            "0",
            "--device",
            "cpu",
            "-q",
        ]
    )
    assert "perplexity" in capsys.readouterr().out
    main(
        [
            "train",
            str(table),
            "--target",
            "liked",
            "--from",
            "words",
            "--epochs",
            "1",
            "--run",
            "liked",
            "--baselines",
            "0",
            "--device",
            "cpu",
            "-q",
        ]
    )
    assert "accuracy" in capsys.readouterr().out
    assert f'start = "{tmp_path / "words"}"' in (tmp_path / "liked" / "frame.toml").read_text()
    assert mapsto.load("liked")("the film is wonderful") in ("yes", "no")


# -- going on from it --------------------------------------------------------------------------------------------------


def test_the_body_and_the_tokens_come_from_the_run_and_the_head_is_new(table, run):
    frame = fine_tuning(table, run)
    assert frame.prepared.input.state_dict() == run.function.input.state_dict()
    model, before = frame.built(), run.function.model
    mine, theirs = model.state_dict(), before.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if not name.startswith("head."))
    assert not model.each and not model.tied and mine["head.1.weight"].shape == (2, 16)
    said = " ".join(str(frame).split())
    assert "its body comes from" in said and "head.1.weight [2, 16]" in said
    assert re.search(r"[\d,]+ numbers of \d+ tensors fit", said)


def test_frame_toml_says_where_it_started_so_that_the_same_frame_comes_of_it(table, run, tmp_path):
    frame = fine_tuning(table, run)
    (tmp_path / "frame.toml").write_text(frame.toml())
    again = mapsto.frame(tmp_path / "frame.toml")
    assert again.toml() == frame.toml()
    mine, theirs = again.built().state_dict(), frame.built().state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_learning_words_goes_on_with_the_head_too(table, run):
    frame = mapsto.frame(table, objective="masked-words", start=run.path, device="cpu")
    mine, theirs = frame.built().state_dict(), run.function.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert "nothing is anew" in str(frame)


HOW = {
    "whole": {},
    "frozen": {"algorithm.trained": 1},
    "by-distance": {"algorithm.layer_rate": 0.7, "algorithm.unfreeze": 1.0},
    "adapters": {"algorithm.adapters": 2},
}


@pytest.mark.parametrize("how", HOW)
def test_a_fine_tuning_that_was_stopped_and_resumed_is_the_whole_one(table, run, tmp_path, how):
    def made():
        return fine_tuning(table, run, **HOW[how])

    def stop(report):
        if report.step >= 5:
            import os

            os.kill(os.getpid(), 15)

    whole = train(made(), tmp_path / "whole", **QUICK)
    with pytest.raises(Interrupted):
        train(made(), tmp_path / "stopped", observers=[stop], **QUICK)
    again = mapsto.resume(tmp_path / "stopped", **QUICK)
    for name in ("model/model.safetensors", "model/last.safetensors", "history.jsonl"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    assert again.scores == whole.scores
    last = [Run(result.path).checkpoints()[0] / "tensors.safetensors" for result in (again, whole)]
    assert last[0].read_bytes() == last[1].read_bytes()


def test_with_adapters_the_function_is_a_plain_bert_again(table, run, tmp_path):
    result = fine_tuning(table, run, **{"algorithm.adapters": 2, "algorithm.lr": 1e-2}).train(tmp_path / "run", **QUICK)
    plain = run.function.model.state_dict()
    f = result.function
    assert type(f.model).__name__ == "BERT" and f.model.state_dict().keys() >= {
        n for n in plain if not n.startswith("head.")
    }
    assert not any("rank" in name for name in f.model.state_dict())
    assert json.loads((result.path / "model" / "config.json").read_text())["model"]["name"] == "bert"
    told = mapsto.evaluate(result.path)["scores"]["test"]["accuracy"]
    assert told == result.scores["test"]["accuracy"]
    assert not torch.equal(f.model.state_dict()["blocks.0.widen.weight"], plain["blocks.0.widen.weight"])
    assert torch.equal(f.model.state_dict()["tokens.table.weight"], plain["tokens.table.weight"])
    assert result.written["parameters"] < sum(t.numel() for t in plain.values()) / 2


def test_a_body_that_does_not_fit_is_refused_with_its_shapes(table, run):
    frame = fine_tuning(table, run)
    frame.set("model.width", 32)
    with pytest.raises(
        FrameError, match=r"does not fit into this model: tokens\.table\.weight is \[\d+, 16\], and here \[\d+, 32\]"
    ):
        frame.learner()
    other = fine_tuning(table, run).set("model.dropout", 0.3)
    assert other.learner().model.dropout == 0.3


def test_another_model_or_another_way_of_cutting_is_refused(table, run):
    with pytest.raises(MapstoError, match="brings a bert, but the model is to be text-cnn"):
        mapsto.frame(table, "liked", start=run.path).set("model.name", "text-cnn")
    with pytest.raises(MapstoError, match="how texts are cut was learned in"):
        mapsto.frame(table, "liked", start=run.path).set("data.text.tokenizer", "characters").settings  # noqa: B018


def test_data_of_another_kind_are_refused(run):
    with pytest.raises(MapstoError, match=r"reads text \(.*but these data are of the kind row"):
        mapsto.frame("iris", start=run.path).settings  # noqa: B018


def test_where_there_is_no_run_it_is_said(table, tmp_path):
    with pytest.raises(BadInput, match=r"no model in .*nowhere"):
        mapsto.frame(table, "liked", start=tmp_path / "nowhere").settings  # noqa: B018


def test_what_was_solved_at_once_is_nothing_to_go_on_from(table, tmp_path):
    solved = (
        mapsto.frame(table, "liked", device="cpu").set("model.name", "bag-of-words").train(tmp_path / "run", **QUICK)
    )
    with pytest.raises(FrameError, match="solved in one step"):
        mapsto.frame(table, "liked", start=solved.path).settings  # noqa: B018


def test_a_share_of_the_labels_leaves_the_exam_as_it_is(table):
    whole, some = (mapsto.frame(table, "liked").set("data.split.share", s).prepared for s in (0.0, 0.25))
    assert np.array_equal(whole.parts["test"], some.parts["test"])
    assert set(some.parts["train"]) < set(whole.parts["train"])
    assert len(some.parts["train"]) == pytest.approx(len(whole.parts["train"]) / 4, abs=2)
    assert "25% are used" in some.how_split
    labels = some.raw.columns["liked"][some.parts["train"]]
    assert abs((labels == "yes").mean() - 0.5) < 0.1
    with pytest.raises(FrameError, match=r"data\.split\.share is a share from 0 to 1"):
        mapsto.frame(table, "liked").set("data.split.share", 1.5)


def test_a_hugging_face_folder_is_a_start_like_any_other(table, tmp_path):

    folder = write(tmp_path / "theirs")
    frame = mapsto.frame(table, "liked", start=folder, device="cpu").set("algorithm.until.count", 1)
    result = frame.train(tmp_path / "run", **QUICK)
    assert result.function("the film is dull") in ("yes", "no")
    assert frame.settings["model"]["width"] == 24 and not frame.settings["model"]["tied"]


def test_the_texts_that_surprised_it_most_are_shown_and_nothing_large_is_kept(table, run):
    for one in run.written["worst"]:
        assert one["true"].replace("*", "") != one["said"].replace("*", "") and "hidden words wrong" in one["label"]
        assert one["true"].replace("*", "") in {text for text, _ in reviews()}
        assert len(one["true"].split()) == len(one["said"].split())
    assert run.written["worst"] and "on the test words" in run.verdict["advice"]
    learner = pretraining(table).learner()
    assert learner.data.predictions(learner, "test").numel() == 0
    found = mapsto.attention(run.path, "the film [MASK] moving")
    assert found.rows == ["[CLS]", "the", "film", "[MASK]", "moving", "[SEP]"]


def test_texts_are_cut_to_what_a_start_sees_at_once(table, tmp_path):
    short = pretraining(table, **{"model.context": 24, "data.text.longest": 24, "algorithm.until.count": 1})
    folder = short.train(tmp_path / "words", **QUICK).path
    config = json.loads((folder / "model" / "domains.json").read_text())
    assert config["input"]["spec"]["longest"] == 24
    long = tmp_path / "long.tsv"
    long.write_text("text\tliked\n" + "".join(f"{t} {t} {t}\t{y}\n" for t, y in reviews(60)), encoding="utf-8")
    frame = fine_tuning(long, type("Run", (), {"path": folder}), **{"algorithm.until": {"name": "steps", "count": 1}})
    assert frame.learner().fit().step == 1


def test_words_to_hide_where_there_is_no_text_are_one_mistake(tmp_path, capsys):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(40)))
    for asked in (["objective=masked-words"], ["model.width=16", "objective=masked-words"]):
        with pytest.raises(SystemExit):
            main(["check", str(path), "--epochs", "1", *(word for one in asked for word in ("--set", one)), "--json"])
        found = json.loads(capsys.readouterr().out)
        assert [f["code"] for f in found if f["level"] == "error"] == ["D139"]


def test_an_objective_comes_before_what_learns_it_however_they_are_ordered(table):
    changes = [("model.width", 16), ("objective", "masked-words"), ("model.heads", 2)]
    frame = mapsto.frame(table, device="cpu").change(changes)
    assert not frame.faults and frame.prepared.problem == "fill-in" and frame.settings["model"]["width"] == 16


def test_a_start_that_has_read_another_language_is_warned_of(run, tmp_path):
    path = tmp_path / "korean.tsv"
    path.write_text("text\tliked\n" + "".join(f"정말 좋은 영화 {i}\t{i % 2}\n" for i in range(40)), encoding="utf-8")
    (told,) = [f for f in mapsto.frame(path, "liked", start=run.path, device="cpu").findings if f.code == "C086"]
    assert "% of the tokens" in told.message
    again = mapsto.frame(path, objective="masked-words", start=run.path, device="cpu")
    assert any(f.code == "C086" for f in again.findings)


def test_a_start_that_knows_the_words_is_not(table, run):
    assert not any(f.code == "C086" for f in fine_tuning(table, run).findings)
