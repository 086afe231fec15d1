"""Where a word points: an existing path, else a named set, else the nearest of both is offered."""

import subprocess
import sys

import numpy as np
import pytest

from mapsto.core import names
from mapsto.core.errors import BadInput, DataError
from mapsto.data.read import named, read


def test_a_path_a_name_and_things_in_memory_are_all_read(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n")
    assert read(tmp_path / "t.csv").columns["a"].tolist() == [1, 2]
    assert read(str(tmp_path)).columns["a"].tolist() == [1, 2]
    assert len(read("iris")) == 150
    assert read((np.ones((2, 2)), [0, 1])).target == "y"
    assert read({"a": [1, 2]}).columns["a"].tolist() == [1, 2]


def test_an_existing_path_goes_before_a_named_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris/t.csv").write_text("a,b\n1,x\n2,y\n")
    assert len(read("iris")) == 2


def test_an_array_alone_is_told_where_it_goes(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(BadInput, match=r"An array alone goes into an \.npz"):
        read(tmp_path / "x.npy")


def test_a_miss_names_the_nearest_set_and_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("a\n1\n")
    with pytest.raises(BadInput, match=r"Near it: reviews\.csv"):
        read("review.csv")
    with pytest.raises(BadInput, match="Near it: iris"):
        read("irsi")
    with pytest.raises(BadInput, match="no folder"):
        read("nowhere/at/all.csv")


def test_the_target_must_be_a_column(tmp_path):
    (tmp_path / "t.csv").write_text("price,kind\n1,x\n2,y\n")
    assert read(tmp_path / "t.csv", target="price").target == "price"
    with pytest.raises(DataError, match="Near it: price"):
        read(tmp_path / "t.csv", target="prise")


def test_options_go_to_the_table_and_are_refused_elsewhere(tmp_path):
    (tmp_path / "t.csv").write_bytes("1:값\n2:이\n".encode("cp949"))
    raw = read(tmp_path / "t.csv", columns=["n", "s"], encoding="cp949", separator=":")
    assert raw.columns["s"].tolist() == ["값", "이"]
    with pytest.raises(BadInput, match="'separator' is for text tables"):
        read("iris", separator=",")
    assert len(read("iris", data_dir=tmp_path)) == 150


def test_a_file_of_another_kind_is_refused_with_the_kinds(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(BadInput, match="Expected a table"):
        read(tmp_path / "a.docx")
    with pytest.raises(BadInput, match="int cannot be read"):
        read(3)


def test_the_list_of_named_sets_costs_no_torch():
    heavy = "[m for m in ('torch', 'sklearn', 'pyarrow') if m in sys.modules]"
    code = f"import sys; from mapsto.data.read import named; named(); print({heavy})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert "mnist" in named() and all("\n" not in line for line in named().values())


@pytest.mark.parametrize("name", sorted(names.listed("source")))
def test_every_source_on_the_shelf_can_be_written_down_and_built_again(name):
    source = names.find("source", name)()
    assert names.build("source", names.spec(source)) == source
    assert names.summary("source", name)
