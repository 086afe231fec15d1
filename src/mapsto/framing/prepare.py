"""From raw columns to encoded examples: which rows count, who is examined, what the domains learned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core.batch import Batch, over
from mapsto.core.errors import DataError, FrameError
from mapsto.core.names import build
from mapsto.core.nouns import Domain, Finding, Problem, Raw
from mapsto.core.text import clean, few, many
from mapsto.data.frames import objects
from mapsto.data.splits import Parts, Split
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.number import Number
from mapsto.domains.row import Row
from mapsto.framing import infer
from mapsto.framing.copies import on_one_side
from mapsto.framing.infer import Kind

CLIP = 10.0  # standard deviations that an input number may lie from the mean
MISSING_TARGETS = 0.05  # a larger share of rows without a target is an error, not a repair
YES_OR_NO = {1.0: 1, 0.0: 0, "1": 1, "0": 0, "yes": 1, "no": 0, "true": 1, "false": 0, "y": 1, "n": 0, "t": 1, "f": 0}
PART_NAMES = {
    "train": "train", "training": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "dev": "valid",
    "test": "test", "testing": "test", "eval": "test", "exam": "test",
}  # fmt: skip


@dataclass
class Prepared:
    """Data made ready: what the problem is, encoded examples by split, and what was noticed on the way."""

    raw: Raw
    target_name: str
    kinds: dict[str, Kind]
    problem: Problem
    input: Domain
    target: Domain
    parts: Parts
    how_split: str
    fields: dict[str, Batch]
    findings: list[Finding] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """A fingerprint of the encoded examples and of what they mean: resuming on other data is refused."""
        learned = [
            domain.state_dict() for domain in (self.input, self.target)
        ]  # units and names are not in the encoding
        state = hashlib.sha256(json.dumps(learned, sort_keys=True).encode())
        for part in ("train", "valid", "test"):
            over(self.fields[part], lambda t: state.update(np.ascontiguousarray(t.numpy())) or t)
        return state.hexdigest()


def prepare(raw: Raw, exam: Raw | None, settings: dict[str, Any]) -> Prepared:
    """Read the `data` settings over `raw` (and a separate `exam`). DataError where nothing can be learned from it."""
    findings = list(raw.findings) + (list(exam.findings) if exam else [])
    raw, target_name = with_target(raw, settings.get("target"), findings)
    if exam is not None:
        exam, _ = with_target(exam, settings.get("target"), [])
        raw = _stack(raw, exam, findings)
    overruled = settings.get("kinds", {})
    target_kind = _overruled(overruled, target_name) or infer.target_kind(raw, target_name)
    problem = infer.problem_of(target_kind.name)
    raw = _with_blanks_read(raw, target_name, target_kind, findings)
    raw = _with_known_targets(raw, target_name, target_kind, settings, findings)

    split = settings["split"]
    special = {split[k] for k in ("column", "group", "time") if split.get(k)}
    kinds = {
        name: _overruled(overruled, name)
        or (Kind("leave-out", "deals out the rows") if name in special and name != split.get("time") else None)
        or (Kind(raw.kinds[name], "the source says so") if name in raw.kinds else infer.input_kind(values))
        for name, values in raw.columns.items()
        if name != target_name
    }
    kinds = _something_to_see(_one_way_in(kinds))
    target = _domain(target_kind, raw.columns[target_name], is_target=True)
    parts, how = _deal(raw, target_name, problem, split)
    if how.startswith("at random"):
        parts = on_one_side(raw, kinds, parts, findings)
    for name in ("train",):
        if len(parts[name]) < 2:
            raise DataError(
                f"{many(len(raw), 'row')} in all leave {many(len(parts['train']), 'row')} to train on; at least 2 are needed.",
                "Add examples, or give smaller shares: --set data.split.test=0.1",
            )
    target.fit(raw.columns[target_name][parts["train"]])
    parts = _without_unseen_labels(raw, target_name, target, parts, findings)
    input, columns = _input(raw, kinds, settings)
    input.fit(_rows(columns, parts["train"]))
    fields = {
        part: {
            "input": input.encode(_rows(columns, rows)),
            "target": _encoded_target(target, raw.columns[target_name][rows]),
        }
        if len(rows)
        else {"input": _empty(input), "target": torch.empty(0)}
        for part, rows in parts.items()
    }
    return Prepared(
        raw, target_name, {**kinds, target_name: target_kind}, problem, input, target, parts, how, fields, findings
    )


def with_target(raw: Raw, wanted: str | list[str] | None, findings: list[Finding]) -> tuple[Raw, str]:
    """The target's name as the data spell it; several targets of yes and no become one column of labels."""
    wanted = wanted or raw.target
    if not len(raw):
        raise DataError(f"{clean(raw.name)} holds no examples.", "Name a source with at least a few rows.")
    if not wanted:
        names = list(raw.columns)
        raise DataError(
            f"which column of {clean(raw.name)} should be learned? No target was named.",
            f"Name one with --target, for example --target {clean(names[-1])!r}. Its columns: {few(names, 30)}.",
        )
    if isinstance(wanted, str):
        name = infer.find_column(raw, wanted)
        if name != wanted:
            findings.append(
                Finding("C001", "note", f"target '{clean(wanted)}' was taken to mean the column '{clean(name)}'")
            )
        return raw, name
    found = list(dict.fromkeys(infer.find_column(raw, w) for w in wanted))
    marks = np.column_stack([yes_or_no(raw.columns[name], name) for name in found])
    labels = np.array(found, dtype=object)
    together = objects([None if np.isnan(row).any() else labels[row > 0].tolist() for row in marks])
    columns = {name: values for name, values in raw.columns.items() if name not in found}
    name = "+".join(found)
    return replace(raw, columns={**columns, name: together}, target=name), name


