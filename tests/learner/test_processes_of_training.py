"""Several processes learn what one would: the same gradients, weights and scores; and none of them waits for ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import TOKENS, dataset, learner, objective

import mapsto
from mapsto.algorithms.update import Descend
from mapsto.core import names, world
from mapsto.core.errors import BadInput, FailedRun, FrameError
from mapsto.core.schedules import Constant
from mapsto.framing import conclude
from mapsto.learner.meeting import Meeting
from mapsto.learner.watch import Unwatched

PROGRAM = str(Path(__file__).parent / "together.py")
SAME = [
    "history.jsonl",
    "environment.json",
    "frame.toml",
    "model/model.safetensors",
    "model/last.safetensors",
    "model/config.json",
]
OFTEN = ["--device", "cpu", "--quiet", "--baselines", "0", "--save-every", "0"]
DIGITS = ["train", "digits", "--set", "model.name=mlp", "--set", "model.norm=batch", "--set", "model.dropout=0.2"]
DIGITS += ["--epochs", "3", *OFTEN]


def torchrun(processes: int, *what: str, restarts: int = 0, **environment: str) -> subprocess.Popen:
    how = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}", "--", *what]
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", *how],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
    )


def ended(process: subprocess.Popen, seconds: float = 200) -> str:
    """What it said. It is ended here where it has not by itself."""
    try:
        return process.communicate(timeout=seconds)[0]
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(40)


def together(folder: Path, scenarios: str, processes: int = 2) -> list[dict[str, Any]]:
    """What each process says of scenarios of together.py."""
    running = torchrun(processes, PROGRAM, scenarios, str(folder))
    said = ended(running)
    assert running.returncode == 0, said
    return json.loads((folder / "found.json").read_text())


def differences(one: Path, other: Path) -> list[str]:
    return [name for name in SAME if (one / name).read_bytes() != (other / name).read_bytes()]


# -- the same steps ----------------------------------------------------------------------------------------------------


def check(everybody: list[dict[str, Any]], kind: str) -> None:
    """Of every learner of one kind, the largest differences from one process."""
    for found in everybody:
        for name, far in found[kind].items():
            assert far["gradient"] <= 1e-6, (name, far)
            assert far["weight"] <= 1e-6, (name, far)
            assert far["score"] <= 1e-6, (name, far)
            assert far["prediction"] <= 1e-6, (name, far)
            assert far["moved"] > 1e-2, (name, far)
    for measure in ("gradient", "weight", "score"):
        largest = max(far[measure] for found in everybody for far in found[kind].values())
        print(f"{len(everybody)} processes, {kind}: {measure} at most {largest:.1e} from that of one")


SCENARIOS = "equal,sharded,drawn,scarce,spoiled"


def check_all(everybody: list[dict[str, Any]]) -> None:
    check(everybody, "equal")
    check(everybody, "sharded")
    assert len({found["drawn"][0] for found in everybody}) == len(everybody)  # in a step, each for itself
    assert len({found["drawn"][1] for found in everybody}) == 1
    kept = [found["sharded"]["plain"]["share"] for found in everybody]
    assert sum(kept) == pytest.approx(1) and max(kept) < 1
    for found in everybody:
        assert found["equal"]["plain"]["share"] == 1
        assert found["scarce"]["weight"] <= 1e-6
        assert {mine for mine, _ in found["scarce"]["parts"]} > {1}  # it is one process's matter …
        assert len({agreed for _, agreed in found["scarce"]["parts"]}) == 1  # … until the next report
        assert any("memory did not suffice" in told for told in found["scarce"]["told"])
        assert "row" in found["spoiled"]["copies"] and ": 7" in found["spoiled"]["copies"]
        assert found["spoiled"] == everybody[0]["spoiled"]


def test_two_processes_learn_what_one_would_in_copies_and_in_shards(tmp_path):
    check_all(together(tmp_path, SCENARIOS))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [3, 4])
def test_so_do_more(tmp_path, processes):
    check_all(together(tmp_path, SCENARIOS, processes))


def of_many(monkeypatch: pytest.MonkeyPatch, size: int, rank: int = 0) -> None:
    """As if this were one of so many processes; nothing can pass between them."""
    monkeypatch.setattr(world, "_joined", world._Joined(size, rank, None))


@pytest.mark.parametrize("kind", sorted(k for k in names.listed("experience") if not names.find("experience", k).acts))
@pytest.mark.parametrize("shape", [(6,), TOKENS], ids=["dense", "ragged"])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_parts_of_all_processes_are_the_batch(monkeypatch, kind, size, shape):
    """On every experience of the shelf, the last short batch too; a process without a row has one that counts nothing."""
    experience = names.build("experience", {"name": kind, **({"batch_size": 10} if kind == "passes" else {})})
    learner(data=dataset(shape=shape, rows=21), experience=experience)
    whole = [experience.batch(step) for step in range(experience.batches)]
    parts: list[list[int]] = [[] for _ in whole]
    for rank in range(size):
        of_many(monkeypatch, size, rank)
        for step, rows in enumerate(parts):
            batch = experience.batch(step)
            assert len(batch["index"]) > 0
            rows += batch["index"].tolist() if "stand_in" not in batch else []
    assert [sorted(rows) for rows in parts] == [sorted(batch["index"].tolist()) for batch in whole]


def test_a_process_draws_for_itself_only_where_there_are_several(monkeypatch):
    assert world.words() == ()
    drawn = set()
    for rank in range(2):
        of_many(monkeypatch, 2, rank)
        drawn.add(world.words())
        with world.alone():
            assert world.words() == ()
    assert drawn == {(0,), (1,)}


@pytest.mark.slow
def test_a_mistake_is_told_once(tmp_path):
    said = ended(torchrun(2, PROGRAM, "verb", "train", "nowhere.csv"))
    assert said.count("BadInput D105: 'nowhere.csv' is no file") == 1, said


# -- whole runs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("runs")
    return folder / "copies", together(folder, "copies")


def test_stopped_by_a_signal_to_one_process_all_stop_together_and_go_on_bit_for_bit(copies):
    folder, everybody = copies
    assert {found["copies"]["step"] for found in everybody} == {everybody[0]["copies"]["step"]}
    assert 50 < everybody[0]["copies"]["step"] < 108
    assert not (folder / "left" / "result.json").exists()
    assert differences(folder / "whole", folder / "stopped") == []
    written = json.loads((folder / "whole" / "environment.json").read_text())
    assert written["processes"] == 2
    assert "batch statistics" in everybody[0]["copies"]["told"][0]


def test_a_killed_process_is_started_anew_and_the_weights_are_the_same(copies, tmp_path):
    whole = copies[0] / "whole"
    running = torchrun(2, PROGRAM, "verb", *DIGITS, "--run", str(tmp_path / "run"), restarts=1, DIE="1")
    said = ended(running)
    assert running.returncode == 0, said
    assert "exitcode: -9" in said
    assert said.count("verdict") == 1, said
    assert [
        name for name in differences(whole, tmp_path / "run") if name not in ("environment.json", "frame.toml")
    ] == []


class Told(Unwatched):
    def __init__(self) -> None:
        self.words: list[str] = []

    def tell(self, what: str) -> None:
        self.words.append(what)


def test_one_process_goes_on_with_what_two_began_and_says_that_digits_may_differ(copies, monkeypatch):
    monkeypatch.setattr(conclude, "page", lambda report: "a page\n")
    whole, told = copies[0] / "whole", Told()
    result = mapsto.resume(copies[0] / "left", watch=told)
    assert "processes was 2 and is 1: the rest may differ in the last digits" in told.words
    found = result.scores["test"]["accuracy"]["value"]
    written = json.loads((whole / "result.json").read_text())["scores"]["test"]["accuracy"]["value"]
    assert found == pytest.approx(written, abs=0.05)


@pytest.mark.slow
def test_a_run_in_shards_is_saved_and_goes_on_like_any_other(tmp_path, monkeypatch):
    monkeypatch.setattr(conclude, "page", lambda report: "a page\n")
    everybody = together(tmp_path, "shards,copies")
    shards = tmp_path / "shards"
    assert differences(shards / "whole", shards / "stopped") == []
    files = [
        [p.relative_to(tmp_path / kind) for p in sorted((tmp_path / kind / "whole").rglob("*"))]
        for kind in ("shards", "copies")
    ]
    assert files[0] == files[1]
    # not the weights: a bias before batch norm has no gradient but rounding, which Adam takes for one
    both = [
        json.loads((tmp_path / kind / "whole" / "result.json").read_text())["scores"] for kind in ("shards", "copies")
    ]
    for split in ("train", "valid", "test"):
        losses = [scores[split]["log-loss"]["value"] for scores in both]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert everybody[0]["shards"]["step"] > 50
    mapsto.resume(shards / "left")


@pytest.mark.slow
def test_what_is_solved_and_what_is_in_folds_comes_to_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(conclude, "page", lambda report: "a page\n")
    everybody = together(tmp_path, "solved")
    assert everybody[0] == everybody[1]
    tree = mapsto.frame("digits", device="cpu").set("model.name", "decision-tree")
    assert tree.train(tmp_path / "alone", baseline_seconds=0).scores == everybody[0]["solved"]["tree"]
    assert (tmp_path / "folds" / "fold-2" / "result.json").exists()
    assert everybody[0]["solved"]["folds"]["test"]["accuracy"]["value"] > 0.3  # one pass; chance has 0.1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_torchrun_leaves_a_run_that_goes_on(tmp_path, number):
    run = tmp_path / "run"
    running = torchrun(2, PROGRAM, "verb", *DIGITS, "--run", str(run), SLOW="0.05")
    begun = time.monotonic()
    while not (run / "history.jsonl").exists() and time.monotonic() < begun + 60:
        time.sleep(0.05)
    running.send_signal(number)
    since = time.monotonic()
    said = ended(running, 60)
    assert time.monotonic() - since < 15, said
    assert "stopped at step" in said and "nothing is lost" in said, said
    assert not (run / "result.json").exists()
    running = torchrun(2, PROGRAM, "verb", "resume", str(run), "--quiet")
    assert "verdict" in ended(running)


# -- what cannot be shared out -----------------------------------------------------------------------------------------


def test_without_a_place_to_meet_it_says_how_to_start(monkeypatch):
    for word, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(word, value)
    for word in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(word, raising=False)
    with pytest.raises(BadInput, match=r"MASTER_ADDR(.|\n)*torchrun --nproc-per-node 2 -m -- mapsto train"):
        world.join(torch.device("cpu"))
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(BadInput, match="RANK as a whole number, but came 'first'"):
        world.join(torch.device("cpu"))


def test_more_processes_than_rows_in_a_batch_are_refused(monkeypatch):
    of_many(monkeypatch, 11)
    with pytest.raises(FrameError, match="a batch of 10 rows cannot be shared by 11 processes"):
        learner()
    of_many(monkeypatch, 4)
    with pytest.raises(FrameError, match="a batch of 3 rows cannot be shared by 4 processes"):
        learner(data=dataset(rows=3))


def test_losses_that_hang_on_their_neighbours_are_refused(monkeypatch):
    coupled = objective()
    coupled.coupled = "a loss compares an example with all others of its batch"
    of_many(monkeypatch, 2)
    with pytest.raises(FrameError, match="a loss compares an example with all others(.|\n)*without torchrun"):
        learner(judged_by=coupled)


def test_shards_are_not_rolled_back(monkeypatch):
    of_many(monkeypatch, 2)
    with pytest.raises(FrameError, match="not rolled back"):
        learner(update=Descend(schedule=Constant(), sharded=True, nonfinite="roll-back"))


def test_another_process_that_has_gone_ends_the_run_and_says_so(monkeypatch):
    def gone(tensor):
        raise RuntimeError("Connection closed by peer")

    of_many(monkeypatch, 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", gone)
    with pytest.raises(FailedRun, match=r"has ended: Connection closed by peer(.|\n)*mapsto resume"):
        world.total(torch.ones(1))


def test_processes_meet_about_once_a_second_and_at_the_end(monkeypatch):
    """The first one's clock says when; who has been asked to stop tells the others."""
    of_many(monkeypatch, 2)
    now, asked, met = [0.0], [0], []

    def gathered(mine):
        met.append(now[0])
        return [mine, [asked[0], 1]]

    monkeypatch.setattr(world, "gathered", gathered)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meeting, step = Meeting(0), 0
    while not meeting.stopped(step, None, over=step == 1000):
        step, now[0] = step + 1, now[0] + 0.01
        asked[0] = 15 if step > 550 else 0
    assert 550 < step <= 650
    assert len(met) <= 8
    assert meeting.stopped(700, None, over=True)


def test_one_process_loads_nothing_for_others_that_are_not_there():
    program = (
        "import sys, torch; before = set(sys.modules); sys.path.insert(0, 'tests'); from toys import learner; learner().fit(); "
        "print([m for m in set(sys.modules) - before if m.startswith('torch.distributed')])"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", program], text=True, cwd=root, env=path).strip() == "[]"
