"""`mapsto train shades --target image`: pictures drawn out of noise, of what is given."""

import os

import numpy as np
import pytest
import torch

import mapsto
from mapsto.core.errors import Interrupted
from mapsto.data.frames import objects
from mapsto.framing.drawn import sheets_of
from mapsto.framing.train import train
from mapsto.learner.run import Run

QUICK = {"baseline_seconds": 0.0}
SAID = {"dark": ("a dark one", "dark", "it is dark"), "bright": ("a bright one", "bright", "it is bright")}
SMALL = {"model.width": 8, "model.halvings": 1, "model.patch": 1, "objective.strides": 8, "algorithm.batch": 32}


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")


def shades(rows=200):
    draw = np.random.default_rng(0)
    kind = np.array(["dark", "bright"] * (rows // 2), object)
    level = np.where(kind == "dark", 50, 205)[:, None, None] + draw.normal(0, 15, (rows, 6, 6))
    caption = objects([SAID[k][i % 3] for i, k in enumerate(kind)])
    return {"image": level.clip(0, 255).astype(np.uint8), "kind": kind, "caption": caption}


def drawn(given, **more):
    frame = mapsto.frame(shades(), "image", device="cpu")
    said = {"data.given": given, "data.kinds.caption": "text", "data.text.tokenizer": "words"}
    return frame.change({**said, **SMALL, "algorithm.until.count": 3, **more}.items())


@pytest.mark.parametrize(("given", "inputs"), [("kind", [2]), ("caption", {"tokens": [12]}), ("nothing", [0])])
def test_a_category_a_text_or_nothing_says_what_to_draw(given, inputs):
    frame = drawn(given)
    assert frame.settings["objective"]["name"] == "denoising" and frame.settings["model"]["name"] == "u-net"
    learner = frame.learner()
    assert learner.model.inputs == inputs and learner.model.outputs == [1, 6, 6]
    scores = learner.fit(3).evaluate("valid")
    assert scores["denoising-error"].value == pytest.approx(scores["loss"].value, rel=1e-5)
    assert learner.data.predictions(learner, "valid").numel() == 0, "drawing all of the exam would take too long"


@pytest.mark.parametrize("given", ["kind", "caption"])
def test_what_is_drawn_is_what_was_asked(given, tmp_path):
    frame = drawn(given, **{"algorithm.until.count": 15, "algorithm.lr": 2e-2, "algorithm.ema": 0.0})
    learner = frame.learner().fit()
    learner.take_best()
    batch = learner.data.ready({**learner.data.test.gather(torch.arange(32)), "index": torch.arange(32)})
    level = learner.predict(batch).mean((1, 2, 3))
    assert ((level > 127) == (batch["target"].float().mean((1, 2, 3)) > 127)).float().mean() > 0.9
    course = next(picture for about, picture in sheets_of(frame.prepared, learner, tmp_path) if "out of noise" in about)
    rows, gap = (2 if given == "kind" else 6), 2
    assert course.shape == (rows * (6 + gap) - gap, 8 * (6 + gap) - gap), (
        "a row each, its eight strides from left to right"
    )


@pytest.mark.parametrize("given", ["kind", "caption"])
def test_stopped_and_resumed_it_is_the_whole_run(given, tmp_path):
    def stop(report):
        if report.step >= 7:
            os.kill(os.getpid(), 15)

    def made():
        return drawn(given, **{"algorithm.ema": 0.9, "model.drop": 0.3})

    whole = train(made(), tmp_path / "whole", **QUICK)
    with pytest.raises(Interrupted):
        train(made(), tmp_path / "stopped", observers=[stop], **QUICK)
    again = mapsto.resume(tmp_path / "stopped", source=shades(), **QUICK)
    for name in ("model/model.safetensors", "model/last.safetensors", "history.jsonl"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    last = [Run(result.path).checkpoints()[0] / "tensors.safetensors" for result in (again, whole)]
    assert last[0].read_bytes() == last[1].read_bytes()
