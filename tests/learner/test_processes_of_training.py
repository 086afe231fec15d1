"""Several processes learn what one would: the same gradients, the same weights, the same scores; and no process waits for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def torchrun(processes: int, *what: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(processes, *what), capture_output=True, text=True, timeout=120, env=surroundings(**environment)
    )


def command(processes: int, *what: str) -> list[str]:
    return [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        *what,
    ]


def surroundings(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1", **more}


def together(folder: Path, scenario: str, processes: int = 2) -> list[Any]:
    """What each process says of a scenario of together.py."""
    ran = torchrun(processes, str(HERE / "together.py"), scenario, str(folder / "result.json"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads((folder / "result.json").read_text())


def check_equal(everybody: list[dict[str, dict[str, float]]]) -> None:
    assert all(found == everybody[0] for found in everybody), "processes differ from each other"
    for name, found in everybody[0].items():
        assert found["gradient"] <= 1e-6, (name, found)
        assert found["weight"] <= 1e-5, (name, found)
        assert found["score"] <= 1e-5, (name, found)
        assert found["moved"] > 1e-2, (name, found)


def test_two_processes_learn_what_one_would(tmp_path):
    everybody = together(tmp_path, "equal")
    check_equal(everybody)
    print(f"gradients at most {max(f['gradient'] for f in everybody[0].values()):.1e} apart")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [3, 4])
def test_so_do_more(tmp_path, processes):
    check_equal(together(tmp_path, "equal", processes))
