"""The files of a folder or of a zip archive, under one face. What an archive would unpack to is known before it is unpacked."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding
from mapsto.core.text import clean

LARGEST_ARCHIVE = 8 << 30  # bytes, unpacked
LARGEST_RATIO, SMALL = 200, 10_000_000  # what people pack shrinks less than this; below SMALL bytes it does no harm
MOST_MEMBERS, DEEPEST = 200_000, 100
NOT_DATA = ("thumbs.db", "desktop.ini", "__macosx")
BLOCK = 1 << 20
TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")
UNPACKING = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, struct.error)
UNPACK = "If it is meant to be so, unpack it and name the folder."


class Files(ABC):
    """Named files below one root: `names` with "/" between folders, sorted; what is no data is left out and counted."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders: set[str] = set()
        self.ignored: list[str] = []  # hidden and system files
        self.broken: list[str] = []  # links that lead nowhere or in a circle; what is neither file nor folder
        self.closed: list[str] = []  # what the user has no right to look into
        self.outside: list[str] = []  # links that lead out of the root

    @abstractmethod
    def stream(self, name: str) -> IO[bytes]:
        """The file, opened. DataError where that cannot be."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes, unpacked, as its header claims."""

    def bytes_of(self, name: str, most: int = LARGEST_ARCHIVE) -> bytes:
        """All that is in the file. DataError where it cannot be read, or holds more than `most` bytes."""
        if self.size(name) > most:
            raise DataError(f"it holds {self.size(name)} bytes, where at most {most} are read.", code="D030")
        with self.stream(name) as file:
            try:
                return b"".join(iter(lambda: file.read(BLOCK), b""))
            except UNPACKING as error:
                raise DataError(f"it cannot be unpacked ({error}).", code="D030") from error
            except MemoryError as error:
                raise DataError("it does not fit into the memory.", code="D030") from error

    def needed(self, name: str, most: int = LARGEST_ARCHIVE) -> bytes:
        """`bytes_of` a file that nothing goes on without: its error names it."""
        try:
            return self.bytes_of(name, most)
        except DataError as error:
            raise DataError(f"{shown([name])[0]}: {error.message}", "Copy or pack it again.", "D217") from error

    def findings(self) -> list[Finding]:
        return [
            Finding(code, level, f"{message}: {len(names)}", len(names), shown(sorted(names)), remedy)
            for code, level, message, names, remedy in (
                ("D040", "note", "hidden and system files left out", self.ignored, ""),
                (
                    "D037",
                    "repair",
                    "links that lead nowhere or in a circle, and what is neither file nor folder, left out",
                    self.broken,
                    "Put the files themselves in their place, or remove them.",
                ),
                (
                    "D047",
                    "warning",
                    "folders or files that may not be looked into, left out",
                    self.closed,
                    "Give yourself the right to read them: chmod -R u+rX FOLDER",
                ),
                ("D048", "note", "links that lead out of the folder, followed", self.outside, ""),
            )
            if names
        ]


class Directory(Files):
    """The files below a folder on disk; `only` names the one of them that is wanted."""

    def __init__(self, root: Path, only: str = ""):
        super().__init__()
        self.root = root
        if only:
            self.names = [only]
        else:
            self._walk()
            self.names.sort()

    def _walk(self) -> None:
        """Without recursion, for folders may be nested deeper than calls. No folder is entered twice, whatever links
        lead to it, and links are followed last, so that what stands in its own place is found there."""
        entered: set[tuple[int, int]] = set()
        waiting, linked = [""], []
        while waiting or linked:
            folder = waiting.pop() if waiting else linked.pop(0)
            try:
                about = os.stat(self.root / folder)
                if (about.st_dev, about.st_ino) in entered:
                    self.broken.append(folder)
                    continue
                entered.add((about.st_dev, about.st_ino))
                with os.scandir(self.root / folder) as entries:
                    listed = list(entries)
            except OSError as error:
                if not folder:
                    raise DataError(f"{self.root.name} cannot be opened: {error.strerror}.", code="D200") from error
                self.closed.append(folder)
                continue
            if folder:
                self.folders.add(folder)
            for entry in listed:
                self._take(entry, folder and folder + "/", waiting, linked)

    def _take(self, entry: os.DirEntry, above: str, waiting: list[str], linked: list[str]) -> None:
        name, is_link = above + entry.name, entry.is_symlink()
        if _is_clutter(entry.name):
            self.ignored.append(name + "/" * entry.is_dir(follow_symlinks=False))
            return
        try:
            mode = entry.stat().st_mode
        except OSError:
            (self.broken if is_link else self.closed).append(name)
            return
        if stat.S_ISDIR(mode):
            (linked if is_link else waiting).append(name)
        elif stat.S_ISREG(mode):
            self.names.append(name)
        else:
            self.broken.append(name)
            return
        if is_link and not Path(os.path.realpath(entry.path)).is_relative_to(os.path.realpath(self.root)):
            self.outside.append(name)

    def stream(self, name: str) -> IO[bytes]:
        try:
            return (self.root / name).open("rb")
        except OSError as error:
            raise DataError(f"it cannot be opened ({error.strerror}).", code="D030") from error

    def size(self, name: str) -> int:
        try:
            return (self.root / name).stat().st_size
        except OSError as error:
            raise DataError(f"it cannot be opened ({error.strerror}).", code="D030") from error


