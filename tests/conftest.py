"""What holds for every test. Tests import what they share from `toys`: pytest puts this folder on the path."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from mapsto.cli import main


def pytest_collection_finish():
    """What has been imported by now stays: the collection that each `fit` begins with then takes 5 ms, not 250."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def mapsto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable:
    """Run the command line in an empty folder → (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
