"""Arrays: .npz files, the idx files of MNIST and its kin, and what is in memory: a dict of arrays, or (X, y)."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean
from mapsto.data.files import LARGEST_ARCHIVE, UNPACKING, opened_zip, refuse_ratio
from mapsto.data.folder import split_named
from mapsto.data.frames import EXACT, Frames, objects

INPUTS = ("x", "images", "image", "data", "features", "inputs", "input")
TARGETS = ("y", "labels", "label", "target", "targets")
LONGEST_HEADER = 10_000  # bytes before an array in an .npz; NumPy's own limit


@dataclass
class Arrays(Source):
    """Arrays whose first dimension runs over examples. Pickled ones are refused.

    x, images or data is the input, y, labels or target what is to be learned; x_train, y_test … say the split.
    """

    def accepts(self, where: Any) -> bool:
        if isinstance(where, str | Path):
            return str(where).lower().endswith(".npz") or is_idx(str(where))
        return isinstance(where, dict) or (isinstance(where, tuple) and len(where) == 2)

    def read(self, where: Any) -> Raw:
        if isinstance(where, dict):
            return from_arrays({str(k): v for k, v in where.items()}, "the dict")
        if isinstance(where, tuple):
            return _pair(*where)
        path = Path(where)
        if is_idx(path.name):
            return self._idx_with_companions(path)
        return from_arrays(arrays_in(path), path.name)

    def _idx_with_companions(self, path: Path) -> Raw:
        """One idx file, its labels beside it, and with the training file the test files."""
        beside = {p.name: p for p in path.parent.iterdir() if is_idx(p.name)}
        wanted = {path.name}
        for name in beside:
            if _role(name).split == _role(path.name).split or _role(path.name).split == "train":
                wanted.add(name)
        return self.idx({name: beside[name].read_bytes for name in wanted}, path.name)

    def idx(self, files: dict[str, Callable[[], bytes]], name: str) -> Raw:
        """The pictures and labels in idx files, given as file name → how to read it. "t10k" and "test" are tests."""
        by_split: dict[str | None, dict[str, np.ndarray]] = {}
        read_from = []
        for file in sorted(files):
            role = _role(file)
            part = by_split.setdefault(role.split, {})
            if role.what in part:
                continue  # the same file, packed and unpacked
            part[role.what] = idx_array(files[file](), file)
            read_from.append(file)
        for split, part in by_split.items():
            which = f" of the {split} split" if split else ""
            for what in ("images", "labels"):
                if what not in part:
                    raise DataError(
                        f"{name} has no idx file of {what}{which}; found {', '.join(sorted(files))}.",
                        "Expected pairs such as train-images-idx3-ubyte and train-labels-idx1-ubyte (.gz too).",
                        "D242",
                    )
            images, labels = part["images"], part["labels"]
            if len(images) != len(labels):
                raise DataError(
                    f"{name} has {len(images)} pictures{which} but {len(labels)} labels.",
                    "Name files that belong together.",
                    "D242",
                )
        order = sorted(by_split, key=lambda s: ("train", "valid", "test", None).index(s))
        images = np.concatenate([by_split[s]["images"] for s in order])
        labels = np.concatenate([by_split[s]["labels"] for s in order])
        split = None
        if len(order) > 1:
            split = objects([s for s in order for _ in range(len(by_split[s]["labels"]))])
        raw = from_arrays({"image": images, "label": labels.astype(np.int64)}, name)
        raw.target, raw.split = "label", split
        raw.kinds["label"] = "category"
        raw.findings.append(Finding("D050", "note", "read from", len(read_from), tuple(read_from[:5])))
        return raw


def from_arrays(arrays: dict[str, Any], name: str) -> Raw:
    """Named arrays as columns; x_train and x_test become one column "x" with its splits."""
    if not arrays:
        raise DataError(f"{name} holds no arrays.", "Expected x and y, or columns of one length.", "D232")
    splits = _by_split(arrays)
    if splits:
        columns, split, findings = _stitched(splits, name)
    else:
        columns, split, findings = {k: _as_array(v, k) for k, v in arrays.items()}, None, []
    columns, left_out = _of_one_length(columns, name)
    findings += left_out
    typed: dict[str, np.ndarray] = {}
    kinds: dict[str, str] = {}
    for key, values in columns.items():
        is_target = key.lower() in TARGETS
        typed[key], kind, noticed = column_of(values, key, is_target)
        findings += noticed
        if kind:
            kinds[key] = kind
    lower = {key.lower(): key for key in typed}
    target = next((lower[t] for t in TARGETS if t in lower and len(typed) > 1), None)
    return Raw(name, typed, target=target, split=split, kinds=kinds, findings=findings)


def column_of(values: np.ndarray, name: str, is_target: bool = False) -> tuple[np.ndarray, str | None, list[Finding]]:
    """One array [N, …] as a column of a Raw, its domain where that is sure, and what was done to it.

    [N] numbers, bool, dates and text; [N, D] vectors; [N, H, W], [N, H, W, C] and [N, C, H, W] pictures.
    """
    if values.dtype == object or values.dtype.kind in "US":
        return _of_objects(values, name)
    if values.dtype.kind not in "biufM":
        raise DataError(f"array '{name}' has type {values.dtype}.", "Expected numbers, bool, dates or text.", "D233")
    if values.ndim > 1 and values.shape[1:] == (1,) * (values.ndim - 1):
        values = values.reshape(len(values))
    if values.ndim == 1:
        return _one_number(values), None, []
    if is_target and values.ndim == 2 and _is_one_hot(values):
        message = f"'{name}' holds one-hot rows; their class numbers were taken"
        return values.argmax(1).astype(np.int64), "category", [Finding("D051", "repair", message, len(values))]
    if is_target and values.ndim == 2 and np.isin(values, (0, 1)).all():
        return objects([np.flatnonzero(row).tolist() for row in values]), "categories", []  # labels by their numbers
    if values.ndim == 2 or values.ndim > 4:
        return _vectors(values), None, []
    return _pictures(values, name)


def _of_objects(values: np.ndarray, name: str) -> tuple[np.ndarray, str | None, list[Finding]]:
    from mapsto.data.album import stacked
    from mapsto.data.arrow import python_column
    from mapsto.data.pictures import grey_to_rgb

    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    items = values.tolist() if values.ndim == 1 else [list(row) for row in values]
    is_picture = [isinstance(v, np.ndarray) and v.dtype == np.uint8 and v.ndim in (2, 3) for v in items]
    if items and all(is_picture):
        pixels = [v.squeeze(-1) if v.ndim == 3 and v.shape[-1] == 1 else v for v in items]
        if len({v.ndim for v in pixels}) > 1:
            pixels = [grey_to_rgb(v) for v in pixels]
        return stacked(pixels), "image", []
    column, mixed = python_column(items)
    message = f"'{name}' mixes kinds of values and was read as text"
    return column, None, [Finding("D023", "warning", message, len(items))] if mixed else []


def _one_number(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iu":
        if len(values) and max(abs(int(values.min())), abs(int(values.max()))) > EXACT:
            return objects([str(v) for v in values.tolist()])
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    return values.astype("datetime64[s]") if values.dtype.kind == "M" else values.copy()


def _vectors(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(len(values), -1)
    return flat.astype(np.float32) if flat.dtype.kind == "f" and flat.dtype.itemsize < 4 else flat.copy()


def _is_one_hot(values: np.ndarray) -> bool:
    return values.shape[1] > 1 and bool(np.isin(values, (0, 1)).all() and (values.sum(1) == 1).all())


def _pictures(values: np.ndarray, name: str) -> tuple[np.ndarray, str | None, list[Finding]]:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as uint8 pictures; other numbers than those of pixels as vectors."""
    findings = []
    if values.ndim == 4 and values.shape[1] in (1, 3) and values.shape[-1] not in (1, 3, 4):
        values = values.transpose(0, 2, 3, 1)
        findings.append(Finding("D052", "note", f"'{name}' has its channels first; they were put last", len(values)))
    if values.ndim == 4 and values.shape[-1] == 1:
        values = values[..., 0]
    elif values.ndim == 4 and values.shape[-1] == 4:
        values = values[..., :3]
        findings.append(Finding("D052", "repair", f"'{name}' has an alpha channel; it was dropped", len(values)))
    elif values.ndim == 4 and values.shape[-1] != 3:
        return _vectors(values), None, [_flattened(name, values)]
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values), "image", findings
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    fractional = values.dtype.kind == "f" and bool((values != np.floor(values)).any())
    if low < 0 or high > 255 or (fractional and high > 1) or not np.isfinite(high):
        return _vectors(values), None, [*findings, _flattened(name, values)]
    if high <= 1:
        findings.append(Finding("D053", "repair", f"'{name}' in [0, 1] became 8-bit pixels", len(values)))
        return np.round(values.astype(np.float32) * 255).astype(np.uint8), "image", findings
    return values.astype(np.uint8), "image", findings