class Archive(Files):
    """A zip archive whose members have been looked through; they are unpacked one by one, in memory."""

    def __init__(self, archive: zipfile.ZipFile, name: str, encoding: str | None):
        super().__init__()
        self.archive = archive
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member, info in zip(_member_names(archive, name, encoding), archive.infolist(), strict=True):
            parts = member.rstrip("/").split("/")
            _refuse_place(member, parts, name)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise DataError(
                    f"{name} has a link as a member: {clean(member, 80)!r}.", "Pack the files themselves.", "D213"
                )
            if any(_is_clutter(part) for part in parts):
                self.ignored.append(member)
                continue
            self.folders.update("/".join(parts[:i]) for i in range(1, len(parts)))
            if info.is_dir():
                self.folders.add("/".join(parts))
            elif member in self.members:
                raise DataError(
                    f"{name} has two members of one name: {clean(member, 80)!r}; which one is meant?",
                    "Pack the folder again.",
                    "D214",
                )
            else:
                self.members[member] = info
        self.names = sorted(self.members)

    def stream(self, name: str) -> IO[bytes]:
        try:
            return self.archive.open(self.members[name])
        except UNPACKING as error:
            raise DataError(f"it cannot be unpacked ({error}).", code="D030") from error

    def size(self, name: str) -> int:
        return self.members[name].file_size


@contextmanager
def opened(path: Path, encoding: str | None = None) -> Iterator[Files]:
    """The files in a folder or a zip archive, or the one file; encoding: of the archive's file names, where in doubt."""
    if path.is_dir():
        yield Directory(path)
    elif path.suffix.lower() == ".zip":
        with opened_zip(path) as archive:
            yield Archive(archive, path.name, encoding)
    else:
        yield Directory(path.parent, path.name)


def kind_of(name: str) -> str | None:
    """Of a table, by its name: ".csv" for "a.CSV.gz"; None for what is no table."""
    lower = name.lower().removesuffix(".gz")
    return next((suffix for suffix in TABLES if lower.endswith(suffix)), None)


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, once nothing in its directory of members speaks against unpacking them; DataError else."""
    try:
        _refuse_crowd(path)
        archive = zipfile.ZipFile(path)
    except DataError:
        raise
    except (*UNPACKING, zipfile.LargeZipFile) as error:
        raise DataError(
            f"{path.name} is not a whole zip archive: {error}.", "Copy or download it again.", "D210"
        ) from error
    with archive:
        _refuse_bomb(archive, path)
        yield archive


def legible(name: str) -> str:
    """A file's name as text that can be written anywhere: bytes that are no UTF-8 as \\xb0."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(names: list[str], most: int = 5) -> tuple[str, ...]:
    """The first of them, for a finding."""
    return tuple(clean(legible(name), 200) for name in names[:most])


def refuse_ratio(unpacked: int, packed: int, what: str) -> None:
    """DataError where something packed claims to hold far more than anything does that people pack."""
    if unpacked > SMALL and unpacked > LARGEST_RATIO * max(packed, 1):
        raise DataError(f"{what} unpacks {unpacked} bytes from {packed}: a bomb?", UNPACK, "D211")


def _refuse_crowd(path: Path) -> None:
    """DataError for more members than can be listed: zipfile makes an object of each before anybody can ask."""
    members, end = 0, b""
    with path.open("rb") as file:
        while block := file.read(16 * BLOCK):
            members += (end + block).count(b"PK\1\2")  # every entry of the directory begins so
            end = block[-3:]
            if members > MOST_MEMBERS:
                raise DataError(f"{path.name} has more than {MOST_MEMBERS} members.", UNPACK, "D211")


def _refuse_bomb(archive: zipfile.ZipFile, path: Path) -> None:
    whole = 0
    for info in archive.infolist():
        what = f"{path.name}: {clean(info.filename, 80)!r}"
        if info.flag_bits & 1:
            raise DataError(f"{what} is encrypted.", "Unpack it, and name the folder.", "D215")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"{what} is packed in a way that is not read here.", "Unpack it, and name the folder.", "D215"
            )
        refuse_ratio(info.file_size, info.compress_size, what)
        whole += info.file_size
    refuse_ratio(whole, path.stat().st_size, path.name)  # members may share their bytes
    if whole > LARGEST_ARCHIVE:
        raise DataError(
            f"{path.name} unpacks to {whole / (1 << 30):.1f} GiB; at most {LARGEST_ARCHIVE >> 30} are read.",
            UNPACK,
            "D211",
        )


def _refuse_place(member: str, parts: list[str], name: str) -> None:
    if member.startswith("/") or ".." in parts or "\\" in member or re.match("[A-Za-z]:", member):
        raise DataError(
            f"{name} has a member that leads outside: {clean(member, 80)!r}.", "Pack the folder again.", "D212"
        )
    if len(parts) > DEEPEST:
        raise DataError(
            f"{name} has a member {len(parts)} folders deep: {clean(member, 80)!r}; at most {DEEPEST} are read.",
            "Pack the folder again.",
            "D212",
        )


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in NOT_DATA


def _member_names(archive: zipfile.ZipFile, name: str, encoding: str | None) -> list[str]:
    """The names in the archive. Without the UTF-8 flag they are in the encoding of the machine that packed it."""
    from mapsto.data.decode import text_of

    unflagged = [i for i in archive.infolist() if not i.flag_bits & 0x800 and not i.orig_filename.isascii()]
    if not unflagged:
        return [info.filename for info in archive.infolist()]
    bytes_of = {id(info): info.orig_filename.encode("cp437") for info in unflagged}
    _, used = text_of(b"\n".join(bytes_of.values()), encoding, f"the file names in {name}")
    return [bytes_of[id(info)].decode(used) if id(info) in bytes_of else info.filename for info in archive.infolist()]
