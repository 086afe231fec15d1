"""Several labels at once, from the data to the judged function: tables, joined labels, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mapsto
from mapsto.core.errors import DataError
from mapsto.framing.result import Result
from mapsto.framing.target import blanks_as_none, yes_or_no

ROWS = 240


def a_table() -> tuple[np.ndarray, np.ndarray]:
    """Three numbers a row, and three labels that follow from their signs."""
    numbers = np.random.default_rng(0).normal(size=(ROWS, 3)).round(4)
    return numbers, numbers > [0.0, 0.3, -0.3]


def write_table(path: Path, header: str, cells: list[list[str]]) -> Path:
    numbers, _ = a_table()
    lines = [",".join([*map(str, row), *more]) for row, more in zip(numbers.tolist(), cells, strict=True)]
    path.write_text("\n".join([f"u,v,w,{header}", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    """A column a label."""
    return write_table(tmp_path / "columns.csv", "cat,dog,bird", [[str(int(y)) for y in row] for row in a_table()[1]])


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """One column of joined labels, blank where there are none."""
    names = np.array(["cat", "dog", "bird"])
    return write_table(tmp_path / "joined.csv", "tags", [["|".join(names[row])] for row in a_table()[1]])


def trained(frame: mapsto.Frame, folder: Path, epochs: int = 15) -> mapsto.Result:
    return frame.set("algorithm.until.count", epochs).train(folder, baseline_seconds=0)


def test_columns_of_yes_and_no_are_labels(columns: Path) -> None:
    frame = mapsto.frame(columns, target=["cat", "dog", "bird"])
    ready = frame.prepared
    assert ready.problem == "multi-label"
    assert ready.target.classes == ["bird", "cat", "dog"]
    assert list(ready.input.columns) == ["u", "v", "w"]
    encoded = ready.fields["train"]["target"].numpy()
    assert (encoded == a_table()[1][ready.parts["train"]][:, [2, 0, 1]]).all()


def test_an_array_of_0_and_1_says_which_labels_hold_by_their_numbers() -> None:
    numbers, labels = a_table()
    ready = mapsto.frame((numbers, labels.astype(int))).prepared
    assert ready.problem == "multi-label" and ready.target.classes == [0, 1, 2]
    assert (ready.fields["train"]["target"].numpy() == labels[ready.parts["train"]]).all()


def test_joined_labels_say_the_same_as_columns_and_a_blank_cell_means_none(columns: Path, joined: Path) -> None:
    one, other = mapsto.frame(columns, target=["cat", "dog", "bird"]), mapsto.frame(joined, target="tags")
    assert (one.prepared.fields["test"]["target"] == other.prepared.fields["test"]["target"]).all()
    blank = int((~a_table()[1].any(1)).sum())
    assert [(f.level, f.count) for f in other.findings if f.code == "C004"] == [("note", blank)]


def test_words_and_gaps_among_several_targets(tmp_path: Path) -> None:
    truth = a_table()[1]
    cells = [["yes" if a else "No", str(bool(b)).lower(), str(int(c))] for a, b, c in truth]
    cells[7][2] = ""
    frame = mapsto.frame(write_table(tmp_path / "words.csv", "a,b,c", cells), target=["a", "b", "c"])
    assert frame.prepared.target.classes == ["a", "b", "c"]
    assert sum(len(rows) for rows in frame.prepared.parts.values()) == ROWS - 1
    assert [f.count for f in frame.findings if f.code == "C002"] == [1]


def test_a_target_that_is_neither_yes_nor_no_is_named(columns: Path) -> None:
    with pytest.raises(DataError, match=r"'u' also holds '[-0-9.]+'"):
        mapsto.frame(columns, target=["cat", "u"]).learner()


def test_yes_and_no_are_read_in_any_dress() -> None:
    said = np.array(["yes", " NO", "True", "f", None, True, 0, 1.0], dtype=object)
    assert yes_or_no(said, "x").tolist()[:4] == [1, 0, 1, 0]
    assert np.isnan(yes_or_no(said, "x")[4])
    assert yes_or_no(said, "x").tolist()[5:] == [1, 0, 1]
    for odd in (np.array([0.5]), np.array([["a"], None], dtype=object), np.array(["2024-01-01"], dtype="M8[D]")):
        with pytest.raises(DataError, match="each yes or no"):
            yes_or_no(odd, "x")


def test_a_missing_list_of_labels_stays_missing() -> None:
    lists = np.array([["cat", "dog"], None, []], dtype=object)
    assert blanks_as_none(lists) is lists
    assert blanks_as_none(np.array(["cat|dog", None], dtype=object)).tolist() == ["cat|dog", ""]


def test_as_many_labels_in_every_row_is_no_trap() -> None:
    numbers, _ = a_table()
    high = numbers[:, 0] > 0
    table = {"u": numbers[:, 0], "v": numbers[:, 1], "high": high.astype(int), "low": (~high).astype(int)}
    assert mapsto.frame(table, target=["high", "low"]).prepared.target.counts[0] > 0


def test_a_label_that_only_the_exam_has_is_said() -> None:
    numbers, truth = a_table()
    tags = [["cat"] if y else ["dog"] for y in truth[:, 0]]
    tags[-1] = ["dog", "unicorn"]
    column = np.empty(ROWS, dtype=object)
    column[:] = tags
    part = np.array(["train"] * (ROWS - 60) + ["test"] * 60, dtype=object)
    frame = mapsto.frame({"u": numbers[:, 0], "tags": column, "part": part}, target="tags", split_column="part")
    assert frame.prepared.target.classes == ["cat", "dog"]
    assert [(f.level, f.count) for f in frame.findings if f.code == "C003"] == [("warning", 1)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a column a label, learned; its data lie beside it as columns.csv and joined.csv."""
    folder = tmp_path_factory.mktemp("learned")
    cells, names = a_table()[1], np.array(["cat", "dog", "bird"])
    columns = write_table(folder / "columns.csv", "cat,dog,bird", [[str(int(y)) for y in row] for row in cells])
    write_table(folder / "joined.csv", "labels", [["|".join(names[row])] for row in cells])
    trained(mapsto.frame(columns, target=["cat", "dog", "bird"]), folder / "run")
    return folder / "run"


