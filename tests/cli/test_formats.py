"""Dates and decimals mean at the asking what they meant in training, however few cells are there to tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mapsto as library
from mapsto.core.errors import DataError

HEADER = "Preis;Tag;Ergebnis\n"


def rows(count: int) -> str:
    """Prices like 1.234,5 on days of 2021; what comes of them is the price, and half as much from July on."""
    random = np.random.default_rng(0)
    lines = []
    for _ in range(count):
        price, month, day = random.uniform(1, 2000), random.integers(1, 13), random.integers(1, 29)
        said, result = f"{price:,.1f}", f"{price * (0.5 if month > 6 else 1):.2f}"
        said = said.translate(str.maketrans(",.", ".,"))
        lines.append(f"{said};{day:02}.{month:02}.2021;{result.replace('.', ',')}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def priced(mapsto: Callable) -> Callable:
    Path("priced.csv").write_text(HEADER + rows(120))
    asked = ("--target", "Ergebnis", "--steps", "20", "--baselines", "0", "--quiet", "--run", "priced")
    code, _, err = mapsto("train", "priced.csv", *asked)
    assert code == 0, err
    return mapsto


def answers(mapsto: Callable, table: str) -> list[float]:
    Path("asked.csv").write_text(table)
    code, out, err = mapsto("predict", "priced", "asked.csv", "--json")
    assert code == 0, err
    return [row["prediction"] for row in json.loads(out)]


def test_one_row_means_what_it_means_among_others(priced):
    alone = answers(priced, "Preis;Tag\n1.234;02.09.2021\n")
    among = answers(priced, "Preis;Tag\n1.234,0;02.09.2021\n2,5;31.01.2021\n")
    assert alone[0] == pytest.approx(among[0], rel=1e-5)
    f = library.load("priced")
    assert alone[0] == pytest.approx(f({"Preis": 1234.0, "Tag": np.datetime64("2021-09-02")}), rel=1e-5)
    assert alone[0] != pytest.approx(f({"Preis": 1.234, "Tag": np.datetime64("2021-02-09")}), rel=1e-3)


def test_a_file_in_another_format_is_refused_with_its_place(priced):
    Path("asked.csv").write_text("Preis;Tag\n7;02.09.2021\n3.50;02.09.2021\n")
    code, _, err = priced("predict", "priced", "asked.csv")
    assert code != 0 and "line 3" in err and "'Preis'" in err and "decimal comma" in err
    Path("asked.csv").write_text("Preis;Tag;Ergebnis\n7;09/13/2021;7,5\n")
    with pytest.raises(DataError, match="line 2, column 'Tag'"):
        library.evaluate("priced", "asked.csv")


def test_what_stands_in_the_place_of_the_answer_is_no_matter(priced):
    assert len(answers(priced, HEADER + "7;02.09.2021;unknown\n")) == 1


def test_a_separate_exam_is_read_as_the_rest(mapsto):
    Path("priced.csv").write_text(HEADER + rows(60))
    Path("exam.csv").write_text(HEADER + "1.234;02.09.2021;617\n")
    raw = library.frame("priced.csv", "Ergebnis", test="exam.csv").prepared.raw
    assert raw.columns["Preis"][-1] == 1234 and raw.columns["Tag"][-1] == np.datetime64("2021-09-02")
    assert raw.formats == {"Preis": "decimal-comma", "Tag": "day-first", "Ergebnis": "decimal-comma"}
