"""Named sets, without the net."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_arrays import mnist_like

from mapsto.core.errors import DataError
from mapsto.data import zoo
from mapsto.data.read import named
from mapsto.data.zoo import Zoo

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


@pytest.fixture(autouse=True)
def _no_net(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError("the net is off")

    monkeypatch.setattr(zoo.urllib.request, "urlopen", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MAPSTO_DATA", raising=False)


@pytest.mark.parametrize(
    "name, rows, columns, target, classes",
    [
        ("iris", 150, 5, "species", {"setosa", "versicolor", "virginica"}),
        ("wine", 178, 14, "cultivar", {"class_0", "class_1", "class_2"}),
        ("breast-cancer", 569, 31, "diagnosis", {"malignant", "benign"}),
        ("digits", 1797, 2, "digit", set("0123456789")),
    ],
)
def test_small_sets_have_named_classes(name, rows, columns, target, classes):
    raw = Zoo().read(name)
    assert len(raw) == rows and len(raw.columns) == columns
    assert raw.target == target and set(raw.columns[target]) == classes


def test_digits_are_8_bit_pictures():
    image = Zoo().read("digits").columns["image"]
    assert image.shape == (1797, 8, 8) and image.dtype == np.uint8 and image.max() == 240


def test_diabetes_is_in_its_own_units():
    raw = Zoo().read("diabetes")
    assert raw.columns["age"].max() == 79 and raw.columns["progression"].dtype == np.float64


def test_every_name_on_the_list_is_known_however_it_is_written():
    assert all(Zoo().accepts(name) and Zoo().accepts(name.replace("-", "_").upper()) for name in named())
    assert not Zoo().accepts("irish")


def test_without_files_and_net_the_error_says_where_they_belong(tmp_path):
    with pytest.raises(DataError) as caught:
        Zoo(data_dir=str(tmp_path / "d")).read("mnist")
    said = str(caught.value)
    assert str(tmp_path / "d" / "mnist") in said and "train-images-idx3-ubyte.gz" in said
    assert "--data-dir" in said and "MAPSTO_DATA" in said


def test_files_in_a_folder_of_the_sets_name_are_read_and_compared(tmp_path, monkeypatch):
    mnist_like(tmp_path / "mnist")
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path))
    raw = Zoo().read("mnist")
    assert raw.columns["digit"].tolist() == list("012345") and raw.split.tolist() == ["train"] * 4 + ["test"] * 2
    assert [f.code for f in raw.findings] == ["D071"], "these are not the published bytes, and that is said"


def test_mnist_is_not_taken_for_fashion_mnist(tmp_path):
    mnist_like(tmp_path)
    with pytest.raises(DataError, match="fashion-mnist is not in"):
        Zoo(data_dir=str(tmp_path)).read("fashion-mnist")


def cifar_like():
    batches = {}
    for i, name in enumerate([f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]):
        planes = [np.full(1024, value, np.uint8) for value in (i, 100 + i, 200 + i)]
        batches[name] = np.concatenate([[np.uint8(i)], *planes]).astype(np.uint8).tobytes()
    return batches


@pytest.mark.parametrize("packed", [True, False])
def test_cifar_is_read_from_its_binary_form(tmp_path, packed):
    folder = tmp_path / "cifar-10"
    folder.mkdir()
    if packed:
        with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
            for name, data in cifar_like().items():
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    else:
        (folder / "cifar-10-batches-bin").mkdir()
        for name, data in cifar_like().items():
            (folder / "cifar-10-batches-bin" / name).write_bytes(data)
    raw = Zoo(data_dir=str(tmp_path)).read("cifar10")
    assert raw.columns["image"].shape == (6, 32, 32, 3) and raw.columns["image"][2, 5, 7].tolist() == [2, 102, 202]
    assert raw.columns["kind"].tolist() == ["airplane", "automobile", "bird", "cat", "deer", "dog"]
    assert raw.split.tolist() == ["train"] * 5 + ["test"]


def test_a_damaged_archive_is_said(tmp_path):
    folder = tmp_path / "cifar-10"
    folder.mkdir()
    (folder / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(b"no tar"))
    with pytest.raises(DataError, match="damaged|lacks"):
        Zoo(data_dir=str(tmp_path)).read("cifar-10")


def served(tmp_path, monkeypatch, falsify=b""):
    """MNIST-like files behind a stand-in for the net, with their true checksums published."""
    source = mnist_like(tmp_path / "server")
    published = zoo._PUBLISHED["mnist"]
    sums = {n: "sha256:" + hashlib.sha256((source / n).read_bytes()).hexdigest() for n in published.checksums}
    monkeypatch.setitem(zoo._PUBLISHED, "mnist", replace(published, base="https://x/", checksums=sums))
    asked = []

    def urlopen(url, timeout):
        asked.append(url)
        return io.BytesIO((source / url.rsplit("/", 1)[1]).read_bytes() + falsify)

    monkeypatch.setattr(zoo.urllib.request, "urlopen", urlopen)
    return asked


def test_what_is_downloaded_is_kept_and_not_asked_for_again(tmp_path, monkeypatch):
    asked = served(tmp_path, monkeypatch)
    assert [f.code for f in Zoo().read("mnist").findings] == ["D072"] and len(asked) == 4
    assert Zoo().read("mnist").findings == [] and len(asked) == 4
    assert len(list((tmp_path / "cache/mapsto/mnist").iterdir())) == 4, "no temporary files are left"


def test_a_download_with_a_wrong_checksum_is_not_kept(tmp_path, monkeypatch):
    served(tmp_path, monkeypatch, falsify=b"!")
    with pytest.raises(DataError, match="checksum is not sha256:"):
        Zoo().read("mnist")
    assert list((tmp_path / "cache/mapsto/mnist").iterdir()) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_the_shared_mnist_is_the_published_one():
    raw = Zoo(data_dir=str(SHARED)).read("mnist")
    assert raw.findings == [] and raw.columns["image"].shape == (70000, 28, 28)
    assert raw.columns["digit"][:5].tolist() == list("50419")


LOADERS = {
    "iris": ("load_iris", {}),
    "wine": ("load_wine", {}),
    "breast-cancer": ("load_breast_cancer", {}),
    "diabetes": ("load_diabetes", {"scaled": False}),
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_small_set_is_what_scikit_learn_says_it_is(name):
    from sklearn import datasets

    loader, asked = LOADERS[name]
    bunch, raw = getattr(datasets, loader)(**asked), Zoo().read(name)
    *numbers, answers = raw.columns.values()
    assert list(raw.columns)[:-1] == list(map(str, bunch.feature_names))
    assert (np.column_stack(numbers) == bunch.data).all() and all(n.dtype == np.float64 for n in numbers)
    names = bunch.get("target_names")
    assert answers.tolist() == (bunch.target if names is None else names[bunch.target]).tolist()


def test_the_digits_are_scikit_learns():
    from sklearn import datasets

    bunch, raw = datasets.load_digits(), Zoo().read("digits")
    assert (raw.columns["image"] == bunch.images * 15).all()
    assert raw.columns["digit"].tolist() == [str(digit) for digit in bunch.target]


@pytest.mark.parametrize("name", [*LOADERS, "digits"])
def test_a_scikit_learn_that_keeps_its_files_elsewhere_is_asked_itself(name, monkeypatch, tmp_path):
    found = Zoo().read(name)
    monkeypatch.setattr("mapsto.data.small_sets._folder", lambda: tmp_path)
    asked = Zoo().read(name)
    assert list(asked.columns) == list(found.columns)
    for column in found.columns:
        assert (asked.columns[column] == found.columns[column]).all()
