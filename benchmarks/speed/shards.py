"""What it costs to learn from a set ten times the memory that is allowed: a step from shards against the same step from memory.

Two processes hold the same encoded examples, model and batch size: one has all of them resident and no limit; the other
streams them from shards under RLIMIT_DATA, which leaves it a tenth of the set beyond what the same training takes on 4,000
rows. They take turns, a block of steps each, on one thread; the ratio is that of a pair of blocks, its interval a bootstrap of
the median over pairs. Blocks are long enough that chunks are read in all of them. The set's files are in the page cache after
they were written: this measures the streaming, and no disk.

    python -m benchmarks.speed.shards [--mib 640] [--pairs 40] [--quick]        → docs/speed_shards.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.speed import record, report

ROOT = Path(__file__).resolve().parents[2]
KEPT, TRIED = record.SHARDS, ROOT / "runs" / "speed" / "shards.json"
WIDTH, SMALL = 256, 4000  # numbers a row; rows of the set that says what training takes anyway
BATCH = 256
WORKS = {
    "linear, batch 256": {"name": "linear"},
    "MLP 256–64–64–2, batch 256": {"name": "mlp", "width": 64, "depth": 2, "dropout": 0.0},
    "MLP 256–256–256–256–2, batch 256": {"name": "mlp", "width": 256, "depth": 3, "dropout": 0.0},
}
GATE = 1.1


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--mib", type=int, default=640)
    asked.add_argument("--pairs", type=int, default=40)
    asked.add_argument("--quick", action="store_true", help="a small set and few pairs: whether it works at all")
    asked.add_argument("--worker", nargs=4, metavar=("KIND", "FOLDER", "MODEL", "LIMIT"))
    options = asked.parse_args()
    if options.worker:
        kind, folder, model, limit = options.worker
        work(kind, Path(folder), json.loads(model), int(limit))
        return
    mib, pairs = (64, 6) if options.quick else (options.mib, options.pairs)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: compare(Path(folder), name, model, mib, pairs) for name, model in WORKS.items()}
    kept = TRIED if options.quick else KEPT
    kept.parent.mkdir(parents=True, exist_ok=True)
    about = {"date": time.strftime("%Y-%m-%d"), "commit": record.commit(), "machine": record.machine()}
    kept.write_text(json.dumps({**about, "works": found}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if not options.quick:
        report.write()
    print(json.dumps(found, ensure_ascii=False, indent=1))


def compare(folder: Path, name: str, model: dict[str, Any], mib: int, pairs: int) -> dict[str, Any]:
    """One row of the table."""
    for word, rows in (("small", SMALL), ("large", mib * 2**20 // (4 * WIDTH))):
        if not (folder / word).exists():
            write(folder, word, rows)
    allowed = mib * 2**20 // 10
    base = 0
    for _ in range(2):  # under no limit, a heap holds more than it needs; under that, less
        with Worker("resident", folder / "small", model, base) as anyway:
            anyway.ask(1000)
            base = anyway.ask(0)["data"]
    with (
        Worker("resident", folder / "large", model, 0) as resident,
        Worker("sharded", folder / "large", model, base + allowed) as sharded,
    ):
        epoch = resident.hello["batches"]
        steps = max(50, epoch // 8)
        for worker in (resident, sharded):
            worker.ask(steps)
        took: list[dict[str, dict[str, float]]] = []
        for pair in range(pairs):
            order = [("resident", resident), ("sharded", sharded)]
            took.append({word: worker.ask(steps) for word, worker in (order if pair % 2 else order[::-1])})
        last = sharded.ask(0)
        same = resident.hello["first"] == sharded.hello["first"]
    made: dict[str, Any] = {
        "steps a block": steps,
        "steps an epoch": epoch,
        "pairs": pairs,
        "set MiB": round(sharded.hello["bytes"] / 2**20),
        "allowed MiB": round(allowed / 2**20),
        "limit MiB (RLIMIT_DATA)": round((base + allowed) / 2**20),
        "data at the end MiB": round(last["data"] / 2**20),
        "peak resident MiB": round(last["peak"] / 2**20),
        "peak resident MiB of 4,000 rows": round(anyway.last["peak"] / 2**20),
        "chunks MiB": sharded.hello["granted"],
        "same examples": same,
    }
    for clock in ("process", "wall"):
        ratios = [pair["sharded"][clock] / pair["resident"][clock] for pair in took]
        low, high = interval(ratios)
        made[f"ratio ({clock} time)"] = [round(v, 4) for v in (statistics.median(ratios), low, high)]
        for word in ("resident", "sharded"):
            spent = statistics.median(pair[word][clock] for pair in took) / steps
            made[f"{word} µs a step ({clock} time)"] = round(1e6 * spent, 1)
    made["within 1.1"] = made["ratio (process time)"][0] <= GATE
    print(name, made["ratio (process time)"], made["ratio (wall time)"], file=sys.stderr)
    return made


def interval(ratios: list[float], draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the median, by bootstrap."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(draws))
    return medians[draws // 40], medians[-draws // 40]


def write(folder: Path, word: str, rows: int) -> None:
    """A set of that many rows as shards, by way of Parquet."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    import mapsto

    draw, source = np.random.default_rng(0), folder / f"{word}.parquet"
    slope = draw.normal(size=WIDTH).astype(np.float32)
    writer = None
    for begin in range(0, rows, 20_000):
        x = draw.normal(size=(min(20_000, rows - begin), WIDTH)).astype(np.float32)
        y = np.where(x @ slope + draw.normal(size=len(x)) > 0, "up", "down")
        columns = {"x": pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), WIDTH), "y": pa.array(y)}
        writer = writer or pyarrow.parquet.ParquetWriter(source, pa.table(columns).schema, compression="none")
        writer.write_table(pa.table(columns))
    writer.close()
    mapsto.shard(source, folder / word, "y", settings={"data.split.test": 0.02, "data.split.valid": 0.02})
    source.unlink()


