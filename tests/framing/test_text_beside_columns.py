"""A table whose rows are about a text, and that has other columns: `mapsto train reviews.csv --target liked`."""

import csv
import os
import random
from pathlib import Path

import pandas
import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import MapstoError
from mapsto.data.shards import PARTS
from mapsto.domains import Row, Text
from mapsto.estimator.classifier import Classifier
from mapsto.export.inputs import inputs_of

DATA = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
TITANIC = DATA / "titanic" / "train.csv"
PRAISE, BLAME = ("wonderful", "moving", "funny"), ("dull", "lifeless", "clumsy")
PLACES = ("the film is", "I found the story", "its cast is", "on the whole, the end was")
COLUMNS = ("who", "text", "stars", "day", "liked")


def reviews(rows=200, seed=0):
    """Half of them praise or blame; of the others only the stars tell."""
    draw = random.Random(seed)
    made = []
    for i in range(rows):
        good = i % 2
        words = (PRAISE if good else BLAME) if i % 4 < 2 else PRAISE + BLAME
        text = ", and ".join(f"{draw.choice(PLACES)} {draw.choice(words)}" for _ in range(3))
        stars = draw.randint(1, 5) if i % 4 < 2 else draw.randint(4, 5) if good else draw.randint(1, 2)
        made.append(
            (
                draw.choice(("Kim", "Lee", "Park")),
                f"{text} . no {i}",
                stars,
                f"2024-0{1 + i % 9}-11",
                ["no", "yes"][good],
            )
        )
    return made


def written(path, rows, columns=COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return written(tmp_path_factory.mktemp("reviews") / "reviews.csv", reviews())


def small(source, **more):
    frame = mapsto.frame(source, target="liked", device="cpu")
    quick = {"model.width": 24, "model.embedding": 32, "algorithm.until.count": 20, "algorithm.lr": 6e-3}
    return frame.change({**quick, **more}.items())


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    return small(table).train(tmp_path_factory.mktemp("run") / "r", baseline_seconds=120)


def test_the_text_that_rows_are_about_is_read_beside_the_others(table):
    frame = mapsto.frame(table, target="liked", device="cpu")
    kinds = {name: kind.name for name, kind in frame.prepared.kinds.items()}
    assert kinds == {"who": "category", "text": "text", "stars": "number", "day": "date", "liked": "category"}
    assert isinstance(frame.prepared.input, Row) and frame.settings["model"]["name"] == "text-cnn"
    card = " ".join(str(frame).split())
    assert "text (" in card and "1 number, 1 date, 1 category" in card and "[tokens + " in card
    assert "the columns beside it" in card and "padding" in card
    assert not [f for f in frame.findings if f.code == "C013"]
    assert "mlp" not in frame.proposal.instead["model"] and "bag-of-words" in frame.proposal.instead["model"]


def test_it_learns_from_both_and_says_what_simple_models_do_not_see(run):
    told, beside = run.scores["test"]["accuracy"]["value"], run.written["baselines"]
    assert told > 0.85
    assert beside["bag-of-words"]["note"] == ""
    assert (
        beside["gradient-boosting"]["note"] == "without the text"
        and told > beside["gradient-boosting"]["test"]["accuracy"]["value"]
    )
    assert beside["majority"]["note"] == ""


def test_it_answers_for_a_row_and_for_a_file_of_them(run, table, capsys):
    f = run.function
    row = dict(zip(COLUMNS, reviews()[0], strict=True))
    assert f(row) == "no" and f([row, {**row, "text": "the film is moving . no 5", "stars": 5}])[1] == "yes"
    assert f({**row, "text": None, "who": "nobody", "stars": None}) in ("yes", "no")
    main(["predict", str(run.path), str(table), "--csv"])
    assert len(capsys.readouterr().out.splitlines()) == 201
    main(["evaluate", str(run.path), str(table)])
    assert "accuracy" in capsys.readouterr().out
    with pytest.raises(MapstoError, match="takes a row"):
        f("the film is dull")


def test_the_command_line_takes_a_text_of_which_nothing_else_is_known(run, capsys):
    main(["predict", str(run.path), "the film is lifeless , and its cast is dull", "--why"])
    said = capsys.readouterr()
    assert "no" in said.out and "dull +" in said.out
    assert "nothing is known beside the text: missing are who, stars, day" in said.err
    with pytest.raises(SystemExit):
        main(["predict", str(run.path), "misspelt.csv"])
    assert "D105" in capsys.readouterr().err


def test_runs_on_one_exam_are_set_beside_each_other_however_they_read_it(run, table, tmp_path, capsys):
    frame = mapsto.frame(table, target="liked", device="cpu")
    frame.change((f"data.kinds.{name}", "leave-out") for name in ("who", "stars", "day"))
    alone = frame.set("model.name", "bag-of-words").train(tmp_path / "alone", baseline_seconds=0)
    main(["compare", str(run.path), str(alone.path)])
    assert "cannot be set against each other" not in capsys.readouterr().err
    other = (
        mapsto.frame(table, "liked", split_seed=1, device="cpu").set("model.name", "prior").train(tmp_path / "other")
    )
    main(["compare", str(run.path), str(other.path)])
    assert "cannot be set against each other" in capsys.readouterr().err


def test_what_it_says_of_a_row_hangs_on_no_other(run):
    f = run.function
    columns = {name: [row[k] for row in reviews(40, seed=1)] for k, name in enumerate(COLUMNS)}
    together, _ = f.column(columns)
    alone = [f.encoded_predictions({name: values[i : i + 1] for name, values in together.items()}) for i in range(40)]
    torch.testing.assert_close(f.encoded_predictions(together), torch.cat(alone))


def test_it_says_which_words_spoke_for_its_answer(run, tmp_path, capsys):
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in reviews(3)]
    rows[0]["text"] = "the film is dull and its cast is lifeless"
    told = mapsto.why(run.path, rows)
    spoke = dict(zip(told[0].tokens, told[0].shares, strict=True))
    assert max(spoke, key=spoke.get) in ("dull", "lifeless") and len(told) == 3
    path = written(tmp_path / "asked.csv", [tuple(row.values()) for row in rows])
    main(["predict", str(run.path), str(path), "--why"])
    assert "dull +" in capsys.readouterr().out
    assert [word for word, _ in mapsto.nearest(run.path, "dull", 3)]


