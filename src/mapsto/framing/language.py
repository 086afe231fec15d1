"""Plain text as examples of what comes next: divided by place, cut into tokens, seen through windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core import names
from mapsto.core.batch import Columns
from mapsto.core.errors import DataError, FrameError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Domain, Finding, Raw
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean
from mapsto.core.windows import Windows
from mapsto.data.frames import objects
from mapsto.data.splits import Parts
from mapsto.domains.text import Text
from mapsto.domains.tokenizer import END, PAD, UNKNOWN
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared, going_on
from mapsto.framing.target import row_labels

BY_PLACE = {"test": 0.05, "valid": 0.05}  # of the text: nanoGPT's last tenth, in halves
WINDOW = 128  # tokens that are seen at once
PIECE = 8192  # characters that are cut into tokens at once
TOGETHER = 64  # pieces
LETTERS = 256  # different characters; with no more, a text that is not very long is learned character by character
SHORT = 5_000_000  # characters: a longer text has enough pairs of bytes to learn from
PER_PAIR = 500  # characters of text for each byte pair


def of_text_alone(raw: Raw, target: Any) -> bool:
    """Whether there is nothing but text, and no target: what is to be learned is how it goes on."""
    return not (target or raw.target) and len(raw.columns) == 1 and list(raw.kinds.values()) == ["text"]


def prepare_text(raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None) -> Prepared:
    """`prepare`, for text alone. Training examples are windows at every place; validation and test windows lie side by side, so
    that every token is looked at once."""
    found = Faults([*raw.findings, *(exam.findings if exam else ())])
    (name,) = raw.kinds
    raw, parts, how = divided(raw, name, exam, settings["split"])
    texts = {part: raw.columns[name][rows] for part, rows in parts.items()}
    input = going_on(start, Text()) if start else domain_of(texts["train"], settings.get("text", {}))
    window = settings.get("window") or WINDOW
    tokens = {part: tokens_of(input, some) for part, some in texts.items()}
    _refuse_little(raw, tokens, window)
    found.extend(_unknown(tokens))
    target = names.build("domain", names.spec(input)).load_state_dict(input.state_dict())
    fields = {part: side_by_side(some, window) for part, some in tokens.items()}
    fields["train"] = at_every_place(tokens["train"], window)
    kinds = {name: Kind("text", "there is no other column, and no target")}
    return Prepared(raw, name, kinds, "language-model", input, target, parts, how, fields, found)


def by_line(raw: Raw) -> Raw:
    """The lines of texts as rows, blank ones left out: for whoever asks within a text, and not for what comes after it."""
    (name,) = raw.kinds
    given = [None] * len(raw) if raw.split is None else raw.split
    rows = [
        (line, f"{label} line {number}", part)
        for text, label, part in zip(raw.columns[name], row_labels(raw), given, strict=True)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    lines, labels, parts = (objects(list(column)) for column in zip(*rows, strict=True))
    return replace(raw, columns={name: lines}, labels=labels, split=None if raw.split is None else parts)


def divided(raw: Raw, name: str, exam: Raw | None, split: dict[str, Any]) -> tuple[Raw, Parts, str]:
    """Who is examined on what: the end of the text, or the files that are called so, or `exam`. A text that is cut becomes
    several rows. Returns how that came about in words, too."""
    for way in ("column", "group", "time", "folds"):
        if split.get(way):
            raise FrameError(
                f"a text is divided by place, but came data.split.{way}.",
                "Leave it out; --test names another text for the exam.",
                "F004",
            )
    texts, labels = list(raw.columns[name]), list(row_labels(raw))
    given = ["train"] * len(texts) if raw.split is None else list(raw.split)
    how = "" if raw.split is None else "given by the names of the files; "
    if exam is not None:
        if not of_text_alone(exam, None):
            raise DataError(f"the separate exam {clean(exam.name)} is no plain text.", "Name a .txt file.", "D146")
        (other,) = exam.kinds
        given = ["train" if part == "test" else part for part in given] + ["test"] * len(exam)
        texts, labels = [*texts, *exam.columns[other]], [*labels, *row_labels(exam)]
        how = f"given: the test is a text of its own; {how}"
    shares = {part: 0.0 if part in given else split[part] for part in ("valid", "test")}
    if exam is None and "valid" in given:
        shares["test"] = 0.0
    if not (0 <= shares["valid"] < 1 and 0 <= shares["test"] < 1 and sum(shares.values()) < 1):
        raise FrameError(
            f"the shares of test and valid add up to less than 1, but came {shares['test']} and {shares['valid']}.",
            "For example: --set data.split.test=0.05 --set data.split.valid=0.05",
            "F003",
        )
    whole = sum(len(text) for text, part in zip(texts, given, strict=True) if part == "train")
    first, second = int(whole * (1 - sum(shares.values()))), int(whole * (1 - shares["test"]))
    reach = {"train": (0, first), "valid": (first, second), "test": (second, whole)}
    rows: list[tuple[str, str, str]] = []  # text, label, part
    start = 0
    for text, label, part in zip(texts, labels, given, strict=True):
        if part != "train":
            rows.append((text, label, part))
            continue
        for piece, (low, high) in reach.items():
            if some := text[max(0, low - start) : max(0, high - start)]:
                rows.append((some, label, piece))
        start += len(text)
    cut = ", ".join(f"{100 * share:.3g} % {part}" for part, share in shares.items() if share)
    how += (
        f"by place: the first {100 * first / max(1, whole):.3g} % trains, then {cut}"
        if cut
        else "all of the rest trains"
    )
    parts = {p: np.flatnonzero([part == p for _, _, part in rows]) for p in ("train", "valid", "test")}
    columns = {name: objects([text for text, _, _ in rows])}
    return replace(raw, columns=columns, labels=objects([label for _, label, _ in rows]), split=None), parts, how


def domain_of(texts: Iterable[str], asked: dict[str, Any]) -> Text:
    """A `Text` that has learned the tokens of the training texts: characters where there are few different ones and the text is
    not very long, else byte pairs, the more the longer it is. asked: what is settled already."""
    texts = list(texts)
    size, letters = sum(map(len, texts)), len(set().union(*texts))
    way: dict[str, Any] = {"tokenizer": "characters", "at_least": 1}
    if letters > LETTERS or size > SHORT:
        way = {"tokenizer": "byte-pairs", "vocabulary": min(16_000, max(1_000, size // PER_PAIR))}
    domain = names.build("domain", {"name": "text", **way, **asked})
    return domain.fit([piece for text in texts for piece in pieces(text)])


def tokens_of(domain: Text, texts: Iterable[str]) -> Tensor:
    """[V] int32: the tokens of all texts one after the other, with END between two of them."""
    found: list[Tensor] = []
    for text in texts:
        cut = list(pieces(text))
        for k in range(0, len(cut), TOGETHER):
            row = chain.from_iterable(domain.tokens.encode(cut[k : k + TOGETHER]))
            found.append(torch.tensor(list(row), dtype=torch.int32))
        found.append(torch.tensor([END], dtype=torch.int32))
    return torch.cat(found)[:-1] if found else torch.empty(0, dtype=torch.int32)


def pieces(text: str) -> Iterator[str]:
    """A text in pieces of at most PIECE characters, cut at line ends where there are any."""
    start = 0
    while start < len(text):
        end = start + PIECE
        line = text.rfind("\n", start, end) + 1
        end = line if end < len(text) and line > start else end
        yield text[start:end]
        start = end


def at_every_place(tokens: Tensor, window: int) -> Columns:
    """Examples of tokens [V]: `window` of them, at every place, and for each the one that comes next."""
    return {"input": {"tokens": Windows(tokens[:-1], window)}, "target": Windows(tokens[1:], window)}


def side_by_side(tokens: Tensor, window: int) -> Columns:
    """Examples of tokens [V] that lie side by side, the last of them perhaps shorter."""
    before, after = tokens[:-1].long(), tokens[1:].long()
    edges = torch.arange(0, len(before) + window, window).clamp(max=len(before)).unique()
    return {"input": {"tokens": Ragged(before, edges, pad=PAD)}, "target": Ragged(after, edges, pad=-1)}


def _refuse_little(raw: Raw, tokens: dict[str, Tensor], window: int) -> None:
    count = {part: len(some) for part, some in tokens.items()}
    if count["train"] <= window or count["valid"] + count["test"] < 2:
        raise DataError(
            f"{clean(raw.name)} gives {count['train']:,} tokens to train on, {count['valid']:,} to choose by and "
            f"{count['test']:,} to be examined on; more than a window of {window} are needed to train, and 2 for the exam.",
            "Name more text, or see less at once: --set data.window=16",
            "D140",
        )


def _unknown(tokens: dict[str, Tensor]) -> Iterator[Finding]:
    strange = {part: int((tokens[part] == UNKNOWN).sum()) for part in ("valid", "test")}
    if any(strange.values()):
        told = tuple(f"{part} {count:,}" for part, count in strange.items() if count)
        message = f"{sum(strange.values()):,} tokens of valid and test that training has not: they count as unknown"
        yield Finding("C085", "note", message, sum(strange.values()), told)
