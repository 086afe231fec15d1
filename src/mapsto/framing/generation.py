"""Pictures to be drawn: the target is a column of pictures, and what is given is what each is to be a picture of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from mapsto.core.errors import DataError, FrameError
from mapsto.core.faults import Faults, refusal
from mapsto.core.nouns import Domain, Finding, Raw
from mapsto.core.text import clean, many
from mapsto.data.folder import ONE_CLASS, UNSORTED
from mapsto.domains.category import Category
from mapsto.framing import infer
from mapsto.framing.copies import on_one_side
from mapsto.framing.deal import deal
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared, domain_of, overruled_kinds, stack
from mapsto.framing.target import row_labels, take, without_unseen_labels

NOTHING = "nothing"  # is given, where `data.given` says so
RECONSTRUCTION = "reconstruction"  # looks at the picture itself, and is told nothing else unless somebody says so
GIVEN = ("category", "text")  # kinds of what a picture may be of


def of_pictures(raw: Raw, target: Any) -> bool:
    """Whether the target is a column of pictures."""
    return isinstance(target, str) and raw.shards is None and target in raw.columns and _shows(raw, target)


def whatever_the_class(findings: Iterable[Finding]) -> Faults:
    """What was found of a source, without what is wrong only for who tells classes apart."""
    return Faults(found for found in findings if found.code not in (ONE_CLASS, UNSORTED))


def prepare_generation(
    raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None, objective: str = ""
) -> Prepared:
    """`prepare`, where pictures are to be drawn: those of the column that is named as target, else of the first that holds some.

    settings["given"]: the column that says what each is of, a category or a text; "nothing"; or "" for the first there is, the
    source's own target before others. objective: by its name, the one that asks for this.
    """
    if start is not None:
        raise FrameError(
            "who draws pictures begins with first weights, but came a run to go on from.", "Leave out --from.", "F004"
        )
    found, stop = whatever_the_class([*raw.findings, *(exam.findings if exam else ())]), Faults()
    with stop.noting():
        raw = stack(raw, exam) if exam is not None else raw
        name = picture_column(raw, settings.get("target"))
        said = overruled_kinds(raw, name, settings.get("kinds", {}), found)
        wanted = settings.get("given") or (NOTHING if objective == RECONSTRUCTION else "")
        told, kind = given_column(raw, name, wanted, said, found)
        raw = _without_gaps(raw, told, found) if told else raw
        split = {**settings["split"]}
        for word in ("column", "group", "time"):
            split[word] = infer.find_column(raw, split[word]) if split.get(word) else ""
        labelled = kind.name == "category"
        by = told if labelled else _label(raw, name, said) if raw.split is None else ""
        parts, how = deal(raw, by or name, "classification" if by else "generation", split)
        shown = {name: Kind("image", "pictures to be drawn")}
        parts = on_one_side(raw, shown, parts, found) if how.startswith("at random") else parts
        if len(parts["train"]) < 2:
            raise DataError(
                f"{many(len(raw), 'picture')} in all leave {many(len(parts['train']), 'picture')} to train on; at least 2 are "
                "needed.",
                "Add pictures, or give smaller shares: --set data.split.test=0.1",
                "D140",
            )
        input = domain_of(kind, raw.columns[told], text=settings.get("text")) if kind.name == "text" else Category()
        if told:
            input.fit(raw.columns[told][parts["train"]])
        target = domain_of(Kind("image", ""), raw.columns[name], size=settings.get("size"))
        target.fit(raw.columns[name][parts["train"]])
    if stop:
        raise refusal([*found, *stop])
    if labelled:
        parts = without_unseen_labels(raw, told, input, parts, False, found)
    if not len(parts["test"]) and not len(parts["valid"]):
        message = f"of {many(len(raw), 'picture')} in all, none is left to be examined on."
        alone = " Or draw of nothing in particular: --set data.given=nothing" if labelled else ""
        found.append(Finding("D141", "error", message, remedy=f"Add pictures.{alone}"))
    of = raw.columns[told] if told else np.full(len(raw), None, dtype=object)
    fields = {
        part: {"input": input.encode(of[rows]), "target": target.encode(raw.columns[name][rows])}
        if len(rows)
        else {"input": input.encode([]), "target": torch.empty(0)}
        for part, rows in parts.items()
    }
    seen = fields["train"]["target"]
    if bool((seen == seen[:1]).all()):
        message = f"all {len(seen):,} pictures of '{clean(name)}' to train on are the same: there is nothing to learn to draw."
        found.append(Finding("D133", "error", message, remedy="Add pictures that differ."))
    kinds = {n: Kind("leave-out", f"beside the pictures in '{clean(name)}'") for n in raw.columns}
    kinds |= ({told: kind} if told else {}) | shown
    return Prepared(raw, name, kinds, "generation", input, target, parts, how, fields, found, framed_by=objective)


def picture_column(raw: Raw, wanted: str | list[str] | None) -> str:
    """The column of pictures: the one that is named, else the first, where it is the source's own target that is named."""
    shown = [name for name in raw.columns if _shows(raw, name)]
    if not shown:
        raise DataError(
            f"{clean(raw.name)} has no column of pictures that one could learn to draw."
            + "".join(
                f" {found.message[0].upper()}{found.message[1:]}." for found in raw.findings if found.code == "D054"
            ),
            "Name a folder or zip of pictures, an .npz with some, or a set such as mnist.",
            "D139",
        )
    if not wanted or wanted == raw.target:
        return shown[0]
    name = infer.find_column(raw, wanted if isinstance(wanted, str) else wanted[0])
    if name not in shown:
        raise DataError(
            f"pictures are to be drawn, but the target '{clean(name)}' holds none.",
            f"Name one of pictures: --target {clean(shown[0])}. What they are to be of is said by --set data.given={clean(name)}",
            "D135",
        )
    return name


