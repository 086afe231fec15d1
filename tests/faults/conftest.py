"""What every fault harness shares: how large a dose it takes, and where its counts go.

Doses are small in `make test`. `make faults` (MAPSTO_FAULTS=full) gives the full ones and keeps the counts, from which
`python -m benchmarks.reliability` writes docs/reliability.md. Each harness has a negative control: pointed at something
deliberately naive, it must find the fault there; the test says what it found in `control`.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import Children
from unbroken import Scenarios

FULL = os.environ.get("MAPSTO_FAULTS") == "full"
COUNTS = Path(__file__).parents[2] / "runs" / "faults"


@pytest.fixture
def dose() -> Callable[[int, int], int]:
    """dose(small, full): how many times a fault is tried."""
    return lambda small, full: full if FULL else small


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on no disk, where there is such a place: for harnesses that make and remove thousands of files."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as path:
        yield Path(path)


@pytest.fixture
def counted(capsys) -> Callable:
    """counted("kills", tried=200, held=200, control="overwriting in place: 4 of 14 lost") prints, and keeps, what came of it.

    key: one word, a row of docs/reliability.md (benchmarks/reliability.py says which there are). more: further figures.
    """
    begun = time.perf_counter()

    def keep(key: str, tried: int, held: int, control: str, **more: float | int | str) -> None:
        seconds = round(time.perf_counter() - begun, 1)
        line = {"tried": tried, "held": held, "control": control, "seconds": seconds, **more}
        with capsys.disabled():
            print(f"\n{key}: {held} of {tried}; control: {control}; {seconds} s {more or ''}")
        if FULL:
            COUNTS.mkdir(parents=True, exist_ok=True)
            (COUNTS / f"{key}.json").write_text(json.dumps(line, ensure_ascii=False))

    return keep


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


@pytest.fixture(scope="session")
def scenarios(children: Children, tmp_path_factory: pytest.TempPathFactory) -> Scenarios:
    return Scenarios(children, tmp_path_factory.mktemp("runs"), page=FULL)
