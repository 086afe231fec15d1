"""The verbs, as functions: what the command line does, from Python, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mapsto.core import names
from mapsto.core.batch import Columns, over
from mapsto.core.errors import BadInput, Damaged, DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Finding, Raw, View, World
from mapsto.core.ragged import Ragged
from mapsto.core.reading import RESTORE
from mapsto.core.stop import Stop
from mapsto.core.text import clean, few, many
from mapsto.data.dataset import Dataset, Examples
from mapsto.data.linked import nodes_of, of_edges
from mapsto.data.read import read
from mapsto.data.shards import PARTS, Shards, is_shards
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.filled import Filled
from mapsto.domains.image import Image
from mapsto.domains.row import Row, text_in
from mapsto.domains.tags import Tags
from mapsto.domains.tokenizer import UNKNOWN
from mapsto.domains.words import Words
from mapsto.export import bundle
from mapsto.export.continuation import BLANK
from mapsto.export.function import Function
from mapsto.export.inputs import refuse_other_domains
from mapsto.framing import infer, settings
from mapsto.framing import train as training
from mapsto.framing.acting import same_world, world_of
from mapsto.framing.finished import finished
from mapsto.framing.generation import whatever_the_class
from mapsto.framing.judging import COUNT, judge_of, judged
from mapsto.framing.language import WINDOW, side_by_side, tokens_of
from mapsto.framing.looks import looks
from mapsto.framing.result import Result, plain_scores, strict
from mapsto.framing.source import frame, reopen
from mapsto.framing.tags import one_tag_a_word
from mapsto.framing.target import blanks_as_none, label_lists, row_labels, with_target
from mapsto.insight.attention_maps import AttentionMap
from mapsto.insight.attribution import Attribution, attributed
from mapsto.insight.nearest import nearest as nearest_tokens
from mapsto.learner.examinee import Examinee
from mapsto.learner.run import Run
from mapsto.learner.run import runs as run_folders
from mapsto.learner.watch import Watch


def check(source: Any, target: str | list[str] | None = None, **how: Any) -> list[Finding]:
    """Everything there is to say about the data before anything is learned, worst first. Arguments as `frame`.

    Data that cannot be learned from are not refused here: what keeps them from it are findings of level error.
    """
    found = Faults()
    with found.noting():
        found.extend(frame(source, target, **how).check())
    return found


def train(source: Any, target: str | list[str] | None = None, run: str | Path | None = None, **how: Any) -> Result:
    """Frame and train in one line. Arguments as `frame`; `run` names the run folder."""
    return frame(source, target, **how).train(run)


def resume(run: str | Path, source: Any = None, test: Any = None, watch: Watch | None = None, **how: Any) -> Result:
    """Continue a run where it stopped; a finished one is returned as it is. Data that were in memory are handed over again."""
    folder = Run(run)
    if (folder.path / "result.json").exists():
        return Result(folder.path, finished(folder))
    with Stop() as stop:
        stop.begun = folder.path
        again = reopen(folder.frame(), str(folder.path / "frame.toml"), source, test)
        return training.resume(run, again, watch, **how)


def evaluate(
    run: str | Path,
    source: Any = None,
    target: str | list[str] | None = None,
    drop_unseen: bool = False,
    judge: str | Path | None = None,
    count: int = COUNT,
    told: Callable[[int, int], None] = lambda done, count: None,
    **reading: Any,
) -> dict[str, Any]:
    """The exam of a learned function: on its run's own splits, or on other data with their answers.

    Returns {"run", "problem", "measure", "scores": {split: {measure: {"value", "low", "high", "n"}}}}; the split of other data is
    called test; shards have their own. Rows without an answer are counted in "left_out". A label that the function never saw
    is refused by name; with `drop_unseen`, rows with such a class are left out and counted too, and of several labels in a row
    those it never saw are counted in "unknown_labels" and the others examined.
    judge: a run that tells pictures apart, which is to look at `count` drawn by this one: its figures join those of the exam, and
    "shares" has how much of them is of each class (framing/judging.py). told: how many are drawn by now, and of how many.
    """
    f = bundle.load(run)
    counted: dict[str, Any] = {}
    if f.of_pairs and source is not None:
        raise BadInput(
            "who is joined is examined on edges that were taken out of the graph it was learned from, not on another graph.",
            f"Leave {source} out; to learn from it: mapsto train {source} --target edges",
            "F004",
        )
    if f.objective.problem == "acting":
        return strict(_played(f, run, source))
    if judge is not None and source is not None:
        raise BadInput("a judge compares with the pictures that a run was made of.", f"Leave {source} out.", "F004")
    if source is None:
        folder = Run(run)
        if chosen := finished(folder).get("model_from"):  # in folds: it knows the test rows of all folds but its own
            folder = Run(folder.path / Path(chosen).name)
        ready = reopen(folder.frame(), str(folder.path / "frame.toml")).prepared
        fields = ready.views(f.device, 0)
    elif isinstance(source, str | Path) and is_shards(Path(source)):
        shards = Shards(Path(source))
        refuse_other_domains(f, shards)
        fields = {part: shards.view(part) for part in PARTS}
    else:
        writes = f.objective.problem == "language-model"
        draws = f.objective.problem == "generation"
        raw = read(source, **{**f.about.get("reading", {}), **reading}, prose=writes, forgiving=draws)
        if draws:
            whatever_the_class(raw.findings).refuse()
        test, counted = (_text(f, raw), {}) if writes else _examples(f, raw, target, drop_unseen)
        none = over(test, lambda t: t[:0])
        fields = {"train": none, "valid": none, "test": test}
    data = Dataset(**fields, input=f.input, target=f.target)
    examinee = Examinee(f.model, f.objective, f.device)
    scores = {
        split: plain_scores(s)
        for split in fields
        if (s := data.exam(examinee, split, at_most=f.objective.looks_at if split == "train" else 0))
    }
    found = {
        "run": str(run),
        "problem": f.objective.problem,
        "measure": next(iter(f.objective.measures(f.target))),
        "scores": scores,
    }
    if judge is not None:
        told = judged(f, judge_of(str(judge)), ready, count, told=told)
        scores["test" if "test" in scores else "valid"] |= plain_scores(told.scores)
        counted["shares"] = plain_scores(told.shares)
    return strict(found | counted)


def _played(f: Function, run: str | Path, source: Any) -> dict[str, Any]:
    """`evaluate`, where an exam is episodes: of the run's own world, or of another."""
    world = own_world(run, f.device)[0] if source is None else same_world(f, read(source))
    examinee = Examinee(f.model, f.objective, f.device)
    scores = {s: plain_scores(found) for s in ("valid", "test") if (found := world.exam(examinee, s))}
    measure = next(iter(f.objective.measures(f.target)))
    return {"run": str(run), "problem": "acting", "measure": measure, "scores": scores}


