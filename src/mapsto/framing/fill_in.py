"""Text that is its own teacher: no target is named, since what is asked for are words of the text itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mapsto.core import names
from mapsto.core.errors import DataError
from mapsto.core.faults import Faults, refusal
from mapsto.core.nouns import Domain, Finding, Raw
from mapsto.core.text import clean, many
from mapsto.domains.filled import Filled
from mapsto.framing import infer
from mapsto.framing.deal import deal
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared, going_on, overruled_kinds, stack, strangers
from mapsto.framing.target import take

ITSELF = "its own teacher: some of its words are hidden"


def prepare_fill_in(
    raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None, objective: str = ""
) -> Prepared:
    """`prepare`, where hidden words of a column of text are to be said: of the one that is named as target, else of the longest.

    Rows without text are left out; of a corpus that is one column, each row is a text. objective: by its name, the one that asks
    for this.
    """
    found, stop = Faults([*raw.findings, *(exam.findings if exam else ())]), Faults()
    with stop.noting():
        said = overruled_kinds(raw, "", settings.get("kinds", {}), found)
        name = text_column(raw, settings.get("target"), said)
        raw = stack(raw, exam) if exam is not None else raw
        raw = _with_text(raw, name, found)
        split = {**settings["split"]}
        for word in ("column", "group", "time"):
            split[word] = infer.find_column(raw, split[word]) if split.get(word) else ""
        parts, how = deal(raw, name, "fill-in", split)
        if len(parts["train"]) < 2:
            raise DataError(
                f"{many(len(raw), 'text')} in all leave {many(len(parts['train']), 'text')} to train on; at least 2 are needed.",
                "Add texts, or give smaller shares: --set data.split.test=0.1",
                "D140",
            )
        how_cut = {"lower": True, "ends": True, "blanks": True, **(settings.get("text") or {})}
        input = names.build("domain", {"name": "text", **how_cut})
        texts = raw.columns[name]
        input = going_on(start, input) if start else input.fit(texts[parts["train"]])
    if stop:
        raise refusal([*found, *stop])
    target = Filled(input)
    fields = {part: _encoded(input, target, texts[rows]) for part, rows in parts.items()}
    if start is not None:
        found.extend(strangers(input, fields["train"]["input"]))
    kinds = {n: Kind("leave-out", f"beside the text in '{clean(name)}'") for n in raw.columns if n != name}
    kinds[name] = Kind("text", ITSELF)
    return Prepared(raw, name, kinds, "fill-in", input, target, parts, how, fields, found, framed_by=objective)


def text_column(raw: Raw, wanted: str | list[str] | None, said: dict[str, Kind]) -> str:
    """The column whose words are hidden. said: kinds that the user gives."""

    def kind_of(name: str) -> Kind:
        given = said.get(name) or (Kind(raw.kinds[name], "the source says so") if name in raw.kinds else None)
        return given or infer.input_kind(raw.columns[name])

    if wanted and wanted != raw.target:
        name = infer.find_column(raw, wanted if isinstance(wanted, str) else wanted[0])
        if (kind := kind_of(name)).name != "text" or not isinstance(wanted, str):
            raise DataError(
                f"words are hidden in one column of text, but '{clean(name)}' is {kind.name}: {kind.because}.",
                "Name a column of text with --target, or leave it out.",
                "D135",
            )
        return name
    texts = [name for name in raw.columns if kind_of(name).name == "text"]
    if not texts:
        raise DataError(
            f"{clean(raw.name)} has no column of text in which words could be hidden.",
            "If one is text after all: --set data.kinds.COLUMN=text",
            "D139",
        )
    return max(texts, key=lambda name: sum(len(str(v)) for v in raw.columns[name][:2000]))


def _with_text(raw: Raw, name: str, found: Faults) -> Raw:
    empty = np.array([not (isinstance(v, str) and v.strip()) for v in raw.columns[name]], dtype=bool)
    if not empty.any():
        return raw
    count = int(empty.sum())
    found.append(Finding("C002", "repair", f"{many(count, 'row')} without text in '{clean(name)}' left out", count))
    return take(raw, np.flatnonzero(~empty))


def _encoded(input: Domain, target: Filled, texts: np.ndarray) -> dict[str, Any]:
    if not len(texts):
        return {"input": input.encode([]), "target": torch.empty(0)}
    return {"input": input.encode(texts), "target": target.encode(texts)}
