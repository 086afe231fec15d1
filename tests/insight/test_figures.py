"""Charts are well-formed, say what they should in any script, and leave matplotlib as they found it."""

from __future__ import annotations

import base64
import io
import math
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Estimate
from mapsto.insight import figures

CURVE = [
    {"step": 10 * k, "train_loss": 1 / k, "valid_loss": 0.1 + 1 / k, "valid_score": 1 - 1 / k} for k in range(1, 9)
]
NUMBERS = np.random.default_rng(0).normal(2e5, 5e4, 3000)


def texts(svg: str) -> list[str]:
    """Every text in the picture; fails where it is not well-formed."""
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def share(value: float) -> Estimate:
    return Estimate(value, value - 0.05, min(1.0, value + 0.05), 100)


@pytest.mark.parametrize("count", [2, 3, 12, 13, 41, 100])
def test_a_confusion_matrix_is_drawn_for_any_number_of_classes(count):
    matrix = np.diag(np.full(count, 1234)) + np.eye(count, k=1, dtype=int) * 5
    shown = texts(figures.confusion(matrix, [f"class {c}" for c in range(count)]))
    assert ("1,234" in shown and "5" in shown) == (count <= 12)
    named = [text for text in shown if text.startswith("class")]
    assert 2 * 20 < len(named) <= 2 * 40 if count > 40 else len(named) == 2 * count
    with pytest.raises(ShapeError, match="C = 1 classes"):
        figures.confusion(matrix, ["a"])


def test_names_in_any_script_and_with_any_sign_are_letters_in_the_picture():
    names = ["고양이", "<b>&amp;", "$5–$10", "naïve_x^2", "a very long name that has no end in sight"]
    shown = texts(figures.confusion(np.eye(5, dtype=int), names))
    assert {"고양이", "<b>&amp;", "$5–$10", "naïve_x^2"} <= set(shown)
    assert any(text.endswith("…") for text in shown)
    assert "고양이" in texts(figures.class_bars({"고양이": share(0.5)}, "F1"))


def test_wide_letters_are_counted_as_wide_when_cut():
    assert figures._short("고양이와 강아지", 8) == "고양이…"
    assert figures._short("eight ch", 8) == "eight ch"


def test_curves_show_what_there_is_and_mark_the_best_step():
    shown = texts(figures.loss_curve(CURVE, best_step=40))
    assert {"training", "validation", "best step, 40", "loss", "step"} <= set(shown)
    shown = texts(figures.score_curve(CURVE, "macro F1"))
    assert "training" not in shown and "macro F1" in shown and not any("best" in text for text in shown)
    texts(figures.loss_curve(CURVE[:1], best_step=10))


def test_large_numbers_are_written_out():
    shown = texts(figures.predicted_and_true(NUMBERS, NUMBERS * 1.1))
    assert any("00,000" in text for text in shown) and not any("1e" in text for text in shown)
    texts(figures.residuals(NUMBERS, NUMBERS * 1.1))


def test_a_scatter_of_many_rows_stays_small():
    assert len(figures.predicted_and_true(NUMBERS, NUMBERS)) < 250_000


def test_calibration_takes_everything_from_nothing_sure_to_all_sure():
    texts(figures.calibration(np.array([0.0, 1.0, 0.5, 0.5]), np.array([0, 1, 1, 0])))
    texts(figures.calibration(np.ones(3), np.ones(3)))


def test_models_stand_best_first_with_the_deep_one_marked():
    values = {"deep model": share(0.8), "tree": share(0.9), "majority": share(0.5)}
    more, less = (texts(figures.baseline_bars(values, "it", better, "deep model")) for better in (1, -1))
    assert [t for t in more if t in values] == ["tree", "deep model", "majority"]
    assert [t for t in less if t in values] == ["majority", "deep model", "tree"]
    assert "it (more is better)" in more and "it (less is better)" in less


def test_of_many_classes_the_worst_are_shown_and_undefined_ones_do_no_harm():
    values = {f"class {c}": share(c / 100) for c in range(100)} | {"none": Estimate(math.nan, math.nan, math.nan, 0)}
    shown = texts(figures.class_bars(values, "F1"))
    assert "F1: the 30 worst of 101" in shown and "class 5" in shown and "class 50" not in shown
    assert "not defined" in shown


def test_the_same_figures_give_the_same_picture():
    assert figures.loss_curve(CURVE, 40) == figures.loss_curve(CURVE, 40)
    assert "<dc:date>" not in figures.loss_curve(CURVE, 40)


def test_matplotlib_is_left_as_it_was_and_pyplot_is_never_imported():
    code = """
import sys, matplotlib
before = {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != "backend"}  # which imports pyplot
from mapsto.insight import figures
assert "matplotlib.figure" not in sys.modules
figures.loss_curve([{"step": 1, "train_loss": 1.0}])
assert {k: matplotlib.rcParams[k] for k in before} == before and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_small_picture_is_enlarged_in_whole_squares():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    shown = decoded(figures.photograph(pixels))
    assert shown.shape == (112, 112)
    assert (shown[::14, ::14] == pixels).all() and (shown[13::14, 13::14] == pixels).all()


@pytest.mark.parametrize("shape", [(600, 300), (600, 300, 1), (600, 300, 3), (600, 300, 4)])
def test_a_large_picture_is_made_smaller_and_keeps_its_shape(shape):
    assert decoded(figures.photograph(np.zeros(shape, np.uint8))).shape[:2] == (224, 112)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ShapeError, match=r"float32 \(3, 8, 8\)"):
        figures.photograph(np.zeros((3, 8, 8), np.float32))


def decoded(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))


def test_a_map_of_attention_names_both_sides_and_stays_small():
    shades = np.full((2, 3), 1 / 3)
    shown = texts(figures.attention(shades, ["고양이", "a $5"], ["the", "cat", "a word without end"]))
    assert {"고양이", "a $5", "the", "cat"} <= set(shown) and any(text.endswith("…") for text in shown)
    many = [f"w{k}" for k in range(90)]
    assert len(texts(figures.attention(np.eye(90), many, many))) == 2 * figures.PLACES
    with pytest.raises(ShapeError, match="2 rows and 2 columns"):
        figures.attention(shades, ["a", "b"], ["c", "d"])
