"""A run's result.json and history.jsonl, written by a stranger: read, or refused with the exit code of bad input."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mapsto
from mapsto.cli import main
from mapsto.core.errors import Damaged
from mapsto.learner.run import Run

WRONG = [None, True, -1, 3.5, "", "x" * 3000, "\x1b[31m", [], [[]], {}, {"value": "x"}, {"": 1}, [None], 10**400, "NaN"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "t.csv").write_text(
        "text,liked\n" + "".join(f"so {'good' if i % 2 else 'bad'} a film {i},{i % 2}\n" for i in range(60))
    )
    frame = mapsto.frame(folder / "t.csv", "liked", device="cpu").change(
        [("model.width", 4), ("algorithm.until.count", 6)]
    )
    return frame.train(folder / "run", baseline_seconds=0).path


def left(arguments: list[str], capsys: pytest.CaptureFixture) -> tuple[int, str]:
    """The exit code of the command line, and what it said of it."""
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().err


def places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, below in inner for place in places(below, (*path, key)))]


def spoiled(value: Any, draw: random.Random) -> Any:
    """The value with something else, or nothing, at one of its places."""
    value = json.loads(json.dumps(value))
    *path, last = draw.choice(places(value)[1:])
    owner = value
    for key in path:
        owner = owner[key]
    if draw.random() < 0.3:
        del owner[last]
    else:
        owner[last] = draw.choice(WRONG)
    return value


def test_a_result_that_says_anything_is_shown_or_refused(whole, dose, counted, capsys):
    file, draw = whole / "result.json", random.Random(0)
    good = json.loads(file.read_text())
    tried, refused, wrong, naive = dose(120, 5000), 0, [], 0
    for k in range(tried):
        written = spoiled(good, draw)
        file.write_text(json.dumps(written))
        for verb in (
            ["report", str(whole)],
            ["compare", str(whole), str(whole)],
            ["runs", "--folder", str(whole.parent)],
        ):
            code, told = left(verb, capsys)
            if code not in (0, 2) or (code == 2 and "result.json" not in told):
                wrong.append(f"{k}: {verb[0]} left with {code}: {told[:300]}")
            refused += code == 2
        naive += fails(lambda written=written: (written["scores"]["test"][written["measure"]]["value"] + 0.0,
                                                "\n".join(written["verdict"]["lines"]), f"{written['seconds']:.1f}"))  # fmt: skip
    file.write_text(json.dumps(good))
    counted(
        "results",
        tried=3 * tried,
        held=3 * tried - len(wrong),
        control=f"a reader that trusts it: broke at {naive} of {tried}",
    )
    assert not wrong, "\n".join(wrong[:20])
    assert refused > tried / 4 and naive > 0, "a harness that sees nothing proves nothing"


def fails(act: Callable) -> bool:
    try:
        act()
    except Exception:
        return True
    return False


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"[" * 5000, b'{"scores": 1', b"\xff\xfe", b'{"steps": 1, "steps": 2}', b'{"steps": NaN}'],
)
def test_what_is_no_table_is_refused_by_name(whole, text, capsys):
    file = whole / "result.json"
    good = file.read_bytes()
    file.write_bytes(text)
    try:
        for verb in ("report", "compare", "evaluate", "resume"):
            code, told = left([verb, str(whole)], capsys)
            assert code == 2 and "result.json" in told and "Restore it" in told, f"{verb}: {code} {told}"
        code, _ = left(["runs", "--folder", str(whole.parent)], capsys)
        assert code == 0 and mapsto.runs(whole.parent)[0]["state"] == "damaged"
    finally:
        file.write_bytes(good)


@pytest.mark.parametrize(
    "line",
    [
        "7",
        "[]",
        '{"step": "x"}',
        '{"step": null}',
        '{"step": 1, "losses": []}',
        '{"step": 1, "valid": {"loss": "x"}}',
        "[" * 5000,
        "\x00",
    ],
)
def test_a_history_is_read_as_far_as_it_is_one(whole, line, capsys):
    file = whole / "history.jsonl"
    good = file.read_bytes()
    lines = good.decode().splitlines()
    file.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    try:
        assert [one["step"] for one in Run(whole).history()] == [json.loads(one)["step"] for one in lines[:2]]
        for verb in (["report", str(whole)], ["compare", str(whole)], ["runs", "--folder", str(whole.parent)]):
            assert left(verb, capsys)[0] == 0
    finally:
        file.write_bytes(good)


def test_a_history_that_is_no_file_is_refused_and_nobody_waits_for_it(whole):
    file = whole / "history.jsonl"
    good = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    try:
        with pytest.raises(Damaged, match=r"history\.jsonl: a link, folder, pipe or device"):
            Run(whole).history()
        assert mapsto.runs(whole.parent)[0]["state"] == "damaged"
    finally:
        file.unlink()
        file.write_bytes(good)


def test_a_frame_that_names_no_model_is_refused(whole, capsys):
    file = whole / "frame.toml"
    good = file.read_bytes()
    try:
        for text in ("", "model = 3\n", "[model]\nname = 3\n"):
            file.write_text(text)
            code, told = left(["compare", str(whole)], capsys)
            assert code == 2 and "frame.toml" in told
    finally:
        file.write_bytes(good)
