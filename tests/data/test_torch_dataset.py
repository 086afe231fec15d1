"""A torch Dataset, item by item."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from mapsto.core.errors import DataError
from mapsto.data.torch_dataset import TorchDataset


class Items(Dataset):
    def __init__(self, items, classes=None):
        self.items = items
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def test_tensors_and_their_subsets_are_read():
    whole = TensorDataset(torch.arange(12.0).reshape(6, 2), torch.arange(6))
    raw = TorchDataset().read(Subset(whole, [1, 3]))
    assert raw.columns["x"].tolist() == [[2.0, 3.0], [6.0, 7.0]] and raw.columns["y"].tolist() == [1, 3]
    assert raw.target == "y"


def test_pictures_as_to_tensor_makes_them_are_pixels_again():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)
    items = [(torch.from_numpy(p).permute(2, 0, 1).float() / 255, i) for i, p in enumerate(pixels)]
    raw = TorchDataset().read(Items(items))
    assert (raw.columns["x"] == pixels).all() and raw.kinds["x"] == "image"


def test_pil_images_of_several_sizes_and_class_names():
    items = [(Image.new("RGB", (4, 5), (9, 8, 7)), 1), (Image.new("L", (3, 3), 6), 0)]
    raw = TorchDataset().read(Items(items, ["cat", "dog"]))
    assert raw.columns["y"].tolist() == ["dog", "cat"] and raw.kinds == {"x": "image", "y": "category"}
    assert [p.shape for p in raw.columns["x"]] == [(5, 4, 3), (3, 3, 3)]


def test_dicts_are_columns():
    raw = TorchDataset().read(Items([{"text": "a", "n": 1.5, "label": "u"}, {"text": "b", "n": 2.5, "label": "v"}]))
    assert raw.columns["text"].tolist() == ["a", "b"] and raw.columns["n"].tolist() == [1.5, 2.5]
    assert raw.target == "label"


def test_normalised_pictures_are_refused_with_the_remedy():
    with pytest.raises(DataError, match="without Normalize"):
        TorchDataset().read(Items([(torch.randn(3, 6, 6), 0), (torch.randn(3, 6, 6), 1)]))


def test_random_transforms_are_noticed():
    class Random(Items):
        def __getitem__(self, i):
            return torch.rand(3), i

    raw = TorchDataset().read(Random([0, 0]))
    assert any(f.code == "D060" for f in raw.findings)


def test_what_cannot_be_read_says_which_item():
    class Breaks(Items):
        def __getitem__(self, i):
            if i == 2:
                raise KeyError("gone")
            return 1.0, i

    with pytest.raises(DataError, match=r"Breaks\[2\] failed: KeyError"):
        TorchDataset().read(Breaks([0] * 4))
    with pytest.raises(DataError, match="no items"):
        TorchDataset().read(Items([]))
    with pytest.raises(DataError, match="tuple of 3"):
        TorchDataset().read(Items([(1, 2, 3)]))


def test_a_stream_is_refused():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([1])

    with pytest.raises(DataError, match="IterableDataset"):
        TorchDataset().read(Stream())
