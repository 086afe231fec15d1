"""A run that is killed, at a random moment or at a named point of a save, goes on and comes to the same, bit for bit."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from unbroken import KINDS, Scenarios, outcome, read, steps_of

import mapsto

KILLED = -signal.SIGKILL
PARTIAL = r"\.\d+\.partial"


class Point(NamedTuple):
    """Where a process kills itself: before, after or half-way through the nth `operation` on a path that matches `where`."""

    operation: str
    where: str
    nth: int
    moment: str


NEW = [  # points of a run's first life; {last} is its last step
    Point("mkdir", r"/\.run" + PARTIAL, 1, "after"),
    Point("write", r"/\.run.*/frame\.toml$", 1, "half"),
    Point("fsync", r"/\.run.*/frame\.toml$", 1, "after"),
    Point("write", r"/\.run.*/environment\.json$", 1, "half"),
    Point("rename", r"/run$", 1, "before"),
    Point("rename", r"/run$", 1, "after"),
    Point("write", r"/history\.jsonl$", 1, "half"),
    Point("write", r"/history\.jsonl$", 3, "before"),
    Point("write", r"/history\.jsonl$", 3, "half"),
    Point("write", r"/history\.jsonl$", 3, "after"),
    Point("write", r"/timing\.jsonl$", 3, "half"),
    Point("mkdir", r"/\.step-\d+" + PARTIAL, 1, "before"),
    Point("mkdir", r"/\.step-\d+" + PARTIAL, 3, "after"),
    Point("write", r"/\.step-.*/tensors\.safetensors$", 1, "half"),
    Point("write", r"/\.step-.*/tensors\.safetensors$", 3, "half"),
    Point("write", r"/\.step-.*/state\.json$", 3, "half"),
    Point("write", r"/\.step-.*/manifest\.json$", 3, "before"),
    Point("write", r"/\.step-.*/manifest\.json$", 3, "half"),
    Point("fsync", r"/\.step-.*/tensors\.safetensors$", 3, "before"),
    Point("fsync", r"/\.step-.*/manifest\.json$", 3, "after"),
    Point("fsync", r"/\.step-\d+" + PARTIAL + "$", 3, "after"),
    Point("rename", r"/step-\d+$", 1, "before"),
    Point("rename", r"/step-\d+$", 1, "after"),
    Point("rename", r"/step-\d+$", 3, "before"),
    Point("rename", r"/step-\d+$", 3, "after"),
    Point("fsync", r"/checkpoints$", 3, "before"),
    Point("rename", r"/\.step-\d+" + PARTIAL + "$", 1, "before"),
    Point("rmtree", r"/\.step-\d+" + PARTIAL + "$", 1, "before"),
    Point("unlink", r"(tensors\.safetensors|state\.json|manifest\.json)$", 1, "after"),
    Point("unlink", r"(tensors\.safetensors|state\.json|manifest\.json)$", 2, "after"),
    Point("rmtree", r"/\.step-\d+" + PARTIAL + "$", 1, "after"),
    Point("rename", r"/step-{last}$", 1, "before"),
    Point("rename", r"/step-{last}$", 1, "after"),
    Point("mkdir", r"/\.model" + PARTIAL, 1, "after"),
    Point("write", r"/\.model.*/model\.safetensors$", 1, "half"),
    Point("rename", r"/model$", 1, "before"),
    Point("rename", r"/model$", 1, "after"),
    Point("write", r"/\.report\.html" + PARTIAL, 1, "half"),
    Point("rename", r"/report\.html$", 1, "before"),
    Point("rename", r"/report\.html$", 1, "after"),
    Point("write", r"/\.result\.json" + PARTIAL, 1, "half"),
    Point("rename", r"/result\.json$", 1, "before"),
    Point("rename", r"/result\.json$", 1, "after"),
]
MIDWAY = Point("rename", r"/step-\d+$", 4, "after")
RESTORING = [  # points of the life after one that ended MIDWAY, with a line of history too many
    Point("write", r"/\.history\.jsonl" + PARTIAL, 1, "half"),
    Point("rename", r"/history\.jsonl$", 1, "before"),
    Point("rename", r"/history\.jsonl$", 1, "after"),
    Point("rename", r"/timing\.jsonl$", 1, "before"),
]
UNJUDGED = Point("rename", r"/result\.json$", 1, "before")
AGAIN = [  # points of the life after one that lacked only its result: the last checkpoint and the model are written again
    Point("rename", r"/\.step-{last}\.replaced$", 1, "after"),
    Point("rename", r"/step-{last}$", 1, "after"),
    Point("rmtree", r"/\.step-{last}\.replaced$", 1, "before"),
    Point("rename", r"/\.model\.replaced$", 1, "after"),
    Point("rename", r"/model$", 1, "after"),
    Point("rename", r"/result\.json$", 1, "after"),
]
LIVES = [[point] for point in NEW] + [[MIDWAY, point] for point in RESTORING] + [[UNJUDGED, point] for point in AGAIN]


class Ended(NamedTuple):
    """How a run ended that was killed `kills` times. repeated: the most steps that one kill made it do again."""

    kills: int
    repeated: int
    wrong: list[str]


def live(scenarios: Scenarios, kind: str, lives: list[Point | float], naive: tuple[str, ...] = ()) -> Ended:
    """One run through several lives, each ended at a point or after so many seconds, and a last one; what is wrong with it."""
    folder = scenarios.folder / "killed"
    run, said, log = folder / "run", folder / "said.txt", folder / "steps.log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    whole, kills, wrong = scenarios.whole(kind), 0, []
    for death in lives:
        plan: dict[str, object] = {"log": str(log), "naive": naive}
        if isinstance(death, Point):
            plan["die"] = (death[0], death[1].replace("{last}", f"{whole.steps:08d}"), *death[2:])
        pid = scenarios.start(scenarios.go_on(kind, run), said, **plan)
        if not isinstance(death, Point):
            time.sleep(death)
            os.kill(pid, signal.SIGKILL)
        code = scenarios.children.wait(pid)
        kills += code == KILLED
        if isinstance(death, Point) and code != KILLED:
            wrong.append(f"never came to {death}: {code}, {said.read_text()}")
        elif code not in (0, KILLED):
            wrong.append(f"a life ended with {code}: {said.read_text()}")
        listed = [row["run"] for row in mapsto.runs(folder)]
        if listed != ([str(run)] if run.exists() else []):
            wrong.append(f"listed: {listed}")
    code = scenarios.run(scenarios.go_on(kind, run), said, log=str(log), naive=naive)
    if code:
        return Ended(kills, 0, [*wrong, f"lost, {code}: {said.read_text()}"])
    wrong += scenarios.differences(kind, run) if not naive else naive_differences(scenarios, kind, run)
    wrong += [f"left behind: {path}" for path in [*run.rglob("*.partial"), *run.rglob("*.replaced")]]
    spans = steps_of(log) if kind != "folds" else []  # each fold counts its steps for itself
    repeated = max((last - first + 1 for (_, last), (first, _) in pairwise(spans)), default=0)
    if repeated > whole.interval:
        wrong.append(f"{repeated} steps repeated, more than the {whole.interval} between two saves: {spans}")
    return Ended(kills, repeated, wrong)


def naive_differences(scenarios: Scenarios, kind: str, run: Path) -> list[str]:
    whole = scenarios.whole(kind).files
    return [name for name in ("history.jsonl", "model/last.safetensors") if whole[name] != (run / name).read_bytes()]


def test_a_forked_child_does_what_a_process_of_its_own_does(scenarios, dose):
    """So that what is shown with the cheap ones holds for the others."""
    for kind in list(KINDS)[: dose(0, 6)]:
        run = scenarios.folder / f"fresh-{kind}"
        command = [sys.executable, "-m", "mapsto", *scenarios.train(kind, run)]
        path = str(Path(mapsto.__file__).parents[1])
        subprocess.run(command, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, check=True)
        assert outcome(run) == scenarios.whole(kind).files, kind


def test_killed_at_any_moment_a_run_goes_on_and_comes_to_the_same(scenarios, dose, counted):
    draw = random.Random(0)
    kinds = ["table", "image", "solved", "everything", "folds"][: dose(1, 5)]
    wanted, killed, held, most, wrong = dose(2, 200), 0, 0, 0, []
    while killed < wanted:
        kind = kinds[killed % len(kinds)]
        lives = [
            draw.uniform(0, scenarios.whole(kind).seconds) for _ in range(draw.randint(1, min(3, wanted - killed)))
        ]
        ended = live(scenarios, kind, lives)
        killed, held = killed + ended.kills, held + ended.kills * (not ended.wrong)
        most = max(most, ended.repeated)
        wrong += [(kind, lives, ended.wrong)] if ended.wrong else []
    control = f"a resume that forgets the optimiser: {len(forgetting(scenarios).wrong)} files differ"
    counted("kills", tried=killed, held=held, control=control, kinds_of_run=len(kinds), most_steps_repeated=most)
    assert not wrong


def forgetting(scenarios: Scenarios) -> Ended:
    ended = live(scenarios, "table", [MIDWAY], naive=("forget",))
    assert ended.kills and ended.wrong, (
        "a resume without the optimiser's moments looks the same: nothing is compared here"
    )
    return ended


def test_killed_at_any_point_of_a_save_a_run_goes_on_and_comes_to_the_same(scenarios, dose, counted):
    several = LIVES[:: dose(14, 1)]
    tried = held = 0
    wrong = []
    for kind in ["table", "everything"][: dose(1, 2)]:
        for lives in several:
            ended = live(scenarios, kind, lives)
            tried, held = tried + 1, held + (not ended.wrong)
            wrong += [(kind, lives, ended.wrong)] if ended.wrong else []
    places = [
        Point("write", rf"/step-last/{name}$", nth, "half")
        for name in FILES[: dose(1, 2)]
        for nth in range(2, dose(3, 8))
    ]
    naive = [live(scenarios, "table", [place], naive=("overwrite",)) for place in places]
    lost = sum(bool(ended.kills and ended.wrong) for ended in naive)
    control = f"overwriting in place: {lost} of {len(places)} lost or not the same"
    counted("kills-saving", tried=tried, held=held, control=control, distinct_points=len(several))
    assert lost, "overwriting in place loses nothing: nothing is seen here"
    assert not wrong


FILES = ("tensors.safetensors", "state.json")


def test_a_run_killed_while_its_folder_was_made_is_no_run(scenarios):
    folder = scenarios.folder / "unmade"
    folder.mkdir()
    point = Point("rename", r"/run$", 1, "before")
    code = scenarios.run(scenarios.train("table", folder / "run"), folder / "said.txt", die=point)
    assert code == KILLED and [p.name.startswith(".run.") for p in folder.iterdir() if p.is_dir()] == [True]
    assert mapsto.runs(folder) == []
    assert scenarios.run(scenarios.resume(folder / "run"), folder / "said.txt") == 2
    assert "no run at" in (folder / "said.txt").read_text()
    assert scenarios.run(["runs", "--folder", folder, "--json"], folder / "listed.json") == 0
    assert read(folder / "listed.json") == []
