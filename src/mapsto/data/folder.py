"""Folders and zip archives: pictures sorted into one folder a class, pictures with a table of labels, or only tables.

photos/<class>/*.jpg                    the class is the target
photos/train/<class>/*.jpg, test/…      and the folder says which split
photos/*.jpg with labels.csv            the table has a column of file names; its other columns come along
any/train.csv, any/test.csv             tables, joined, with their splits
any/*-idx3-ubyte.gz                     the four files of MNIST and its kin
"""

from __future__ import annotations

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.names import squash
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data import pictures
from mapsto.data.frames import objects
from mapsto.data.table import Table, kind_of, unpacked

SPLIT_ORDER = ("train", "valid", "test", None)
SPLITS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing", "eval"),
}
FILE_COLUMNS = (
    "file", "filename", "filepath", "path", "image", "imagefile", "imagename", "imagepath", "imageid", "img",
    "picture", "photo",
)  # fmt: skip
LARGEST_ARCHIVE = 8 << 30
NOT_DATA = ("thumbs.db", "desktop.ini", "__macosx")


@dataclass
class Folder(Source):
    """A folder or a zip archive, read whole.

    unreadable: the share of pictures that may be damaged and left out before it is an error.
    memory: bytes that the pictures may take together; beyond it, their longest side is shrunk to `longest` pixels.
    columns, encoding, separator: for the tables in it, see Table.
    """

    unreadable: float = 0.2
    memory: int = 2 << 30
    longest: int = 256
    columns: list[str] | None = None
    encoding: str | None = None
    separator: str | None = None
    formats: dict[str, str] | None = None

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and (Path(where).is_dir() or Path(where).suffix.lower() == ".zip")

    def read(self, where: str | Path) -> Raw:
        with opened(Path(where), self.encoding) as files:
            return self._read(files, Path(where).name or str(where))

    def _read(self, files: Files, name: str) -> Raw:
        from mapsto.data.arrays import Arrays, is_idx

        findings = files.findings()
        photos = [n for n in files.names if n.lower().endswith(pictures.SUFFIXES)]
        tables = [n for n in files.names if kind_of(n)]
        if not photos:
            idx = {PurePosixPath(n).name: n for n in files.names if is_idx(n)}
            if idx:
                raw = Arrays().idx({short: lambda n=n: files.bytes_of(n) for short, n in idx.items()}, name)
            elif tables:
                raw = self._tables(files, tables, name)
            else:
                raise DataError(self._nothing(files, name), _EXPECTED)
        else:
            raw = self._pictures(files, photos, tables, name)
        raw.findings[:0] = findings
        return raw

    def _nothing(self, files: Files, name: str) -> str:
        kinds = Counter(PurePosixPath(n).suffix.lower() or "no suffix" for n in files.names)
        there = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(6)) or "nothing"
        folders = ", ".join(sorted({n.split("/")[0] + "/" for n in files.names if "/" in n})[:6])
        archives = [n for n in files.names if n.lower().endswith(".zip")]
        hint = f" Name the archive itself: {name}/{archives[0]}." if archives else ""
        return (
            f"{name} holds no pictures and no tables. Found: {there}" + (f", in {folders}." if folders else ".") + hint
        )

    # ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _table(self, files: Files, name: str, formats: dict[str, str] | None = None) -> Raw:
        data = unpacked(io.BytesIO(files.bytes_of(name)), name)
        known = {**(formats or {}), **(self.formats or {})}
        return Table(self.columns, self.encoding, self.separator, known).parse(data, name)

    def _joined(self, files: Files, by_split: dict[str, str | None], name: str) -> Raw:
        """The tables of the splits as one; what the first of them settles about dates and decimals holds for all."""
        parts, formats = [], {}
        for table in sorted(by_split, key=lambda t: SPLIT_ORDER.index(by_split[t])):
            raw = self._table(files, table, formats)
            formats |= raw.formats
            parts.append((raw, by_split[table]))
        return joined(parts, name)

    def _tables(self, files: Files, names: list[str], name: str) -> Raw:
        """The only table there is, or tables named for their splits, joined."""
        if len(names) == 1:
            return self._table(files, names[0])
        typed = [n for n in names if kind_of(n) != ".txt"] or names  # a README.txt beside the table
        if len(typed) == 1:
            return self._table(files, typed[0])
        by_split = {n: split_named(PurePosixPath(n).name.split(".")[0]) for n in typed}
        if None in by_split.values():
            raise DataError(
                f"{name} holds {len(typed)} tables: {', '.join(typed[:8])}{' …' if len(typed) > 8 else ''}.",
                "Name the one you mean. Several are joined only if they are called train, valid and test.",
            )
        return self._joined(files, by_split, name)

    # ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pictures(self, files: Files, photos: list[str], tables: list[str], name: str) -> Raw:
        labelled = self._label_table(files, photos, tables, name)
        if labelled is not None:
            return self._with_table(files, photos, labelled, name)
        root = _common_folder(photos)
        inside = {photo: photo.removeprefix(root) for photo in photos}
        splits = _split_folders(list(inside.values()))
        findings = []
        rows: list[tuple[str, str, str | None]] = []  # file, class, split
        astray = []
        for photo, path in inside.items():
            parts = path.split("/")
            split = splits.get(parts[0]) if splits else None
            if splits:
                parts = parts[1:]
            if len(parts) < 2:
                astray.append(path)
            else:
                rows.append((photo, unicodedata.normalize("NFC", parts[0]), split))
        classes = sorted({label for _, label, _ in rows})
        if len(classes) < 2:
            only = f"only one class: {classes[0]}" if classes else f"{len(photos)} pictures and no folder for a class"
            raise DataError(f"{name} has {only}; a classifier needs at least 2 classes.", _EXPECTED)
        if astray:
            message = "pictures stand outside the class folders and were left out"
            findings.append(Finding("D041", "repair", message, len(astray), tuple(astray[:5])))
        empty = files.empty_folders(root, splits, classes)
        if empty:
            findings.append(Finding("D035", "warning", "class folders without pictures", len(empty), tuple(empty[:5])))
        pixels, kept, noted = self.decoded(files, [photo for photo, _, _ in rows], name)
        labels = objects([rows[i][1] for i in kept])
        if len(set(labels)) < 2:
            raise DataError(f"{name}: readable pictures are left of one class only, {labels[0]}.", _EXPECTED)
        return Raw(
            name,
            {"image": pixels, "label": labels},
            target="label",
            split=objects([rows[i][2] for i in kept]) if splits else None,
            labels=objects([rows[i][0] for i in kept]),
            kinds={"image": "image", "label": "category"},
            findings=findings + noted,
        )

    def _label_table(self, files: Files, photos: list[str], tables: list[str], name: str) -> _Labelled | None:
        """The table beside the pictures, or those of its splits, with the column that names the files."""
        candidates = [t for t in tables if kind_of(t) != ".txt"]
        named = [t for t in candidates if squash(PurePosixPath(t).name.split(".")[0]) in _LABEL_TABLES]
        by_split = {t: split_named(PurePosixPath(t).name.split(".")[0]) for t in candidates}
        if named:
            raw = self._table(files, named[0])
        elif candidates and None not in by_split.values():
            raw = self._joined(files, by_split, name)
        elif len(candidates) == 1:
            raw = self._table(files, candidates[0])
        else:
            return None
        table = (named or candidates)[0]
        best: _Labelled | None = None
        for column in raw.columns:
            if squash(column) not in FILE_COLUMNS:
                continue
            found = matched(raw.columns[column], photos, str(PurePosixPath(table).parent))
            if best is None or sum(p is not None for p in found) > sum(p is not None for p in best.photos):
                best = _Labelled(table, raw, column, found)
        if best is None and not named:
            return None  # some other table; the folders tell the classes
        if best is None:
            raise DataError(
                f"{table} has no column of file names; its columns are {', '.join(raw.columns)}.",
                "Call the column of file names 'file'.",
            )
        if not any(best.photos):
            raise DataError(
                f"{table}: no value of column '{best.column}' is the name of a picture there "
                f"(first value: {raw.columns[best.column][0]!r}, first picture: {photos[0]!r}).",
                "Write file names as they are, relative to the folder.",
            )
        return best

    def _with_table(self, files: Files, photos: list[str], labelled: _Labelled, name: str) -> Raw:
        raw = labelled.raw
        findings = list(raw.findings)
        lost = [str(raw.columns[labelled.column][i]) for i, photo in enumerate(labelled.photos) if photo is None]
        if lost:
            message = f"rows of {labelled.table} name a picture that is not there and were left out"
            findings.append(Finding("D038", "repair", message, len(lost), tuple(lost[:5])))
        rows = np.array([i for i, photo in enumerate(labelled.photos) if photo is not None])
        used = [labelled.photos[i] for i in rows]
        unused = sorted(set(photos) - set(used))
        if unused:
            message = f"pictures that {labelled.table} does not name were left out"
            findings.append(Finding("D039", "repair", message, len(unused), tuple(unused[:5])))
        pixels, kept, noted = self.decoded(files, used, name)
        rows = rows[kept]
        others = {c: values[rows] for c, values in raw.columns.items() if c != labelled.column}
        image = "image" if "image" not in others else "picture"
        target = next((c for c in others if squash(c) in ("label", "labels", "target", "class")), None)
        split = raw.split[rows] if raw.split is not None else None
        names = [used[i] for i in kept]
        folders = [next(filter(None, map(split_named, n.split("/")[:-1])), None) for n in names]
        if split is None and names and None not in folders:
            split = objects(folders)
        return Raw(
            name,
            {image: pixels, **others},
            target=target or (next(iter(others)) if len(others) == 1 else None),
            split=split,
            labels=objects(names),
            kinds={image: "image"},
            findings=findings + noted,
            formats=raw.formats,
        )

    def decoded(self, files: Files, names: list[str], where: str) -> tuple[np.ndarray, np.ndarray, list[Finding]]:
        """The pictures [N, …] that could be read, their places in `names`, and what was noticed."""
        budget, all_small = _Budget(self.memory), False
        found: list[np.ndarray | None] = []
        notes: dict[str, list[str]] = defaultdict(list)
        damaged: list[str] = []

        def one(name: str) -> pictures.Picture | DataError:
            try:
                return pictures.decode(files.bytes_of(name), self.longest if budget.spent else None)
            except DataError as error:
                return error

        with pictures.quiet(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(names), 256):  # in blocks, so that little is decoded ahead of the budget
                block = names[start : start + 256]
                for name, picture in zip(block, pool.map(one, block), strict=True):
                    if isinstance(picture, DataError):
                        damaged.append(f"{name}: {picture.message.rstrip('.')}")
                        found.append(None)
                        continue
                    for note in picture.notes:
                        notes[note].append(name)
                    found.append(picture.pixels)
                    budget.take(picture.pixels.nbytes)
                if budget.spent and not all_small:
                    all_small = True  # later ones are shrunk as they are decoded
                    found = [p if p is None else pictures.shrunk(p, self.longest) for p in found]
        return self._gathered(found, names, where, notes, damaged, budget.spent)

    def _gathered(
        self,
        found: list[np.ndarray | None],
        names: list[str],
        where: str,
        notes: dict[str, list[str]],
        damaged: list[str],
        shrunk: bool,
    ) -> tuple[np.ndarray, np.ndarray, list[Finding]]:
        if len(damaged) > self.unreadable * len(names) or len(damaged) == len(names):
            raise DataError(
                f"{where}: {len(damaged)} of {len(names)} pictures cannot be read, more than the {self.unreadable:.0%} "
                "that may be left out:\n" + "\n".join(f"    {line}" for line in damaged[:5]),
                "Remove or replace them.",
            )
        kept = np.array([i for i, p in enumerate(found) if p is not None])
        findings = []
        if damaged:
            message = f"pictures of {len(names)} cannot be read and were left out"
            findings.append(Finding("D030", "repair", message, len(damaged), tuple(damaged[:5])))
        for note, where_noted in sorted(notes.items()):
            code, message = _NOTES.get(note, ("D031", f"pictures in {note} were converted to 8-bit RGB or grey"))
            findings.append(Finding(code, "note", message, len(where_noted), tuple(where_noted[:5])))
        if shrunk:
            message = (
                f"together the pictures pass {self.memory / (1 << 30):.2g} GiB, so the longest side is "
                f"{self.longest} pixels at most"
            )
            findings.append(Finding("D036", "repair", message, len(kept)))
        whole = [found[i] for i in kept]
        if len({p.ndim for p in whole}) > 1:
            count = sum(p.ndim == 2 for p in whole)
            findings.append(Finding("D042", "note", "grey pictures among coloured ones became RGB", count))
            whole = [pictures.grey_to_rgb(p) for p in whole]
        return stacked(whole), kept, findings


