"""Files and JSON of strangers: what is read, what is refused, and that neither waits nor follows."""

import json
import os
from pathlib import Path

import pytest
import torch

from mapsto.core import tensors
from mapsto.core.ceiling import Ceiling
from mapsto.core.errors import Damaged, FrameError
from mapsto.core.hints import Unfit, fitted
from mapsto.core.reading import DEEP, parse_json, read_file
from mapsto.core.state import odd, pack, unpack
from mapsto.models import MLP


def test_a_file_is_read_and_a_link_pipe_or_folder_is_not(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"1234")
    assert read_file(tmp_path / "file", most=4) == b"1234"
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "nowhere", "nul\0", "x" * 5000):
        with pytest.raises(Damaged) as caught:
            read_file(tmp_path / name)
        assert caught.value.code == "M001"
    with pytest.raises(Damaged, match="at most 3"):
        read_file(tmp_path / "file", most=3)


@pytest.mark.parametrize(
    "text, why",
    [
        ('{"a": 1, "a": 2}', "the name 'a' comes twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("[1e999]", "no number that a computer can hold"),
        ("[" * 100_000 + "]" * 100_000, "not JSON"),
        ("[" * (DEEP + 1) + "]" * (DEEP + 1), "levels deep"),
        ('["\\ud800', "not JSON"),
        ("", "not JSON"),
    ],
)
def test_json_that_readers_differ_on_is_refused(text, why):
    with pytest.raises(Damaged, match=why):
        parse_json(text.encode(), "x.json")


def test_json_in_another_encoding_is_refused_and_nesting_up_to_the_limit_is_read():
    with pytest.raises(Damaged, match="not JSON"):
        parse_json('{"a": 1}'.encode("utf-16"), "x.json")
    assert parse_json(b"[" * DEEP + b"]" * DEEP, "x.json")


def test_every_dtype_that_a_run_may_keep_comes_back():
    kept = {str(dtype): torch.zeros(3, dtype=dtype) for dtype in tensors.DTYPES.values()}
    kept |= {"empty": torch.zeros(0, 4), "scalar": torch.ones(())}
    back = unpack(pack({"all": kept, "best": float("-inf"), "none": None}))
    assert back["best"] == float("-inf") and back["none"] is None
    for name, tensor in kept.items():
        assert torch.equal(back["all"][name], tensor) and back["all"][name].dtype == tensor.dtype


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "F128"},
        {"shape": [2, 3]},
        {"shape": [-4, -1]},
        {"shape": [True, 4]},
        {"shape": [0, 2**60]},
        {"data_offsets": [0, 15]},
        {"data_offsets": [4, 20]},
        {"data_offsets": [0, 2**70]},
        {"more": 1},
    ],
)
def test_a_header_that_is_not_true_is_refused(change):
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    good, bad = (json.dumps({"a": e}).encode() for e in (entry, {**entry, **change}))
    assert tensors.load(len(good).to_bytes(8, "little") + good + bytes(16), "x")["a"].tolist() == [0.0] * 4
    with pytest.raises(Damaged):
        tensors.header(len(bad).to_bytes(8, "little") + bad + bytes(16), "x")


def test_a_state_of_another_form_is_told_by_its_place():
    mine = {"step": 3, "best": None, "moments": [torch.zeros(2)], "weights": {}}
    assert odd(mine, {"step": 4, "best": 0.5, "moments": [torch.ones(2)], "weights": {"a": torch.ones(1)}}) == ""
    assert odd(mine, {**mine, "step": -1}) == "/step"
    assert odd(mine, {**mine, "step": 0.5}) == "/step"
    assert odd(mine, {**mine, "best": [1]}) == "/best"
    assert odd(mine, {**mine, "moments": []}) == "/moments"
    assert odd(mine, {**mine, "moments": [torch.zeros(3)]}) == "/moments/0"
    assert odd(mine, {"step": 3}) == "/best"


@pytest.mark.parametrize(
    "settings", [{"width": 10**12}, {"width": 10**30}, {"depth": 10**9}, {"width": 1, "depth": 10**9}]
)
def test_what_is_too_large_is_refused_before_it_takes_memory(settings):
    with pytest.raises((FrameError, TypeError)), Ceiling(100, 10_000, "there is so much"):
        MLP((3,), 2, **settings)


def test_what_fits_under_a_ceiling_is_built():
    with Ceiling(100, 10_000, "there is so much"):
        assert sum(p.numel() for p in MLP((3,), 2, width=8).parameters()) == 122


@pytest.mark.parametrize(
    "value, hint, fits",
    [
        (3, int, True), (True, int, False), (-1, int, False), (2**60, int, False), (3.0, int, False),
        (3, float, True), (float("nan"), float, False), (10**400, float, False), (True, float, False),
        ("a", str, True), (None, str | None, True), ([1, 2], list[int], True), ([1, "a"], list[int], False),
        ({"a": [1]}, tuple[int, ...] | dict[str, list[int]], True), ({"a": ["x"]}, tuple[int, ...] | dict[str, list[int]], False),
    ],
)  # fmt: skip
def test_plain_values_are_held_against_their_hints(value, hint, fits):
    if fits:
        assert fitted(value, hint) == value
    else:
        with pytest.raises(Unfit):
            fitted(value, hint)
