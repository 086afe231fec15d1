"""A layer between mapsto.core.disk and the operating system, and a model of what a disk holds when power goes.

POSIX promises little: what was written to a file lasts from the file's fsync on, what names a folder holds from the
folder's fsync on, each by itself and in any order. So after a power cut any set of the names changed since, and for each
file changed since any part of what was written, may be there (Pillai et al. 2014, "All File Systems Are Not Created Equal").
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mapsto.core import disk


class Layer:
    """Stands in for `os` and `shutil` within mapsto.core.disk; every change of the disk goes through `_do`."""

    def __init__(self) -> None:
        self.opened: dict[int, Path] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os if name in dir(os) else shutil, name)

    def within(self) -> Any:
        patch = pytest.MonkeyPatch()
        patch.setattr(disk, "os", self)
        patch.setattr(disk, "shutil", self)
        return _undone(patch)

    def mkdir(self, path: Path) -> None:
        self._do("mkdir", path)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        makes = flags & os.O_CREAT
        descriptor = self._do("open", path, flags, mode) if makes else os.open(path, flags, mode)
        self.opened[descriptor] = Path(path)
        return descriptor

    def close(self, descriptor: int) -> None:
        del self.opened[descriptor]
        os.close(descriptor)

    def write(self, descriptor: int, data: memoryview) -> int:
        return self._do("write", descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._do("fsync", descriptor)

    def rename(self, before: Path, after: Path) -> None:
        self._do("rename", before, after)

    replace = rename

    def unlink(self, path: Path) -> None:
        self._do("unlink", path)

    def rmdir(self, path: Path) -> None:
        self._do("rmdir", path)

    def rmtree(self, path: Path) -> None:
        for inside in sorted(Path(path).iterdir()):
            self.rmtree(inside) if inside.is_dir() else self.unlink(inside)
        self.rmdir(path)

    def _do(self, change: str, *arguments: Any) -> Any:
        """fsync is left out: no power goes here, and it takes a while."""
        return None if change == "fsync" else getattr(os, change)(*arguments)


class _undone:
    def __init__(self, patch: pytest.MonkeyPatch):
        self.patch = patch

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None:
        self.patch.undo()


class Recorder(Layer):
    """Keeps what was done: `log` has (change, path, more), and (“mark”, what) where the one who writes said so."""

    def __init__(self, root: Path):
        super().__init__()
        self.root, self.log = root, []

    def mark(self, what: Any) -> None:
        self.log.append(("mark", what))

    def _do(self, change: str, *arguments: Any) -> Any:
        done = super()._do(change, *arguments)
        where, *more = arguments
        path = (self.opened[where] if isinstance(where, int) else Path(where)).relative_to(self.root)
        if change == "open":
            more = [bool(more[0] & os.O_TRUNC)]
        elif change == "write":
            more = [bytes(more[0][:done])]
        elif change == "rename":
            more = [Path(more[0]).relative_to(self.root)]
        self.log.append((change, path, *more))
        return done


class Failing(Layer):
    """Raises `number` at the k-th change, counted from 0, and at every later one where it is `lasting`.

    Of a failing write half the bytes arrive, as they do on a disk that fills up.
    """

    def __init__(self, number: int = 0, at: int | None = None, lasting: bool = False):
        super().__init__()
        self.number, self.at, self.lasting, self.count, self.failed = number, at, lasting, 0, ""

    def _do(self, change: str, *arguments: Any) -> Any:
        k, self.count = self.count, self.count + 1
        if self.at is not None and (k == self.at or (self.lasting and k > self.at)):
            if change == "write" and len(arguments[1]) > 1:
                return super()._do(change, arguments[0], arguments[1][: self._half(arguments[1])])
            self.failed = self.failed or change
            raise OSError(self.number, os.strerror(self.number))
        return super()._do(change, *arguments)

    def _half(self, data: memoryview) -> int:
        self.at = self.count  # and the rest of it fails
        return len(data) // 2


@dataclass
class File:
    fsynced: bytes = b""
    now: bytes = b""


@dataclass
class Folder:
    fsynced: dict[str, File | Folder] = field(default_factory=dict)
    now: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[dict[str, File | Folder | None]] = field(
        default_factory=list
    )  # name → what it names then, if anything

    def change(self, names: dict[str, File | Folder | None]) -> None:
        self.pending.append(names)
        self.now = changed(self.now, [names])


def changed(names: dict, changes: list[dict]) -> dict:
    for change in changes:
        names = {name: node for name, node in {**names, **change}.items() if node is not None}
    return names


Tree = dict[str, "bytes | Tree"]


class Disk:
    """What a disk holds for sure, and what was asked of it since."""

    def __init__(self) -> None:
        self.root = Folder()

    def at(self, path: Path) -> Any:
        node: Any = self.root
        for part in path.parts:
            node = node.now[part]
        return node

    def now(self) -> Tree:
        """What everybody sees while there is power."""
        folders, files = self._unsure()
        return _tree(self.root, {id(f): f.now for f in folders}, {id(f): f.now for f in files})

    def do(self, change: str, path: Any, *more: Any) -> None:
        if change == "mark":
            return
        parent, name = self.at(path.parent), path.name
        if change == "mkdir":
            parent.change({name: Folder()})
        elif change == "open":
            if name not in parent.now:
                parent.change({name: File()})
            elif more[0]:
                parent.now[name].now = b""
        elif change == "write":
            parent.now[name].now += more[0]
        elif change == "fsync":
            node = self.at(path)
            node.fsynced = node.now
            if isinstance(node, Folder):
                node.pending = []
        elif change == "rename":
            assert more[0].parent == path.parent, "a rename across folders is two changes to this model"
            parent.change({name: None, more[0].name: parent.now[name]})
        else:
            parent.change({name: None})

    def cuts(self, draw: random.Random, at_most: int) -> Iterator[Tree]:
        """What may be found after a power cut now: the plainest states, and others at random; no state twice."""
        folders, files = self._unsure()
        n = sum(len(folder.pending) for folder in folders)
        lasting = [[i < k for i in range(n)] for k in range(n, -1, -1)] + [
            [i != k for i in range(n)] for k in range(n - 1)
        ]
        plain = [(names, [torn] * len(files)) for torn in TORN for names in lasting]
        mixed = (([draw.random() < 0.5 for _ in range(n)], draw.choices(TORN, k=len(files))) for _ in range(at_most))
        seen: list[Tree] = []
        for names, torn in itertools.islice(itertools.chain(draw.sample(plain, len(plain)), mixed), at_most):
            which, tears = iter(names), {id(f): tear(f) for f, tear in zip(files, torn, strict=True)}
            left = {id(f): changed(f.fsynced, [c for c in f.pending if next(which)]) for f in folders}
            tree = _tree(self.root, left, tears)
            if tree not in seen:
                seen.append(tree)
                yield tree

    def _unsure(self) -> tuple[list[Folder], list[File]]:
        """The folders and files of which not all is fsynced."""
        found: dict[int, File | Folder] = {}

        def look(node: File | Folder | None) -> None:
            if node is None or id(node) in found:
                return
            found[id(node)] = node
            if isinstance(node, Folder):
                for names in (node.fsynced, *node.pending):
                    for inside in names.values():
                        look(inside)

        look(self.root)
        folders = [node for node in found.values() if isinstance(node, Folder) and node.pending]
        return folders, [node for node in found.values() if isinstance(node, File) and node.fsynced != node.now]


def _tree(folder: Folder, left: dict[int, dict], tears: dict[int, bytes]) -> Tree:
    return {
        name: _tree(node, left, tears) if isinstance(node, Folder) else tears.get(id(node), node.fsynced)
        for name, node in left.get(id(folder), folder.fsynced).items()
    }


def _half(file: File) -> bytes:
    kept = _kept(file)
    return file.now[: kept + (len(file.now) - kept) // 2]


def _zeros(file: File) -> bytes:
    """As long as it should be, and blank from where it was not fsynced: its length was noted before its bytes."""
    kept = _kept(file)
    return file.now[:kept] + bytes(len(file.now) - kept)


def _kept(file: File) -> int:
    """Bytes that are there for sure: all that were fsynced, if since then there was only added to them."""
    return len(file.fsynced) if file.now.startswith(file.fsynced) else 0


TORN = (lambda file: file.now, lambda file: file.fsynced, _half, _zeros)


def lay(tree: Tree, root: Path) -> None:
    """The state of a disk, as files."""
    root.mkdir()
    for name, inside in tree.items():
        if isinstance(inside, dict):
            lay(inside, root / name)
        else:
            (root / name).write_bytes(inside)