def own_world(run: str | Path, device: torch.device | str = "cpu") -> tuple[World, Raw]:
    """The world that a run learned in, and what is known of it. BadInput where it was none."""
    folder = Run(run)
    where = str(folder.path / "frame.toml")
    if settings.loads(folder.frame(), where)["data"].get("world") is None:
        raise BadInput(
            f"{clean(str(run))} has learned from examples, not in a world.",
            "Name the run of a world: mapsto train env:cart-pole",
        )
    made = reopen(folder.frame(), where)
    return world_of(made.prepared.raw, made.settings["data"], device), made.prepared.raw


def why(run: str | Path | Function, raw: Any, answer: Any = None) -> Attribution | list[Attribution]:
    """Which words of a text spoke for the answer of a learned function, and which against it; of several texts, a list. Where
    columns stand beside the text, `raw` is a row.

    answer: the class that is asked about, instead of the one that the function gives.
    """
    f = run if isinstance(run, Function) else bundle.load(run)
    text = text_in(f.input)
    if text is None or f.objective.problem != "classification":
        raise BadInput(
            f"what spoke for an answer can be told of texts and their classes, but this is {f!r}.",
            "Ask a function that was trained on texts and labels.",
        )
    values, single = f.column(raw)
    if answer is not None and f.target.place(answer) < 0:
        raise BadInput(f"'{clean(str(answer), 40)}' is no class of {f!r}.", f"There are: {few(f.target.classes, 12)}.")
    view = f.view(values)
    said = f.encoded_predictions(view).argmax(1)
    asked = said if answer is None else said.new_full((len(said),), f.target.place(answer))
    found = []
    for i, value in enumerate(_raw(values) or [None] * len(view)):
        one = over(view.gather(torch.tensor([i])), lambda t: t.to(f.device))
        (told,) = attributed(f.model, text, one, asked[i : i + 1])
        found.append(told if value is None else replace(told, tokens=f.input.pieces(value)))
    return found[0] if single else found


