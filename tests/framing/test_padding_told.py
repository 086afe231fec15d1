"""A run on padded batches says in its card, its result and its report how much of them is padding."""

import json

import numpy as np

from mapsto.algorithms.experience import Passes
from mapsto.core.nouns import Raw
from mapsto.framing.card import text
from mapsto.framing.frame import Frame

TOLD = "padding 3.1 % of 812,331 tokens, 12 shapes"


def trained(path):
    draw = np.random.default_rng(0)
    raw = Raw("made-up", {name: draw.normal(size=60) for name in "aby"}, target="y")
    frame = Frame(raw, device="cpu").set("algorithm.until", {"name": "steps", "count": 5})
    run = frame.train(run=path, baseline_seconds=0.0).path
    return text(frame), json.loads((run / "result.json").read_text()), (run / "report.html").read_text()


def test_padding_is_told_in_card_result_and_report(tmp_path, monkeypatch):
    monkeypatch.setattr(Passes, "padding", property(lambda self: TOLD))
    card, result, report = trained(tmp_path / "run")
    assert TOLD in " ".join(card.split())
    assert result["padding"] == TOLD
    assert TOLD in report


def test_where_nothing_is_padded_nothing_is_told(tmp_path):
    card, result, report = trained(tmp_path / "run")
    assert "padding" not in result
    assert "padding" not in card and "tokens" not in card and "shapes" not in report
