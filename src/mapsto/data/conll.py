"""Sentences with a word a line and its tags in columns: CoNLL-U, as the Universal Dependencies come, and its plainer kin.

corpus.conllu       ten columns between tabs (https://universaldependencies.org/format.html), a blank line after each sentence
names.conll, .iob   any columns between tabs or blanks, the word in the first, or in the second beside its number
corpus/             such files, whose names say which split: en_ewt-ud-train.conllu, …-dev.conllu, …-test.conllu

Any of them may be gzipped. Skipped: comments, lines for words that are several (1-2), for words that are not there (1.1) and
-DOCSTART-.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, few, many
from mapsto.data.files import Files, opened
from mapsto.data.folder import joined, split_named
from mapsto.data.frames import objects, told_apart

UNIVERSAL, PLAIN = ".conllu", (".conll", ".iob", ".iob2", ".bio")
COLUMNS = ("id", "tokens", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
LAYERS = ("upos", "xpos", "feats", "deprel", "lemma")  # of those, the ones that say something of a word by itself
WORDS = "tokens"
NUMBER, SEVERAL = re.compile("[0-9]+"), re.compile(r"[0-9]+[-.][0-9]+")
BLANKS = re.compile("[ \t]+")  # and no other white space, which may be a word
NOTHING = "_"
HALVES = {"testa": "valid", "testb": "test"}  # as CoNLL-2003 calls them


@dataclass
class Conll(Source):
    """A file of sentences, or a folder of them.

    Columns: `tokens`, each sentence's words, and one for each layer of tags, as many a sentence as it has words: of CoNLL-U those
    of `LAYERS` that say anything, of a plain file `column 2` and so on.
    columns: names for the columns of a plain file. encoding: where it is not UTF-8, or in doubt.
    """

    columns: list[str] | None = None
    encoding: str | None = None

    def accepts(self, where: Any) -> bool:
        if not isinstance(where, str | Path):
            return False
        path = Path(where)
        return any(_is_conll(p.name) for p in path.glob("*")) if path.is_dir() else _is_conll(path.name)

    def read(self, where: str | Path) -> Raw:
        path = Path(where)
        with opened(path) as files:
            names = [name for name in files.names if _is_conll(name)]
            parts = [(self._read(files, name), _split_of(name) if len(names) > 1 else None) for name in names]
            findings = files.findings()
        unknown = [raw.name for raw, split in parts if split is None]
        if len(parts) > 1 and unknown:
            raise DataError(
                f"{path.name} holds {len(parts)} files of sentences, but of {len(unknown)} the split is not said: "
                f"{few(unknown)}.",
                "Put train, dev or test into their names, or name one file.",
                "D261",
            )
        raw = joined(parts, path.name)
        if len(parts) == 1:
            raw.split = None
        raw.findings[:0] = findings
        raw.kinds = {name: "words" if name == WORDS else "tags" for name in raw.columns}
        layers = [name for name in raw.columns if name != WORDS]
        raw.target = layers[0] if len(layers) == 1 else None
        return raw

    def _read(self, files: Files, name: str) -> Raw:
        from mapsto.data.table import unpacked

        with files.stream(name) as file:
            data = unpacked(file, name)
        short = PurePosixPath(name).name
        text, findings = _text(data, self.encoding, short)
        sentences = _Sentences(text, short, universal=UNIVERSAL in short.lower())
        if sentences.skipped:
            said = f"{short}: lines for several words, for words that are not there and -DOCSTART- left out"
            findings.append(Finding("D057", "note", f"{said}: {sentences.skipped}", sentences.skipped))
        columns = self._columns(sentences, short, findings)
        labels = objects([f"sentence {i + 1}" for i in range(len(sentences.rows))])
        return Raw(short, columns, labels=labels, findings=findings)

    def _columns(self, sentences: _Sentences, name: str, findings: list[Finding]) -> dict[str, Any]:
        """Column → one list a sentence; layers without any value are left out, and said."""
        if sentences.universal:
            places = {layer: COLUMNS.index(layer) for layer in (WORDS, *LAYERS)}
        else:
            places = self._places(sentences, name, findings)
        columns = {
            layer: objects([[cells[place] for cells in rows] for rows in sentences.rows])
            for layer, place in places.items()
        }
        silent = [
            layer
            for layer, values in columns.items()
            if layer != WORDS and all(cell == NOTHING for row in values for cell in row)
        ]
        if silent:
            message = f"{name}: layers that say nothing of any word left out"
            findings.append(Finding("D058", "note", message, len(silent), tuple(silent[:5])))
        return {layer: values for layer, values in columns.items() if layer not in silent}

    def _places(self, sentences: _Sentences, name: str, findings: list[Finding]) -> dict[str, int]:
        """Of a plain file: which column holds what."""
        numbered = sentences.width > 1 and all(
            cells[0] == str(i + 1) for rows in sentences.rows[:100] for i, cells in enumerate(rows)
        )
        kept = list(range(int(numbered), sentences.width))
        if self.columns is None or len(kept) == 1:  # a question has no tags yet
            return {WORDS if k == kept[0] else f"column {k + 1}": k for k in kept}
        if len(self.columns) not in (sentences.width, len(kept)):
            raise DataError(
                f"{name} has {many(sentences.width, 'column')}, but {len(self.columns)} are named: {few(self.columns, 10)}.",
                "Name them all with --columns, the word first.",
                "D260",
            )
        named = told_apart([c.strip() for c in self.columns], "--columns", findings)[-len(kept) :]
        return dict(zip([WORDS, *named[1:]], kept, strict=True))


class _Sentences:
    """rows: the cells of each word of each sentence. width: cells a word. skipped: lines that are no word of their own."""

    def __init__(self, text: str, name: str, universal: bool):
        self.name, self.universal = name, universal
        self.rows: list[list[list[str]]] = []
        self.width, self.skipped = len(COLUMNS) if universal else 0, 0
        tabs, now = universal or "\t" in text, []
        for number, line in enumerate(text.split("\n"), 1):
            line = line.rstrip("\r")
            if not line.strip(" \t"):
                now = self._close(now)
                continue
            cells = line.split("\t") if tabs else BLANKS.split(line.strip(" \t"))
            if line.startswith("#") and (universal or len(cells) != self.width):
                continue
            if cells[0] == "-DOCSTART-" or (universal and SEVERAL.fullmatch(cells[0])):
                self.skipped += 1
                continue
            self.width = self.width or len(cells)
            self._refuse_odd(cells, number, len(now) + 1)
            now.append([sys.intern(cell) for cell in cells])
        self._close(now)
        if not self.rows:
            raise DataError(
                f"{name} holds no sentence.", "Expected a word a line, and a blank line after each sentence.", "D107"
            )

    def _close(self, now: list[list[str]]) -> list[list[str]]:
        if now:
            self.rows.append(now)
        return []

    def _refuse_odd(self, cells: list[str], number: int, place: int) -> None:
        wrong = ""
        if len(cells) != self.width:
            wrong = f"has {many(len(cells), 'cell')}, where " + (
                "CoNLL-U has" if self.universal else "the lines before have"
            )
            wrong += f" {self.width}: {clean(' '.join(cells), 60)!r}"
        elif "" in cells:
            wrong = f"has nothing in its cell {cells.index('') + 1}"
        elif self.universal and not NUMBER.fullmatch(cells[0]):
            wrong = f"begins with {clean(cells[0], 30)!r}, where the number of a word stands"
        elif self.universal and cells[0] != str(place):
            wrong = f"numbers its word {clean(cells[0], 30)}, but it is number {place} of its sentence"
        if wrong:
            raise DataError(
                f"{self.name}: line {number} {wrong}.",
                f"Write a word a line, its tags behind it{' between tabs, _ for none' if self.universal else ''}, and a blank line "
                "after each sentence.",
                "D260",
            )


def _text(data: bytes, encoding: str | None, name: str) -> tuple[str, list[Finding]]:
    """UTF-8, as CoNLL-U has to be, wherever it decodes so; else as a table's encoding is found out."""
    from mapsto.data.decode import text_of

    try:
        if encoding is None and b"\0" not in data:
            return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass  # which byte is wrong, or what it may be instead, is told by
    text, used = text_of(data, encoding, name)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name} has a NUL byte in line {line}: it is damaged.", "Mend that line.", "D117")
    if used.lower().replace("_", "-") in ("utf-8", "utf8"):
        return text, []
    message = f"{name} was read as {used}" + (" (as asked)" if encoding else ", not as UTF-8")
    return text, [Finding("D010", "note", message, 1)]


def _is_conll(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith((UNIVERSAL, *PLAIN))


def _split_of(name: str) -> str | None:
    """The split that the name of a file says: en_ewt-ud-train.conllu, eng.testa.conll."""
    words = re.findall("[a-z]+", PurePosixPath(name).name.lower())
    return next((split for word in words if (split := HALVES.get(word) or split_named(word))), None)