def _flattened(name: str, values: np.ndarray) -> Finding:
    if values.ndim == 4 and values.shape[-1] not in (1, 3, 4):
        why = f"{values.shape[-1]} channels, where pictures have 1, 3 or 4"
    elif not np.isfinite(values).all():
        why = "some are infinite or no number"
    else:
        why = f"they reach from {values.min():g} to {values.max():g}, where pixels go from 0 to 1, or in whole numbers to 255"
    message = (
        f"'{name}' of shape {list(values.shape)} does not hold 8-bit pixels ({why}); its rows are taken as vectors"
    )
    return Finding("D054", "warning", message, len(values))


# ── splits and lengths ──────────────────────────────────────────────────────────────────────────────────────────────


def _by_split(arrays: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """x_train, test_images … → split → {x: …}; nothing where a name says no split."""
    found: dict[str, dict[str, Any]] = {}
    for key, values in arrays.items():
        words = key.split("_")
        of = [split_named(word) for word in words]
        if len(words) < 2 or sum(split is not None for split in of) != 1:
            return {}
        at = next(i for i, split in enumerate(of) if split)
        found.setdefault(str(of[at]), {})["_".join(words[:at] + words[at + 1 :])] = values
    return found


def _stitched(
    splits: dict[str, dict[str, Any]], name: str
) -> tuple[dict[str, np.ndarray], np.ndarray | None, list[Finding]]:
    order = sorted(splits, key=("train", "valid", "test").index)
    names = list(splits[order[0]])
    for split in order:
        if set(splits[split]) != set(names):
            raise DataError(
                f"{name}: the {order[0]} split has {', '.join(names)}, the {split} split {', '.join(splits[split])}.",
                "Give every split the same arrays.",
                "D234",
            )
    parts = {split: {key: _as_array(values, key) for key, values in splits[split].items()} for split in order}
    for split in order:
        lengths = {key: len(values) for key, values in parts[split].items()}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"{name}: arrays of the {split} split differ in length: {_said(lengths)}.",
                "The first dimension runs over examples; it must be the same for all.",
                "D234",
            )
    columns = {}
    for key in names:
        try:
            columns[key] = np.concatenate([parts[split][key] for split in order])
        except ValueError as error:
            shapes = ", ".join(f"{split} {list(parts[split][key].shape)}" for split in order)
            raise DataError(
                f"{name}: '{key}' has another shape in each split: {shapes}.",
                "Give every split rows of one shape.",
                "D234",
            ) from error
    split = objects([s for s in order for _ in range(len(parts[s][names[0]]))])
    return columns, split, []