def yes_or_no(values: np.ndarray, name: str) -> np.ndarray:
    """[N] 1 and 0, NaN where missing. DataError for values that are neither a yes nor a no."""
    unknown = infer.missing(values)
    if values.dtype.kind in "biuf":
        said = values.astype(float).tolist()
    else:
        said = [value.strip().casefold() if isinstance(value, str) else value for value in values.tolist()]
    marks = np.full(len(values), np.nan)
    for row in np.flatnonzero(~unknown):
        if not isinstance(said[row], Hashable) or said[row] not in YES_OR_NO:
            raise DataError(
                f"several targets are labels, each yes or no (1 or 0), but '{clean(name)}' also holds "
                f"{clean(str(values[row]), 40)!r}.",
                "Name one target, or columns of 1 and 0, true and false, or yes and no.",
            )
        marks[row] = YES_OR_NO[said[row]]
    return marks


def blanks_as_none(values: np.ndarray) -> np.ndarray:
    """In a column of joined labels ("cat|dog") a blank cell says that none of them holds."""
    unknown = infer.missing(values)
    texts = values.dtype == object and any(isinstance(v, str) for v in values)
    return (
        objects(["" if u else v for v, u in zip(values, unknown, strict=True)]) if texts and unknown.any() else values
    )


def label_lists(values: np.ndarray) -> np.ndarray:
    """A column of joined labels taken apart at the first of `SEPARATORS` that is in it; any other column as it is."""
    texts = [v for v in values if isinstance(v, str)]
    mark = next((mark for mark in infer.SEPARATORS if any(mark in text for text in texts)), "")
    if not mark:
        return values
    return objects([[p.strip() for p in v.split(mark) if p.strip()] if isinstance(v, str) else v for v in values])


