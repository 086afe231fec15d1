"""A map-style torch.utils.data.Dataset whose items are (x, y) or dicts: read once, item by item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data.album import stacked
from mapsto.data.arrays import TARGETS, column_of
from mapsto.data.frames import objects


@dataclass
class TorchDataset(Source):
    """The items 0 … len − 1 of a map-style Dataset: x a picture, a vector, a number or text; y a number, class or text.

    Pictures may be PIL images, uint8, or floats in [0, 1] with the channels first, as `ToTensor` makes them.
    """

    def accepts(self, where: Any) -> bool:
        return isinstance(where, Dataset)

    def read(self, where: Dataset) -> Raw:
        name = type(where).__name__
        if isinstance(where, IterableDataset):
            raise DataError(
                f"{name} is an IterableDataset: it cannot say how many items it has.", "Give a map-style one."
            )
        items = _items(where, name)
        columns: dict[str, np.ndarray] = {}
        kinds: dict[str, str] = {}
        findings: list[Finding] = []
        for key in items[0]:
            values = _array([_plain(item[key]) for item in items], key)
            columns[key], kind, noticed = column_of(values, key, is_target=key.lower() in TARGETS)
            findings += noticed
            if kind:
                kinds[key] = kind
            if any(f.code == "D054" for f in noticed) and values.ndim > 2:
                raise DataError(
                    f"'{key}' of {name} has shape {list(values.shape[1:])} and values from {values.min():.3g} to "
                    f"{values.max():.3g}: pictures that were normalised already.",
                    "Give the data set without Normalize: mean and spread are learned from the training split here.",
                )
        if _changes(where, items[0]):
            message = f"{name} gives another item 0 each time (random transforms?); one draw of each was taken"
            findings.append(Finding("D060", "warning", message, 1))
        target = next((key for key in columns if key.lower() in TARGETS), None)
        classes = getattr(where, "classes", None)  # torchvision's word for the names of the classes
        if target and _are_numbers_of(classes, columns[target]):
            columns[target] = objects([str(classes[i]) for i in columns[target]])
            kinds[target] = "category"
        return Raw(name, columns, target=target, kinds=kinds, findings=findings)


def _items(dataset: Dataset, name: str) -> list[dict[str, Any]]:
    try:
        count = len(dataset)
    except (TypeError, NotImplementedError) as error:
        raise DataError(f"{name} has no len().", "Define __len__ and __getitem__.") from error
    if not count:
        raise DataError(f"{name} has no items.")
    items = []
    for i in range(count):
        try:
            item = _named(dataset[i], name)
        except DataError:
            raise
        except Exception as error:  # a user's own code: say which item it broke on
            raise DataError(f"{name}[{i}] failed: {type(error).__name__}: {error}.") from error
        if items and item.keys() != items[0].keys():
            raise DataError(f"{name}[{i}] has {', '.join(item)}, but item 0 has {', '.join(items[0])}.")
        items.append(item)
    return items


def _named(item: Any, name: str) -> dict[str, Any]:
    if isinstance(item, dict):
        return {str(key): value for key, value in item.items()}
    if isinstance(item, tuple | list) and len(item) == 2:
        return {"x": item[0], "y": item[1]}
    if isinstance(item, torch.Tensor | np.ndarray):
        return {"x": item}
    if isinstance(item, tuple | list) and len(item) == 1:
        return {"x": item[0]}
    size = f" of {len(item)}" if isinstance(item, tuple | list) else ""
    raise DataError(f"an item of {name} is a {type(item).__name__}{size}; expected (x, y) or a dict.")


def _plain(value: Any) -> Any:
    """Tensors and PIL images as NumPy arrays, tensors of one value as numbers."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return value.item() if value.ndim == 0 else _channels_last(value.numpy())
    if type(value).__module__.startswith("PIL."):
        return np.asarray(value.convert("L" if value.mode in ("1", "L") else "RGB"))
    if isinstance(value, np.generic):
        return value.item()
    return value


def _channels_last(array: np.ndarray) -> np.ndarray:
    """[C, H, W] of 1 or 3 channels → [H, W] or [H, W, C]; other shapes as they are."""
    if array.ndim == 3 and array.shape[0] in (1, 3):
        return array[0] if array.shape[0] == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))
    return array


def _array(values: list, name: str) -> np.ndarray:
    if all(isinstance(v, np.ndarray) for v in values):
        floats = all(v.dtype.kind == "f" and v.ndim in (2, 3) for v in values)
        if floats and len({v.shape for v in values}) > 1:
            values = [column_of(v[None], name)[0][0] for v in values]
        return stacked(values)
    return (
        objects(values) if any(isinstance(v, str | list | tuple) or v is None for v in values) else np.asarray(values)
    )


def _changes(dataset: Dataset, first: dict[str, Any]) -> bool:
    again = _named(dataset[0], "")
    return any(not np.array_equal(_plain(again[key]), _plain(value)) for key, value in first.items())


def _are_numbers_of(classes: Any, target: np.ndarray) -> bool:
    is_list = isinstance(classes, list | tuple) and len(classes) > 0
    return is_list and target.dtype == np.int64 and target.min() >= 0 and target.max() < len(classes)