def _of_one_length(columns: dict[str, np.ndarray], name: str) -> tuple[dict[str, np.ndarray], list[Finding]]:
    """The arrays that agree in their first dimension. x and y must; others may be left out, and are named."""
    if not any(v.ndim for v in columns.values()):
        raise DataError(
            f"{name} holds single values only: {', '.join(columns)}.", "Expected arrays, one row an example.", "D232"
        )
    lengths = {key: len(v) if v.ndim else 1 for key, v in columns.items()}
    usual, agreeing = Counter(lengths[key] for key, v in columns.items() if v.ndim).most_common(1)[0]
    odd = [key for key, v in columns.items() if not v.ndim or len(v) != usual]
    roles = [key for key in columns if key.lower() in INPUTS + TARGETS]
    if len({lengths[key] for key in roles}) > 1 or (odd and (agreeing < 2 or not name.endswith(".npz"))):
        raise DataError(
            f"{name}: the arrays differ in length: {_said(lengths)}.",
            "The first dimension runs over examples; it must be the same for all.",
            "D234",
        )
    if not usual:
        raise DataError(f"{name} has no rows: {_said(lengths)}.", "Expected arrays, one row an example.", "D232")
    if not odd:
        return columns, []
    message = f"arrays without {usual} rows were left out"
    kept = {key: values for key, values in columns.items() if key not in odd}
    return kept, [
        Finding("D055", "warning", message, len(odd), tuple(f"{k} {list(columns[k].shape)}" for k in odd[:5]))
    ]


def _said(lengths: dict[str, int]) -> str:
    return ", ".join(f"{key} has {n}" for key, n in lengths.items())


