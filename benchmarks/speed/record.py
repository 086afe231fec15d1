"""docs/speed.json: every run that was measured, and on what. One row a line, so that a difference can be read."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.speed.contest import Contest
from benchmarks.speed.pairs import Row

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "speed.json"
SHARDS = ROOT / "docs" / "speed_shards.json"
GENERATION = ROOT / "docs" / "speed_generation.json"
PARTS = ROOT / "docs" / "speed_parts.json"
TRIED = ROOT / "runs" / "speed" / "tried.json"
PACKAGES = (
    "torch", "numpy", "scikit-learn", "skorch", "keras", "jax", "jaxlib", "transformers", "accelerate", "fastai", "lightning",
)  # fmt: skip


def read(path: Path = RECORD) -> dict[str, Any]:
    """contest → {"rows", "failed", "checked", and what they were measured on}; {} where nothing was."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(
    contest: Contest, found: dict[str, Any], command: str, path: Path = RECORD, machine: str = "", more: bool = False
) -> None:
    """Put one contest into the file in place of what it had, or with `more` behind it; the others stay as they are."""
    record, now = read(path), {**about(contest, command, machine), **found}
    if more and contest.name in record:
        now = _joined(record[contest.name], now)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_written(record | {contest.name: now}), encoding="utf-8")


def _joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Rounds of one machine and the same libraries, one after the other: a ratio is one within a round, so that they need not be
    of one day."""
    for what in ("machine", "threads", "python", "versions"):
        if before[what] != now[what]:
            raise SystemExit(f"the rounds so far are of another {what}: measure all of them again, without --more.")
    done = 1 + max(row["round"] for row in before["rows"])
    rows = [*before["rows"], *({**row, "round": row["round"] + done} for row in now["rows"])]
    both = {what: "; ".join(dict.fromkeys([before[what], now[what]])) for what in ("command", "commit")}
    return {**now, **both, "rows": rows}


def about(contest: Contest, command: str, where: str = "") -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": command,
        "commit": commit(),
        "machine": where or machine(),
        "threads": contest.threads,
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def machine() -> str:
    """ "2 cores of AMD EPYC, AVX-512 bfloat16, 24 GiB, Linux"."""
    words = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = next(
        (l.split(":")[1].strip() for l in words.splitlines() if l.startswith("model name")), platform.processor()
    )
    special = [said for flag, said in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX-512 bfloat16")) if flag in words]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return ", ".join([f"{os.cpu_count()} cores of {name}", *special, f"{memory:.0f} GiB", platform.system()])


def _written(record: dict[str, Any]) -> str:
    contests = []
    for name, found in record.items():
        about = {k: v for k, v in found.items() if k != "rows"}
        rows = ",\n   ".join(json.dumps(row, ensure_ascii=False) for row in map(_short, found["rows"]))
        head = json.dumps(about, ensure_ascii=False, indent=2)[1:-2].replace("\n", "\n ")
        contests.append(f' {json.dumps(name)}: {{{head},\n   "rows": [\n   {rows}\n   ]\n }}')
    return "{\n" + ",\n".join(contests) + "\n}\n"


def _short(row: Row) -> Row:
    """Six significant digits: no clock here knows more."""
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()}


def commit() -> str:
    """The commit that was measured, with a + where files differed from it."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "src", "benchmarks"], capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
