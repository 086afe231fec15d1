"""A recipe is a word that brings data and settings."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mapsto
from mapsto.core import names
from mapsto.core.errors import BadInput
from mapsto.data import mnist_sets
from mapsto.framing.frame import Frame
from mapsto.recipes.where import below

EVERY = sorted(names.listed("recipe"))
PICTURES = [name for name in EVERY if ".image." in names.listed("recipe")[name]]


def photo(draw: np.random.Generator, height: int, width: int) -> bytes:
    file = BytesIO()
    Image.fromarray(draw.integers(0, 256, size=(height, width, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipes for pictures look for, a few examples of each, in the shapes of the real ones."""
    root, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    (root / "mnist").mkdir()
    for stem, count in ("train", 60), ("t10k", 20):
        image = draw.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        label = np.arange(count, dtype=np.uint8) % 10
        packed = {
            "images-idx3": struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + image.tobytes(),
            "labels-idx1": struct.pack(">4BI", 0, 0, 8, 1, count) + label.tobytes(),
        }
        for kind, data in packed.items():
            (root / "mnist" / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(data, 1))
    (root / "cats_dogs").mkdir()
    with zipfile.ZipFile(root / "cats_dogs" / "cats_dogs.zip", "w") as archive:
        for i in range(60):
            name = f"{'train' if i < 40 else 'test'}/{'cat' if i % 2 else 'dog'}/{i}.png"
            archive.writestr(name, photo(draw, 32, 32))
    (root / "bccd").mkdir()
    for split in ("train", "val", "test"):
        files = [f"{split}{i}.png" for i in range(12)]
        for file in files:
            (root / "bccd" / file).write_bytes(photo(draw, 48, 64))
        listing = {
            "images": [{"id": i, "file_name": file} for i, file in enumerate(files)],
            "annotations": [{"image_id": i, "category_id": 1 + (i + k) % 3} for i in range(12) for k in (0, i % 2)],
            "categories": [{"id": 1, "name": "RBC"}, {"id": 2, "name": "WBC"}, {"id": 3, "name": "Platelets"}],
        }
        (root / "bccd" / f"instances_{split}.json").write_text(json.dumps(listing))
    return root


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    for split in mnist_sets.PICTURES:
        monkeypatch.setitem(mnist_sets.PICTURES, split, 40)


@pytest.mark.parametrize("name", PICTURES)
def test_a_recipe_makes_a_frame_that_learns(name: str, data_dir: Path) -> None:
    frame = names.find("recipe", name)(data_dir=str(data_dir), seed=3)
    assert isinstance(frame, Frame)
    assert frame.settings["run"]["seed"] == 3
    learner = frame.learner()
    learner.fit(2)
    assert learner.step == 2
    again = mapsto.frame(name, data_dir=data_dir, seed=3)
    assert again.settings == frame.settings


@pytest.mark.parametrize("name", EVERY)
def test_a_recipe_says_what_it_is_and_takes_plain_values(name: str) -> None:
    recipe = names.find("recipe", name)
    given = inspect.signature(recipe).parameters
    assert {"data_dir", "seed"} <= set(given)
    assert all(isinstance(p.default, int | float | str | None) for p in given.values())
    assert names.summary("recipe", name) == inspect.getdoc(recipe).splitlines()[0]
    assert names.kebab(recipe.__name__) == name


def test_names_on_the_shelf_are_the_functions_of_the_files() -> None:
    recipes = importlib.import_module("mapsto.recipes")
    assert recipes.blood_cells is names.find("recipe", "blood-cells") is names.find("recipe", "Blood_Cells")
    assert mapsto.zoo("recipes")["recipes"]["blood-cells"].startswith("205 pictures")


def test_a_path_comes_before_a_recipe_and_a_recipe_before_a_data_set(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mapsto.frame("mnist-sets", data_dir=data_dir).settings["model"]["pool"] == "max"
    assert mapsto.frame("iris").settings["data"]["source"] == "iris"
    (tmp_path / "mnist-sets").write_text("a,b\n" + "\n".join(f"{i * 0.1:.1f},{'yx'[i % 2]}" for i in range(40)))
    (tmp_path / "mnist-sets").rename(tmp_path / "blood-cells.csv")
    assert mapsto.frame("blood-cells.csv", target="b").settings["data"]["source"].endswith("blood-cells.csv")
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "table.csv").write_text((tmp_path / "blood-cells.csv").read_text())
    assert mapsto.frame("digits", target="b").prepared.target.classes == ["x", "y"]


def test_how_the_exam_is_drawn_may_be_asked_for_beside_a_recipe() -> None:
    frame = mapsto.frame("digits", folds=5, split_seed=2, device="cpu")
    assert frame.settings["data"]["split"] | {"folds": 5, "seed": 2} == frame.settings["data"]["split"]
    assert frame.settings["run"]["device"] == "cpu"


def test_a_recipe_brings_its_own_target() -> None:
    with pytest.raises(BadInput, match="the recipe 'digits' brings its own target"):
        mapsto.frame("digits", target="digit")


def test_a_word_that_leads_nowhere_is_told_what_is_near() -> None:
    with pytest.raises(BadInput, match="Recipes near it: blood-cells"):
        mapsto.frame("blod-cells")
    with pytest.raises(BadInput, match=r"Near it: iris"):
        mapsto.frame("irris")


def test_data_are_looked_for_where_one_says_then_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for root in ("said", "kept"):
        (tmp_path / root / "cells").mkdir(parents=True)
        (tmp_path / root / "cells" / "a.csv").touch()
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path / "kept"))
    assert below(None, "cells", "a.csv") == tmp_path / "kept/cells/a.csv"
    assert below(str(tmp_path / "said"), "cells", "a.csv") == tmp_path / "said/cells/a.csv"
    with pytest.raises(BadInput, match=r"there is no 'b\.csv' in .*kept/cells\. Near it: a\.csv"):
        below(None, "cells", "b.csv")
    monkeypatch.delenv("MAPSTO_DATA")
    with pytest.raises(BadInput, match=r"nothing says in which folder"):
        below(None, "cells")