_LABEL_TABLES = ("labels", "label", "metadata", "annotations", "meta")
_EXPECTED = (
    "Expected one folder a class with its pictures (photos/cat/1.jpg, photos/dog/2.jpg), the same under train/ and "
    "test/, or pictures and a labels.csv whose column 'file' names them, or one table (.csv .tsv .jsonl .parquet)."
)
_NOTES = {
    "turned by EXIF": ("D032", "pictures were turned upright as their EXIF data say"),
    "first frame of several": ("D033", "animated or many-page pictures: the first frame was taken"),
    "transparency": ("D031", "pictures with transparency were laid on white"),
    "palette": ("D031", "pictures with a palette were converted to 8-bit RGB or grey"),
    "1-bit": ("D031", "black-and-white pictures of 1 bit became grey"),
    "16-bit": ("D034", "pictures of 16 bits were scaled to 8 bits"),
}


def split_named(folder: str) -> str | None:
    """train, valid or test for one of their usual names, whatever the case."""
    return next((split for split, words in SPLITS.items() if folder.lower() in words), None)


def joined(parts: list[tuple[Raw, str | None]], name: str) -> Raw:
    """Tables of the same columns as one; the rows of each are of its split. A column that only some have is missing
    in the others (the target of an unlabelled test table)."""
    parts = sorted(parts, key=lambda part: SPLIT_ORDER.index(part[1]))
    columns: dict[str, np.ndarray] = {}
    every = list(dict.fromkeys(column for raw, _ in parts for column in raw.columns))
    for column in every:
        pieces = [raw.columns.get(column) for raw, _ in parts]
        columns[column] = _joined_column(pieces, [len(raw) for raw, _ in parts])
    partial = [c for c in every if any(c not in raw.columns for raw, _ in parts)]
    findings = [finding for raw, _ in parts for finding in raw.findings]
    if partial:
        message = "columns that not every table has are missing values there"
        findings.append(Finding("D043", "warning", message, len(partial), tuple(partial[:5])))
    return Raw(
        name,
        columns,
        split=objects([split for raw, split in parts for _ in range(len(raw))]),
        labels=objects([f"{raw.name} {label}" for raw, _ in parts for label in raw.labels]),
        findings=findings,
        formats={column: how for raw, _ in parts for column, how in raw.formats.items()},
    )


