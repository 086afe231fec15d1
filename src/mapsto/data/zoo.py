"""Named sets: small real ones (small_sets.py); MNIST, Fashion-MNIST and CIFAR-10 from a folder or the net.

What is downloaded is checked against its published checksum before it gets its name, and kept in a cache folder.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import io
import itertools
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError, UnknownName
from mapsto.core.names import near, squash
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data.arrays import Arrays
from mapsto.data.frames import objects
from mapsto.data.mnist_sets import mnist_sets
from mapsto.data.mnist_words import mnist_words
from mapsto.data.read import NAMED
from mapsto.data.small_sets import SMALL

LARGEST_DOWNLOAD = 256 << 20
LARGEST_CIFAR = 190 << 20  # bytes of its archive, unpacked


@dataclass
class Zoo(Source):
    """A named set, from `data_dir`, else the folder of MAPSTO_DATA, else the cache, else downloaded where that is wanted."""

    data_dir: str | None = None
    download: bool = True

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str) and _named(where) is not None

    def read(self, where: str) -> Raw:
        name = _named(where)
        if name is None:
            hint = near(where, NAMED)
            raise UnknownName(f"no named set '{where}'." + (f" Near it: {', '.join(hint)}." if hint else ""))
        if name in SMALL:
            return SMALL[name](name)
        if name == "mnist-sets":
            return mnist_sets(self.read("mnist"))
        if name == "mnist-words":
            return mnist_words(self.read("mnist"))
        published = _PUBLISHED[name]
        found = published.found(self.data_dir, self.download)
        return _cifar(published, found) if name == "cifar-10" else _idx_set(published, found)


def _named(where: str) -> str | None:
    return next((name for name in NAMED if squash(name) == squash(where)), None)


# ── published files ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Found:
    """Where the files of a set are, and what is to be said about that."""

    files: dict[str, Path]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Published:
    """A set as its authors publish it: the files with their checksums ("sha256:…" or "md5:…"), and where from."""

    name: str
    base: str  # URL of the folder
    checksums: dict[str, str]
    classes: tuple[str, ...]
    target: str
    unpacked: tuple[str, ...] = ()  # the files of the same set once unpacked

    def found(self, data_dir: str | None, download: bool) -> _Found:
        """The files in `data_dir`, MAPSTO_DATA or the cache, or, where `download`, downloaded into the cache."""
        roots = [Path(os.path.expanduser(d)) for d in (data_dir, os.environ.get("MAPSTO_DATA")) if d]
        looked_in = []
        for root in [*roots, cache()]:
            for folder, is_own in ((root / self.name, True), (root, False)):
                looked_in.append(folder)
                found = self._in(folder, is_own)
                if found:
                    return found
        if not download:
            raise DataError(
                f"{self.name} is not in {', '.join(str(f) for f in looked_in)}, and is not downloaded because a file says so.",
                f"Do it yourself: mapsto frame {self.name}",
            )
        return self._downloaded(looked_in)

    def _in(self, folder: Path, is_own: bool) -> _Found | None:
        """The set in `folder`. Where other sets may lie too (MNIST and Fashion-MNIST share their file names) the
        checksums decide; in a folder of the set's own name files of other bytes are taken, and that is said."""
        packed = {file: folder / file for file in self.checksums}
        if all(path.is_file() for path in packed.values()):
            odd = [file for file, path in packed.items() if not _agrees(path.read_bytes(), self.checksums[file])]
            if not odd:
                return _Found(packed)
            return _Found(packed, [self._unofficial(odd)]) if is_own else None
        plain = {file: folder / file for file in self.unpacked}
        if (is_own or self.name == "cifar-10") and all(path.is_file() for path in plain.values()):
            return _Found(plain, [self._unofficial(list(plain))])
        return None

    def _unofficial(self, files: list[str]) -> Finding:
        message = f"files of {self.name} whose bytes are not compared, or not equal, with the published ones"
        return Finding("D071", "warning", message, len(files), tuple(files[:5]))

    def _downloaded(self, looked_in: list[Path]) -> _Found:
        folder = cache() / self.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = {file: self._fetched(file, folder) for file in self.checksums}
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise DataError(
                f"{self.name} is not in {', '.join(str(f) for f in looked_in)}, and could not be downloaded ({error}).",
                f"Put {', '.join(self.checksums)} into a folder DIR/{self.name} and say --data-dir DIR, or set "
                "MAPSTO_DATA=DIR.",
            ) from error
        checked = (
            "sha256" if all(c.startswith("sha256") for c in self.checksums.values()) else "md5 (no sha256 is known)"
        )
        message = f"downloaded from {self.base} to {folder}, checked by {checked}"
        return _Found(files, [Finding("D072", "note", message, len(files))])

    def _fetched(self, file: str, folder: Path) -> Path:
        """`file` in `folder`, downloaded under a temporary name and renamed only when its checksum agrees."""
        path = folder / file
        if path.is_file() and _agrees(path.read_bytes(), self.checksums[file]):
            return path
        with urllib.request.urlopen(self.base + file, timeout=30) as answer:
            data = answer.read(LARGEST_DOWNLOAD + 1)
        if not _agrees(data, self.checksums[file]):
            raise DataError(
                f"{self.base}{file} gave {len(data)} bytes whose checksum is not {self.checksums[file]}.",
                f"It was not kept. Get the file elsewhere, put it into {folder}, or try again later.",
            )
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{file}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        return path