def given_column(raw: Raw, picture: str, wanted: str, said: dict[str, Kind], found: Faults) -> tuple[str, Kind]:
    """The column that says what each picture is of, and its kind; ("", …) where none does. said: kinds that the user gives."""
    nobody = ("", Kind("leave-out", "nothing is given"))
    if wanted == NOTHING and NOTHING not in raw.columns:
        return nobody
    if wanted:
        name = infer.find_column(raw, wanted)
        kind = _kind(raw, name, said)
        if name == picture or (kind.name not in GIVEN and kind.name != "constant"):
            raise DataError(
                f"a picture is drawn of a category or a text, but '{clean(name)}' is {kind.name}: {kind.because}.",
                f"Name another column, or say --set data.kinds.{clean(name)}=category; or draw of nothing in particular: "
                "--set data.given=nothing",
                "D135",
            )
        named = [(name, kind)]
    else:
        first = [raw.target] if raw.target in raw.columns else []
        named = [(name, _kind(raw, name, said)) for name in dict.fromkeys([*first, *raw.columns]) if name != picture]
    for name, kind in named:
        if kind.name == "constant":
            value = clean(str(infer.present_values(raw.columns[name])[0]), 40)
            message = f"every picture has the same '{clean(name)}' ({value}): they are drawn of nothing in particular"
            found.append(Finding("C093", "note", message))
        elif kind.name in GIVEN:
            return name, kind
    return nobody


def _label(raw: Raw, picture: str, said: dict[str, Kind]) -> str:
    """The source's own label, by which whoever tells classes apart deals pictures out; "" where there is none."""
    there = raw.target in raw.columns and raw.target != picture
    return raw.target if there and _kind(raw, raw.target, said).name == "category" else ""


def _kind(raw: Raw, name: str, said: dict[str, Kind]) -> Kind:
    if name in said:
        return said[name]
    values = raw.columns[name]
    kind = infer.input_kind(values)
    if name in raw.kinds and kind.name != "constant":
        return Kind(raw.kinds[name], "the source says so")
    if kind.name == "category" and infer.of_sentences(values):
        return Kind(
            "text",
            f"{many(infer.distinct_values(infer.present_values(values)), 'different text')}, mostly several words",
        )
    few_numbers = kind == infer.WHOLE and infer.distinct_values(values) <= infer.FEW_CLASSES
    return Kind("category", "few different whole numbers") if few_numbers else kind


def _shows(raw: Raw, name: str) -> bool:
    """Whether a column holds pictures."""
    values = raw.columns[name]
    first = next((v for v in values if v is not None), None) if values.dtype == object else None
    return raw.kinds.get(name) == "image" or values.ndim >= 3 or (isinstance(first, np.ndarray) and first.ndim >= 2)


def _without_gaps(raw: Raw, name: str, found: Faults) -> Raw:
    """The rows of which it is said what they are of."""
    unknown = infer.missing(raw.columns[name])
    if unknown.all():
        raise DataError(f"'{clean(name)}' has no value in any row.", "Say --set data.given=nothing", "D132")
    if not unknown.any():
        return raw
    rows = np.flatnonzero(unknown)
    shown = tuple(clean(str(label), 60) for label in row_labels(raw)[rows[:3]])
    message = f"{many(len(rows), 'picture')} without a '{clean(name)}' left out"
    found.append(Finding("C002", "repair", message, len(rows), shown))
    return take(raw, np.flatnonzero(~unknown))