def _stack(raw: Raw, exam: Raw, findings: list[Finding]) -> Raw:
    """The exam's rows under the others', marked as test."""
    absent = [name for name in raw.columns if name not in exam.columns]
    if absent:
        raise DataError(
            f"the separate exam {clean(exam.name)} lacks {many(len(absent), 'column')} of {clean(raw.name)}: {few(absent, 10)}.",
            f"It has: {few(exam.columns, 20)}.",
        )
    columns = {}
    for name, values in raw.columns.items():
        other = exam.columns[name]
        if values.dtype != other.dtype or values.shape[1:] != other.shape[1:]:
            if {values.dtype.kind, other.dtype.kind} <= set("iufb"):
                values, other = values.astype(float), other.astype(float)
            else:
                values, other = objects(list(values)), objects(list(other))
        columns[name] = np.concatenate([values, other])
    before = raw.split if raw.split is not None else np.array(["train"] * len(raw), dtype=object)
    before = np.where(before == "test", "train", before)
    split = np.concatenate([before, np.array(["test"] * len(exam), dtype=object)])
    labels = np.concatenate([_labels(raw), _labels(exam)])
    return replace(raw, columns=columns, split=split, labels=labels)


def _with_blanks_read(raw: Raw, name: str, kind: Kind, findings: list[Finding]) -> Raw:
    blank = infer.missing(raw.columns[name])
    values = blanks_as_none(raw.columns[name]) if kind.name == "categories" else raw.columns[name]
    if values is raw.columns[name]:
        return raw
    rows = np.flatnonzero(blank)
    findings.append(
        Finding(
            "C004",
            "note",
            f"{many(len(rows), 'row')} whose '{clean(name)}' is blank count as having none of the labels; "
            "remove rows that nobody has labelled",
            len(rows),
            tuple(_label(raw, r) for r in rows[:3]),
        )
    )
    return replace(raw, columns={**raw.columns, name: values})


def _with_known_targets(raw: Raw, name: str, kind: Kind, settings: dict[str, Any], findings: list[Finding]) -> Raw:
    values = raw.columns[name]
    if kind.name == "number" and values.dtype.kind == "f" and np.isinf(values).any():
        where = np.flatnonzero(np.isinf(values))
        raise DataError(
            f"the target '{clean(name)}' is infinite in {many(len(where), 'row')} (the first: {_label(raw, where[0])}).",
            "Correct or remove these rows.",
        )
    unknown = infer.missing(values)
    if not unknown.any():
        return raw
    rows, share = np.flatnonzero(unknown), unknown.mean()
    if share > settings.get("missing_targets", MISSING_TARGETS):
        raise DataError(
            f"the target '{clean(name)}' is missing in {many(len(rows), 'row')} of {len(raw)} ({share:.0%}; "
            f"the first: {_label(raw, rows[0])}).",
            "If these rows should be left out, say so: --set data.missing_targets=1.0",
        )
    findings.append(
        Finding(
            "C002",
            "repair",
            f"{many(len(rows), 'row')} without a target left out",
            len(rows),
            tuple(_label(raw, r) for r in rows[:3]),
        )
    )
    return take(raw, np.flatnonzero(~unknown))


def take(raw: Raw, rows: np.ndarray) -> Raw:
    """The raw data of these rows only."""
    return replace(
        raw,
        columns={name: values[rows] for name, values in raw.columns.items()},
        split=None if raw.split is None else raw.split[rows],
        labels=_labels(raw)[rows],
    )


def _one_way_in(kinds: dict[str, Kind]) -> dict[str, Kind]:
    """Pictures, where there are any, are the only input: columns beside them are left out, and that is said."""
    pictures = [name for name, kind in kinds.items() if kind.name == "image"]
    if not pictures:
        return kinds
    return {
        name: kind
        if name == pictures[0] or not kind.used
        else Kind("leave-out", f"beside the pictures in '{clean(pictures[0])}'")
        for name, kind in kinds.items()
    }


def _something_to_see(kinds: dict[str, Kind]) -> dict[str, Kind]:
    """Where no column is left, a counter is worth looking at after all: y over time, say."""
    if any(kind.used for kind in kinds.values()):
        return kinds
    return {
        n: Kind("number", "a counter, but the only input there is") if k.because == infer.COUNTER else k
        for n, k in kinds.items()
    }