# ── one side ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Worker:
    """A process that trains so many steps when it is asked to, and says what they took."""

    def __init__(self, kind: str, folder: Path, model: dict[str, Any], limit: int):
        command = [
            sys.executable,
            "-m",
            "benchmarks.speed.shards",
            "--worker",
            kind,
            str(folder),
            json.dumps(model),
            str(limit),
        ]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        # Arrow's own allocator sets a gibibyte of addresses aside, which a limit on data counts as taken
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )
        self.last: dict[str, Any] = {}
        self.hello = self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def ask(self, steps: int) -> dict[str, Any]:
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.last = self._answer()
        return self.last

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self.process.wait()}")
        return json.loads(line)


def work(kind: str, folder: Path, model: dict[str, Any], limit: int) -> None:
    """The other end."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    import torch

    import mapsto
    from mapsto.core import seeds
    from mapsto.data.dataset import Dataset
    from mapsto.learner.learner import Learner

    torch.set_num_threads(1)
    frame = mapsto.frame(folder, device="cpu")
    frame.set("model", model).set("algorithm.batch", BATCH).set("algorithm.until", {"name": "epochs", "count": 1000})
    learner = frame.learner()
    size = sum(len(v) for v in (learner.data.train, learner.data.valid, learner.data.test)) * 4 * WIDTH
    if kind == "resident":
        views = {part: getattr(learner.data, part) for part in ("train", "valid", "test")}
        whole = {part: view.gather(torch.arange(len(view))) for part, view in views.items()}
        data = Dataset(**whole, input=learner.data.input, target=learner.data.target)
        learner = Learner(data, learner.model, learner.objective, learner.algorithm)
    learner.settle()
    learner.model.train()
    view = learner.data.train
    first = float(view.gather(torch.arange(100))["input"].double().sum())
    hello = {"batches": learner.algorithm.experience.batches, "bytes": size, "first": first}
    print(json.dumps({**hello, "granted": frame.settings["data"]["resident"]}), flush=True)
    experience, update, step = learner.algorithm.experience, learner.algorithm.update, 0
    for line in sys.stdin:
        process, wall = time.process_time(), time.perf_counter()
        for _ in range(int(line)):
            seeds.set_all(0, step)
            learner.tally.add(update.step(experience.batch(step), step), None)
            step += 1
            if step % learner.report_every == 0:
                learner.tally.read()  # as `fit` does: what was heard since is kept
        took = {"process": time.process_time() - process, "wall": time.perf_counter() - wall}
        status = dict(entry.split(":", 1) for entry in Path("/proc/self/status").read_text().splitlines())
        held = {"data": int(status["VmData"].split()[0]) * 1024, "peak": int(status["VmHWM"].split()[0]) * 1024}
        print(json.dumps({**took, **held}), flush=True)


if __name__ == "__main__":
    main()