def attention(
    run: str | Path | Function, raw: Any, layer: str = "", head: int = 0
) -> AttentionMap | list[AttentionMap]:
    """Where a learned function of texts looked, token by token; of several texts, a list. A translator's map is of its own answer.

    layer, head: see `attention_map`; the last layer and the mean over its heads unless they are said.
    """
    f = run if isinstance(run, Function) else bundle.load(run)
    if text_in(f.input) is None and not isinstance(f.input, Words):
        raise BadInput(f"only a function of texts looks at words, but this is {f!r}.", "Name another run.")
    values, single = f.column(raw)
    writes = f.objective.problem == "language-model"
    view = Examples({"input": _last_windows(f, values)}) if writes else f.view(values)
    answers = f.encoded_predictions(view) if f.objective.problem == "translation" else None
    texts = None if writes else _raw(values)
    found = list(looks(f.model, f.input, f.target, view, range(len(view)), texts, answers, layer, head))
    return found[0] if single else found


def nearest(run: str | Path | Function, word: str, count: int = 10) -> list[tuple[str, float]]:
    """The words that a learned function of texts takes to be most like `word`, with the cosine between their vectors."""
    f = run if isinstance(run, Function) else bundle.load(run)
    text = text_in(f.input)
    if text is None:
        raise BadInput(f"only a function of texts has vectors of words, but this is {f!r}.", "Name another run.")
    return nearest_tokens(f.model, text, word, count)


def _raw(values: Any) -> list | None:
    """The raw values of a column one by one, or the rows of several columns; None of a view, which has none."""
    if isinstance(values, View):
        return None
    if isinstance(values, Mapping):
        return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return list(values)


def _examples(f: Function, raw: Raw, target: str | list[str] | None, drop_unseen: bool) -> tuple[dict, dict[str, int]]:
    """All rows of `raw` that have an answer, encoded by the function's own domains; and what of them it could not give."""
    learned = (
        f.about["target_name"]
        if isinstance(f.target, Filled | Image)
        else f.about.get("targets") or f.about["target_name"]
    )
    raw, name = with_target(raw, target or learned, [])
    answers = raw.columns[name]
    if isinstance(f.target, Categories):
        answers = blanks_as_none(answers) if f.target.split_at else label_lists(blanks_as_none(answers))
    known = ~infer.missing(answers)
    if not drop_unseen:
        _refuse_unseen(f, raw, name, answers[known])
    encoded = f.target.encode(answers[known])
    right = np.ones(int(known.sum()), bool)
    if f.objective.problem == "classification":
        right = (encoded >= 0).numpy()
    elif isinstance(encoded, torch.Tensor):
        right = torch.isfinite(encoded.reshape(len(encoded), -1)).all(1).numpy()
    rows = known.nonzero()[0][right]
    if not len(rows):
        raise DataError(
            f"no row of {clean(raw.name)} has an answer this function can give in '{clean(name)}'.",
            f"It gives {f.target.describe()}.",
            "D132",
        )
    if isinstance(f.input, Row):
        input: Any = {n: raw.columns[n][rows] for n in raw.columns}
    elif isinstance(f.input, Category) and not f.input.classes:  # a picture of nothing in particular
        input = [None] * len(rows)
    else:
        input = raw.columns[_input_column(f, raw, name)][rows]
    counted = {"left_out": len(raw) - len(rows)}
    if isinstance(f.target, Categories | Tags):
        counted["unknown_labels"] = f.target.unseen(answers[rows]).total()
    if isinstance(f.target, Tags):
        one_tag_a_word(f.input, input, answers[rows], row_labels(raw)[rows])
    nodes = None if raw.relation is None else nodes_of(f.input, raw, of_edges(raw, f.about), rows)
    return {"input": nodes or f.input.encode(input), "target": f.target.encode(answers[rows])}, counted


