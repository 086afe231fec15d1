"""Tables that explode: endless lines, too many columns, nothing but NULs, JSON as deep as a well, data that unpack to a thousand
times their size. Each is refused by its code in seconds and in bounded memory; the files are made in pieces or sparsely."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

SECONDS, MEMORY = 5.0, 512 << 20  # at most, beyond what importing takes
MIB = 1 << 20


@dataclass(frozen=True)
class Bomb:
    name: str
    code: str
    make: Callable[[Path, int], None]  # at a path, of about so many MiB once unpacked


def pieces(path: Path, parts: Iterator[bytes]) -> None:
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as file:
        for part in parts:
            file.write(part)


def an_endless_line(path: Path, size: int) -> None:
    pieces(path, (b"a,b," * (MIB // 4) for _ in range(size)))


def an_endless_quote(path: Path, size: int) -> None:
    pieces(path, (b'a,b\n"' if not i else b"x" * 99 + b"\n" for i in range(64 * MIB // 100)))


def many_columns(path: Path, size: int) -> None:
    row = ",".join(f"c{i}" for i in range(100_000))
    pieces(path, (line.encode() + b"\n" for line in [row, *[row.replace("c", "") for _ in range(9)]]))


def many_keys(path: Path, size: int) -> None:
    pieces(path, (json.dumps({f"key{i}": i}).encode() + b"\n" for i in range(100_000)))


def one_wide_object(path: Path, size: int) -> None:
    pieces(path, iter([json.dumps({f"key{i}": i for i in range(100_000)}).encode() + b"\n"]))


def many_cells(path: Path, size: int) -> None:
    pieces(path, (json.dumps({f"key{i % 5000}": i}).encode() + b"\n" for i in range(100_000)))


def nothing_but_nul(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size * MIB)  # sparse: no disk is used


def lines_of_nul(path: Path, size: int) -> None:
    pieces(path, (b"a,b\n" if not i else b"\0" * 99 + b"\n" for i in range(16 * MIB // 100)))


def a_well(path: Path, size: int) -> None:
    pieces(path, iter([b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"\n"]))


def a_well_of_lists(path: Path, size: int) -> None:
    pieces(path, (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}\n" for _ in range(1000)))


def short_lines(path: Path, size: int) -> None:
    pieces(path, (b"a,b\n" if not i else b"1,2\n" * (MIB // 4) for i in range(size)))


def empty_lines(path: Path, size: int) -> None:
    pieces(path, (b"a,b\n1,2\n" if not i else b"\n" * MIB for i in range(60)))


def one_value(path: Path, size: int) -> None:
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), ["x" * 100])
    pyarrow.parquet.write_table(pa.table({f"c{i}": rows for i in range(20)}), path)


BOMBS = [
    Bomb("endless.csv", "D120", an_endless_line),
    Bomb("endless.csv.gz", "D120", an_endless_line),
    Bomb("endless.jsonl", "D120", an_endless_line),
    Bomb("quote.csv", "D116", an_endless_quote),
    Bomb("columns.csv", "D122", many_columns),
    Bomb("wide.jsonl", "D122", one_wide_object),
    Bomb("keys.jsonl", "D121", many_keys),
    Bomb("cells.jsonl", "D121", many_cells),
    Bomb("nul.csv", "D120", nothing_but_nul),
    Bomb("nul-lines.csv", "D117", lines_of_nul),
    Bomb("well.jsonl", "D125", a_well),
    Bomb("lists.jsonl", "D125", a_well_of_lists),
    Bomb("short.csv.gz", "D121", short_lines),
    Bomb("empty-lines.csv.gz", "D120", empty_lines),
    Bomb("one-value.parquet", "D121", one_value),
]

# reads each file in a process of its own, forked after everything has been imported, as {how}
MEASURED = """
import os, resource, signal, sys, time
{imports}
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
for path in sys.argv[1:]:
    if os.fork():
        if os.wait()[1]:
            print(path, "died", 10, 0, flush=True)
        continue
    signal.alarm(10)
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    before, begun, code = peak(), time.perf_counter(), "read"
    try:
        {read}
    except Exception as error:
        code = getattr(error, "code", "") or type(error).__name__
    print(path, code, time.perf_counter() - begun, peak() - before, flush=True)
    os._exit(0)
"""
OURS = MEASURED.format(
    imports="import mapsto.data.read, mapsto.data.table", read="mapsto.data.read.read(path)", how="we do"
)
THEIRS = MEASURED.format(
    imports="import pandas",
    read="(pandas.read_csv(path) if 'json' not in path else pandas.read_json(path, lines=True))",
    how="a script does",
)


@dataclass(frozen=True)
class Read:
    code: str  # of the error; "read" where there was none
    seconds: float
    memory: int  # bytes at most, beyond what importing took


def measured(program: str, paths: list[Path]) -> list[Read]:
    done = subprocess.run([sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True)
    lines = [line.rsplit(" ", 3) for line in done.stdout.splitlines()]
    assert [path for path, *_ in lines] == [str(path) for path in paths], done.stderr
    return [Read(code, float(seconds), int(memory)) for _, code, seconds, memory in lines]


def test_a_table_that_explodes_is_refused_in_seconds_and_in_bounded_memory(memory, dose, counted):
    paths = [memory / bomb.name for bomb in BOMBS]
    for bomb, path in zip(BOMBS, paths, strict=True):
        bomb.make(path, dose(48, 1024) if bomb.name in ("endless.csv", "nul.csv") else 300)
    found = dict(zip(BOMBS, measured(OURS, paths), strict=True))
    wrong = [
        f"{bomb.name}: {read.code} in {read.seconds:.1f} s and {read.memory >> 20} MiB, not {bomb.code}"
        for bomb, read in found.items()
        if read.code != bomb.code or read.seconds > SECONDS or read.memory > MEMORY
    ]
    long_or_wide = [path for bomb, path in zip(BOMBS, paths, strict=True) if bomb.code in ("D120", "D122")]
    naive = measured(THEIRS, long_or_wide[-dose(1, len(long_or_wide)) :])
    taken = sum(read.code in ("read", "died") or read.memory > MEMORY for read in naive)
    counted(
        "bombs-tables",
        tried=len(BOMBS),
        held=len(BOMBS) - len(wrong),
        control=f"pandas: {taken} of {len(naive)} long lines and wide tables taken in whole",
        slowest_seconds=round(max(read.seconds for read in found.values()), 1),
        largest_MiB=max(read.memory for read in found.values()) >> 20,
    )
    assert not wrong, "\n".join(wrong)
    assert taken, "the control has to take in what explodes"


def test_a_large_table_that_is_none_of_these_is_read(tmp_path):
    """The bounds are for bombs: a compressible table, and one as wide as may be, are read."""
    from mapsto.data.read import read

    with gzip.open(tmp_path / "even.csv.gz", "wb") as file:
        file.write(b"a,b\n" + b"1,2\n" * 1_000_000)
    assert len(read(tmp_path / "even.csv.gz")) == 1_000_000
    (tmp_path / "wide.csv").write_text(
        "\n".join(",".join(f"{p}{i}" for i in range(1000)) for p in ("c", "1", "2")) + "\n"
    )
    begun = time.perf_counter()
    assert len(read(tmp_path / "wide.csv").columns) == 1000 and time.perf_counter() - begun < SECONDS
