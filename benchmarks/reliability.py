"""Gather what the fault harnesses counted: `make faults`, or `python -m benchmarks.reliability` after one of them.

Counts lie in runs/faults, one file a harness; docs/reliability.json keeps them, and docs/reliability.md is written from that
file and from nothing else.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COUNTS = ROOT / "runs" / "faults"
RECORD, PAGE = ROOT / "docs" / "reliability.json", ROOT / "docs" / "reliability.md"

PROMISES = {
    "kills": "SIGKILL at a random moment: the run resumes and ends bitwise equal to the unbroken one",
    "kills-saving": "SIGKILL at a named point of a save: the same",
    "power": "power lost after any prefix of a save's writes, what was not fsynced dropped: a verified checkpoint is left",
    "resume": "stopped at every step of 40, twice within an epoch, at an epoch's end, and resumed: bitwise equal",
    "rot": "a bit flipped or bytes cut off in a checkpoint or model folder: detected, the file named, the previous checkpoint used",
    "disk": "ENOSPC, EDQUOT, EIO, EROFS, EACCES at every k-th write: the old checkpoint stays, path and bytes named",
    "signals": "SIGTERM or SIGINT at a random phase: out in time, with 143 or 130, and resumable",
    "numbers": "a NaN or infinity in a cell, loss, gradient or weight: found within a step, never in the weights, named",
    "numbers-device": "the same where the host may not wait for the device: the update is taken back there, read at a report",
    "numbers-cost": "cost of looking for them, share of a step",
    "memory": "an allocation fails: half the micro-batch, twice the accumulation, the same gradient",
    "processes": "two processes on one run folder: exactly one proceeds; a dead owner's lock is recovered",
    "strangers": "hostile model folders, checkpoints and frame.toml files: no code run, nothing opened outside, no socket",
    "results": "a result.json that says anything: shown, or refused by its name with the exit code of bad input",
    "mutants": "mutated headers and configurations: one clear error or a clean load, never a crash or traceback",
    "bombs": "pictures, archives and lines that explode: refused from their headers, memory bounded",
    "bombs-tables": "tables that explode (an endless line, 100,000 columns, deep JSON): refused by their code in 5 s and 512 MiB",
    "escapes": "terminal escapes and HTML in names: text in console, CSV and report",
    "corpus": "bad inputs with their exact message code, found before training",
    "corpus-pictures": "bad pictures with their exact message code, found before training",
    "corpus-texts": "bad texts, tags and sentence pairs with their exact message code, before training; others learned from",
    "heavy-texts": "10 MB in one line, a million marks on one letter: learned from in 10 s and 512 MiB",
    "planted": "one fault planted in clean data: found",
    "false-alarms": "resamples of clean data: no finding of error level",
    "encodings": "Korean and Chinese files in their encodings: decoded right, or refused",
    "estimator": "scikit-learn's own checks of an estimator: passed",
}


def main() -> None:
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for file in sorted(COUNTS.glob("*.json")):
        record[file.stem] = {**json.loads(file.read_text()), "machine": machine()}
    unknown = set(record) - set(PROMISES)
    if unknown:
        raise SystemExit(f"counts without a promise in benchmarks/reliability.py: {', '.join(sorted(unknown))}")
    record = {key: record[key] for key in PROMISES if key in record}
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(record))


def machine() -> str:
    import torch

    return f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"


def page(record: dict) -> str:
    rows = [
        f"| {promise} | {_count(record[key]) if key in record else 'not yet measured'} | {record.get(key, {}).get('control', '')} |"
        for key, promise in PROMISES.items()
    ]
    machines = sorted({line["machine"] for line in record.values()})
    return f"""# Reliability

Written by `make faults` from `docs/reliability.json`; nothing here is typed. Every harness is in `tests/faults/`;
`make test` runs it in a small dose. The control is the same harness pointed at something deliberately naive: it has to
fail there, or the harness proves nothing.

| promise | held | negative control |
|---|---|---|
{chr(10).join(rows)}

Measured on: {"; ".join(machines)}.

## Not promised

- **Another machine, torch version, device, precision or number of threads.** A run resumes there, and says so, but the
  last digits may differ: sums are taken in another order. `environment.json` keeps what a run was made under.
- **Network disks.** Renames and locks there do not mean what they mean on a local disk: keep run folders on a local one.
- **A disk that lies**: one that reports an fsync done when it is not can lose the newest checkpoint; the manifest tells,
  and the one before it is used.
- **Out in time from within one long call into compiled code**: a signal waits until a tree's fit, a factorisation or an fsync
  has returned, and until a step of learning and its checkpoint are done.
- **Your own Python.** A module, transform or observer of yours is code you run; what mapsto promises of files ends there.
"""


def _count(line: dict) -> str:
    more = "; ".join(
        f"{word.replace('_', ' ')} {value}"
        for word, value in line.items()
        if word not in ("tried", "held", "control", "seconds", "machine")
    )
    count = f"{line['held']:,} of {line['tried']:,}"
    return f"{count} ({more})" if more else count


if __name__ == "__main__":
    main()