def _text(f: Function, raw: Raw) -> Columns:
    """All text of `raw`, as a language model is examined on it."""
    column = raw.columns[_input_column(f, raw, "")]
    tokens = tokens_of(f.input, [str(text) for text in infer.present_values(column)])
    if len(tokens) < 2:
        raise DataError(f"{clean(raw.name)} holds no text to be examined on.", "Name a file with text.", "D132")
    return side_by_side(tokens, max(1, f.about.get("window", WINDOW)))


def _last_windows(f: Function, texts: Sequence[str]) -> dict[str, Ragged]:
    """Of each text the last tokens, as many as are seen at once."""
    window = max(1, f.about.get("window", WINDOW))
    rows = [f.input.tokens.encode([text or BLANK])[0][-window:] or [UNKNOWN] for text in texts]
    return {"tokens": Ragged.of(rows, dtype=torch.long)}


def _refuse_unseen(f: Function, raw: Raw, name: str, answers: np.ndarray) -> None:
    """DataError for labels that the function never saw: it can only be wrong about them."""
    if not isinstance(f.target, Category | Categories | Tags):
        return
    counts = f.target.unseen(answers)
    if counts:
        of = "word" if isinstance(f.target, Tags) else "row"
        said = ", ".join(f"'{clean(str(label), 40)}' in {many(n, of)}" for label, n in counts.most_common(5))
        raise DataError(
            f"the answers '{clean(name)}' of {clean(raw.name)} hold {many(len(counts), 'label')} that this function never "
            f"saw: {said}{' …' if len(counts) > 5 else ''}.",
            f"It gives {f.target.describe()}. Correct the labels, or leave them out: --drop-unseen",
            "D149",
        )


def _input_column(f: Function, raw: Raw, target: str) -> str:
    if f.about.get("input_name") in raw.columns:
        return f.about["input_name"]
    wanted = names.name_of(type(f.input))
    for name, values in raw.columns.items():
        if name != target and (raw.kinds.get(name) == wanted or infer.input_kind(values).name == wanted):
            return name
    raise DataError(
        f"{clean(raw.name)} holds no {wanted}, which this function takes.", "Name the kind of data it was trained on."
    )


def compare(*paths: str | Path) -> list[dict[str, Any]]:
    """Finished runs side by side, the best by their leading measure on the test split first."""
    if not paths:
        raise BadInput("nothing to compare.", "Name two or more runs: mapsto compare RUN RUN")
    rows = []
    for path in paths:
        folder = Run(path)
        result = finished(folder)
        model, about = _model_of(folder), folder.environment()
        rows.append(
            {
                "run": str(path),
                "data": str(about.get("exam", about.get("data", "")))[:12],
                "model": model,
                "parameters": result["parameters"],
                "measure": result["measure"],
                "better": result["better"],
                "valid": result["scores"].get("valid", {}).get(result["measure"]),
                "test": result["scores"].get("test", {}).get(result["measure"]),
                "seconds": result["seconds"],
                "limit": result["verdict"]["limit"],
                "seed": result["seed"],
            }
        )
    return sorted(rows, key=lambda row: (row["measure"], -_value(row)))


def _model_of(run: Run) -> str:
    model = settings.loads(run.frame(), str(run.path / "frame.toml")).get("model")
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        raise Damaged(f"{run.path / 'frame.toml'}: it names no model.", RESTORE, "M006")
    return model["name"]


def _value(row: dict[str, Any]) -> float:
    score = row["test"] or row["valid"]
    return row["better"] * score["value"] if score and score["value"] is not None else float("-inf")


def runs(folder: str | Path = "runs") -> list[dict[str, Any]]:
    """The runs in a folder: what was asked, how far each is, what came of it."""
    return [_row(run) for run in run_folders(folder)]


def _row(run: Run) -> dict[str, Any]:
    done = (run.path / "result.json").exists()
    row = {
        "run": str(run.path),
        "model": "–",
        "state": "damaged",
        "step": 0,
        "measure": None,
        "test": None,
        "seconds": None,
    }
    try:
        history, result = run.history(), finished(run) if done else {}
        row["model"] = _model_of(run)
    except BadInput:  # whoever asks about this one alone is told
        return row
    measure = result.get("measure")
    return row | {
        "state": "finished" if done else "can be resumed" if run.checkpoints() else "begun",
        "step": history[-1]["step"] if history else 0,
        "measure": measure,
        "test": result.get("scores", {}).get("test", {}).get(measure),
        "seconds": result.get("seconds"),
    }