def stacked(whole: list[np.ndarray]) -> np.ndarray:
    """Arrays of one shape as a dense array [N, …], of several shapes as objects [N]."""
    if len({p.shape for p in whole}) > 1:
        return objects(whole)
    dense = np.empty((len(whole), *whole[0].shape), dtype=whole[0].dtype)
    for i, p in enumerate(whole):
        dense[i] = p
    return dense


# ── where the files are ─────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def opened(path: Path, encoding: str | None = None) -> Iterator[Files]:
    """The files in a folder or a zip archive; encoding: of the archive's file names, where it is in doubt."""
    if path.is_dir():
        yield Directory(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield Archive(archive, path.name, encoding)
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise DataError(f"{path.name} is not a whole zip archive: {error}.", "Copy or download it again.") from error


class Files(ABC):
    """Named files below one root: `names` with "/" between folders, sorted; what is no data is left out and counted."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders: set[str] = set()
        self.ignored: list[str] = []
        self.broken: list[str] = []

    @abstractmethod
    def bytes_of(self, name: str) -> bytes: ...

    def findings(self) -> list[Finding]:
        findings = []
        if self.ignored:
            message = "hidden and system files were left out"
            findings.append(Finding("D040", "note", message, len(self.ignored), tuple(sorted(self.ignored)[:5])))
        if self.broken:
            message = "links lead nowhere and were left out"
            findings.append(Finding("D037", "repair", message, len(self.broken), tuple(sorted(self.broken)[:5])))
        return findings

    def empty_folders(self, root: str, splits: dict[str, str], classes: list[str]) -> list[str]:
        """Folders in the place of a class that hold no picture at all."""
        depth = root.count("/") + (2 if splits else 1)
        holding = {"/".join(n.split("/")[:depth]) for n in self.names if n.lower().endswith(pictures.SUFFIXES)}
        return sorted(
            folder.removeprefix(root)
            for folder in self.folders
            if folder.startswith(root) and folder.count("/") == depth - 1 and folder not in holding
            and (not splits or folder.removeprefix(root).split("/")[0] in splits)
        )  # fmt: skip


class Directory(Files):
    def __init__(self, root: Path):
        super().__init__()
        self.root = root
        seen = {os.path.realpath(root)}
        for top, folders, files in os.walk(root, followlinks=True):
            relative = Path(top).relative_to(root).as_posix()
            prefix = "" if relative == "." else relative + "/"
            for folder in list(folders):
                real = os.path.realpath(os.path.join(top, folder))
                if _is_clutter(folder) or real in seen:
                    folders.remove(folder)
                    self.ignored.append(prefix + folder + "/")
                    continue
                seen.add(real)
                self.folders.add(prefix + folder)
            for file in files:
                if _is_clutter(file):
                    self.ignored.append(prefix + file)
                elif not os.path.exists(os.path.join(top, file)):
                    self.broken.append(prefix + file)
                elif os.path.isfile(os.path.join(top, file)):
                    self.names.append(prefix + file)
        self.names.sort()

    def bytes_of(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise DataError(f"it cannot be opened ({error.strerror}).") from error


class Archive(Files):
    """A zip archive, checked before anything is unpacked; members are unpacked one by one, in memory."""

    def __init__(self, archive: zipfile.ZipFile, name: str, encoding: str | None):
        super().__init__()
        self.archive = archive
        self.members: dict[str, zipfile.ZipInfo] = {}
        _refuse_bomb(archive, name)
        for member, info in zip(_member_names(archive, name, encoding), archive.infolist(), strict=True):
            parts = member.rstrip("/").split("/")
            if member.startswith("/") or ".." in parts or "\\" in member or re.match("[A-Za-z]:", member):
                raise DataError(f"{name} has a member that leads outside: {member!r}.", "Pack the folder again.")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise DataError(f"{name} has a link as a member: {member!r}.", "Pack the files themselves.")
            if info.flag_bits & 1:
                raise DataError(f"{name} is encrypted ({member!r}).", "Unpack it, and name the folder.")
            if any(_is_clutter(part) for part in parts):
                self.ignored.append(member)
                continue
            self.folders.update("/".join(parts[:i]) for i in range(1, len(parts)))
            if info.is_dir():
                self.folders.add("/".join(parts))
            else:
                self.members[member] = info
        self.names = sorted(self.members)

    def bytes_of(self, name: str) -> bytes:
        try:
            return self.archive.read(self.members[name])
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise DataError(f"it cannot be unpacked ({error}).") from error


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in NOT_DATA


def _refuse_bomb(archive: zipfile.ZipFile, name: str) -> None:
    """DataError for an archive that would unpack to far more than anyone packs on purpose."""
    whole = sum(info.file_size for info in archive.infolist())
    if whole > LARGEST_ARCHIVE:
        raise DataError(f"{name} unpacks to {whole / (1 << 30):.1f} GiB; at most {LARGEST_ARCHIVE >> 30} are read.")
    for info in archive.infolist():
        if info.file_size > 10_000_000 and info.file_size > 200 * max(info.compress_size, 1):
            raise DataError(
                f"{name}: {info.filename!r} unpacks {info.file_size} bytes from {info.compress_size}: a zip bomb?",
                "If it is meant, unpack it and name the folder.",
            )


def _member_names(archive: zipfile.ZipFile, name: str, encoding: str | None) -> list[str]:
    """The names in the archive. Without the UTF-8 flag they are in the encoding of the machine that packed it."""
    from mapsto.data.decode import text_of

    unflagged = [i for i in archive.infolist() if not i.flag_bits & 0x800 and not i.orig_filename.isascii()]
    if not unflagged:
        return [info.filename for info in archive.infolist()]
    bytes_of = {id(info): info.orig_filename.encode("cp437") for info in unflagged}
    _, used = text_of(b"\n".join(bytes_of.values()), encoding, f"the file names in {name}")
    return [bytes_of[id(info)].decode(used) if id(info) in bytes_of else info.filename for info in archive.infolist()]


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Budget:
    """Bytes that may still be taken; once spent, it stays so."""

    left: int
    spent: bool = field(default=False)

    def take(self, size: int) -> None:
        self.left -= size
        self.spent = self.spent or self.left < 0


@dataclass
class _Labelled:
    table: str
    raw: Raw
    column: str  # the one that names files
    photos: list[str | None]  # for each row


def _common_folder(photos: list[str]) -> str:
    """The folder that all pictures lie in ("photos/"); never one of a split, never that of the only class."""
    parents = [photo.split("/")[:-1] for photo in photos]
    common = []
    for folders in zip(*parents, strict=False):
        if len(set(folders)) > 1:
            break
        common.append(folders[0])
    splits = [i for i, folder in enumerate(common) if split_named(folder)]
    if splits:
        common = common[: splits[0]]
    elif common and all(parent == common for parent in parents):
        common = common[:-1]
    return "".join(folder + "/" for folder in common)


def _split_folders(paths: list[str]) -> dict[str, str]:
    """Top folder → split, where all of them are named for splits and hold folders of their own; else nothing."""
    tops = {p.split("/")[0] for p in paths if "/" in p}
    named = {top: split_named(top) for top in tops}
    if not tops or None in named.values() or not any(p.count("/") >= 2 for p in paths):
        return {}
    return {top: split for top, split in named.items() if split}


def matched(values: np.ndarray, photos: list[str], beside: str) -> list[str | None]:
    """For each value the picture it names: by path from the table or the root, else by a file name that only one has,
    with or without its suffix."""
    exact = {unicodedata.normalize("NFC", p): p for p in photos}
    short: dict[str, list[str]] = defaultdict(list)
    for path, photo in exact.items():
        pure = PurePosixPath(path)
        for key in {pure.name, pure.stem}:
            short[key].append(photo)
    prefix = "" if beside == "." else beside + "/"
    found: list[str | None] = []
    for value in values:
        wanted = unicodedata.normalize("NFC", str(value).replace("\\", "/").removeprefix("./"))
        photo = exact.get(prefix + wanted) or exact.get(wanted)
        if photo is None:
            alike = short.get(PurePosixPath(wanted).name, [])
            photo = alike[0] if len(alike) == 1 else None
        found.append(photo)
    return found


def _joined_column(pieces: list[np.ndarray | None], lengths: list[int]) -> np.ndarray:
    pieces = [None if p is not None and p.dtype == object and not any(v is not None for v in p) else p for p in pieces]
    there = [p for p in pieces if p is not None]
    if not there:
        return objects([None] * sum(lengths))
    kinds = {p.dtype.kind for p in there}
    whole = len(there) == len(pieces)
    if whole and len(kinds) == 1:
        return np.concatenate(there)
    if kinds <= {"i", "f"}:
        return np.concatenate([np.full(n, np.nan) if p is None else p for p, n in zip(pieces, lengths, strict=True)])
    if kinds == {"M"}:
        gone = np.datetime64("NaT", "s")
        return np.concatenate([np.full(n, gone) if p is None else p for p, n in zip(pieces, lengths, strict=True)])
    values: list = []
    for piece, n in zip(pieces, lengths, strict=True):
        if piece is None:
            values += [None] * n
        elif piece.dtype.kind == "O":
            values += piece.tolist()
        else:  # numbers in one table, text in another: text
            values += [
                None if v != v else str(v).lower() if piece.dtype.kind == "b" else str(v) for v in piece.tolist()
            ]
    return objects(values)
