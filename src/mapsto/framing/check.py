"""What there is to say about the data before anything is learned: every finding counted, with a stable code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mapsto.core.graph import Nodes
from mapsto.core.nouns import Finding
from mapsto.core.text import clean, many
from mapsto.domains.category import NUMERIC
from mapsto.domains.image import Image
from mapsto.domains.number import Number
from mapsto.domains.row import Row
from mapsto.domains.vector import Vector
from mapsto.framing import infer
from mapsto.framing.check_pictures import check_pictures
from mapsto.framing.prepare import CLIP, Prepared
from mapsto.framing.tags import check_tags

UNEVEN = 4.0  # the largest class has so many times the rows of the smallest: accuracy alone misleads
LEAK = 0.995  # a single column that is right this often gives the answer away
SAME_NAMES, SAME_NUMBERS = 0.75, 0.98  # from which on a column is the target by another name, but for some noise
LISTED = 20  # columns left out that are named
MANY_CLASSES = 1000  # from which on one asks whether they are any
LEAK_ROWS, LEAK_COLUMNS, REPEAT_COLUMNS = 3000, 60, 2000
AT_ONCE = 4_000_000  # numbers that are widened to 64 bits at a time


def check(prepared: Prepared) -> list[Finding]:
    """Everything found, what was repaired on the way included."""
    if prepared.raw.world is not None:  # there are no rows to look at
        return prepared.findings
    return [
        *prepared.findings,
        *_left_out(prepared),
        *_missing(prepared),
        *_unseen(prepared),
        *_classes(prepared),
        *check_tags(prepared),
        *(check_pictures(prepared) if isinstance(prepared.input, Image) else _duplicates(prepared)),
        *_leaks(prepared),
        *_dates(prepared),
        *_small(prepared),
    ]


def _left_out(prepared: Prepared) -> Iterator[Finding]:
    overrule = "If one is a number or a category after all: --set data.kinds.COLUMN=category"
    aside = (
        "columns of text left out beside others: to read one of them too, --set data.kinds.COLUMN=text",
        "It is read beside what is read already; COLUMN=leave-out leaves a column out.",
    )
    if prepared.raw.relation is not None:
        aside = "columns of text left out: nodes are known by numbers, categories and vectors", overrule
    for word, code, level, label, remedy in (
        ("constant", "C010", "repair", "constant columns left out", ""),
        ("empty", "C011", "repair", "empty columns left out", ""),
        ("id", "C012", "warning", "ids left out", overrule),
        ("aside", "C013", "warning", *aside),
        ("leave-out", "C014", "note", "columns not used as input", ""),
    ):
        found = [clean(n) for n, k in prepared.kinds.items() if k.name == word]
        if found:
            yield Finding(code, level, label, len(found), tuple(found[:LISTED]), remedy)


def _missing(prepared: Prepared) -> Iterator[Finding]:
    counts = {
        name: int(infer.missing(prepared.raw.columns[name]).sum())
        for name, kind in prepared.kinds.items()
        if kind.used and name != prepared.target_name
    }
    found = {n: c for n, c in counts.items() if c}
    if found:
        shown = tuple(f"{clean(n)} {c}" for n, c in sorted(found.items(), key=lambda item: -item[1])[:5])
        yield Finding(
            "C020",
            "note",
            f"{many(sum(found.values()), 'missing cell')} in {many(len(found), 'column')}: "
            + (
                "filled with the mean, and marked for the model; a missing category is one of its own"
                if isinstance(prepared.input, Row)
                else "marked as missing for the model"
            ),
            len(found),
            shown,
        )
    for name, kind in prepared.kinds.items():
        values = prepared.raw.columns[name]
        if kind.name == "vector" and values.dtype.kind == "f" and (count := int((~np.isfinite(values)).sum())):
            message = f"{many(count, 'number')} in '{clean(name)}' missing or infinite: filled with the mean"
            yield Finding("C021", "warning", message, count)
        if kind.name == "number" and values.dtype.kind == "f" and np.isinf(values).any():
            count = int(np.isinf(values).sum())
            yield Finding("C021", "warning", f"infinite numbers in '{clean(name)}' count as missing", count)
    far = _far(prepared)
    if far:
        message = f"values farther than {CLIP:.0f} spreads from the mean are brought in to there"
        shown = tuple(f"{clean(name)} {count}" for name, count in list(far.items())[:5])
        yield Finding("C023", "repair", message, sum(far.values()), shown)


def _far(prepared: Prepared) -> dict[str, int]:
    """Column → how many of its values are brought in, in any part; the column of the farthest first."""
    columns = {prepared.input_name: prepared.input} if prepared.row is None else prepared.input.columns
    found = {}
    for name, domain in columns.items():
        values = prepared.raw.columns.get(name, np.empty(0, object))
        if isinstance(domain, Number | Vector) and domain.clip and values.dtype.kind in "iuf":
            mean, spread = np.array(domain.mean), np.array(domain.spread)
            with np.errstate(over="ignore", invalid="ignore"):
                apart = np.abs(values / spread - mean / spread)
            apart = apart[np.isfinite(values)]
            if (count := int((apart > CLIP).sum())) > 0:
                found[name] = (float(apart.max()), count)
    return {name: count for name, (_, count) in sorted(found.items(), key=lambda item: -item[1][0])}


def _unseen(prepared: Prepared) -> Iterator[Finding]:
    if prepared.row is None:
        return
    counts: dict[str, int] = {}
    for part in ("valid", "test"):
        rows = prepared.parts[part]
        if len(rows):
            table = {name: prepared.raw.columns[name][rows] for name in prepared.input.columns}
            for name, count in prepared.input.unseen(table).items():
                counts[name] = counts.get(name, 0) + count
    if counts:
        yield Finding(
            "C022",
            "note",
            f"{many(sum(counts.values()), 'cell')} of valid and test hold a category that training has not "
            "(or only once): it counts as unknown",
            sum(counts.values()),
            tuple(f"{clean(n)} {c}" for n, c in list(counts.items())[:5]),
        )


def _classes(prepared: Prepared) -> Iterator[Finding]:
    if prepared.problem == "classification":
        counts = dict(zip(prepared.target.classes, prepared.target.counts, strict=True))
        yield from _few(prepared)
        yield from _same_numbers(prepared)
        rare = [clean(str(c)) for c, n in counts.items() if n < 5]
        if rare:
            yield Finding(
                "C030",
                "warning",
                "classes with fewer than 5 training rows: their scores mean little",
                len(rare),
                tuple(rare[:5]),
            )
        if uneven(prepared):
            yield Finding(
                "C031",
                "warning",
                f"the classes are uneven: {max(counts.values())} rows of '{clean(str(max(counts, key=counts.get)))}', "
                f"{min(counts.values())} of '{clean(str(min(counts, key=counts.get)))}'; accuracy alone misleads",
            )
    if prepared.problem == "multi-label":
        share = prepared.fields["train"]["target"].float().mean(dim=0).tolist()
        odd = [
            f"{clean(str(label))} {s:.0%}"
            for label, s in zip(prepared.target.classes, share, strict=True)
            if s < 0.05 or s > 0.95
        ]
        if odd:
            yield Finding(
                "C032", "warning", "labels that nearly every or nearly no training row has", len(odd), tuple(odd[:5])
            )


def _few(prepared: Prepared) -> Iterator[Finding]:
    labels = infer.present_values(prepared.raw.columns[prepared.target_name])
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():  # whole numbers, of which some are missing
        labels = labels.astype(np.int64)
    counts = Counter(str(label) for label in labels)
    few = [f"{clean(label, 30)} {count}" for label, count in counts.items() if count < 3]
    if few:
        yield Finding(
            "C033",
            "warning",
            "classes of 1 or 2 rows: too few to learn from, to choose by and to be examined on",
            len(few),
            tuple(few[:5]),
            "Add rows, join them with another class, or leave these rows out.",
        )
    if len(counts) > MANY_CLASSES:
        yield Finding("C034", "warning", f"{len(counts):,} classes: is the target an id, or a number?", len(counts))


def _same_numbers(prepared: Prepared) -> Iterator[Finding]:
    spelled: dict[float, list[str]] = {}
    for label in prepared.target.classes:
        if isinstance(label, str) and NUMERIC.fullmatch(label):
            spelled.setdefault(float(label), []).append(label)
    twice = tuple(" ".join(repr(label) for label in labels) for labels in spelled.values() if len(labels) > 1)
    if twice:
        message = "classes that are one number, written in several ways, are kept apart"
        yield Finding("C035", "warning", message, len(twice), twice[:5], "Write them alike if they are the same class.")


def uneven(prepared: Prepared) -> bool:
    """Whether the largest class outnumbers the smallest by far."""
    if prepared.problem != "classification":
        return False
    counts = [c for c in prepared.target.counts if c]
    return max(counts) >= UNEVEN * min(counts) and max(counts) >= 2 / len(counts) * 0.75 * sum(counts)


def _duplicates(prepared: Prepared) -> Iterator[Finding]:
    if prepared.raw.relation is not None:  # what tells nodes apart is also their surroundings
        return
    mark, one = row_marks(prepared), "picture" if prepared.problem == "generation" else "row"
    parts = {name: mark[rows] for name, rows in prepared.parts.items()}
    for part, learned in (("test", ("train", "valid")), ("valid", ("train",))):
        shared = np.isin(parts[part], np.concatenate([parts[name] for name in learned]))
        if shared.any():
            rows = prepared.parts[part][shared]
            labels = prepared.raw.labels
            shown = tuple(clean(str(labels[r]), 40) if labels is not None else f"row {r + 1}" for r in rows[:3])
            yield Finding(
                "C040",
                "warning",
                f"{many(len(rows), one)} of {part} ({len(rows) / len(parts[part]):.1%}) "
                f"{'stands' if len(rows) == 1 else 'stand'} in train as well"
                f"{', or in valid' if part == 'test' else ''}, alike in every column: the exam is that much too easy",
                len(rows),
                shown,
            )
    inside = len(parts["train"]) - len(np.unique(parts["train"]))
    if inside:
        message = f"{many(inside, one)} of train {'repeats' if inside == 1 else 'repeat'} another {one} of train"
        yield Finding("C041", "warning", message, inside)


def row_marks(prepared: Prepared) -> np.ndarray:
    """[N] one number a row, the same for rows that are alike in every column but ids."""
    mark = np.zeros(len(prepared.raw), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place, (name, values) in enumerate(prepared.raw.columns.items()):
            if prepared.kinds[name].name == "id" or (place and prepared.kinds[name].name == "leave-out"):
                continue
            mark = mark * np.uint64(0x9E3779B97F4A7C15) + _marks(values)
    return mark


def _marks(values: np.ndarray) -> np.ndarray:
    if values.dtype == object:
        return np.fromiter((_mark(v) for v in values), np.int64, len(values)).view(np.uint64)
    plain = np.ascontiguousarray(values).reshape(len(values), -1)
    if plain.dtype.kind in "fM":
        plain = plain.view(np.int64 if plain.dtype.itemsize == 8 else np.int32)
    odd = np.random.default_rng(plain.shape[1]).integers(1, 2**62, plain.shape[1], dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    total = np.zeros(len(values), dtype=np.uint64)
    rows = max(1, AT_ONCE // plain.shape[1])
    for start in range(0, len(values), rows):
        total[start : start + rows] = plain[start : start + rows].astype(np.int64).view(np.uint64) @ odd
    return total


def _mark(value: object) -> int:
    if isinstance(value, np.ndarray):
        return hash((value.shape, value.tobytes()))
    if isinstance(value, dict):  # a graph
        return hash(tuple(map(_mark, value.values())))
    return hash(tuple(value)) if isinstance(value, list | set) else hash(value)


def _leaks(prepared: Prepared) -> Iterator[Finding]:
    """Columns that give the target away all by themselves, found by a small tree on each."""
    if prepared.row is None or prepared.problem == "multi-label" or len(prepared.parts["train"]) < 40:
        return
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    fields = prepared.fields["train"]
    target = fields["target"].numpy()[:LEAK_ROWS]
    half = len(target) // 2
    if prepared.problem == "classification" and len(prepared.target.classes) > half:
        return  # nothing can be told of classes that hardly come twice
    input = fields["input"].known() if isinstance(fields["input"], Nodes) else fields["input"]
    number, category = input.get("number"), input.get("category")
    names = prepared.input.names_of_features()
    columns = [(n, number[:LEAK_ROWS, k].numpy()) for k, n in enumerate(names["number"])] if number is not None else []
    columns += (
        [(n, category[:LEAK_ROWS, k].numpy()) for k, n in enumerate(names["category"])] if category is not None else []
    )
    tree = DecisionTreeRegressor if prepared.problem == "regression" else DecisionTreeClassifier
    trivial = 0.0 if prepared.problem == "regression" else float(np.bincount(target[half:]).max() / len(target[half:]))
    if trivial > 0.95:
        return
    found = []
    for place, (name, values) in enumerate(columns[:REPEAT_COLUMNS]):
        repeats = values.min() < values.max() and _repeats(values, target)
        if values.min() == values.max() or not (repeats or place < LEAK_COLUMNS):
            continue
        fitted = tree(max_leaf_nodes=64, random_state=0).fit(values[:half, None], target[:half])
        score = fitted.score(values[half:, None], target[half:])
        if repeats or score >= LEAK:
            found.append(f"{name} {score:.3f}")
    if found:
        yield Finding(
            "C042",
            "warning",
            "columns that give the target away by themselves, each with its score",
            len(found),
            tuple(found[:5]),
            "Leave out what is not known before the answer is: --set data.kinds.COLUMN=leave-out",
        )


def _repeats(values: np.ndarray, target: np.ndarray) -> bool:
    """Whether `values` [N] are `target` [N] under other names or on another scale, but for one row in twenty.

    Few different answers: Cohen's kappa of the best naming, about one name an answer. Numbers: R² of a straight line
    through the nine in ten rows that lie closest to one.
    """
    answers, answer = np.unique(target, return_inverse=True)
    names, name = np.unique(values, return_inverse=True)
    if len(answers) <= infer.FEW_CLASSES:
        if abs(len(names) - len(answers)) > 1:
            return False
        together = np.zeros((len(names), len(answers)))
        np.add.at(together, (name, answer), 1)
        said = together.argmax(1)[name]
        by_chance = sum(np.mean(said == k) * np.mean(answer == k) for k in range(len(answers)))
        return bool(np.mean(said == answer) - by_chance >= SAME_NAMES * (1 - by_chance))
    slope, offset = np.polyfit(values, target, 1)
    apart = np.abs(target - slope * values - offset)
    close = apart <= np.quantile(apart, 0.9)
    spread = np.std(values[close]) * np.std(target[close])
    together = np.mean((values[close] - values[close].mean()) * (target[close] - target[close].mean()))
    return bool(spread > 0 and (together / spread) ** 2 >= SAME_NUMBERS)


def _dates(prepared: Prepared) -> Iterator[Finding]:
    """A time in the data, and an exam that does not heed it."""
    found = [clean(n) for n, k in prepared.kinds.items() if k.name == "date" and n != prepared.target_name]
    if found and prepared.how_split.startswith("at random"):
        yield Finding(
            "C043",
            "warning",
            "dates, but the exam is drawn at random: it asks about days that training has seen the days after",
            len(found),
            tuple(found[:5]),
            f"--time {found[0]} examines on the future; leave out a date that is only known after the answer.",
        )


def _small(prepared: Prepared) -> Iterator[Finding]:
    test = prepared.examples["test"]
    if test < 100 and prepared.unit != "tokens":
        yield Finding(
            "C050",
            "warning" if test < 30 else "note",
            f"the exam has only {many(test, prepared.unit.removesuffix('s'))}: its scores are rough"
            + ("; --folds 5 would examine every row" if prepared.how_split.startswith("at random") else ""),
            test,
        )
