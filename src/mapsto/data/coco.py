"""Pictures listed in COCO's own JSON (Lin et al. 2014, arXiv:1405.0312): which kinds of things each one shows.

photos/instances_train.json, instances_val.json, …      with the pictures anywhere below the folder
photos/annotations/instances_train2017.json             as COCO itself has it
photos/train/_annotations.coco.json                     as some tools write it, beside the pictures
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mapsto.core.errors import DataError
from mapsto.core.faults import refusal
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.data.album import Limits, album
from mapsto.data.files import Files, legible, opened, opened_zip, shown
from mapsto.data.folder import matched, split_named
from mapsto.data.frames import objects
from mapsto.data.pictures import SUFFIXES

LISTING = re.compile(r"instances[^/]*\.json|_annotations\.coco\.json")
LARGEST_LISTING = 1 << 30  # bytes
PLACES = ("instances*.json", "annotations/instances*.json", "*/_annotations.coco.json", "_annotations.coco.json")


@dataclass
class Coco(Source):
    """A folder or a zip archive of pictures with COCO annotations; the split comes from the names of the JSON files.

    Columns: `image`, and `labels`, the sorted names of the categories that have a box in the picture.
    unreadable, memory, longest: see Limits.
    """

    unreadable: float | None = None
    memory: int = 2 << 30
    longest: int = 256

    def accepts(self, where: Any) -> bool:
        if not isinstance(where, str | Path):
            return False
        path = Path(where)
        if path.is_dir():
            return any(next(path.glob(place), None) for place in PLACES)
        return path.suffix.lower() == ".zip" and any(_is_listing(name) for name in _members(path))

    def read(self, where: str | Path) -> Raw:
        path = Path(where)
        with opened(path) as files:
            return self._read(files, path.name or str(path))

    def _read(self, files: Files, name: str) -> Raw:
        photos = [n for n in files.names if n.lower().endswith(SUFFIXES)]
        listings = [_Listing(n, files.needed(n, LARGEST_LISTING)) for n in files.names if _is_listing(n)]
        listings.sort(key=lambda listing: ("train", "valid", "test", None).index(listing.split))
        _same_kind_of_split(listings, name)
        findings = files.findings()
        rows: list[_Row] = []
        lost: list[str] = []
        for listing in listings:
            beside = str(PurePosixPath(listing.name).parent)
            places = matched(objects(list(listing.pictures.values())), photos, beside)
            for (number, file), photo in zip(listing.pictures.items(), places, strict=True):
                if photo is None:
                    lost.append(file)
                else:
                    rows.append(_Row(photo, sorted(listing.shown[number]), listing.split))
        findings += _about(listings, lost, sorted(set(photos) - {row.photo for row in rows}))
        if not rows:
            raise DataError(
                f"{name}: "
                + (
                    f"none of {len(lost)} listed pictures is there (the first: {lost[0]})."
                    if lost
                    else f"{listings[0].name} lists no picture."
                ),
                "Put the pictures into the same folder, or into folders below it.",
                "D222",
            )
        read = album(files, [row.photo for row in rows], Limits(self.unreadable, self.memory, self.longest))
        findings += read.findings
        if not len(read.kept):
            raise refusal(findings)
        rows = [rows[i] for i in read.kept]
        return Raw(
            name,
            {"image": read.pixels, "labels": objects([row.labels for row in rows])},
            target="labels",
            split=objects([row.split for row in rows]) if rows[0].split else None,
            labels=objects([legible(row.photo) for row in rows]),
            kinds={"image": "image", "labels": "categories"},
            findings=findings,
        )


@dataclass(frozen=True)
class _Row:
    photo: str
    labels: list[str]
    split: str | None


class _Listing:
    """One JSON file, read and checked.

    pictures: number → file name. shown: number → names of the categories in the picture. strays: boxes of no picture or
        category that the file lists.
    """

    def __init__(self, name: str, data: bytes):
        self.name = name
        said = PurePosixPath(name).stem.removeprefix("instances").strip("_-").rstrip("0123456789_-")  # train2017
        self.split = split_named(said) or split_named(PurePosixPath(name).parent.name)
        try:
            whole = json.loads(data)
            categories = {c["id"]: str(c["name"]) for c in whole["categories"]}
            self.pictures: dict[Any, str] = {i["id"]: str(i["file_name"]) for i in whole["images"]}
            self.shown: dict[Any, set[str]] = {number: set() for number in self.pictures}
            self.strays = 0
            for box in whole["annotations"]:
                if box["image_id"] in self.shown and box["category_id"] in categories:
                    self.shown[box["image_id"]].add(categories[box["category_id"]])
                else:
                    self.strays += 1
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name} is not whole JSON: {error}.", "Copy or download it again.", "D220") from error
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{name} is not laid out as COCO's instances are ({type(error).__name__}: {error}).",
                "Expected images (id, file_name), annotations (image_id, category_id) and categories (id, name).",
                "D221",
            ) from error


def _about(listings: list[_Listing], lost: list[str], unused: list[str]) -> list[Finding]:
    findings = []
    if lost:
        message = f"pictures that the annotations list but that are not there, left out: {len(lost)}"
        findings.append(Finding("D038", "repair", message, len(lost), shown(lost)))
    if unused:
        message = f"pictures that no annotation file lists, left out: {len(unused)}"
        findings.append(Finding("D039", "repair", message, len(unused), shown(unused)))
    strays = sum(listing.strays for listing in listings)
    if strays:
        message = f"boxes of a picture or a category that their file does not list, left out: {strays}"
        names = tuple(listing.name for listing in listings if listing.strays)
        findings.append(Finding("D044", "repair", message, strays, shown(list(names))))
    return findings


def _same_kind_of_split(listings: list[_Listing], name: str) -> None:
    """DataError where only some of several files say which split they are."""
    unnamed = [listing.name for listing in listings if listing.split is None]
    if unnamed and len(listings) > 1:
        raise DataError(
            f"{name} holds {len(listings)} annotation files; {', '.join(unnamed[:5])} does not say which split it is.",
            "Call them instances_train.json, instances_val.json, instances_test.json, or keep one.",
            "D223",
        )


def _is_listing(name: str) -> bool:
    return LISTING.fullmatch(PurePosixPath(name).name) is not None


def _members(path: Path) -> list[str]:
    try:
        with opened_zip(path) as archive:
            return archive.namelist()
    except DataError:
        return []  # no archive, or none to be unpacked: Folder says so
