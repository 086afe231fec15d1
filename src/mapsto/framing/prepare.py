"""From raw columns to encoded examples: which rows count, who is examined, what the domains learned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from mapsto.core import names
from mapsto.core.batch import Batch, Column, columns
from mapsto.core.errors import BadInput, DataError, FrameError, UnknownName
from mapsto.core.faults import Faults, refusal
from mapsto.core.graph import Nodes, Relation
from mapsto.core.nouns import Domain, Finding, Problem, Raw
from mapsto.core.ragged import Ragged
from mapsto.core.text import clean, few, many
from mapsto.core.windows import Windows
from mapsto.data.frames import objects
from mapsto.data.graph import by_degree
from mapsto.data.linked import graph_of
from mapsto.data.splits import Parts
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.number import Number
from mapsto.domains.row import Row, text_in
from mapsto.domains.text import Text
from mapsto.domains.vector import Vector
from mapsto.domains.words import Words
from mapsto.framing import infer
from mapsto.framing.copies import on_one_side, texts_on_one_side
from mapsto.framing.deal import deal
from mapsto.framing.infer import Kind
from mapsto.framing.tags import one_tag_a_word
from mapsto.framing.target import (
    MISSING_TARGETS,
    likely_target,
    read_target,
    row_labels,
    with_target,
    without_unseen_labels,
)
from mapsto.insight.words import counted

YOURS = "you say so"
ALIKE = ("classification", "multi-label", "regression", "tagging")  # of figures that do not hang on tokens
STRANGE = 0.2  # of the tokens of texts, from which on a run that is to read them knows little of them
CLIP = 10.0  # standard deviations that an input number may lie from the mean


@dataclass
class Prepared:
    """Data made ready: what the problem is, encoded examples by split, and what was noticed on the way.

    Of shards, `raw`, `parts` and `fields` are an evenly spread sample to look at; `views` are all of them.
    """

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
    looked_at: dict[str, torch.Tensor] = field(default_factory=dict)  # of shards: the rows of each split that are here
    known_by: str = ""  # of pairs of nodes: the column that says what is known of one
    framed_by: str = ""  # the objective that says what is to be learned, where no target does
    played: str = ""  # of a world: a fingerprint of its exam, which does not hang on how many copies are learned in
    repeats: bool = True  # of a world: whether its seed says what it shows; else that is no mark of it

    @property
    def examples(self) -> dict[str, int]:
        """How many there are of each split, counted in `unit`."""
        if self.unit == "tokens":
            return {part: len(self.fields[part]["target"].values) for part in self.parts}
        return dict(self.raw.shards.rows) if self.raw.shards else {part: len(rows) for part, rows in self.parts.items()}

    @property
    def unit(self) -> str:
        """What is counted of the data."""
        return "tokens" if self.problem == "language-model" else counted(self.problem).drawn

    @property
    def row(self) -> Row | None:
        """The domain of the columns of an example, where it is a row of a table; a pair of nodes is none."""
        return self.input if isinstance(self.input, Row) and not self.known_by else None

    @property
    def input_name(self) -> str:
        """The column that the input is; the first of them, where it is several. A text that is its own teacher is both ends."""
        others = (name for name, kind in self.kinds.items() if kind.used and name != self.target_name)
        return self.known_by or next(others, self.target_name)

    @property
    def reads_words(self) -> bool:
        """Whether there is text in an example, or words."""
        return text_in(self.input) is not None or isinstance(self.input, Words)

    def asked(self, rows: np.ndarray) -> Sequence[Any]:
        """The raw inputs of these rows: of one column, or rows of a table."""
        if self.row is None:
            return self.raw.columns[self.input_name][rows]
        return [{name: self.raw.columns[name][row] for name in self.row.columns} for row in rows]

    def views(self, device: torch.device, granted: int) -> dict[str, Any]:
        """The splits as a data set takes them. granted: bytes that the chunks of shards may take."""
        if self.raw.shards is None:
            return self.fields
        return {part: self.raw.shards.view(part, granted, device) for part in self.parts}

    def names_of(self, part: str, examples: list[int]) -> list[str]:
        """What these examples of a split are called in the source."""
        if self.raw.shards:
            return self.raw.shards.called(part, examples)
        if self.unit == "tokens":
            return [f"the window at token {place:,}" for place in examples]
        labels, rows = self.raw.labels, self.parts[part][examples]
        return [clean(str(labels[row]), 40) if labels is not None else f"row {row + 1}" for row in rows]

    @property
    def exam(self) -> str:
        """A fingerprint of what is asked in the exam and of the answers, however they are encoded: figures on the same one can be
        set against each other. Where they are of tokens, or of a graph, the encoding is part of it."""
        if self.played:
            return self.played
        if self.raw.shards or self.raw.relation is not None or self.problem not in ALIKE:
            return self.digest
        rows = self.parts["test" if len(self.parts["test"]) else "valid"]
        state = hashlib.sha256(f"{self.target_name} {len(self.raw)} {rows.tolist()}".encode())
        for name, values in self.raw.columns.items():
            state.update(name.encode(errors="replace"))
            state.update(_written(values[rows]))
        return state.hexdigest()

    @property
    def digest(self) -> str:
        """A fingerprint of the encoded examples and of what they mean: resuming on other data is refused."""
        if self.raw.shards:
            return self.raw.shards.digest
        learned = [
            domain.state_dict() for domain in (self.input, self.target)
        ]  # units and names are not in the encoding
        state = hashlib.sha256(json.dumps(learned, sort_keys=True).encode())
        if not self.repeats:
            state.update(self.raw.name.encode(errors="replace"))
        for part in ("train", "valid", "test") if self.repeats else ():
            for _, column in columns(self.fields[part]):
                for tensor in _tensors(column):
                    state.update(np.ascontiguousarray(tensor.numpy()))
        return state.hexdigest()


def prepare(raw: Raw, exam: Raw | None, settings: dict[str, Any], start: Domain | None = None) -> Prepared:
    """Read the `data` settings over `raw` (and a separate `exam`). start: an input domain that has learned already.

    What is wrong becomes a finding of level error as long as one can go on behind it, so that all of it is told at once:
    who learns from the result has to refuse these. Where there is no going on, one BadInput has them all.
    """
    found, stop = Faults([*raw.findings, *(exam.findings if exam else ())]), Faults()
    split = {**settings["split"]}
    for word in ("column", "group", "time"):
        asked, split[word] = split.get(word), ""
        with found.noting():
            split[word] = infer.find_column(raw, asked) if asked else ""
    with stop.noting():
        raw, target_name, exam = _targets_of(raw, exam, settings.get("target"), found)
    if stop:
        raise refusal([*found, *stop])
    separate = exam is not None
    if exam is not None:
        with found.noting():
            raw = stack(raw, exam)
    overruled = overruled_kinds(raw, target_name, settings.get("kinds", {}), found)
    with stop.noting():
        target_kind = overruled.get(target_name) or infer.target_kind(raw, target_name)
        problem = infer.problem_of(target_kind.name)
        raw = read_target(raw, target_name, target_kind, settings.get("missing_targets", MISSING_TARGETS), found)
        parts, how = deal(raw, target_name, problem, split)
        if len(parts["train"]) < 2:
            raise DataError(
                f"{many(len(raw), 'row')} in all leave {many(len(parts['train']), 'row')} to train on; at least 2 are needed.",
                "Add examples, or give smaller shares: --set data.split.test=0.1",
                "D140",
            )
    kinds = kinds_of(raw, target_name, overruled, split)
    if raw.relation is not None and not any(kind.used for kind in kinds.values()):
        raw = by_degree(raw)
        found.append(raw.findings[-1])
        kinds = kinds_of(raw, target_name, overruled, split)
    with stop.noting():
        input, columns = input_of(raw, kinds, settings)
        if not stop:
            refuse_no_text(problem, input)
        if not stop and problem == "tagging":
            one_tag_a_word(input, columns, raw.columns[target_name], row_labels(raw))
        made = input
        input = going_on(start, made) if start else made
    if stop:
        raise refusal([*found, *stop])
    if how.startswith("at random"):
        parts = on_one_side(raw, kinds, parts, found)
    if problem == "translation" and how.startswith("at random"):
        parts = texts_on_one_side(raw, kinds, parts, found)
    target = domain_of(target_kind, raw.columns[target_name], is_target=True, text=settings.get("text"))
    target.fit(raw.columns[target_name][parts["train"]])
    refused = separate and not settings.get("drop_unseen", False)
    parts = without_unseen_labels(raw, target_name, target, parts, refused, found)
    if input is made:
        input.fit(rows_of(columns, parts["train"]))
    fields = {
        part: {
            "input": input.encode(rows_of(columns, rows)),
            "target": target.encode(raw.columns[target_name][rows]),
        }
        if len(rows)
        else {"input": nothing_of(input), "target": torch.empty(0)}
        for part, rows in parts.items()
    }
    if start is not None:
        found.extend(strangers(input, fields["train"]["input"]))
    if raw.relation is not None:
        used = next(name for name, kind in kinds.items() if kind.used)
        graph = graph_of(input, raw.relation, used)
        for part, rows in parts.items():
            fields[part]["input"] = Nodes(graph, torch.from_numpy(raw.relation.rows[rows]))
    return Prepared(
        raw, target_name, {**kinds, target_name: target_kind}, problem, input, target, parts, how, fields, found
    )


def _targets_of(
    raw: Raw, exam: Raw | None, wanted: str | list[str] | None, found: Faults
) -> tuple[Raw, str, Raw | None]:
    """The data and the exam with their target; a misspelt one is an error, and taken for what it must have meant."""
    try:
        raw, name = with_target(raw, wanted, found)
    except UnknownName:
        with found.noting():
            raise
        wanted = likely_target(raw, wanted)
        if wanted is None:
            found.refuse()
        raw, name = with_target(raw, wanted, found)
    if exam is not None:
        with found.noting():
            return raw, name, with_target(exam, wanted, [])[0]
    return raw, name, None


def stack(raw: Raw, exam: Raw) -> Raw:
    """The exam's rows under the others', marked as test."""
    absent = [name for name in raw.columns if name not in exam.columns]
    if absent:
        raise DataError(
            f"the separate exam {clean(exam.name)} lacks {many(len(absent), 'column')} of {clean(raw.name)}: {few(absent, 10)}.",
            f"It has: {few(exam.columns, 20)}.",
            "D146",
        )
    if (raw.relation is None) != (exam.relation is None):
        raise DataError(
            f"of {clean(raw.name)} and the separate exam {clean(exam.name)} only one is a graph.",
            "Name two graphs.",
            "D146",
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
    labels = np.concatenate([row_labels(raw), row_labels(exam)])
    relation = None
    if raw.relation is not None:  # two graphs beside each other
        edges = np.concatenate([raw.relation.edges, exam.relation.edges + len(raw)])
        relation = Relation(edges, columns, np.arange(len(labels)))
    return replace(raw, columns=columns, split=split, labels=labels, relation=relation)


def overruled_kinds(raw: Raw, target: str, kinds: dict[str, str], found: Faults) -> dict[str, Kind]:
    """What the user says about columns, where it can be so."""
    known = [*(name for name in names.listed("domain") if name != "row"), *infer.LEFT_OUT]
    said: dict[str, Kind] = {}
    for column, word in kinds.items():
        with found.noting():
            name = infer.find_column(raw, column)
            if word not in known:
                hint = names.near(str(word), known)
                raise UnknownName(
                    f"no kind '{clean(str(word))}' for the column '{clean(name)}'."
                    + (f" Near it: {', '.join(hint)}." if hint else ""),
                    f"There are: {', '.join(known)}.",
                    "F002",
                )
            kind = Kind(word, YOURS)
            if word in ("number", "category", "categories", "date"):
                _try(kind, raw.columns[name], name, name == target)
            said[name] = kind
    return said


def _try(kind: Kind, values: np.ndarray, name: str, is_target: bool) -> None:
    try:
        domain_of(kind, values, is_target).fit(values)
    except BadInput as error:
        raise DataError(
            f"the column '{clean(name)}' cannot be read as {kind.name}: {error.message}", error.remedy, "D147"
        ) from error


def kinds_of(raw: Raw, target: str, overruled: dict[str, Kind], split: dict[str, Any]) -> dict[str, Kind]:
    """The kind of every column but the target."""
    special = {split[k] for k in ("column", "group", "time") if split[k]}
    kinds = {
        name: overruled.get(name)
        or (Kind("leave-out", "deals out the rows") if name in special and name != split["time"] else None)
        or (Kind(raw.kinds[name], "the source says so") if name in raw.kinds else infer.input_kind(values))
        for name, values in raw.columns.items()
        if name != target
    }
    return _something_to_see(_ways_in(raw, _numbered_texts(raw, kinds)))


def _numbered_texts(raw: Raw, kinds: dict[str, Kind]) -> dict[str, Kind]:
    """Beside text, a column with another whole number in every row is the text's number, whether it counts up or not."""
    if not any(kind.name == "text" for kind in kinds.values()):
        return kinds
    return {
        name: Kind("id", "a different whole number for every text")
        if kind == infer.WHOLE and _each_another(values)
        else kind
        for name, kind, values in ((n, k, raw.columns[n]) for n, k in kinds.items())
    }


