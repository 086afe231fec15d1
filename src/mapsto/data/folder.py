"""Folders and zip archives: pictures sorted into one folder a class, pictures with a table of labels, or only tables.

photos/<class>/*.jpg                    the class is the target
photos/train/<class>/*.jpg, test/…      and the folder says which split
photos/*.jpg with labels.csv            the table has a column of file names; its other columns come along
any/train.csv, any/test.csv             tables, joined, with their splits
any/*-idx3-ubyte.gz                     the four files of MNIST and its kin
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.faults import refusal
from mapsto.core.names import squash
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, many
from mapsto.data.album import Album, Limits, album, unread
from mapsto.data.files import UNPACKING, Files, kind_of, legible, opened, shown
from mapsto.data.frames import objects
from mapsto.data.pictures import SUFFIXES

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
ONE_CLASS, UNSORTED = "D201", "D202"  # codes of what is wrong with a folder only for who tells classes apart
Look = Callable[[Files, list[str], Limits], Album]


@dataclass
class Folder(Source):
    """A folder or a zip archive, read whole.

    unreadable, memory, longest: see Limits.
    columns, encoding, separator: for the tables in it, see Table.
    """

    unreadable: float | None = None
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

    def _read(self, files: Files, name: str, look: Look = album) -> Raw:
        """`look` reads the pictures."""
        from mapsto.data.arrays import Arrays, is_idx

        findings = files.findings()
        photos = [n for n in files.names if n.lower().endswith(SUFFIXES)]
        tables = [n for n in files.names if kind_of(n)]
        if not photos:
            idx = {PurePosixPath(n).name: n for n in files.names if is_idx(n)}
            if idx:
                raw = Arrays().idx({short: lambda n=n: files.needed(n) for short, n in idx.items()}, name)
            elif tables:
                raw = self._tables(files, tables, name)
            else:
                raise DataError(self._nothing(files, name), _EXPECTED, "D200")
        else:
            raw = self._pictures(files, photos, tables, name, look)
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
        from mapsto.data.table import Table

        data = unpacked_of(files, name)
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
                "D205",
            )
        return self._joined(files, by_split, name)

    # ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pictures(self, files: Files, photos: list[str], tables: list[str], name: str, look: Look) -> Raw:
        labelled = self._label_table(files, photos, tables, name)
        if labelled is not None:
            return self._with_table(files, photos, labelled, name, look)
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
                rows.append((photo, unicodedata.normalize("NFC", legible(parts[0])), split))
        classes = sorted({label for _, label, _ in rows})
        if not classes:  # who learns to draw them need not know what they are of
            message = f"{name} has {many(len(photos), 'picture')} and no folder for a class."
            findings.append(Finding(UNSORTED, "error", message, 1, remedy=f"{_EXPECTED} {_TO_DRAW}"))
            of = {photo: splits.get(path.split("/")[0]) for photo, path in inside.items()}
            rows = [(photo, "", split) for photo, split in of.items() if split or not splits]
            astray = [inside[photo] for photo, split in of.items() if splits and not split]
        elif len(classes) < 2:
            findings.append(Finding(ONE_CLASS, "error", _one_class(name, classes[0]), 1, remedy=_EXPECTED))
        if astray:
            message = f"pictures outside the class folders, left out: {len(astray)}"
            findings.append(Finding("D041", "repair", message, len(astray), shown(astray), _EXPECTED))
        findings += unread([n.removeprefix(root) for n in files.names if n.startswith(root)])
        empty = _empty_folders(files, root, splits) if classes else []
        if empty:
            remedy = "Put pictures into them, or remove them."
            findings.append(
                Finding(
                    "D035",
                    "warning",
                    f"class folders without pictures, kept out: {len(empty)}",
                    len(empty),
                    shown(empty),
                    remedy,
                )
            )
        alike = [c for c, count in Counter(c.casefold() for c in classes).items() if count > 1]
        if alike:
            message = f"classes spelt alike but for upper and lower case, kept apart: {len(alike)}"
            spelt = [" and ".join(c for c in classes if c.casefold() == word) for word in alike]
            findings.append(Finding("D049", "warning", message, len(alike), shown(spelt), "Rename one of each."))
        read = look(files, [photo for photo, _, _ in rows], self._limits())
        labels = objects([rows[i][1] for i in read.kept])
        if len(read.kept) and len(classes) > 1 and len(set(labels)) < 2:
            message = _one_class(name, labels[0], "readable pictures are left of ")
            findings.append(Finding(ONE_CLASS, "error", message, 1, remedy=_EXPECTED))
        findings += read.findings
        if not len(read.kept):
            raise refusal([*files.findings(), *findings])
        of_classes = {"label": labels} if classes else {}
        return Raw(
            name,
            {"image": read.pixels, **of_classes},
            target="label" if classes else None,
            split=objects([rows[i][2] for i in read.kept]) if splits else None,
            labels=objects([legible(rows[i][0]) for i in read.kept]),
            kinds={"image": "image", **dict.fromkeys(of_classes, "category")},
            findings=findings,
        )

    def _limits(self) -> Limits:
        return Limits(self.unreadable, self.memory, self.longest)

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
                "D206",
            )
        if not any(best.photos):
            raise DataError(
                f"{table}: no value of column '{best.column}' is the name of a picture there "
                f"(first value: {raw.columns[best.column][0]!r}, first picture: {photos[0]!r}).",
                "Write file names as they are, relative to the folder.",
                "D206",
            )
        return best

    def _with_table(self, files: Files, photos: list[str], labelled: _Labelled, name: str, look: Look) -> Raw:
        raw = labelled.raw
        findings = list(raw.findings)
        lost = [str(raw.columns[labelled.column][i]) for i, photo in enumerate(labelled.photos) if photo is None]
        if lost:
            message = f"rows of {labelled.table} whose picture is not there, left out: {len(lost)}"
            findings.append(
                Finding("D038", "repair", message, len(lost), shown(lost), "Add them, or correct the names.")
            )
        rows = np.array([i for i, photo in enumerate(labelled.photos) if photo is not None])
        used = [labelled.photos[i] for i in rows]
        unused = sorted(set(photos) - set(used))
        if unused:
            message = f"pictures that {labelled.table} does not name, left out: {len(unused)}"
            findings.append(Finding("D039", "repair", message, len(unused), shown(unused), "Add rows for them."))
        read = look(files, used, self._limits())
        findings += read.findings
        if not len(read.kept):
            raise refusal([*files.findings(), *findings])
        rows = rows[read.kept]
        others = {c: values[rows] for c, values in raw.columns.items() if c != labelled.column}
        image = "image" if "image" not in others else "picture"
        target = next((c for c in others if squash(c) in ("label", "labels", "target", "class")), None)
        split = raw.split[rows] if raw.split is not None else None
        names = [used[i] for i in read.kept]
        folders = [next(filter(None, map(split_named, n.split("/")[:-1])), None) for n in names]
        if split is None and names and None not in folders:
            split = objects(folders)
        return Raw(
            name,
            {image: read.pixels, **others},
            target=target or (next(iter(others)) if len(others) == 1 else None),
            split=split,
            labels=objects([legible(n) for n in names]),
            kinds={image: "image"},
            findings=findings,
            formats=raw.formats,
        )


_LABEL_TABLES = ("labels", "label", "metadata", "annotations", "meta")
_EXPECTED = (
    "Expected one folder a class with its pictures (photos/cat/1.jpg, photos/dog/2.jpg), the same under train/ and "
    "test/, or pictures and a labels.csv whose column 'file' names them, or one table (.csv .tsv .jsonl .parquet)."
)
_TO_DRAW = "To learn to draw pictures like these, no class is needed: --objective denoising"


def _one_class(name: str, label: str, left: str = "") -> str:
    return f"{name} has {left}only one class: {clean(label, 80)}; a classifier needs at least 2 classes"


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


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def _empty_folders(files: Files, root: str, splits: dict[str, str]) -> list[str]:
    """Folders in the place of a class that hold no picture at all."""
    depth = root.count("/") + (2 if splits else 1)
    holding = {"/".join(n.split("/")[:depth]) for n in files.names if n.lower().endswith(SUFFIXES)}
    return sorted(
        folder.removeprefix(root)
        for folder in files.folders
        if folder.startswith(root) and folder.count("/") == depth - 1 and folder not in holding
        and (not splits or folder.removeprefix(root).split("/")[0] in splits)
    )  # fmt: skip


def _split_folders(paths: list[str]) -> dict[str, str]:
    """Top folder → split, where all of them are named for splits, and there are several or they hold folders of their own; else
    nothing: a class alone may be called so."""
    tops = {p.split("/")[0] for p in paths if "/" in p}
    named = {top: split_named(top) for top in tops}
    if not tops or None in named.values() or (len(tops) < 2 and not any(p.count("/") >= 2 for p in paths)):
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


def unpacked_of(files: Files, name: str) -> bytes:
    """What a text file of a folder or an archive holds, unpacked; DataError where it cannot be."""
    from mapsto.data.table import unpacked

    try:
        with files.stream(name) as file:
            return unpacked(file, name)
    except DataError:
        raise
    except UNPACKING as error:
        raise DataError(f"{name} cannot be unpacked ({error}).", "Copy or pack it again.", "D217") from error
