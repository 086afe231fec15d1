"""`mapsto train pictures --objective variational`, `mapsto predict RUN --given …`: framing, learning, drawing, judging."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

import mapsto
from mapsto.core.errors import FrameError, Interrupted, MapstoError
from mapsto.data.frames import objects
from mapsto.domains import Category, Text
from mapsto.domains.sheet import sheet, squared
from mapsto.framing.source import frame_data
from mapsto.framing.train import train
from mapsto.learner.run import Run

QUICK = {"baseline_seconds": 0.0}
SMALL = {"model.latent": 4, "model.width": 16, "algorithm.batch": 32}
DRAWERS = ("variational", "adversarial", "reconstruction")


def shades(rows=200, kinds=("dark", "bright")):
    """Dark and bright squares of 8 × 8 pixels, and a few words about each."""
    draw = np.random.default_rng(0)
    kind = np.array([kinds[i % len(kinds)] for i in range(rows)], object)
    level = np.where(kind == "dark", 50, 205)[:, None, None] + draw.normal(0, 15, (rows, 8, 8))
    said = {"dark": ("a dark one", "dark"), "bright": ("a bright one", "it is bright")}
    return {
        "image": level.clip(0, 255).astype(np.uint8),
        "kind": kind,
        "caption": objects([said[k][i // 2 % 2] for i, k in enumerate(kind)]),
    }


def drawing(objective="variational", source=None, epochs=3, **more):
    frame = mapsto.frame(shades() if source is None else source, "image", objective=objective, device="cpu")
    return frame.change({"data.given": "kind", **SMALL, "algorithm.until.count": epochs, **more}.items())


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "shades.npz"
    np.savez(path, **{name: values if name == "image" else values.astype(str) for name, values in shades().items()})
    return path


@pytest.fixture(scope="module")
def judge(file, tmp_path_factory):
    """Who tells dark from bright."""
    frame = mapsto.frame(file, "kind", device="cpu")
    frame.set("model", {"name": "conv-net", "width": 4, "depth": 1}).set("algorithm.until.count", 4)
    return frame.train(tmp_path_factory.mktemp("judge") / "run", **QUICK)


@pytest.fixture(scope="module")
def run(file, tmp_path_factory):
    """A VAE that is told which."""
    made = drawing(source=file, epochs=30, **{"algorithm.lr": 1e-2})
    return made.train(tmp_path_factory.mktemp("runs") / "vae", **QUICK)


# -- framing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", DRAWERS)
def test_the_objective_decides_the_framing(objective):
    frame = mapsto.frame("digits", objective=objective, device="cpu")
    ready = frame.prepared
    assert ready.problem == "generation" and ready.target_name == "image" and ready.target.shape == (1, 8, 8)
    assert frame.settings["objective"]["name"] == objective
    assert frame.settings["model"]["name"] == {"variational": "vae", "adversarial": "gan"}.get(objective, "autoencoder")
    told = objective != "reconstruction"
    assert isinstance(ready.input, Category) and len(ready.input.classes) == 10 * told
    card = str(frame)
    assert "generation: draw 'image' (image: pictures to be drawn)" in card
    assert ("10 classes: 0, 1, 2" if told else "nothing [0]  ↦") in card
    assert "on the test pictures" in card


def test_asked_for_as_a_setting_or_with_the_pictures_as_target_it_is_the_same():
    one = mapsto.frame("digits", objective="variational", device="cpu").toml()
    assert mapsto.frame("digits", device="cpu").set("objective.name", "variational").toml() == one
    other = frame_data("digits", "image", device="cpu").set("objective", "variational").toml()
    assert other.replace('target = "image"', 'target = "digit"') == one


def test_the_exam_is_that_of_whoever_tells_the_classes_apart():
    told, drawn = (mapsto.frame("digits", objective=o, device="cpu").prepared for o in (None, "variational"))
    untold = mapsto.frame("digits", objective="reconstruction", device="cpu").prepared
    for part in ("train", "valid", "test"):
        assert np.array_equal(told.parts[part], drawn.parts[part]) and np.array_equal(
            told.parts[part], untold.parts[part]
        )
        assert torch.equal(told.fields[part]["input"], drawn.fields[part]["target"])
        assert torch.equal(told.fields[part]["target"], drawn.fields[part]["input"])


@pytest.mark.parametrize(("given", "inputs"), [("kind", (2,)), ("caption", {"tokens": [12]}), ("nothing", (0,))])
@pytest.mark.parametrize("objective", DRAWERS)
def test_a_category_a_text_or_nothing_says_what_to_draw(objective, given, inputs):
    more = {"data.given": given, "data.kinds.caption": "text", "data.text.tokenizer": "words"}
    learner = drawing(objective, **more).learner()
    assert learner.model.inputs in (inputs, list(inputs)) and tuple(learner.model.outputs) == (1, 8, 8)
    scores = learner.fit(3).evaluate("valid")
    if objective != "adversarial":
        (leading,) = set(scores) - {"loss"}
        assert scores[leading].value == pytest.approx(scores["loss"].value, rel=1e-5)
    assert learner.data.predictions(learner, "valid").numel() == 0, "pictures of all of the exam are not kept"


def test_a_source_s_own_target_is_given_before_others():
    source = shades()
    assert drawing(**{"data.given": ""}).prepared.input_name == "kind"
    swapped = {name: source[name] for name in ("image", "caption", "kind")}
    assert drawing(source=swapped, **{"data.given": ""}).prepared.input_name == "caption"


def test_a_frame_is_framed_again_from_its_toml(tmp_path):
    path = tmp_path / "frame.toml"
    path.write_text(mapsto.frame("digits", objective="adversarial", device="cpu").toml(), encoding="utf-8")
    again = mapsto.frame(path)
    assert again.prepared.problem == "generation" and again.toml() == path.read_text(encoding="utf-8")


# -- learning ------------------------------------------------------------------------------------------------------------


def test_a_run_has_its_verdict_its_sheets_and_its_report(run):
    assert run.written["measure"] == "nats" and run.written["better"] == -1
    test, mean = run.scores["test"]["nats"]["value"], run.baselines["mean"]["test"]["nats"]["value"]
    assert test < mean, "codes say something"
    assert "on the test pictures" in run.verdict["advice"] and "accuracy" not in str(run)
    kept = sorted(path.name for path in (run.path / "samples").iterdir())
    exams = [line["step"] for line in Run(run.path).history() if "valid" in line]
    assert kept == [f"step-{exams[k - 1]:08d}.png" for k in (1, 2, 4, 8, 16)]
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "What it draws" in page and "a row each: bright, dark" in page and "latent walk" in page
    assert page.count('<figure class="sheet">') == 3 + len(kept)
    assert "f.draw(16)" in (run.path / "model" / "README.md").read_text(encoding="utf-8")


def test_what_it_draws_is_what_was_asked(run):
    f = mapsto.load(run.path)
    dark, bright = (np.stack(f.draw(16, kind)).mean() for kind in ("dark", "bright"))
    assert dark < 100 < 160 < bright
    pictures = f.draw(6)
    assert [p.mean() > 128 for p in pictures] == [True] * 3 + [False] * 3, "of all classes evenly"
    assert f("dark").dtype == np.uint8 and f("dark").shape == (8, 8)
    assert len(f(["dark", "bright", "dark"])) == 3
    assert "wants to be told" in refused(lambda: f.reconstruct([shades()["image"][0]]))


def test_a_seed_draws_the_same_and_another_others(run):
    f = mapsto.load(run.path)
    first, again, other = (np.stack(f.draw(5, "dark", seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert len({picture.tobytes() for picture in [*first, *other]}) == 10
    assert np.array_equal(np.stack(f.draw(3, "dark")), first[:3]), "a picture hangs on its own number alone"


def test_what_was_learned_comes_back_from_its_codes(run):
    f = mapsto.load(run.path)
    seen = shades()["image"][:6]
    back = np.stack(f.reconstruct(list(seen), list(shades()["kind"][:6])))
    assert back.shape == seen.shape and np.abs(back.astype(float).mean((1, 2)) - seen.mean((1, 2))).max() < 40


def test_it_is_examined_again_as_it_was(run):
    again = mapsto.evaluate(run.path, shades())  # all rows, as a test
    assert again["measure"] == "nats" and again["scores"]["test"]["nats"]["n"] == 200


@pytest.mark.parametrize("objective", ["variational", "adversarial"])
@pytest.mark.parametrize("given", ["kind", "nothing"])
def test_stopped_and_resumed_it_is_the_whole_run(objective, given, tmp_path):
    def stop(report):
        if report.step >= 7:
            os.kill(os.getpid(), 15)

    def made():
        more = {"algorithm.ema": 0.9, "data.given": given}
        if objective == "adversarial":
            more |= {"algorithm.turns": {"critic": 3}, "objective.loss": "wasserstein", "model.convolutions": 1}
        return drawing(objective, **more)

    whole = train(made(), tmp_path / "whole", **QUICK)
    with pytest.raises(Interrupted):
        train(made(), tmp_path / "stopped", observers=[stop], **QUICK)
    again = mapsto.resume(tmp_path / "stopped", source=shades(), **QUICK)
    for name in ("model/model.safetensors", "model/last.safetensors", "history.jsonl"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    assert sorted(p.read_bytes() for p in (again.path / "samples").iterdir()) == sorted(
        p.read_bytes() for p in (whole.path / "samples").iterdir()
    )


def test_keeping_sheets_leaves_no_trace(monkeypatch, tmp_path):
    with_sheets = train(drawing("adversarial", **{"algorithm.ema": 0.9}), tmp_path / "with", **QUICK)
    monkeypatch.setattr("mapsto.framing.drawn.Sheets.__call__", lambda self, report: None)
    without = train(drawing("adversarial", **{"algorithm.ema": 0.9}), tmp_path / "without", **QUICK)
    assert not (without.path / "samples").exists()
    for name in ("model/model.safetensors", "model/last.safetensors", "history.jsonl"):
        assert (with_sheets.path / name).read_bytes() == (without.path / name).read_bytes(), name


# -- judging -------------------------------------------------------------------------------------------------------------


def test_a_judge_says_how_much_is_of_each_class_and_whether_it_was_asked_for(run, judge):
    found = mapsto.evaluate(run.path, judge=judge.path, count=300)
    test = found["scores"]["test"]
    assert set(found["shares"]) == {"dark", "bright"} and test["classes-covered"]["value"] == 2
    assert sum(share["value"] for share in found["shares"].values()) == pytest.approx(1)
    assert test["as-asked"]["value"] > 0.95 and test["as-asked"]["n"] == 300
    assert test["judge-distance"]["value"] >= 0 and test["judge-distance-of-data"]["value"] >= 0
    assert test["judge-accuracy"]["value"] > 0.95 and test["judge-accuracy"]["n"] == 40, "it knows such pictures"
    done = []
    again = mapsto.evaluate(run.path, judge=judge.path, count=300, told=lambda *progress: done.append(progress))
    assert again == found and done == [(0, 300), (300, 300)]


def test_a_judge_that_is_named_judges_at_the_end(file, judge, tmp_path):
    made = drawing(source=file, **{"data.given": "nothing", "run.judge": str(judge.path)})
    result = made.train(tmp_path / "run", **QUICK)
    assert {"nats", "classes-covered", "judge-distance"} <= set(result.scores["test"])
    assert "as-asked" not in result.scores["test"], "nothing was asked for"
    assert "A judge does" not in result.verdict["advice"]
    assert "share of what is drawn" in (result.path / "report.html").read_text(encoding="utf-8")


def test_who_draws_one_class_alone_does_not_cover_them(run, judge):
    from mapsto.framing.judging import judge_of, judged

    f = mapsto.load(run.path)
    f.encoded_predictions = lambda values, first=0: torch.full((len(values), 1, 8, 8), 40.0)
    frame = drawing()
    found = judged(f, judge_of(str(judge.path)), frame.prepared, 100)
    assert found.scores["classes-covered"].value == 1 and found.shares["dark"].value == 1
    assert found.scores["judge-distance"].value > 10 * found.scores["judge-distance-of-data"].value


# -- what is wrong -------------------------------------------------------------------------------------------------------


def refused(make):
    with pytest.raises(MapstoError) as caught:
        make()
    return str(caught.value)


def test_a_word_never_seen_is_refused_and_the_nearest_are_offered(run):
    f = mapsto.load(run.path)
    assert "no picture that was learned from is of 'drak'. Near it: dark" in refused(lambda: f.draw(3, "drak"))
    assert "There are: bright, dark" in refused(lambda: f("blue"))
    assert "from 1 to 1,048,576 pictures are drawn, but came 0" in refused(lambda: f.draw(0))
    assert "from 1 to 1,048,576 pictures are drawn, but came 2.5" in refused(lambda: f.draw(2.5))
    assert "one class or text, of which all pictures are, but came 2" in refused(lambda: f.draw(2, ["dark", "bright"]))
    assert f.reconstruct([], "dark") == []


def test_what_is_given_to_one_that_was_told_nothing_is_refused(tmp_path):
    f = drawing(**{"data.given": "nothing"}).train(tmp_path / "run", **QUICK).function
    assert "was told of no picture what it is of, but is asked for 'dark'" in refused(lambda: f.draw(3, "dark"))
    assert len(f.draw(3)) == 3 and f(None).shape == (8, 8)


def test_texts_of_unknown_words_are_refused(tmp_path):
    more = {"data.given": "caption", "data.kinds.caption": "text", "data.text.tokenizer": "words"}
    f = drawing(**more).train(tmp_path / "run", **QUICK).function
    assert isinstance(f.input, Text) and len(f.draw(2, "a dark one")) == 2
    assert "no word of 'xyzzy' was said of any picture" in refused(lambda: f.draw(1, "xyzzy"))
    assert "draws of a text, but none was given" in refused(lambda: f.draw(1))


def test_one_class_alone_says_nothing_and_that_is_said():
    frame = drawing(source=shades(kinds=("dark",)), **{"data.given": "", "data.kinds.caption": "leave-out"})
    assert frame.prepared.input.classes == []
    assert any(f.code == "C093" and "every picture has the same 'kind' (dark)" in f.message for f in frame.findings)


def test_pictures_that_are_all_the_same_are_refused():
    source = shades() | {"image": np.full((200, 8, 8), 7, np.uint8)}
    assert "are the same: there is nothing to learn to draw" in refused(lambda: drawing(source=source).learner())


def test_what_cannot_be_drawn_of_is_refused():
    table = {"a": np.arange(50.0), "b": np.array(["x", "y"] * 25, object)}
    assert "no column of pictures" in refused(lambda: mapsto.frame(table, "b", objective="variational").prepared)
    numbers = shades() | {"weight": np.random.default_rng(0).normal(size=200)}
    assert "of a category or a text, but 'weight' is number" in refused(
        lambda: drawing(source=numbers, **{"data.given": "weight"}).learner()
    )
    assert "no column 'knid'" in refused(lambda: drawing(**{"data.given": "knid"}).learner())
    told = refused(lambda: mapsto.frame(shades(), "imag").learner())
    assert "Near it: image" in told and "things are wrong" not in told
    assert "the target 'kind' holds none" in refused(
        lambda: mapsto.frame(shades(), "kind", objective="variational").prepared
    )


def test_what_does_not_go_together_is_refused(run, judge):
    assert "a game of critic and generator, but VAE" in refused(
        lambda: drawing("adversarial", **{"model": {"name": "vae"}}).learner()
    )
    assert "a judge tells of pictures which class they are of" in refused(
        lambda: drawing(**{"run.judge": str(run.path)}).learner()
    )
    assert "a judge is for functions that draw" in refused(lambda: mapsto.evaluate(judge.path, judge=judge.path))
    f = mapsto.load(judge.path)
    assert "only a function that draws can draw" in refused(lambda: f.draw(3))
    assert "a picture comes back from its code" in refused(lambda: f.reconstruct([np.zeros((8, 8), np.uint8)]))
    with pytest.raises(FrameError, match="Leave out --from"):
        _ = mapsto.frame(shades(), "image", objective="variational", start=run.path).prepared


def test_pictures_without_what_is_given_are_left_out():
    source = shades()
    source["kind"][5] = None
    frame = drawing(source=source)
    assert any(f.code == "C002" and "1 picture without a 'kind' left out" in f.message for f in frame.findings)
    assert sum(map(len, frame.prepared.parts.values())) == 199


def saved(folder, pictures):
    folder.mkdir(parents=True)
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{k:03d}.png")


@pytest.mark.parametrize("inside", ["", "dark"])
def test_a_folder_needs_no_classes_for_its_pictures_to_be_drawn(inside, tmp_path):
    saved(tmp_path / "photos" / inside, shades()["image"][:40])
    made = mapsto.frame(tmp_path / "photos", objective="variational", device="cpu").change(SMALL.items())
    assert not [f for f in made.check() if f.level == "error"]
    assert made.prepared.input.classes == [] and "draw 'image'" in str(made)
    result = made.set("algorithm.until.count", 1).train(tmp_path / "run", **QUICK)
    again = mapsto.evaluate(result.path, tmp_path / "photos")
    assert again["scores"]["test"]["nats"]["n"] == 40
    told = refused(lambda: mapsto.frame(tmp_path / "photos", device="cpu").learner())
    assert ("only one class: dark" if inside else "--objective denoising") in told


def test_folders_of_splits_alone_are_no_classes(tmp_path):
    for split, rows in (("train", slice(0, 30)), ("test", slice(30, 40))):
        saved(tmp_path / "photos" / split, shades()["image"][rows])
    ready = mapsto.frame(tmp_path / "photos", objective="variational", device="cpu").prepared
    assert (
        ready.input.classes == []
        and len(ready.parts["test"]) == 10
        and ready.how_split.startswith("given by the source")
    )
    assert "no folder for a class" in refused(lambda: mapsto.frame(tmp_path / "photos", device="cpu").learner())


def test_every_seed_has_pictures_of_its_own(run):
    f = mapsto.load(run.path)
    some = {np.stack(f.draw(2, "dark", seed)).tobytes() for seed in (0, 1, 4096, 20_261_121, (1 << 32) - 1)}
    assert len(some) == 5
    for seed in (-1, 1 << 32):
        assert "a seed is a whole number from 0 to 4,294,967,295" in refused(lambda seed=seed: f.draw(1, "dark", seed))


def test_several_words_that_come_again_are_texts_and_not_classes():
    said = [
        f"a {size} {hue} {kind}" for size in ("small", "large") for hue in ("red", "blue", "grey") for kind in "abcd"
    ]
    source = {"image": shades()["image"], "caption": objects([said[i % len(said)] for i in range(200)])}
    ready = mapsto.frame(source, "image", device="cpu").prepared
    assert (
        isinstance(ready.input, Text) and ready.kinds["caption"].because == "24 different texts, mostly several words"
    )
    source["caption"] = objects([said[i % 20] for i in range(200)])
    assert isinstance(mapsto.frame(source, "image", device="cpu").prepared.input, Category), "classes of long names"


def test_pictures_that_leave_no_exam_are_refused_before_anything_is_learned():
    few = {name: values[:2] for name, values in shades().items()}
    assert "of 2 pictures in all, none is left to be examined on" in refused(lambda: drawing(source=few).learner())


def test_arrays_that_are_no_pictures_are_told_why(tmp_path):
    odd = {"channels": np.zeros((9, 8, 8, 16), np.uint8), "range": np.linspace(-1, 1, 9 * 64).reshape(9, 8, 8)}
    odd["gap"] = np.where(odd["range"] > 0.99, np.nan, 0.5)
    why = {"channels": "16 channels", "range": "from -1 to 1", "gap": "some are infinite or no number"}
    for name, values in odd.items():
        np.savez(tmp_path / f"{name}.npz", x=values, y=np.arange(9))
        assert why[name] in refused(
            lambda name=name: mapsto.frame(tmp_path / f"{name}.npz", objective="denoising").prepared
        )


def test_the_verdict_does_not_say_how_pictures_look(run):
    assert "does not say how pictures look" in run.verdict["advice"] or run.verdict["limit"] != "none"


# -- sheets --------------------------------------------------------------------------------------------------------------


def test_a_sheet_is_rows_of_pictures_with_paper_between():
    some = [np.full((2, 3), k, np.uint8) for k in range(5)]
    made = sheet([some[:3], some[3:]])
    assert made.shape == (2 * 2 + 2, 3 * 3 + 2 * 2)
    assert (made[:2, :3] == 0).all() and (made[4:, 5:8] == 4).all() and (made[4:, 10:] == 255).all()
    assert sheet([[np.zeros((2, 2, 3), np.uint8)]]).shape == (2, 2, 3)
    assert [len(row) for row in squared(some)] == [3, 2]


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_predict_writes_a_sheet(run, mapsto, tmp_path):
    code, said, _ = mapsto("predict", str(run.path), "--count", "16")
    assert code == 0 and "16 pictures in sheet.png, a row each: bright, dark" in said
    assert size_of("sheet.png") == (8 * 10 - 2, 2 * 10 - 2)
    code, said, _ = mapsto(
        "predict", str(run.path), "--count", "9", "--given", "dark", "--out", "made/dark.png", "--json"
    )
    assert code == 0 and json.loads(said)["pictures"] == 9
    with Image.open("made/dark.png") as dark:
        assert dark.size == (28, 28) and np.asarray(dark)[:8, :8].mean() < 128
    first = (tmp_path / "made" / "dark.png").read_bytes()
    mapsto("predict", str(run.path), "--count", "9", "--given", "dark", "--out", "again.png")
    assert (tmp_path / "again.png").read_bytes() == first


def test_predict_shows_what_comes_back_of_a_picture(mapsto, tmp_path):
    result = drawing("reconstruction", **{"data.given": "nothing"}).train(tmp_path / "run", **QUICK)
    Image.fromarray(shades()["image"][0]).save(tmp_path / "one.png")
    code, said, err = mapsto("predict", str(result.path), str(tmp_path / "one.png"), "--out", "back.png")
    assert code == 0 and "1 picture in back.png, and below each what comes back of it" in said, err
    assert size_of("back.png") == (8, 18)


def test_who_draws_of_texts_says_how_and_what_it_did_not_know(mapsto, tmp_path):
    rows = shades(60)
    saved(tmp_path / "photos", rows["image"])
    lines = "".join(f"{k:03d}.png,{text}\n" for k, text in enumerate(rows["caption"]))
    (tmp_path / "photos" / "labels.csv").write_text(f"file,caption\n{lines}", encoding="utf-8")
    settings = ["data.kinds.caption=text", "data.text.tokenizer=words", "model.width=16"]
    code, said, err = mapsto(
        *("train", str(tmp_path / "photos"), "--objective", "variational", "--epochs", "1", "--run", "run", "-q"),
        *(word for setting in settings for word in ("--set", setting)),
    )
    assert code == 0, err
    assert 'mapsto predict run --given "…" --count 64' in said
    assert 'f.draw(16, "…")' in (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    code, _, err = mapsto("predict", "run", "--given", "a purple dark one", "--count", "2")
    assert code == 0 and "said of no picture that was learned from: 'purple'" in err
    code, _, err = mapsto("predict", "run", "a dark one")
    assert code == 2 and "What is to be drawn is said so: --given 'a dark one'" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--given", "drak"], "Near it: dark"),
        (["--count", "0"], "0 is not in the range"),
        (["--out", "sheet.jpg"], "a sheet is a PNG"),
        (["--top", "3"], "a function that draws takes --count"),
        (["--temperature", "1"], "a function that draws takes --count"),
    ],
)
def test_predict_says_what_is_wrong(run, mapsto, arguments, words):
    code, _, err = mapsto("predict", str(run.path), *arguments)
    assert code == 2 and words in err


def test_predict_of_others_knows_no_sheets(judge, mapsto):
    code, _, err = mapsto("predict", str(judge.path), "--count", "3")
    assert code == 2 and "--count is for functions that draw" in err
    code, _, err = mapsto("predict", str(judge.path))
    assert code == 2 and "Missing argument" in err


def test_evaluate_prints_what_a_judge_says(run, judge, file, mapsto):
    code, said, err = mapsto("evaluate", str(run.path), "--judge", str(judge.path), "--count", "100")
    assert code == 0, err
    assert "classes-covered" in said and "drawn: bright " in said
    code, _, err = mapsto("evaluate", str(run.path), str(file), "--judge", str(judge.path))
    assert code == 2 and "a judge compares with the pictures that a run was made of" in err