def _as_array(values: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = objects(list(values))
    except (TypeError, RuntimeError) as error:
        raise DataError(f"'{name}' cannot be read as an array: {error}.", "Give numbers or text.", "D233") from error
    if array.dtype.kind in "US" and isinstance(values, list):
        array = objects(values)  # as they are: NumPy would turn a None or a number among them into text
    return array


def _pair(x: Any, y: Any) -> Raw:
    """(X, y): X a matrix, pictures, a list of texts, or a data frame."""
    if Frames().accepts(x):
        raw = Frames().read(x)
        target, _, findings = column_of(_as_array(y, "y"), "y", is_target=True)
        if len(target) != len(raw):
            raise DataError(f"X has {len(raw)} rows but y has {len(target)}.", "Give one answer a row.", "D234")
        name = "y" if "y" not in raw.columns else "target"
        raw.columns[name], raw.target = target, name
        raw.findings += findings
        return raw
    return from_arrays({"x": x, "y": y}, "(X, y)")


# ── .npz ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def arrays_in(path: Path) -> dict[str, np.ndarray]:
    """The arrays in an .npz, by name. DataError where it is damaged, or holds Python objects."""
    with opened_zip(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        twice = [name for name, count in Counter(info.filename for info in members).items() if count > 1]
        if twice:
            raise DataError(
                f"{path.name} has two arrays of one name: {clean(twice[0], 80)!r}; which one is meant?",
                "Write it again with numpy.savez.",
                "D214",
            )
        return {info.filename.removesuffix(".npy"): _member(archive, info, path.name) for info in members}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
    what = f"{name}: array '{clean(info.filename.removesuffix('.npy'), 80)}'"
    try:
        with archive.open(info) as file:
            _refuse_header(file, info.file_size, what)
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except DataError:
        raise
    except (*UNPACKING, MemoryError) as error:
        raise DataError(f"{what} is damaged: {error}.", "Write it again with numpy.savez.", "D230") from error


def _refuse_header(file: IO[bytes], size: int, what: str) -> None:
    """DataError where an array cannot be what its header says: NumPy would allocate that before it reads on.

    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: magic, version, length of the header, header.
    """
    start = file.read(12)
    wide = start[6:7] != b"\1"
    length = int.from_bytes(start[8 : 12 if wide else 10], "little")
    if start[:6] != b"\x93NUMPY" or start[6:7] not in (b"\1", b"\2") or length > LONGEST_HEADER:
        raise DataError(f"{what} does not begin like an array.", "Write it again with numpy.savez.", "D230")
    header = BytesIO((start + file.read(length))[8:])
    read = np.lib.format.read_array_header_2_0 if wide else np.lib.format.read_array_header_1_0
    try:
        shape, _, kind = read(header)
    except Exception as error:  # a damaged header makes its parser raise anything at all
        raise DataError(f"{what} has a damaged header: {error}.", "Write it again with numpy.savez.", "D230") from error
    if kind.hasobject:
        raise DataError(
            f"{what} holds Python objects, which NumPy can only keep as a pickle; a pickle can run programs and is not "
            "read here.",
            "Save it as numbers or text: np.savez(…, name=np.array(name.tolist())).",
            "D231",
        )
    claimed = math.prod(shape) * kind.itemsize
    there = size - (12 if wide else 10) - length
    if min(shape, default=0) < 0 or claimed != there or not kind.itemsize:
        raise DataError(
            f"{what} says shape {list(shape)} of {kind}, which is {claimed} bytes, but {there} follow its header.",
            "Write it again with numpy.savez.",
            "D230",
        )


# ── idx ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Role:
    what: str  # "images" or "labels"
    split: str | None


_IDX = re.compile(r"(images|labels)[-._]idx[0-9]", re.IGNORECASE)
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def is_idx(name: str) -> bool:
    return _IDX.search(name.rsplit("/", 1)[-1]) is not None


def _role(name: str) -> _Role:
    what = _IDX.search(name)
    first = re.split(r"[-._]", name)[0]
    return _Role(what.group(1).lower() if what else "", "test" if first.lower() == "t10k" else split_named(first))


def idx_array(data: bytes, name: str) -> np.ndarray:
    """The array in an idx file: two zero bytes, type, number of dimensions, the dimensions as big-endian int32, values.

    http://yann.lecun.com/exdb/mnist (LeCun, Cortes and Burges). DataError unless magic and length are exactly right.
    """
    packed = data[:2] == b"\x1f\x8b"
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) if packed else BytesIO(data) as file:
            return _idx_array(file, len(data), name)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is damaged gzip data: {error}.", "Download it again.", "D240") from error


def _idx_array(file: IO[bytes], packed: int, name: str) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 4:
        raise DataError(
            f"{name} is no idx file: it begins with {start.hex(' ') or 'nothing'}, expected 00 00 08 03 (pictures) "
            "or 00 00 08 01 (labels).",
            "Download it again.",
            "D241",
        )
    kind, dimensions = np.dtype(_TYPES[start[2]]), start[3]
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{name} ends within its header, after {4 + len(sizes)} bytes.", "Download it again.", "D240")
    shape = struct.unpack(f">{dimensions}I", sizes)
    claimed = math.prod(shape) * kind.itemsize
    if isinstance(file, gzip.GzipFile):
        refuse_ratio(claimed, packed, name)
    data = file.read(min(claimed, LARGEST_ARCHIVE) + 1)
    if not claimed or len(data) != claimed:
        more = "more" if len(data) > claimed else f"{len(data)}"
        raise DataError(
            f"{name} says shape {list(shape)}, which is {claimed} bytes, but {more} follow its header.",
            "Download it again.",
            "D240",
        )
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))