def _domain(kind: Kind, values: np.ndarray, is_target: bool = False, size: list[int] | None = None) -> Domain:
    if kind.name == "number":
        return Number() if is_target else Number(clip=CLIP)
    if kind.name == "category":
        return Category() if is_target else Category(rare=2)
    if kind.name == "categories":
        return Categories(
            separator=infer.label_separator(infer.present_values(values)) if values.dtype == object else ""
        )
    if kind.name == "image":
        return build("domain", {"name": "image", "size": size or None})  # [] is learned
    return build("domain", {"name": kind.name})


def _input(raw: Raw, kinds: dict[str, Kind], settings: dict[str, Any]) -> tuple[Domain, Any]:
    """The input domain, and the column or columns it reads."""
    used = [name for name, kind in kinds.items() if kind.used]
    if not used:
        texts = [name for name, kind in kinds.items() if kind.name == "text"]
        raise DataError(
            f"no column of {clean(raw.name)} is left to learn from: "
            + ", ".join(f"'{clean(n)}' {k.because}" for n, k in list(kinds.items())[:8])
            + ".",
            f"Text columns ({few(texts)}) are not read by this version."
            if texts
            else "Overrule a kind: --set data.kinds.COLUMN=number (or category, date).",
        )
    domains = {name: _domain(kinds[name], raw.columns[name], size=settings.get("size")) for name in used}
    if len(used) == 1 and kinds[used[0]].name in ("image", "vector"):
        return domains[used[0]], raw.columns[used[0]]
    return Row(domains), {name: raw.columns[name] for name in used}


def _rows(columns: Any, rows: np.ndarray) -> Any:
    return {name: values[rows] for name, values in columns.items()} if isinstance(columns, dict) else columns[rows]


def _empty(input: Domain) -> Any:
    if isinstance(input.shape, dict):
        kinds = {"number": torch.float32, "category": torch.int64}
        width = {"number": sum, "category": len}
        return {key: torch.empty(0, width[key](sizes), dtype=kinds[key]) for key, sizes in input.shape.items()}
    return torch.empty(0, *input.shape)


def _encoded_target(target: Domain, values: np.ndarray) -> Tensor:
    return target.encode(values)


def _deal(raw: Raw, target_name: str, problem: Problem, split: dict[str, Any]) -> tuple[Parts, str]:
    """Who is trained on and who is examined, and how that came about in words."""
    how = Split(split["test"], split["valid"], split["seed"], split.get("folds", 0), split.get("fold", 0))
    if not (0 <= how.test < 1 and 0 <= how.valid < 1 and how.test + how.valid < 1):
        raise FrameError(f"the shares of test and valid add up to less than 1, but came {how.test} and {how.valid}.")
    rows = np.arange(len(raw))
    classes = _strata(raw.columns[target_name], problem)
    if split.get("column"):
        return _given(raw, _named_parts(raw, split["column"]), classes, how, f"the column '{clean(split['column'])}'")
    if split.get("group"):
        name = infer.find_column(raw, split["group"])
        parts = how.by_group(rows, np.array([str(v) for v in raw.columns[name]]))
        return parts, f"whole groups of '{clean(name)}' at random (split seed {how.seed})"
    if split.get("time"):
        name = infer.find_column(raw, split["time"])
        values = raw.columns[name]
        if values.dtype == object or infer.missing(values).any():
            raise DataError(
                f"a split by time needs a date or a number in every row, but '{clean(name)}' does not have one.",
                "Name another column with --time.",
            )
        return how.by_time(rows, values), f"by '{clean(name)}': the past trains, the future is the test"
    if raw.split is not None and not how.folds:
        return _given(raw, raw.split, classes, how, "the source")
    parts = how.at_random(rows, classes)
    share = (
        f"fold {how.fold + 1} of {how.folds} is the test"
        if how.folds
        else f"{how.test:.0%} test, {how.valid:.0%} valid"
    )
    even = ", every class alike" if classes is not None else ""
    return parts, f"at random{even}: {share} (split seed {how.seed})"