def _each_another(values: np.ndarray) -> bool:
    return len(np.unique(values)) == len(values)


def _ways_in(raw: Raw, kinds: dict[str, Kind]) -> dict[str, Kind]:
    """Pictures or words, where there are any, are the only input: columns beside them are left out, and that is said.

    Texts are read beside the other columns: the one that rows are plainly about, and those that somebody names; the first, where
    there is neither and nothing but texts. Others are set aside. Of a node of a graph, a text is read alone.
    """
    alone = {"image": "pictures", "words": "words"}
    first = next((name for name, kind in kinds.items() if kind.name in alone), "")
    if first:
        return _beside(first, alone[kinds[first].name], kinds)
    texts = [name for name, kind in kinds.items() if kind.name == "text"]
    others = [name for name, kind in kinds.items() if kind.used and kind.name != "text"]
    named = [name for name in texts if kinds[name].because == YOURS]
    by_default = [] if others else texts[:1]
    if raw.relation is not None and (named or by_default):
        return _beside((named or by_default)[0], "text", kinds)
    main = "" if raw.relation is not None else infer.main_text({n: raw.columns[n] for n in [*texts, *others]}, texts)
    read = {*named, main} if named or main else by_default
    return {
        name: Kind("aside", f"{kind.because}, beside other columns") if name in texts and name not in read else kind
        for name, kind in kinds.items()
    }


