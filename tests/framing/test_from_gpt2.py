"""`mapsto train corpus.txt --from FOLDER`, where the folder is a GPT-2 of Hugging Face's."""

import numpy as np
import pytest
import theirs
import torch
from their_gpt2 import CONTEXT, LEARNED, WIDTH, cutter, write

import mapsto
from mapsto.core.errors import FrameError
from mapsto.export.hugging_face import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("theirs") / "gpt2")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    draw = np.random.default_rng(0)
    path.write_text("".join(f"{line}\n" for line in draw.choice(LEARNED[:2], 400)), encoding="utf-8")
    return path


def going_on(corpus, folder, steps=20):
    frame = mapsto.frame(corpus, start=folder, device="cpu").set("data.window", 16)
    return frame.set("algorithm.until", {"name": "steps", "count": steps})


def test_its_tokens_and_all_of_its_weights_are_gone_on_with(corpus, folder):
    frame, found = going_on(corpus, folder), load(folder)
    assert frame.prepared.input.state_dict() == found.input.state_dict()
    tokens = frame.prepared.fields["train"]["input"]["tokens"].values
    text = frame.prepared.raw.columns["text"][frame.prepared.parts["train"]][0]
    assert len(tokens) + 1 == len(cutter().encode(text).ids)
    model = frame.settings["model"]
    assert (model["name"], model["width"], model["context"], model["tied"]) == ("gpt", WIDTH, CONTEXT, True)
    theirs, ours = found.model.state_dict(), frame.built().state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    assert "nothing is anew" in " ".join(str(frame).split())


def test_it_learns_on_and_writes(corpus, folder, tmp_path):
    frame = going_on(corpus, folder, 100).set("algorithm.lr", 1e-2)
    before = frame.learner().evaluate("valid")["nats-per-token"].value
    run = frame.train(tmp_path / "run", baseline_seconds=0)
    assert run.scores["valid"]["nats-per-token"]["value"] < before / 2
    assert isinstance(run.function("the film"), str)


def test_what_goes_on_with_texts_does_not_sort_them_and_the_other_way_round(corpus, folder, tmp_path):
    table = tmp_path / "reviews.tsv"
    table.write_text("text\tliked\n" + "".join(f"{LEARNED[k % 2]} {k}\t{k % 2}\n" for k in range(40)), encoding="utf-8")
    with pytest.raises(FrameError, match="brings a gpt, which says how a text goes on, but this is classification"):
        mapsto.frame(table, "liked", start=folder).settings  # noqa: B018
    reader = theirs.write(tmp_path / "bert")
    with pytest.raises(FrameError, match="brings a bert, which does not say how a text goes on"):
        mapsto.frame(corpus, start=reader).settings  # noqa: B018


def test_a_window_is_no_longer_than_what_the_start_sees_at_once(corpus, folder):
    frame = mapsto.frame(corpus, start=folder, device="cpu")
    assert frame.settings["data"]["window"] == CONTEXT < 128
    frame.set("algorithm.until", {"name": "steps", "count": 1}).learner().fit()
    assert mapsto.frame(corpus, device="cpu").set("run.start", str(folder)).settings["data"]["window"] == CONTEXT
    assert mapsto.frame(corpus, start=folder).set("data.window", 8).settings["data"]["window"] == 8
    assert mapsto.frame(corpus).settings["data"]["window"] == 128
