"""Writing that outlives a power cut: at every moment the old content or the new one, whole; never half under its own name.

What is being written lies under a temporary name (.<name>.<pid>.partial) until it is fsynced; then it is renamed, and the
folder it is in fsynced. A folder that another replaces stands aside (.<name>.replaced) while the new one takes its name.
An OSError becomes a DiskError, which says where, how much there was to write and how much is free, and what to do.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mapsto.core.errors import DiskError

REMEDIES = {
    errno.ENOSPC: "Make room on that disk",
    errno.EDQUOT: "Remove something of yours there, or have your quota raised",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f)",
    errno.EROFS: "Make that disk writable",
    errno.EACCES: "Make that folder writable for yourself",
    errno.EIO: "The disk may be failing: copy what matters to another one",
}


def replace_file(path: Path, data: bytes) -> None:
    """Write one file, all at once."""
    fresh = _partial(path)
    with telling(path, len(data)), _clearing(fresh):
        write_file(fresh, data)
        os.replace(fresh, path)
        sync(path.parent)


def new_folder(path: Path, files: dict[str, bytes]) -> None:
    """Make a folder of these files, all at once. It may be there already only if it is empty."""
    fresh = _partial(path)
    with telling(path, sum(map(len, files.values()))), _clearing(fresh):
        for left in _abandoned(path):
            remove(left)
        _fill(fresh, files)
        os.rename(fresh, path)
        sync(path.parent)


@contextmanager
def growing_folder(path: Path) -> Iterator[Path]:
    """A new folder that is filled file by file while this lasts, and takes its name, whole, when it ends well.

    Files in it are written with `append` and made to last with `sync`. `path` may be there already only if it is empty.
    """
    fresh = _partial(path)
    with telling(path):
        for left in _abandoned(path):
            remove(left)
        _make(fresh.parent)
        remove(fresh)
        os.mkdir(fresh)
    try:
        yield fresh
        with telling(path):
            sync(fresh)
            os.rename(fresh, path)
            sync(path.parent)
    finally:
        with suppress(OSError):
            remove(fresh)


def replace_folder(path: Path, files: dict[str, bytes]) -> None:
    """Make folder `path` hold exactly these files, all at once."""
    fresh = _partial(path)
    with telling(path, sum(map(len, files.values()))), _clearing(fresh):
        _fill(fresh, files)
        settle(path)
        if path.exists():
            os.rename(path, _aside(path))
        os.rename(fresh, path)
        sync(path.parent)
        remove(_aside(path))


def remove_folder(path: Path) -> None:
    """Remove a folder, all at once."""
    with telling(path):
        remove(_partial(path))
        os.rename(path, _partial(path))
        sync(path.parent)
        remove(_partial(path))


def append(path: Path, data: bytes) -> None:
    """Add to a file. Not fsynced: after a power cut its end may be missing or torn; `sync` makes it last."""
    with telling(path, len(data)):
        _write(path, os.O_APPEND, data, lasting=False)


def write_file(path: Path, data: bytes) -> None:
    """Write one file under a name that nobody reads yet, and have it down on the disk."""
    _write(path, os.O_TRUNC, data, lasting=True)


def sync(path: Path) -> None:
    """Have what a file holds, or the names that a folder holds, down on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def standing(path: Path) -> Path:
    """Where the folder of this name is: set aside, if power went just while it was being replaced."""
    return _aside(path) if _aside(path).exists() and not path.exists() else path


def settle(path: Path) -> None:
    """Bring a replacement of folder `path` that was broken off to an end: the new one if it is there, else the old one."""
    aside = _aside(path)
    if not aside.exists():
        return
    if path.exists():
        sync(path.parent)  # whoever put it there may not have come to this
        remove(aside)
    else:
        os.rename(aside, path)


def tidy(folder: Path) -> None:
    """Remove what was left half-written in a folder, and settle its replacements: for nobody but who holds its lock."""
    with telling(folder):
        if half := list(folder.glob(".*.partial")):
            sync(folder)  # one of them may have had a name until just now
        for left in half:
            remove(left)
        for aside in folder.glob(".*.replaced"):
            settle(aside.with_name(aside.name[1 : -len(".replaced")]))


def remove(path: Path) -> None:
    """A file or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def free(path: Path) -> int:
    """Bytes that may still be written where `path` is or is to be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextmanager
def telling(path: Path, size: int = 0) -> Iterator[None]:
    """An OSError while it lasts is told as a DiskError about `path`, to which `size` bytes were to be written, if any."""
    try:
        yield
    except OSError as error:
        amount = f"{size:,} bytes to be written, " if size else ""
        raise DiskError(
            f"cannot write {path}: {error.strerror} ({amount}{_free(path)} free).",
            f"{REMEDIES.get(error.errno, 'Look at that place')}, then try again; `mapsto resume RUN` continues a run.",
            error.errno or 0,
        ) from error


@contextmanager
def _clearing(fresh: Path) -> Iterator[None]:
    """What failed half-way is removed: the room it takes may be what is lacking."""
    try:
        yield
    except OSError:
        with suppress(OSError):
            remove(fresh)
        raise


def _fill(fresh: Path, files: dict[str, bytes]) -> None:
    _make(fresh.parent)
    remove(fresh)
    os.mkdir(fresh)
    for name, data in files.items():
        write_file(fresh / name, data)
    sync(fresh)


def _make(folder: Path) -> None:
    """A folder and those above it, their names down on the disk."""
    if not folder.exists():
        _make(folder.parent)
        with suppress(FileExistsError):
            os.mkdir(folder)
        sync(folder.parent)


def _write(path: Path, how: int, data: bytes, lasting: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if lasting:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(path: Path) -> str:
    try:
        return f"{free(path):,} bytes"
    except OSError:
        return "it is not known how many"


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")


def _abandoned(path: Path) -> list[Path]:
    """What processes that have gone left half-written on their way to `path`."""
    left = [p for p in path.parent.glob(".*.partial") if p.name.rsplit(".", 2)[0] == f".{path.name}"]
    return [p for p in left if not _alive(p.name.rsplit(".", 2)[1])]


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