def test_the_report_shows_the_words_and_what_stood_beside(table, tmp_path):
    result = small(table, **{"algorithm.until.count": 1, "algorithm.lr": 1e-6}).train(
        tmp_path / "run", baseline_seconds=0
    )
    page = (result.path / "report.html").read_text(encoding="utf-8")
    worst = page[page.index("Its worst mistakes") :]
    assert 'class="for4"' in worst and "stars " in worst and "who " in worst
    assert any(word in result.written["worst"][0]["asked"] for word in PRAISE + BLAME)


def test_where_a_model_looked_is_told_of_rows_too(table, tmp_path):
    frame = mapsto.frame(table, target="liked", device="cpu").set("model.name", "bert").set("model.depth", 1)
    frame.change({"model.width": 16, "model.heads": 2, "algorithm.until": {"name": "steps", "count": 2}}.items())
    result = frame.train(tmp_path / "run", baseline_seconds=0)
    row = dict(zip(COLUMNS, reviews()[0], strict=True)) | {"text": "the film is dull"}
    assert mapsto.attention(result.path, row).rows == ["the", "film", "is", "dull"]


def test_names_and_several_long_texts_are_left_out_and_it_is_said_how_to_read_them(tmp_path):
    rows = [(*row, f"{row[0]} Min Soo {i}", row[1][::-1]) for i, row in enumerate(reviews(80))]
    path = written(tmp_path / "two.csv", rows, (*COLUMNS, "name", "remark"))
    frame = mapsto.frame(path, target="liked", device="cpu")
    (told,) = [f for f in frame.findings if f.code == "C013"]
    assert told.count == 3 and "--set data.kinds.COLUMN=text" in str(frame)
    asked = (
        mapsto.frame(path, target="liked", device="cpu").set("data.kinds.text", "text").set("data.kinds.remark", "text")
    )
    assert set(asked.prepared.input.texts) == {"text", "remark"} and "2 texts (" in str(asked)
    assert asked.set("algorithm.until", {"name": "steps", "count": 2}).learner().fit().evaluate("valid")