def _beside(one: str, what: str, kinds: dict[str, Kind]) -> dict[str, Kind]:
    """All columns left out that would be used beside one."""
    return {
        name: kind if name == one or not kind.used else Kind("leave-out", f"beside the {what} in '{clean(one)}'")
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


def domain_of(
    kind: Kind,
    values: np.ndarray,
    is_target: bool = False,
    size: list[int] | None = None,
    text: dict[str, Any] | None = None,
) -> Domain:
    if kind.name == "number":
        return Number() if is_target else Number(clip=CLIP)
    if kind.name == "category":
        return Category() if is_target else Category(rare=2)
    if kind.name == "categories":
        return Categories(
            separator=infer.label_separator(infer.present_values(values)) if values.dtype == object else ""
        )
    if kind.name == "image":
        return names.build("domain", {"name": "image", "size": size or None})  # [] is learned
    if kind.name == "words":
        return names.build("domain", {"name": "words", **(text or {})})
    if kind.name == "text":
        written = {"name": "text", "lower": not is_target, **(text or {})}
        return names.build("domain", {**written, "ends": True} if is_target else written)
    return names.build("domain", {"name": kind.name})


def input_of(raw: Raw, kinds: dict[str, Kind], settings: dict[str, Any]) -> tuple[Domain, Any]:
    """The input domain, and the column or columns it reads."""
    used = [name for name, kind in kinds.items() if kind.used]
    if not used:
        raise DataError(
            f"no column of {clean(raw.name)} is left to learn from: "
            + ", ".join(f"'{clean(n)}' {k.because}" for n, k in list(kinds.items())[:8])
            + ".",
            "Overrule a kind: --set data.kinds.COLUMN=number (or category, date, text).",
            "D139",
        )
    how = {"size": settings.get("size"), "text": settings.get("text")}
    domains = {name: domain_of(kinds[name], raw.columns[name], **how) for name in used}
    if raw.relation is not None:  # all nodes are heard, also those far from what training has seen
        domains |= {name: Vector(clip=CLIP) for name, domain in domains.items() if isinstance(domain, Vector)}
    if len(used) == 1 and kinds[used[0]].name in ("image", "vector", "counts", "text", "words", "whole-graph"):
        return domains[used[0]], raw.columns[used[0]]
    return Row(domains), {name: raw.columns[name] for name in used}


def refuse_no_text(problem: Problem, input: Domain) -> None:
    """DataError where something else than a text is to be translated."""
    if problem == "translation" and not isinstance(input, Text):
        came = f"the columns {few(input.columns)}" if isinstance(input, Row) else input.describe()
        raise DataError(
            f"a text as the target is a translation, but the input is {came}, which is no text.",
            "Leave out the other columns (--set data.kinds.COLUMN=leave-out), or name another target.",
            "D135",
        )


def going_on(start: Domain, proposed: Domain) -> Domain:
    """The domain that an earlier run has learned, in the place of a new one. Where a text has other columns beside it than before,
    what reads the text is gone on with, and the columns are read anew. FrameError where these data are of another kind."""
    text = text_in(start)
    if text is not None and isinstance(proposed, Text):
        return text
    if text is not None and text_in(proposed) is not None and _columns(start) != _columns(proposed):
        return proposed.taught(text)
    if type(start) is not type(proposed):
        raise FrameError(
            f"the run to start from reads {start.describe()}, but these data are of the kind {names.name_of(type(proposed))}.",
            "Start from another run, or leave out --from.",
            "F004",
        )
    return start


def strangers(input: Domain, encoded: Any) -> Iterator[Finding]:
    """Texts of which an earlier run knows little: it may have read another language."""
    text = text_in(input)
    share = 0.0 if text is None else text.unknown(encoded)
    if share > STRANGE:
        message = f"{share:.0%} of the tokens of these texts are unknown to the run to start from"
        yield Finding("C086", "warning", message, remedy="Start from a run that has read texts like these.")


def _columns(domain: Domain) -> set[str]:
    return set(domain.columns) if isinstance(domain, Row) else set()


def rows_of(columns: Any, rows: np.ndarray) -> Any:
    return {name: values[rows] for name, values in columns.items()} if isinstance(columns, dict) else columns[rows]


def nothing_of(input: Domain) -> Any:
    if not isinstance(input, Row) and isinstance(input.shape, dict):
        return input.encode([])
    if isinstance(input.shape, dict):
        kinds = {"number": torch.float32, "category": torch.int64}
        width = {"number": sum, "category": len}
        columns = {k: torch.empty(0, width[k](sizes), dtype=kinds[k]) for k, sizes in input.shape.items() if k in kinds}
        read = text_in(input)
        return {**(read.encode([]) if read else {}), **columns}
    return torch.empty(0, *input.shape)


def _tensors(column: Column) -> tuple[torch.Tensor, ...]:
    if isinstance(column, Ragged):
        return column.values, column.offsets
    if isinstance(column, Nodes):
        return (column.places, *column.graph.tensors())
    return (column.values,) if isinstance(column, Windows) else (column,)


def _written(values: np.ndarray) -> bytes:
    """A column as bytes, the same for the same values."""
    if values.dtype != object:
        return np.ascontiguousarray(values).tobytes()
    plain = (sorted(map(str, v)) if isinstance(v, set) else v for v in values)
    each = (v.tobytes() if isinstance(v, np.ndarray) else str(v).encode(errors="replace") for v in plain)
    return b"\0".join(each)