def cache() -> Path:
    """Where downloaded sets are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mapsto"


def _agrees(data: bytes, checksum: str) -> bool:
    kind, expected = checksum.split(":")
    return hashlib.new(kind, data, usedforsecurity=False).hexdigest() == expected


def _idx_set(published: _Published, found: _Found) -> Raw:
    readers = {file: path.read_bytes for file, path in found.files.items()}
    raw = Arrays().idx(readers, published.name)
    numbers = raw.columns.pop("label")
    raw.columns[published.target] = _class_names(numbers, published)
    raw.target = published.target
    raw.kinds = {"image": "image", published.target: "category"}
    raw.findings = found.findings
    return raw


def _class_names(numbers: np.ndarray, published: _Published) -> np.ndarray:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(published.classes):
        raise DataError(
            f"{published.name} has labels from {numbers.min()} to {numbers.max()}, expected 0 to "
            f"{len(published.classes) - 1}: the files are damaged."
        )
    return np.array(published.classes, dtype=object)[numbers]


_RECORD = 1 + 3 * 32 * 32  # CIFAR-10: a label, then 1024 red, 1024 green and 1024 blue values, row by row


def _cifar(published: _Published, found: _Found) -> Raw:
    batches = _cifar_batches(found)
    names = sorted(batches, key=lambda name: (name.startswith("test"), name))
    parts = []
    for name in names:
        data = batches[name]
        if not data or len(data) % _RECORD:
            raise DataError(
                f"{name} has {len(data)} bytes, not a multiple of {_RECORD}: damaged.", "Download it again."
            )
        parts.append(np.frombuffer(data, np.uint8).reshape(-1, _RECORD))
    records = np.concatenate(parts)
    image = np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    of_split = ["test" if name.startswith("test") else "train" for name in names]
    split = objects([s for s, part in zip(of_split, parts, strict=True) for _ in range(len(part))])
    columns = {"image": image, published.target: _class_names(records[:, 0].astype(np.int64), published)}
    kinds = {"image": "image", published.target: "category"}
    return Raw(published.name, columns, target=published.target, split=split, kinds=kinds, findings=found.findings)


def _cifar_batches(found: _Found) -> dict[str, bytes]:
    """File name → bytes of the six batches, straight from the archive where they are packed."""
    if "cifar-10-binary.tar.gz" not in found.files:
        return {path.name: path.read_bytes() for path in found.files.values()}
    batches = {}
    try:
        with gzip.open(found.files["cifar-10-binary.tar.gz"]) as packed:
            whole = packed.read(LARGEST_CIFAR + 1)
        if len(whole) > LARGEST_CIFAR:
            raise DataError(
                f"cifar-10-binary.tar.gz unpacks to more than {LARGEST_CIFAR >> 20} MiB: a bomb?",
                "Download it again.",
                "D211",
            )
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as archive:
            for member in itertools.islice(archive, 100):  # it has nine
                name = member.name.rsplit("/", 1)[-1]
                file = archive.extractfile(member) if member.isfile() and name in _CIFAR_BATCHES else None
                if file is not None and member.size <= 20_000 * _RECORD:
                    batches[name] = file.read()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, OSError) as error:
        raise DataError(f"cifar-10-binary.tar.gz is damaged: {error}.", "Download it again.", "D217") from error
    lacking = [name for name in _CIFAR_BATCHES if name not in batches]
    if lacking:
        raise DataError(f"cifar-10-binary.tar.gz lacks {', '.join(lacking)}.", "Download it again.", "D217")
    return batches


_CIFAR_BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

_PUBLISHED = {
    "mnist": _Published(
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
        tuple("0123456789"),
        "digit",
        _IDX_FILES,
    ),
    "fashion-mnist": _Published(
        "fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {  # the authors publish md5 only
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        "kind",
        _IDX_FILES,
    ),
    "cifar-10": _Published(
        "cifar-10",
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"},  # md5 as published
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "kind",
        tuple(f"cifar-10-batches-bin/{name}" for name in _CIFAR_BATCHES),
    ),
}
