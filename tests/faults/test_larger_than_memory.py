"""A set ten times the memory that is allowed (RLIMIT_DATA): from shards it is learned and judged, from memory it cannot be.

Each child says what it held. What it may hold is what the same training takes on a small set, and a tenth of the large set.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import mapsto

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import json, resource, sys
from pathlib import Path
source, run, limit, fully = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "fully"
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
import mapsto
frame = mapsto.frame(source, "y", device="cpu")
frame.set("model", {"name": "mlp", "width": 32, "depth": 1}).set("algorithm.batch", 256)
frame.set("algorithm.until", {"name": "epochs", "count": 1})
if fully:
    result = frame.train(run, baseline_seconds=5)
    score = result.written["scores"]["test"]["accuracy"]["value"]
else:
    learner = frame.learner().fit()
    score = learner.evaluate("test", intervals=False)["accuracy"].value
held = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({"data": 1024 * int(held["VmData"].split()[0]), "peak": 1024 * int(held["VmHWM"].split()[0]),
                  "score": score}))
"""


def written(path: Path, rows: int, width: int) -> Path:
    draw, slope, writer = np.random.default_rng(0), np.random.default_rng(1).normal(size=width), None
    for begin in range(0, rows, 20_000):
        x = draw.normal(size=(min(20_000, rows - begin), width)).astype(np.float32)
        y = np.where(x @ slope + draw.normal(size=len(x)) > 0, "up", "down")
        table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), width), "y": pa.array(y)})
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, compression="none", use_dictionary=False)
        writer.write_table(table)
    writer.close()
    return path


def trained(source: Path, run: Path, limit: int, fully: bool) -> dict | str:
    """What the child held, or the end of what it said where it failed."""
    # Arrow's own allocator sets a gibibyte of addresses aside, which a limit on data counts as taken
    env = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        CHILD,
        str(source),
        str(run),
        str(limit),
        "fully" if fully else "only",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr[-2000:]


def learned_in_a_tenth(folder: Path, mib: int, width: int, fully: bool) -> None:
    small, large = written(folder / "small.parquet", 2000, width), folder / "large.parquet"
    written(large, mib * 2**20 // (4 * width), width)
    for path in (small, large):
        mapsto.shard(
            path, path.with_suffix(".shards"), "y", settings={"data.split.test": 0.05, "data.split.valid": 0.05}
        )
    base = {"data": 0}
    for k in range(2):  # under no limit, a heap holds more than it needs; under that, less
        base = trained(small.with_suffix(".shards"), folder / f"run-small-{k}", base["data"], fully)
        assert isinstance(base, dict), base
    allowed = mib * 2**20 // 10
    limit = base["data"] + allowed
    sharded = trained(large.with_suffix(".shards"), folder / "run-1", limit, fully)
    assert isinstance(sharded, dict), sharded
    assert sharded["data"] <= limit
    assert sharded["peak"] - base["peak"] <= allowed + (8 << 20)  # here pages of libraries that are touched count too
    assert sharded["score"] > 0.85
    resident = trained(large, folder / "run-2", limit, fully)
    assert isinstance(resident, str), "the limit keeps nobody from holding the set"
    assert "MemoryError" in resident or "memory" in resident
    without = trained(large, folder / "run-3", 0, False)
    assert without["peak"] - base["peak"] > 10 * allowed * 0.9


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="a limit on data counts all memory on Linux only")


@needs_linux
def test_a_set_ten_times_what_is_allowed_is_learned(tmp_path):
    learned_in_a_tenth(tmp_path, mib=160, width=512, fully=False)


@pytest.mark.slow
@needs_linux
def test_a_larger_one_is_learned_and_judged(tmp_path):
    learned_in_a_tenth(tmp_path, mib=640, width=256, fully=True)
