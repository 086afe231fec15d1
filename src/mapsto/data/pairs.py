"""Sentence pairs in parallel files: line 7 of train.de says what line 7 of train.en says.

multi30k/train.de, train.en, val.de, val.en …   a column a language, and the stem says which split; also .gz
multi30k/train.de                               these lines and those of its kin, train.en
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding, Raw, Source
from mapsto.core.text import clean, few, many
from mapsto.data.files import Directory, Files, kind_of
from mapsto.data.folder import SPLIT_ORDER, SPLITS, unpacked_of
from mapsto.data.frames import objects
from mapsto.data.pictures import SUFFIXES

NAMED = re.compile(r"(?P<stem>.+)\.(?P<language>[a-z]{2,3}([-_][A-Za-z]{2,4})?)")  # train.de, train.pt_BR
# what looks like the code of a language behind a dot, and is the ending of other files
ENDINGS = (
    "zip", "tar", "gz", "npz", "npy", "json", "xml", "txt", "csv", "tsv", "pdf", "doc", "htm", "md", "rst", "log", "yml",
    "ini", "cfg", "py", "js", "ts", "sh", "wav", "mp3", "mp4", "ogg", "bin", "pt", "pth", "db", "bpe", "lm", "xls", "xz", "bz2",
)  # fmt: skip
Pages = dict[str, dict[str, str]]  # stem → language → the file's name


@dataclass
class Pairs(Source):
    """Parallel text files, one sentence a line. encoding: of all of them; None means: found out, file by file."""

    encoding: str | None = None

    def accepts(self, where: Any) -> bool:
        if not isinstance(where, str | Path):
            return False
        path = Path(where)
        whole = path.is_dir()
        if not whole and not NAMED.fullmatch(path.name.removesuffix(".gz")):
            return False
        try:
            names = _names(path if whole else path.parent)
        except OSError:
            return False
        if whole:
            return bool(_pages(names)) and not any(map(_is_another_s, names))
        return any(path.name in by_language.values() for by_language in _pages(names).values())

    def read(self, where: str | Path) -> Raw:
        path = Path(where)
        one = "" if path.is_dir() else path.name
        files = Directory(path.parent, one) if one else Directory(path)
        pages = _pages(_names(files.root))
        if one:
            pages = {stem: found for stem, found in pages.items() if one in found.values()}
        split_of, findings = _exam(pages, files, one)
        languages = sorted({language for stem in split_of for language in pages[stem]})
        columns: dict[str, list[str]] = {language: [] for language in languages}
        split, labels = [], []
        for stem, part in split_of.items():
            lines = self._aligned(files, stem, pages[stem], languages, findings)
            for language in languages:
                columns[language] += lines[language]
            count = len(lines[languages[0]])
            split += [part] * count
            labels += [f"{stem}, line {number}" for number in range(1, count + 1)]
        raw = Raw(
            path.name,
            {language: objects(lines) for language, lines in columns.items()},
            split=objects(split) if any(split) else None,
            labels=objects(labels),
            kinds=dict.fromkeys(languages, "text"),
            findings=findings,
        )
        return _whole(raw)

    def _aligned(
        self, files: Files, stem: str, named: dict[str, str], languages: list[str], findings: list[Finding]
    ) -> dict[str, list[str]]:
        """The lines of each language, as many of one as of the other."""
        absent = [language for language in languages if language not in named]
        if absent:
            raise DataError(
                f"{clean(stem)} is there in {few(sorted(named))}, but not in {few(absent)}.",
                f"Expected {few([f'{clean(stem)}.{language}' for language in languages])}, one sentence a line.",
                "D270",
            )
        lines = {language: self._lines(files, named[language], findings) for language in languages}
        counts = {language: len(found) for language, found in lines.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{clean(named[language])} {count:,}" for language, count in counts.items())
            raise DataError(
                f"parallel files have as many lines each, but came {told}.",
                "Line by line they say the same: put the missing lines in their places, empty where nothing is said.",
                "D271",
            )
        return lines

    def _lines(self, files: Files, name: str, findings: list[Finding]) -> list[str]:
        from mapsto.data.decode import text_of

        data = unpacked_of(files, name)
        text, used = text_of(data, self.encoding, name)
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DataError(f"{name} has a NUL byte in line {line}: it is no text.", "Mend that line.", "D117")
        if used.lower().replace("_", "-") not in ("utf-8", "utf8"):
            asked = " (as asked)" if self.encoding else ", not as UTF-8"
            findings.append(Finding("D010", "note", f"{name} was read as {used}{asked}", 1))
        # at line feeds only: other characters that break a line stand within sentences of some corpora
        return [line.removesuffix("\r").strip() for line in text.removesuffix("\n").split("\n")] if text else []


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))


def _pages(names: list[str]) -> Pages:
    """The files that belong together, where there are any: of one stem, in at least two languages."""
    found: Pages = defaultdict(dict)
    for name in names:
        match = NAMED.fullmatch(name.removesuffix(".gz"))
        if match and match["language"] not in ENDINGS and not _is_another_s(name):
            found[match["stem"]].setdefault(match["language"], name)
    if not any(len(by_language) > 1 for by_language in found.values()):
        return {}
    known = {language for by_language in found.values() if len(by_language) > 1 for language in by_language}
    return {stem: by_language for stem, by_language in found.items() if by_language.keys() & known}


def _is_another_s(name: str) -> bool:
    """A picture or a table; a text beside the pairs may be notes."""
    return name.lower().endswith(SUFFIXES) or kind_of(name) not in (None, ".txt")


def _exam(pages: Pages, files: Files, one: str) -> tuple[dict[str, str | None], list[Finding]]:
    """Stem → split, in the order of splits; of several sets for one exam the first is taken, and that is said."""
    if one:
        return dict.fromkeys(pages), files.findings()
    split_of = {stem: _split_of(stem) for stem in pages}
    if any(split_of.values()):  # what is called neither is there to learn from
        split_of = {stem: split or "train" for stem, split in split_of.items()}
    findings = files.findings()
    for split in ("valid", "test"):
        kept, *others = [stem for stem, found in split_of.items() if found == split] or [""]
        if others:
            message = f"there are several sets for {split}: {clean(kept)} is taken, and the others are left out"
            remedy = f"mapsto evaluate RUN {clean(pages[others[0]][min(pages[others[0]])])}"
            findings.append(Finding("D063", "warning", message, len(others), tuple(others), remedy))
            split_of = {stem: found for stem, found in split_of.items() if stem not in others}
    order = sorted(split_of, key=lambda stem: (SPLIT_ORDER.index(split_of[stem]), stem))
    return {stem: split_of[stem] for stem in order}, findings


def _split_of(stem: str) -> str | None:
    """train, valid or test, where the first word of a name is one of their usual ones: test_2016_flickr."""
    word = re.split(r"[^a-z]", stem.lower())[0]
    return next((split for split, words in SPLITS.items() if word in words), None)


def _whole(raw: Raw) -> Raw:
    """Only lines that say something in every language."""
    said = np.array([[bool(line) for line in lines] for lines in raw.columns.values()]).reshape(len(raw.columns), -1)
    kept = said.all(axis=0)
    if not kept.any():
        raise DataError(
            f"no line of {clean(raw.name)} says something in each of {few(list(raw.columns))}.",
            "Expected one sentence a line.",
            "D107",
        )
    lost = np.flatnonzero(~kept)
    if not len(lost):
        return raw
    message = f"{many(len(lost), 'line')} left out that {'is' if len(lost) == 1 else 'are'} empty in a language"
    raw.findings.append(Finding("D064", "repair", message, len(lost), tuple(raw.labels[lost[:3]])))
    return replace(
        raw,
        columns={language: lines[kept] for language, lines in raw.columns.items()},
        split=None if raw.split is None else raw.split[kept],
        labels=raw.labels[kept],
    )
