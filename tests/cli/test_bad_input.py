"""What a person gets who hands over something wrong: one clear message, exit code 2, no traceback, and no half-made run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROWS = 60


def table(rows: int = ROWS, **columns: list) -> str:
    """A small table that can be learned; `columns` replace or add some."""
    rng = np.random.default_rng(0)
    made = {
        "age": [str(int(a)) for a in rng.integers(1, 90, rows)],
        "sex": ["f" if b else "m" for b in rng.integers(0, 2, rows)],
        "target": ["yes" if i % 3 else "no" for i in range(rows)],
        **columns,
    }
    return (
        "\n".join([",".join(made), *(",".join(str(c) for c in row) for row in zip(*made.values(), strict=True))]) + "\n"
    )


def refused(mapsto: Callable, path: str, *words: str, target: str = "target", extra: tuple[str, ...] = ()) -> str:
    code, out, err = mapsto("train", path, "--target", target, "--quiet", "--epochs", "1", *extra)
    assert code == 2, (code, out, err)
    assert "Traceback" not in err and not out
    assert not Path("runs").exists(), "a run was left behind"
    for word in words:
        assert word in err, f"{word!r} is not in: {err}"
    return err


def trained(mapsto: Callable, path: str, *arguments: str) -> str:
    code, out, err = mapsto("train", path, "--epochs", "2", "--baselines", "0", *arguments)
    assert code == 0, err
    return out


def test_a_missing_file_offers_the_nearest_one(mapsto):
    Path("titanic.csv").write_text(table())
    refused(mapsto, "titanc.csv", "titanic.csv")


def test_an_empty_file_and_a_header_alone_are_told_apart(mapsto):
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("age,sex,target\n")
    assert refused(mapsto, "empty.csv", "empty") != refused(mapsto, "header.csv", "header")


def test_a_misspelt_target_offers_the_nearest_column(mapsto):
    Path("a.csv").write_text(table())
    refused(mapsto, "a.csv", "'tarket'", "Near it: target", target="tarket")


def test_a_target_that_matches_but_for_case_is_taken_and_said(mapsto):
    Path("a.csv").write_text(table())
    assert "'TARGET' was taken to mean the column 'target'" in trained(mapsto, "a.csv", "--target", "TARGET")


def test_a_target_with_one_class_cannot_be_learned(mapsto):
    Path("a.csv").write_text(table(target=["yes"] * ROWS))
    refused(mapsto, "a.csv", "'yes' in every row")


def test_a_target_that_is_different_in_every_row_cannot_be_learned(mapsto):
    Path("a.csv").write_text(table(target=[f"name{i}x" for i in range(ROWS)]))
    refused(mapsto, "a.csv", "different in every one of 60 rows")


def test_a_ragged_row_is_named_with_its_line(mapsto):
    lines = table().splitlines()
    lines[7] += ",extra"
    Path("a.csv").write_text("\n".join(lines))
    refused(mapsto, "a.csv", "8", "3", "4")


def test_duplicate_column_names_are_named(mapsto):
    Path("a.csv").write_text(table().replace("age,sex", "age,age", 1))
    refused(mapsto, "a.csv", "age")


def test_an_infinite_target_is_named(mapsto):
    Path("a.csv").write_text(table(target=[i * 1.5 for i in range(ROWS - 1)] + ["inf"]))
    refused(mapsto, "a.csv", "infinite")


def test_many_missing_targets_stop_and_few_are_counted(mapsto):
    Path("many.csv").write_text(table(target=["" if i % 4 == 0 else i * 1.5 for i in range(ROWS)]))
    refused(mapsto, "many.csv", "missing in 15 rows", "data.missing_targets")
    Path("few.csv").write_text(table(target=["" if i == 5 else i * 1.5 for i in range(ROWS)]))
    assert "1 row without a target left out" in trained(mapsto, "few.csv", "--target", "target")


def test_rows_in_train_and_in_the_exam_are_found_and_counted(mapsto):
    Path("a.csv").write_text(table())
    Path("b.csv").write_text("\n".join(table().splitlines()[:21]) + "\n")
    assert "20 rows of test (100.0%) stand in train as well" in trained(
        mapsto, "a.csv", "--target", "target", "--test", "b.csv"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr"])
def test_korean_is_read_right_in_any_of_its_encodings(mapsto, encoding):
    words = ["서울", "부산", "대구", "인천", "광주", "대전"]
    text = table(
        도시=[words[i % 6] for i in range(ROWS)], target=["좋아요" if i % 3 else "싫어요" for i in range(ROWS)]
    )
    Path("한글.csv").write_bytes(text.encode(encoding))
    trained(mapsto, "한글.csv", "--target", "target", "--run", "r")
    _, out, _ = mapsto("predict", "r", "한글.csv", "--csv")
    assert {line.split(",")[1] for line in out.splitlines()[1:]} <= {"좋아요", "싫어요"}


def test_big5_is_read_right_or_refused_but_never_garbled(mapsto):
    words = ["臺北", "高雄", "臺中", "臺南", "新竹"]
    Path("a.csv").write_bytes(
        table(city=[words[i % 5] for i in range(ROWS)], target=[words[i % 2] for i in range(ROWS)]).encode("big5")
    )
    code, _, err = mapsto(
        "train", "a.csv", "--target", "target", "--epochs", "1", "--run", "r", "--quiet", "--baselines", "0"
    )
    if code == 2:
        assert "--encoding" in err
        mapsto(
            "train",
            "a.csv",
            "--target",
            "target",
            "--epochs",
            "1",
            "--run",
            "r",
            "--quiet",
            "--encoding",
            "big5",
            "--baselines",
            "0",
        )
    _, out, _ = mapsto("predict", "r", "a.csv", "--encoding", "big5", "--csv")
    assert {line.split(",")[1] for line in out.splitlines()[1:]} <= set(words)


def picture(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (12, 12), dtype=np.uint8)).save(stream, "png")
    return stream.getvalue()


def test_a_corrupt_picture_among_good_ones_is_named_and_skipped(mapsto):
    for label in ("cat", "dog"):
        Path("photos", label).mkdir(parents=True)
        for i in range(20):
            Path("photos", label, f"{i}.png").write_bytes(picture(i + 100 * (label == "dog")))
    Path("photos/cat/3.png").write_bytes(picture(3)[:60])
    out = trained(mapsto, "photos")
    assert "3.png" in out and "D030" in out


def test_a_folder_with_one_class_is_refused(mapsto):
    Path("photos/cat").mkdir(parents=True)
    Path("photos/cat/1.png").write_bytes(picture(1))
    code, _, err = mapsto("train", "photos")
    assert code == 2 and "2 classes" in err and not Path("runs").exists()


@pytest.mark.parametrize(("setting", "word"), [
    ("model.widht=3", "model.width"),
    ("model.name=resnt", "res-net"),
    ("algorithm.lr=-1", "above 0"),
    ("algorithm.batch_size=0", "at least one"),
    ("objective.smoothing=2", "[0, 1)"),
    ("model=64", "model"),
    ("nonsense", "PATH=VALUE"),
    ("data.kinds.age=nmber", "number"),
    ("model.name=res-net", "mlp"),
])  # fmt: skip
def test_a_setting_that_is_none_is_refused_with_what_there_is(mapsto, setting, word):
    Path("a.csv").write_text(table())
    refused(mapsto, "a.csv", word, extra=("--set", setting))


def test_a_run_folder_that_holds_something_is_left_alone(mapsto):
    Path("a.csv").write_text(table())
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("do not lose")
    code, _, err = mapsto("train", "a.csv", "--target", "target", "--run", "mine", "--quiet")
    assert code == 2 and "already holds something" in err and Path("mine/thesis.txt").read_text() == "do not lose"


def test_predicting_without_a_column_names_it(mapsto):
    Path("a.csv").write_text(table())
    trained(mapsto, "a.csv", "--target", "target", "--run", "r")
    Path("b.csv").write_text("aeg,sex\n3,f\n")
    code, _, err = mapsto("predict", "r", "b.csv")
    assert code == 2 and "'age'" in err


def test_a_flipped_bit_in_the_weights_is_found_before_they_answer(mapsto):
    Path("a.csv").write_text(table())
    trained(mapsto, "a.csv", "--target", "target", "--run", "r")
    weights = bytearray(Path("r/model/model.safetensors").read_bytes())
    weights[-3] ^= 4
    Path("r/model/model.safetensors").write_bytes(weights)
    code, _, err = mapsto("predict", "r", "a.csv")
    assert code == 2 and "model.safetensors" in err and "sha256" in err
