"""The front page keeps its word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_program_of_the_front_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    exec(compile(program, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "verdict" in said and "setosa" in said
    assert (tmp_path / "runs/flowers/report.html").stat().st_size > 10_000


def test_every_folder_of_the_package_stands_in_the_tree():
    tree = README.split("## The house")[1]
    for folder in (Path(__file__).parents[1] / "src" / "mapsto").iterdir():
        if folder.is_dir() and not folder.name.startswith("__"):
            assert f"  {folder.name}/" in tree, f"{folder.name}/ has no line in the README"


def test_every_verb_is_on_the_command_line():
    from mapsto.cli import VERBS

    for verb in re.findall(r"^mapsto (\w+)", README, re.MULTILINE):
        assert verb in VERBS
