"""Plain text: a .txt file that is no table, or a folder of them, each also gzipped; one row a file, in the order of their names.

Which it is, a table or a text, is only asked where nobody has named a target: then a text is what a language model learns to
go on with. A table is what a separator cuts into lines of equally many cells, and a comma before a blank is none.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, many
from mapsto.data.files import kind_of
from mapsto.data.folder import split_named
from mapsto.data.frames import objects

COLUMN = "text"
LOOKED_AT = 20  # files of a folder: if none of them is a table, it holds texts


@dataclass
class Corpus(Source):
    """Plain text for a language model. encoding: of the files; None means: found out, and said in a finding.

    Files called train, valid and test are that split, where there is one to train on.
    """

    encoding: str | None = None

    def accepts(self, where: Any) -> bool:
        if not isinstance(where, str | Path):
            return False
        files = _texts(Path(where))
        return bool(files) and not any(map(_is_table, files[:LOOKED_AT]))

    def read(self, where: str | Path) -> Raw:
        path = Path(where)
        name, files = path.name, _texts(path)
        findings: list[Finding] = []
        texts = {file.name: text for file in files if (text := self._text(file, findings)).strip()}
        if not texts:
            raise DataError(f"{name} is empty: there is no text in it.", "Name a file with text.", "D106")
        count = f"{sum(map(len, texts.values())):,} characters"
        if path.is_dir():
            count = f"{many(len(texts), 'text')}, {count}"
        if len(texts) < len(files):
            count += f"; {many(len(files) - len(texts), 'empty file')} left out"
        message = f"{clean(name)} is read as plain text, not as a table, for no target was named: {count}"
        findings.append(
            Finding("D085", "note", message, len(texts), remedy="Of a table name the column: --target COLUMN")
        )
        splits = [split_named(file.split(".")[0]) for file in texts]
        return Raw(
            name,
            {COLUMN: objects(list(texts.values()))},
            split=np.array(splits, dtype=object) if "train" in splits and None not in splits else None,
            labels=objects(list(texts)),
            kinds={COLUMN: "text"},
            findings=findings,
        )

    def _text(self, path: Path, findings: list[Finding]) -> str:
        from mapsto.data.decode import text_of
        from mapsto.data.table import NOT_TEXT, unpacked

        with path.open("rb") as file:
            data = unpacked(file, path.name, lines=False)
        for start, what in NOT_TEXT.items():
            if data.startswith(start):
                raise DataError(f"{path.name} is {what}, not plain text.", "Export it as text (UTF-8).", "D118")
        if not data.strip():
            return ""
        text, used = text_of(data, self.encoding, path.name)
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(
                f"{path.name} has a NUL byte in line {line}: it is damaged, or no text.",
                "Mend that line; if the file is UTF-16, say --encoding utf-16.",
                "D117",
            )
        if used.lower().replace("_", "-") not in ("utf-8", "utf8"):
            how = " (as asked)" if self.encoding else ", not as UTF-8"
            findings.append(Finding("D010", "note", f"{path.name} was read as {used}{how}", 1))
        return text.replace("\r\n", "\n")


def _texts(path: Path) -> list[Path]:
    """The .txt files that a path names, in order: itself, or those in the folder that it is, where there is nothing else."""
    if not path.is_dir():
        return [path] if kind_of(path.name) == ".txt" and path.is_file() else []
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError:  # for others to say
        return []
    inside = [path / name for name in names if kind_of(name) == ".txt"]
    return inside if len(inside) == len(names) and all(p.is_file() for p in inside) else []


def _is_table(path: Path) -> bool:
    from mapsto.data.grid import SAMPLE, TABLE, evenly_cut

    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            data = file.read(SAMPLE)
    except (OSError, EOFError, zlib.error):  # reading in earnest will say what is wrong
        return False
    text = data.decode("utf-8", "replace")
    bare = text.replace(", ", " ").replace("; ", " ")  # before a blank they part clauses, not cells
    return "\n" in text.strip() and evenly_cut(bare, complete=len(data) < SAMPLE)[1] >= TABLE
