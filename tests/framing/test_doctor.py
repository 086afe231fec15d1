"""The doctor finds nothing where all is well, and whatever is broken where it is."""

import errno
import json

import pytest
import torch

from mapsto.algorithms.update import descend
from mapsto.algorithms.update.flat import Flat
from mapsto.cli import main
from mapsto.core import disk, seeds
from mapsto.framing import doctor, machine
from mapsto.learner import place
from mapsto.models.mlp import BatchNorm
from mapsto.objectives import CrossEntropy

CPU = torch.device("cpu")


def by_claim(folder):
    return {check.claim: check for check in doctor.checks([CPU], folder)}


def test_on_a_sound_machine_all_is_well(tmp_path):
    found = by_claim(tmp_path)
    assert list(found) == [*doctor.ON_DEVICES, *doctor.ON_DISK]
    assert [check for check in found.values() if not check.good] == []
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


# -- broken on purpose -------------------------------------------------------------------------------------------------


def wrong_gradient(patch):
    true = CrossEntropy.losses
    patch.setattr(CrossEntropy, "losses", lambda *given: {term: 1.01 * loss for term, loss in true(*given).items()})


def a_part_left_out(patch):
    true = descend.pieces
    patch.setattr(descend, "pieces", lambda *given: true(*given)[:-1])


def unseeded(patch):
    patch.setattr(seeds, "set_all", lambda *words: None)


def count_forgotten(patch):
    true = Flat.load_state_dict
    patch.setattr(Flat, "load_state_dict", lambda flat, saved: true(flat, {**saved, "count": 0}))


def weights_rounded(patch):
    true = place.fill
    patch.setattr(place, "fill", lambda m, w: true(m, {k: (v.bfloat16() + 0).to(v.dtype) for k, v in w.items()}))


def statistics_of_the_batch(patch):
    patch.setattr(BatchNorm, "forward", lambda norm, input: input - input.mean(0))


def failing_disk(patch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    patch.setattr(disk.os, "fsync", fail)


def unverified(patch):
    patch.setattr(doctor, "read_folder", lambda path: ({}, {}))


BROKEN = {
    "gradient = finite differences": wrong_gradient,
    "accumulated = whole batch": a_part_left_out,
    "run again = run": unseeded,
    "resumed = never stopped": count_forgotten,
    "loaded = saved": weights_rounded,
    "row alone = row among others": statistics_of_the_batch,
    "a checkpoint is kept": failing_disk,
    "a flipped bit is noticed": unverified,
}


@pytest.mark.parametrize("claim", [*doctor.ON_DEVICES, *doctor.ON_DISK])
def test_what_is_broken_is_seen(claim, monkeypatch, tmp_path):
    BROKEN[claim](monkeypatch)
    for shelf in ("ON_DEVICES", "ON_DISK"):
        monkeypatch.setattr(doctor, shelf, {k: v for k, v in getattr(doctor, shelf).items() if k == claim})
    (check,) = doctor.checks([CPU], tmp_path)
    assert not check.good, check
    if claim == "a checkpoint is kept":
        assert "DiskError: cannot write" in check.words and "Input/output error" in check.words


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def said(monkeypatch, tmp_path, capsys):
    """Runs `mapsto doctor` in an empty folder, trying the resume only → (exit code, standard output)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "ON_DEVICES", {"resumed = never stopped": doctor.resumed})
    monkeypatch.setattr(doctor, "ON_DISK", {})

    def run(*words):
        code = 0
        try:
            main(["doctor", *words])
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr().out

    return run


def test_the_command_says_what_is_here_and_leaves_with_0(said):
    code, out = said()
    assert code == 0
    for word in ("Python", "torch", "memory", "disk", "data sets", "terminal", "bfloat16", "0  of", "All 1 as they"):
        assert word in out
    assert "differs" not in out


def test_a_broken_resume_is_a_red_line_and_leaves_with_3(said, monkeypatch):
    count_forgotten(monkeypatch)
    code, out = said("--quiet")
    assert code == 3
    assert "differs" in out and "1 of 1 differ: do not trust" in out and "Python" not in out
    code, out = said("--json")
    (check,) = json.loads(out)["checks"]
    assert code == 3
    assert not json.loads(out)["good"] and not check["good"] and check["figure"] > 100


def test_a_check_that_breaks_down_is_a_line_too(said, monkeypatch):
    def breaks(flat, saved):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Flat, "load_state_dict", breaks)
    code, out = said()
    assert code == 3 and "RuntimeError: no such kernel" in out
    (check,) = json.loads(said("--json")[1])["checks"]
    assert check["figure"] is None


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        (("no-such-library", "1.0", ""), 3, "not installed: pip install 'no-such-library>=1.0'"),
        (("numpy", "99.1", ""), 3, "is too old: pip install 'numpy>=99.1'"),
        (("no-such-library", "1.0", "frames"), 0, "not installed, and not needed: pip install 'mapsto[frames]'"),
    ],
)
def test_a_library_that_is_missing_or_old_is_named_with_its_remedy(said, monkeypatch, wanted, code, words):
    monkeypatch.setattr(machine, "_requirements", lambda: [("torch", "2.10", ""), wanted])
    found, out = said()
    assert found == code and words in out
    assert ("what must be equal" in out) is (code == 0), "where a library is missing, nothing is tried"
    assert json.loads(said("--json")[1])["good"] is (code == 0)


def test_what_mapsto_needs_is_read_from_its_own_package():
    found = machine._requirements()
    assert ("torch", "2.10", "") in found and ("polars", "1.20", "frames") in found