def test_each_label_is_scored_said_and_kept(run: Path) -> None:
    result = mapsto.resume(run)  # a finished run is returned as it is
    assert list(result.labels) == ["bird", "cat", "dog"]
    cat = result.labels["cat"]
    assert 0.9 < cat["auroc"]["low"] <= cat["auroc"]["value"] <= 1
    assert cat["auroc"]["n"] == 48
    assert cat["share"] == pytest.approx(0.5, abs=0.1)
    line = next(line for line in str(result).splitlines() if line.startswith("  cat"))
    assert f"{cat['present']} of 48" in line and f"{cat['auroc']['value']:.4f}" in line


def test_a_problem_of_one_class_has_no_labels() -> None:
    scores = {"test": {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 9}}}
    verdict = {"limit": "none", "advice": "", "lines": []}
    result = Result(Path("run"), {"scores": scores, "baselines": {}, "verdict": verdict})
    assert result.labels == {}
    assert "each label" not in str(result)


def test_the_function_is_examined_on_another_file_with_the_same_columns(run: Path) -> None:
    found = mapsto.evaluate(run, run.parent / "columns.csv")
    assert found["scores"]["test"]["macro-f1"]["n"] == ROWS
    assert found["left_out"] == 0
    assert mapsto.load(run)({"u": 3.0, "v": 3.0, "w": -3.0}) == ["cat", "dog"]


def test_the_same_answers_may_be_joined_and_blank_in_the_other_file(run: Path) -> None:
    found = [
        mapsto.evaluate(run, run.parent / "columns.csv"),
        mapsto.evaluate(run, run.parent / "joined.csv", target="labels"),
    ]
    assert found[0]["scores"] == found[1]["scores"]
    assert found[1]["unknown_labels"] == 0


def test_labels_that_the_function_never_saw_are_refused_by_name_or_counted(run: Path, tmp_path: Path) -> None:
    odd = write_table(tmp_path / "odd.csv", "labels", [["cat|unicorn" if i % 2 else "dog"] for i in range(ROWS)])
    with pytest.raises(DataError, match="'unicorn' in"):
        mapsto.evaluate(run, odd, target="labels")
    assert mapsto.evaluate(run, odd, target="labels", drop_unseen=True)["unknown_labels"] == ROWS // 2


def test_pictures_with_a_table_of_joined_labels(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["file,labels"]
    (tmp_path / "photos").mkdir()
    for i in range(120):
        image, shown = np.zeros((12, 12, 3), np.uint8), draw.random(3) < 0.5
        for k in np.flatnonzero(shown):
            top, left = draw.integers(0, 9, size=2)
            image[top : top + 4, left : left + 4, k] = 220
        Image.fromarray(image).save(tmp_path / "photos" / f"{i}.png")
        lines.append(f"{i}.png,{'|'.join(np.array(['red', 'green', 'blue'])[shown])}")
    (tmp_path / "photos" / "labels.csv").write_text("\n".join(lines))
    frame = mapsto.frame(tmp_path / "photos").set("model.width", 8).set("algorithm.batch", 8)
    result = trained(frame, tmp_path / "run", epochs=20)
    assert result.scores["test"]["auroc"]["value"] > 0.9
    spot = np.zeros((12, 12, 3), np.uint8)
    spot[4:8, 4:8, 1] = 220
    assert result.function.probabilities(spot)["green"] > result.function.probabilities(spot)["red"]