def _given(raw: Raw, given: np.ndarray, classes: np.ndarray | None, how: Split, who: str) -> tuple[Parts, str]:
    """Parts that somebody else dealt; what is lacking is dealt from the training rows."""
    parts = {name: np.flatnonzero(given == name) for name in ("train", "valid", "test")}
    words = f"given by {who}"
    if not len(parts["test"]) and len(parts["valid"]):
        parts["test"], parts["valid"] = parts["valid"], parts["test"]
        words += "; what it calls valid is the exam"
    if not len(parts["train"]):
        raise DataError(
            f"the split given by {who} has no training rows.", "Expected rows marked train, and test or valid."
        )
    lacking = [name for name in ("test", "valid") if not len(parts[name])]
    if lacking:
        share = {
            "test": how.test if "test" in lacking else 0.0,
            "valid": min(how.valid if "test" in lacking else 0.1, 10_000 / len(parts["train"])),
        }
        own = Split(share["test"], share["valid"], how.seed)
        dealt = own.at_random(parts["train"], None if classes is None else classes[parts["train"]])
        parts = {**parts, **{name: dealt[name] for name in ["train", *lacking]}}
        words += f"; {' and '.join(lacking)} dealt from its training rows (split seed {how.seed})"
    return parts, words


def _named_parts(raw: Raw, column: str) -> np.ndarray:
    name = infer.find_column(raw, column)
    words = [str(v).strip().casefold() for v in raw.columns[name]]
    odd = sorted({w for w in words if w not in PART_NAMES})
    if odd:
        raise DataError(
            f"a split column says train, valid or test, but '{clean(name)}' also says {few(odd)}.",
            "Rename those values, or split at random.",
        )
    return np.array([PART_NAMES[w] for w in words], dtype=object)


def _strata(values: np.ndarray, problem: Problem) -> np.ndarray | None:
    """A whole number a row whose shares every part should have; None where there is none."""
    if problem != "classification":
        return None
    _, place = np.unique(np.array([str(v) for v in values]), return_inverse=True)
    return place


def _without_unseen_labels(raw: Raw, name: str, target: Domain, parts: Parts, findings: list[Finding]) -> Parts:
    """Exam rows whose class no training row has: nothing can be right about them, so they are left out and counted."""
    if isinstance(target, Categories):
        findings.extend(_unseen_of_several(raw, name, target, parts))
    if not isinstance(target, Category):
        return parts
    kept = {}
    for part, rows in parts.items():
        unseen = (target.encode(raw.columns[name][rows]) < 0).numpy() if len(rows) else np.zeros(0, bool)
        if unseen.any():
            labels = sorted({clean(str(raw.columns[name][r]), 30) for r in rows[unseen]})
            findings.append(
                Finding(
                    "C003",
                    "warning",
                    f"{many(int(unseen.sum()), 'row')} of {part} left out: no training row has their class",
                    int(unseen.sum()),
                    tuple(labels[:5]),
                )
            )
        kept[part] = rows[~unseen]
    return kept


def _unseen_of_several(raw: Raw, name: str, target: Categories, parts: Parts) -> Iterator[Finding]:
    for part in ("valid", "test"):
        count = target.unseen(raw.columns[name][parts[part]])
        if count:
            yield Finding(
                "C003", "warning", f"{many(count, 'label')} in rows of {part} left out: no training row has them", count
            )


def _overruled(kinds: dict[str, str], column: str) -> Kind | None:
    return Kind(kinds[column], "you say so") if column in kinds else None


def _labels(raw: Raw) -> np.ndarray:
    return raw.labels if raw.labels is not None else np.array([f"row {i + 1}" for i in range(len(raw))], dtype=object)


def _label(raw: Raw, row: int) -> str:
    return clean(str(_labels(raw)[row]), 60)