def test_a_model_of_columns_says_that_it_does_not_see_the_text(table):
    frame = mapsto.frame(table, target="liked", device="cpu").set("model.name", "mlp")
    assert "sees what stands beside the text, and not the text" in " ".join(str(frame).split())
    assert not any("tokens" in name for name in frame.built().state_dict())


def test_a_text_can_be_read_alone(table):
    frame = mapsto.frame(table, target="liked", device="cpu")
    frame.change((f"data.kinds.{name}", "leave-out") for name in ("who", "stars", "day"))
    assert isinstance(frame.prepared.input, Text)


@pytest.mark.skipif(not TITANIC.exists(), reason="no shared data here")
def test_names_of_passengers_are_no_prose():
    frame = mapsto.frame(TITANIC, target="Survived", device="cpu")
    assert frame.prepared.kinds["Name"].name == "aside" and not frame.prepared.row.texts
    assert mapsto.frame(TITANIC, "Survived", device="cpu").set("data.kinds.Name", "text").prepared.row.texts


def test_a_body_that_has_read_the_text_alone_goes_on_beside_columns(table, tmp_path):
    tiny = {
        "model.width": 16,
        "model.depth": 1,
        "model.heads": 2,
        "data.text.tokenizer": "words",
        "algorithm.until.count": 1,
    }
    words = (
        mapsto.frame(table, objective="masked-words", device="cpu")
        .change(tiny.items())
        .train(tmp_path / "words", baseline_seconds=0)
    )
    frame = mapsto.frame(table, target="liked", start=words.path, device="cpu").set("algorithm.until.count", 1)
    text = words.function.input
    assert frame.prepared.row.texts["text"].state_dict() == text.state_dict()
    assert "head.2." in " ".join(str(frame).split())
    mine, theirs = frame.built().state_dict(), words.function.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if not name.startswith("head."))
    result = frame.train(tmp_path / "liked", baseline_seconds=0)
    alone = written(tmp_path / "alone.csv", [(row[1], row[4]) for row in reviews()], ("text", "liked"))
    again = mapsto.frame(alone, target="liked", start=result.path, device="cpu")
    assert isinstance(again.prepared.input, Text) and again.prepared.input.state_dict() == text.state_dict()
    assert again.built().state_dict().keys() < result.function.model.state_dict().keys()


def test_from_shards_it_is_what_it_is_from_memory(table, tmp_path):
    mapsto.shard(table, tmp_path / "out", "liked")
    frame = small(tmp_path / "out", **{"algorithm.until.count": 1})
    assert frame.prepared.row.texts and frame.prepared.kinds["text"].name == "text"
    result = frame.train(tmp_path / "run", baseline_seconds=0)
    f = result.function
    asked = inputs_of(f, str(tmp_path / "out"))
    labelled = dict(zip(asked.labels, f.encoded_predictions(asked.column), strict=True))
    rows = reviews()
    for number in (2, 77, 201):
        (label,) = [label for label in labelled if label in {f"{part}: line {number}" for part in PARTS}]
        row = {name: [value] for name, value in zip(COLUMNS, rows[number - 2], strict=True)}
        torch.testing.assert_close(labelled[label], f.encoded_predictions(f.column(row)[0])[0])


def test_an_estimator_reads_it_too_row_by_row():
    X = pandas.DataFrame(reviews(120), columns=COLUMNS)
    y = X.pop("liked").to_numpy()
    learned = Classifier(
        epochs=20, learning_rate=6e-3, settings={"model.width": 24, "model.embedding": 32}, device="cpu"
    ).fit(X, y)
    assert learned.left_out_ == {} and learned.score(X, y) > 0.8
    shares = learned.predict_proba(X)
    assert (shares[7:8] == learned.predict_proba(X.iloc[7:8])).all(), "not in the last bit"
    texts = Classifier(epochs=2, device="cpu").fit(X[["text"]], y)
    assert len(texts.predict(X[["text"]])) == 120
