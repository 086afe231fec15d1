"""Small runs that are broken off in every way, and what they come to when nobody breaks them off."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from children import Children

from mapsto.learner.run import Run

OFTEN = ["--save-every", "0", "--quiet"]  # a checkpoint at every report
ALONE = ["--baselines", "0"]  # beside the trivial one
TABLE = [
    "--set", "model.name=mlp", "--set", "model.width=16", "--set", "model.dropout=0.2", "--set", "algorithm.lr=0.02",
]  # fmt: skip
PICTURES = ["--set", "model.name=convnet", "--set", "model.width=4", "--set", "algorithm.batch=2"]
ENDS = '{name="plateau", measure="accuracy", patience=6}, {name="epochs", count=30}'
ALL_AT_ONCE = [
    "--set", "algorithm.batch=12", "--set", "algorithm.accumulate=3", "--set", "algorithm.ema=0.9",
    "--set", 'data.augment=[{name="shift", pixels=1}, {name="cutout", size=3}]',
    "--set", f'algorithm.until={{name="either", several=[{ENDS}]}}',
]  # fmt: skip
KINDS = {
    "table": ["flowers.csv", "--target", "kind", *TABLE, *ALONE, "--set", "algorithm.batch=2", "--epochs", "4"],
    "image": ["bars.npz", *PICTURES, *ALONE, "--epochs", "3"],
    "solved": ["flowers.csv", "--target", "kind", *ALONE, "--set", "model.name=decision-tree"],
    "everything": ["bars.npz", *PICTURES, *ALONE, *ALL_AT_ONCE],
    "folds": ["flowers.csv", "--target", "kind", *TABLE, *ALONE, "--folds", "3", "--epochs", "3"],
    "beside": ["long.csv", "--target", "kind", "--split-column", "part", *TABLE, "--baselines", "600", "--epochs", "5"],
}


def write_data(folder: Path) -> None:
    draw = np.random.default_rng(0)
    height, width = draw.normal(size=(2, 200)).round(3)
    wood = draw.choice(["oak", "elm", "ash"], 200)
    kind = np.where(height + (wood == "oak") > 0.5, "rose", np.where(width > 0, "lily", "iris"))
    with open(folder / "flowers.csv", "w", newline="") as file:
        csv.writer(file).writerows([["height", "width", "wood", "kind"], *zip(height, width, wood, kind, strict=True)])
    numbers = draw.normal(size=(3000, 20))
    kinds = np.digitize(numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + 0.3 * draw.normal(size=3000), [-1, 1])
    parts = np.repeat(["train", "valid", "test"], 1000)
    with open(folder / "long.csv", "w", newline="") as file:
        names = [f"number-{k}" for k in range(20)]
        rows = ([*row.round(3), kind, part] for row, kind, part in zip(numbers, kinds, parts, strict=True))
        csv.writer(file).writerows([[*names, "kind", "part"], *rows])
    seen = draw.integers(0, 120, (120, 12, 12)).astype(np.uint8)
    upright = draw.random(120) < 0.5
    for k, up in enumerate(upright):
        seen[(k, slice(None), slice(4, 7)) if up else (k, slice(4, 7))] += 60
    np.savez(folder / "bars.npz", x=seen, y=upright.astype(np.int64))


@dataclass(frozen=True)
class Whole:
    """What a run comes to that nobody breaks off; how long that takes; the most steps between two of its saves."""

    files: dict[str, bytes]
    seconds: float
    steps: int
    interval: int


def outcome(folder: Path) -> dict[str, bytes]:
    """Everything that a finished run leaves, but what the clock says."""
    names = ["frame.toml", "environment.json", "history.jsonl"]
    names += [f"model/{name}" for name in ("config.json", "domains.json", "model.safetensors", "last.safetensors")]
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}
    written = json.loads((folder / "result.json").read_text())
    for part in (written, *written["baselines"].values()):
        del part["seconds"]
    files["result.json"] = json.dumps(written).encode()
    for newest in Run(folder).checkpoints()[:1]:
        files |= {name: (newest / name).read_bytes() for name in ("tensors.safetensors", "state.json")}
    for fold in sorted(folder.glob("fold-*")):
        files |= {f"{fold.name}/{name}": data for name, data in outcome(fold).items()}
    return files


class Scenarios:
    """The runs of KINDS in a folder, each made once. page: draw their reports; it takes as long as all the rest."""

    def __init__(self, children: Children, folder: Path, page: bool = True):
        self.children, self.folder, self.page = children, folder, page
        self._wholes: dict[str, Whole] = {}
        write_data(folder)

    def train(self, kind: str, run: Path, *more: str) -> list[str]:
        source, *settings = KINDS[kind]
        return ["train", str(self.folder / source), *settings, "--run", str(run), *OFTEN, *more]

    def resume(self, run: Path) -> list[str]:
        return ["resume", str(run), "--save-every", "0", "--quiet"]

    def go_on(self, kind: str, run: Path) -> list[str]:
        """What continues this run: from its start where it has none yet."""
        return self.resume(run) if (run / "frame.toml").exists() else self.train(kind, run)

    def start(self, arguments: list[str], said: Path, **plan: Any) -> int:
        return self.children.start(arguments, said, page=self.page, **plan)

    def run(self, arguments: list[str], said: Path, **plan: Any) -> int:
        return self.children.wait(self.start(arguments, said, **plan))

    def whole(self, kind: str) -> Whole:
        if kind not in self._wholes:
            run, said = self.folder / f"whole-{kind}", self.folder / f"whole-{kind}.txt"
            begun = time.perf_counter()
            code = self.run(self.train(kind, run), said)
            assert code == 0, said.read_text()
            seconds, reports = time.perf_counter() - begun, [0, *(line["step"] for line in Run(run).history())]
            interval = max((b - a for a, b in pairwise(reports)), default=0)
            self._wholes[kind] = Whole(outcome(run), seconds, reports[-1], interval)
        return self._wholes[kind]

    def differences(self, kind: str, run: Path) -> list[str]:
        """The files in which a finished run is not the whole one."""
        whole, found = self.whole(kind).files, outcome(run)
        return [name for name in {**whole, **found} if whole.get(name) != found.get(name)]


def steps_of(log: Path) -> list[tuple[int, int]]:
    """The first and the last step of each life of a run."""
    lives: dict[str, list[int]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        pid, step = line.split()
        lives.setdefault(pid, []).append(int(step))
    return [(steps[0], steps[-1]) for steps in lives.values()]


def read(path: Path) -> Any:
    return json.loads(path.read_text())
