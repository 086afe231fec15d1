"""Adding to the house is one new file and one line: tried on a copy of it, as somebody would who adds a model."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mapsto

TESTS = Path(__file__).parent
TOY = '''"""A toy."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.batch import Field
from mapsto.core.nouns import Shape
from mapsto.layers.columns import Columns


class Toy(nn.Module):
    """A straight line with a bend in it.

    inputs: shape of the input (see `Columns`). knees: how many bends.
    forward: input [B, *inputs] → [B, outputs].
    """

    def __init__(self, inputs: Shape, outputs: int, knees: int = 12):
        super().__init__()
        self.inputs, self.outputs, self.knees = inputs, outputs, knees
        self.columns = Columns(inputs)
        self.line = nn.Sequential(nn.Linear(self.columns.width, knees), nn.ReLU(), nn.Linear(knees, outputs))

    def forward(self, input: Field) -> Tensor:
        return self.line(self.columns(input))
'''
FRAMED = """
import numpy as np
from mapsto.core import names
from mapsto.core.nouns import Raw
from mapsto.framing.frame import Frame

print(names.listed("model")["toy"])
draw = np.random.default_rng(0)
raw = Raw("made-up", {"a": draw.normal(size=60), "b": draw.normal(size=60), "y": draw.normal(size=60)}, target="y")
frame = Frame(raw, device="cpu").set("model.name", "toy").set("model.knees", 7)
learner = frame.learner().fit(3)
print(learner.model.__class__.__name__, learner.model.knees, learner.step, 'name = "toy"' in frame.toml())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Path:
    """A copy of the package and of the battery for models, with the file of one more model, but not its line."""
    home = tmp_path_factory.mktemp("house")
    shutil.copytree(Path(mapsto.__file__).parent, home / "src" / "mapsto", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "tests" / "contracts").mkdir(parents=True)
    for name in ("conftest.py", "toys.py", "contracts/test_model.py"):
        shutil.copy(TESTS / name, home / "tests" / name)
    shutil.copy(TESTS.parent / "pyproject.toml", home)
    (home / "src" / "mapsto" / "models" / "toy.py").write_text(TOY, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def added(house, tmp_path_factory) -> Path:
    """The same with its line."""
    home = shutil.copytree(house, tmp_path_factory.mktemp("added") / "house")
    shelf = home / "src" / "mapsto" / "models" / "__init__.py"
    shelf.write_text(shelf.read_text().replace('    MLP="mlp",\n', '    MLP="mlp",\n    Toy="toy",\n'))
    return home


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess:
    source = {**os.environ, "PYTHONPATH": str(home / "src"), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=home, env=source, capture_output=True, text=True)


def battery(home: Path, which: str) -> subprocess.CompletedProcess:
    return python(home, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts/test_model.py", "-k", which)


def test_without_its_line_nobody_knows_it(house):
    said = python(house, "-c", FRAMED)
    assert said.returncode != 0
    assert "KeyError: 'toy'" in said.stderr


def test_with_its_line_it_is_listed_built_and_trained_through_a_frame(added):
    said = python(added, "-c", FRAMED)
    assert said.stdout.split("\n")[:2] == ["mapsto.models.toy:Toy", "Toy 7 3 True"], said.stderr


def test_the_battery_picks_it_up(added):
    said = battery(added, "toy")
    assert said.returncode == 0, said.stdout + said.stderr
    assert " passed" in said.stdout
    assert int(said.stdout.split(" passed")[0].split()[-1]) > 30


def test_the_battery_finds_fault_with_it(added):
    """A model that looks at its neighbours is picked up as well, and refused."""
    file = added / "src" / "mapsto" / "models" / "toy.py"
    file.write_text(TOY.replace("self.columns(input))", "self.columns(input) - self.columns(input).mean(0))"))
    said = battery(added, "toy and neighbours")
    file.write_text(TOY)
    assert said.returncode == 1
    assert "test_a_row_does_not_depend_on_its_neighbours[toy-vector]" in said.stdout


def test_the_command_line_shows_it(added):
    said = python(added, "-m", "mapsto", "zoo", "models")
    assert said.returncode == 0, said.stderr
    (line,) = [line for line in said.stdout.splitlines() if line.split()[:1] == ["toy"]]
    assert "A straight line with a bend in it." in line
