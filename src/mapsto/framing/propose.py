"""The four components for a task, each with its reason and what else there is. Only proposals: every one can be overruled."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from mapsto.core import names
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Solvable
from mapsto.core.text import clean
from mapsto.domains.image import Image
from mapsto.domains.text import Text
from mapsto.domains.whole_graph import WholeGraph
from mapsto.domains.words import Words
from mapsto.framing.check import uneven
from mapsto.framing.links import EDGES
from mapsto.framing.mistakes import GIVEN
from mapsto.framing.prepare import Prepared
from mapsto.framing.start import Start
from mapsto.measures.span_f1 import are_spans

Table = dict[str, Any]
TABLE_STEPS = 1200  # about how many updates a table is given
PLAIN_STEPS = 5000  # and a model that nothing is known about
FEW_PAIRS = 2000  # of sentences, below which a transformer has hardly begun to learn when it has seen them often enough
MANY_ROWS = 5000  # of a table, from which on learning by heart is not the first concern
PICTURE_MODELS = ("conv-net", "le-net", "alex-net", "vgg", "res-net")
TEXT_MODELS = ("prior", "bag-of-words", "bag-of-embeddings", "text-cnn", "recurrent", "bert")
TAGGERS = ("usual-tag", "recurrent")
EACH_MODELS = ("bert",)  # of them, those that fill in each token
TRANSLATORS = ("seq2-seq", "transformer")
LANGUAGE_MODELS = ("gpt", "n-gram")  # they say at every place what comes next
GRAPH_MODELS = ("gcn", "gat", "graph-sage", "gin")  # they see who is joined
WAVY_COLUMNS = 200  # of a table; more numbers are taken as they are, since waves make each of them five
MANY_NODES = 200_000  # of a graph, from which on a step sees a sample of it


@dataclass
class Proposal:
    """Written components, and for each the reason and the alternatives."""

    augment: list[Table]
    model: Table
    objective: Table
    algorithm: Table
    because: dict[str, str] = field(default_factory=dict)
    instead: dict[str, list[str]] = field(default_factory=dict)


def propose(prepared: Prepared, model: str | None = None, own: bool = False, start: Start | None = None) -> Proposal:
    """Fill in the four components. `model` is a registered name that is already settled; `own`: it is the user's module; `start`:
    what to go on from, which brings its model."""
    rows = prepared.examples["train"]
    picture, text = isinstance(prepared.input, Image), isinstance(prepared.input, Text | Words)
    translated, language = prepared.problem == "translation", prepared.problem == "language-model"
    graph, graphs = prepared.raw.relation is not None, isinstance(prepared.input, WholeGraph)
    of_kind = _picture_model if picture else _text_model if text else _table_model
    of_kind = _translator if translated else _graph_model if graph else _whole_graph_model if graphs else of_kind
    chosen, why_model = (_language_model if language else of_kind)(prepared, rows)
    if start is not None and not own:
        chosen, why_model = _started(start, prepared, model)
    elif own:
        chosen, why_model = {"name": "mlp"}, "you say so"  # a stand-in
    elif model is not None and names.squash(str(model)) != names.squash(chosen["name"]):
        chosen, why_model = {"name": model}, "you say so"
    cls = names.find("model", chosen["name"])
    objective, why_objective = _objective(prepared)
    if issubclass(cls, Solvable):
        algorithm, why_algorithm, augment, why_data = _solve(), "solved exactly in one step", [], ""
        if (looked_at := prepared.looked_at) and (some := len(looked_at["train"])) < rows:
            algorithm["experience"]["at_most"] = some
            why_algorithm += f"; of {some:,} of {rows:,} rows, for it needs them all in memory"
    else:
        augment, why_data = _augment(prepared) if picture else ([], "")
        plain = own or chosen["name"] == "linear" or (picture and chosen["name"] == "mlp")
        how = _picture_descent if picture else _text_descent if text else _table_descent
        how = _translating_descent if translated else _plain_descent if plain else how
        how = _language_descent if language else _reader_descent if chosen["name"] == "bert" else how
        how = _graph_descent if graph else _whole_graph_descent if graphs else how
        algorithm, why_algorithm = how(prepared, rows, chosen["name"])
        if start is not None and prepared.problem != "fill-in":
            algorithm, why_algorithm = _fine_tuning(algorithm, rows)
    shelf = [n for n in names.listed("model") if n != names.name_of(cls)]
    return Proposal(
        augment=[names.complete("augmentation", a) for a in augment],
        model=names.complete("model", chosen, without=GIVEN),
        objective=names.complete("objective", objective),
        algorithm={k: names.complete(k, v) for k, v in algorithm.items()},
        because={"data": why_data, "model": why_model, "objective": why_objective, "algorithm": why_algorithm},
        instead={
            "model": [] if start else [n for n in shelf if _reads(n, picture, text, prepared.problem, graph or graphs)],
            "objective": _other_objectives(prepared.problem, objective["name"]),
            "algorithm": [
                "optimizer sgd, adam",
                "schedule cosine, step-decay, constant",
                "until plateau, steps, minutes",
            ],
        },
    )


def _reads(model: str, picture: bool, text: bool, problem: str, graph: bool = False) -> bool:
    """Whether a model is for this kind of input, and for this kind of answer."""
    if model in GRAPH_MODELS:
        return graph
    if problem == "tagging" or model == "usual-tag":
        return problem == "tagging" and model in TAGGERS
    if problem == "language-model" or model in LANGUAGE_MODELS:
        return problem == "language-model" and model in LANGUAGE_MODELS
    if problem == "fill-in":
        return model in EACH_MODELS
    if problem == "translation" or model in TRANSLATORS:
        return problem == "translation" and model in TRANSLATORS
    if text or model in TEXT_MODELS:
        return text and model in TEXT_MODELS
    return picture or model not in PICTURE_MODELS


def _started(start: Start, prepared: Prepared, model: str | None) -> tuple[Table, str]:
    """The model that the body of an earlier run fits into."""
    chosen = start.proposed(prepared.problem)
    if model is not None and names.squash(str(model)) != names.squash(chosen["name"]):
        raise FrameError(
            f"{start.where} brings a {chosen['name']}, but the model is to be {clean(str(model), 40)}.",
            "Leave out one of them.",
            "F004",
        )
    return chosen, start.told(chosen, prepared.target.outputs, prepared.target)


def _text_model(prepared: Prepared, rows: int) -> tuple[Table, str]:
    if prepared.problem == "tagging":
        why = f"{rows:,} sentences: what a word is shows in its spelling and in the words on both sides of it"
        return {"name": "recurrent", "each": True, "forget": 0.1, "crf": _spans(prepared)}, why
    if prepared.problem == "fill-in":
        why = f"{rows:,} texts: what is hidden follows from what stands before and behind it"
        return {"name": "bert", "each": True, "tied": True}, why
    return {"name": "text-cnn"}, f"{rows:,} texts: short phrases say most of what a text is about, wherever they stand"


def _translator(prepared: Prepared, rows: int) -> tuple[Table, str]:
    why = f"{rows:,} pairs of texts: each word said is looked for among those that were read"
    if rows < FEW_PAIRS:
        return {"name": "seq2-seq", "dropout": 0.4}, f"{why}; few enough for a recurrent network to learn sooner"
    return {"name": "transformer"}, why


def _language_model(prepared: Prepared, tokens: int) -> tuple[Table, str]:
    width, depth, dropout = (64, 3, 0.2) if tokens < 200_000 else (128, 4, 0.0) if tokens < 3_000_000 else (256, 6, 0.0)
    context = prepared.fields["train"]["target"].length
    shape = {"width": width, "depth": depth, "heads": width // 32, "context": context, "dropout": dropout}
    size = (
        "a small one"
        if tokens < 200_000
        else "one that learns on a laptop"
        if tokens < 3_000_000
        else "one of some size"
    )
    return {"name": "gpt", **shape}, f"{tokens:,} tokens to learn from: {size}, which sees {context} of them at once"


def _picture_model(prepared: Prepared, rows: int) -> tuple[Table, str]:
    _, height, width = prepared.input.shape
    side = min(height, width)
    if side < 64:
        return {"name": "conv-net"}, f"pictures of {height}×{width} pixels: convolutions find the same thing anywhere"
    return {
        "name": "res-net",
        "depth": 18,
        "width": 32,
    }, f"pictures of {height}×{width} pixels need depth, and residual blocks make depth learnable"


def _graph_model(prepared: Prepared, rows: int) -> tuple[Table, str]:
    nodes, edges = len(prepared.raw.relation), len(prepared.raw.relation.edges)
    why = f"{nodes:,} nodes and {edges:,} edges: what a node is shows in its neighbours, those too whose answer nobody knows"
    if prepared.target_name == EDGES:
        return {
            "name": "gcn",
            "width": 64,
            "dropout": 0.5,
            "pairs": True,
        }, f"{why}; two are joined where they say the same"
    if nodes > MANY_NODES:
        return {
            "name": "graph-sage"
        }, f"{why}; too many to be looked at all at once, and a mean can be had from a sample"
    return {"name": "gcn"}, why


def _whole_graph_model(prepared: Prepared, rows: int) -> tuple[Table, str]:
    return {"name": "gin"}, f"{rows:,} graphs: sums over neighbours tell apart what means would not"


def _table_model(prepared: Prepared, rows: int) -> tuple[Table, str]:
    if rows < MANY_ROWS:
        shape: Table = {"width": 64 if rows < 1000 else 128, "depth": 2, "dropout": 0.3}
        why = "few enough to learn by heart, so dropout and a small network keep it from that"
    else:
        shape = {"width": 256, "depth": 3, "dropout": 0.2, "norm": "batch"}
        why = "enough for a network of some size"
    if _numbers(prepared) <= WAVY_COLUMNS:
        shape |= {"waves": 16, "frequency": 0.1 if rows < MANY_ROWS else 0.5}
        why += "; numbers are seen through waves, which bend where a straight line would not"
    return {"name": "mlp", **shape}, f"columns of a table in no particular order, {rows} rows to learn from: {why}"


def _numbers(prepared: Prepared) -> int:
    """How many numbers of a table a model sees a row."""
    shape = prepared.input.shape
    return sum(shape.get("number", [])) if isinstance(shape, dict) else math.prod(shape)


def _augment(prepared: Prepared) -> tuple[list[Table], str]:
    channels, height, width = prepared.input.shape
    pixels = max(1, round(min(height, width) / 12))
    changes: list[Table] = [{"name": "shift", "pixels": pixels}]
    if channels == 3:
        changes.append({"name": "flip"})
        return changes, f"a colour picture moved by up to {pixels} pixels, or seen in a mirror, shows the same thing"
    return (
        changes,
        f"a picture moved by up to {pixels} pixel{'s' * (pixels > 1)} shows the same thing; a mirrored digit or letter would not",
    )


def _objective(prepared: Prepared) -> tuple[Table, str]:
    if prepared.problem == "regression":
        return {"name": "squared-error"}, "numbers, whose mean is wanted; absolute-error where outliers should not pull"
    if prepared.problem == "language-model":
        return {"name": "next-token"}, f"at every place, one of {prepared.target.outputs:,} tokens comes next"
    if prepared.problem == "fill-in":
        return {
            "name": "masked-words"
        }, "hidden words of the text itself: no labels are needed, and what is learned serves others"
    if prepared.problem == "translation":
        return _translation(prepared), "tokens one after the other, each told from the text and the true ones before it"
    if prepared.problem == "multi-label":
        return {"name": "binary-cross-entropy"}, "several labels may be right at once: a yes or no for each"
    if prepared.problem == "tagging":
        return _tagging(prepared)
    if prepared.target_name == EDGES:
        return {
            "name": "cross-entropy",
            "judged_by": "auroc",
        }, "of two pairs, the joined one is to be told from the other"
    if uneven(prepared):
        counts = prepared.target.counts
        mean = sum(math.sqrt(c) for c in counts) / sum(counts)
        weights = [round(1 / math.sqrt(c) / mean, 4) if c else 0.0 for c in counts]
        return {"name": "cross-entropy", "weights": weights, "judged_by": "macro-f1"}, (
            f"one of {len(counts)} classes; they are uneven ({min(counts)} to {max(counts)} rows), so a rare one counts more "
            "(by the root of its rareness) and the run is judged by macro-F1, not accuracy"
        )
    return {"name": "cross-entropy"}, f"one of {len(prepared.target.classes)} classes"


def _translation(prepared: Prepared) -> Table:
    """Answers may be half as long again as any in training, alone or for their input."""
    asked, given = (prepared.fields["train"][end]["tokens"].lengths.double() for end in ("input", "target"))
    stretch = float((given / asked.clamp(min=1)).quantile(0.99))
    return {
        "name": "translation",
        "stretch": max(0.5, round(1.5 * stretch, 1)),
        "longest": round(1.5 * float(given.max())),
    }


def _tagging(prepared: Prepared) -> tuple[Table, str]:
    why = f"one of {len(prepared.target.classes)} tags for each word"
    if _spans(prepared):
        return {"name": "tagging", "judged_by": "span-f1"}, f"{why}; they mark spans, right as a whole or not at all"
    return {"name": "tagging"}, why


def _spans(prepared: Prepared) -> bool:
    return are_spans([str(tag) for tag in prepared.target.classes])


def _other_objectives(problem: str, name: str) -> list[str]:
    same = {
        "regression": ["squared-error", "absolute-error", "huber"],
        "classification": ["cross-entropy"],
        "multi-label": ["binary-cross-entropy"],
        "translation": ["translation"],
        "language-model": ["next-token"],
        "tagging": ["tagging"],
        "fill-in": ["masked-words"],
    }
    return [n for n in same[problem] if n != name]


def _solve() -> dict[str, Table]:
    return {"experience": {"name": "whole"}, "update": {"name": "solve"}, "until": {"name": "steps", "count": 1}}


def _picture_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    batch = 32 if rows < 2000 else 64 if rows < 10_000 else 128
    epochs = min(60, max(6, round(160 * rows**-0.3)))  # 20 for a thousand pictures, 10 for ten thousand, 6 for more
    more: Table = {}
    if min(prepared.input.shape[1:]) >= 24:
        more["precision"] = "auto"
    return _one_cycle(batch, epochs, 3e-3, 0.05, **more)


def _text_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    if prepared.problem == "tagging":
        epochs = min(40, max(6, round(200 * rows**-0.3)))  # 12 for twelve thousand sentences, 17 for four
        return _one_cycle(16 if rows < 2000 else 32, epochs, 3e-3, 0.05, clip=5.0)
    batch = 32 if rows < 2000 else 64
    epochs = min(40, max(5, round(160 * rows**-0.3)))
    return _one_cycle(batch, epochs, 2e-3, 0.05, precision="auto")


def _language_descent(prepared: Prepared, tokens: int, model: str) -> tuple[dict[str, Table], str]:
    epochs = min(30, max(1, round(10 * (1e6 / tokens) ** 0.5)))  # of a million tokens 10, of a hundred million 1
    rate = 3e-3 if tokens < 200_000 else 2e-3 if tokens < 3_000_000 else 1e-3  # larger models want smaller ones
    return _one_cycle(32, epochs, rate, 0.1, precision="auto", clip=1.0)


def _reader_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    batch = 32 if rows < 2000 else 64
    epochs = min(40, max(10, round(160 * rows**-0.25)))
    return _one_cycle(batch, epochs, 1e-3, 0.05, clip=1.0, precision="auto")


def _fine_tuning(algorithm: dict[str, Table], rows: int) -> tuple[dict[str, Table], str]:
    """What is there is changed little, and least where it is farthest from the answer."""
    batch, epochs = (16 if rows < 2000 else 32), min(20, max(3, round(60 * rows**-0.25)))
    made, _ = _one_cycle(batch, epochs, algorithm["update"]["learning_rate"] / 2, 0.01, clip=1.0, layer_rate=0.9)
    return made, "a body that has learned already is changed a little, and the less the farther from the answer"


def _translating_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    batch = 32 if rows < 5000 else 64 if rows < 20_000 else 128
    epochs = min(60, max(10, round(300 * rows**-0.3)))
    return _one_cycle(batch, epochs, 1e-3, 0.01, precision="auto", clip=1.0)


def _graph_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    if len(prepared.raw.relation) > MANY_NODES:
        made, why = _one_cycle(512, min(40, max(5, round(100 * rows**-0.2))), 5e-3, 0.01)
        return {
            **made,
            "experience": {"name": "neighbours", "batch_size": 512},
        }, f"a sample of neighbours at every step; {why}"
    links = prepared.target_name == EDGES
    update = {
        "name": "descend",
        "learning_rate": 0.01,
        "optimizer": {"name": "adam", "weight_decay": 0.0 if links else 5e-4},
        "schedule": {"name": "constant"},
    }
    until = {"name": "epochs", "count": 200}
    why = "all nodes at every step, as Kipf and Welling (2017) have it"
    if links:
        why = (
            "all edges at every step, and as many other pairs, drawn anew each time: those that are not joined are many"
        )
    made = {"experience": {"name": "pairs" if links else "whole"}, "update": update, "until": until}
    return made, f"{why}; the weights of the best exam are kept"


def _whole_graph_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    return _one_cycle(32 if rows < 5000 else 128, min(100, max(10, round(300 * rows**-0.2))), 5e-3, 0.01)


def _table_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    few = rows < MANY_ROWS
    batch = 32 if rows < 2000 else 64 if few else 256 if rows < 200_000 else 1024
    epochs = min(100, max(10, round(TABLE_STEPS * batch / rows)))
    # few rows make few and noisy steps: the average of the last of them is steadier, and strong decay does no harm
    return _one_cycle(batch, epochs, 3e-3, 1.0, ema=0.99) if few else _one_cycle(batch, epochs, 8e-3, 0.1)


def _plain_descent(prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
    """For models that nothing is known about."""
    batch = 32 if rows < 2000 else 64 if rows < 10_000 else 256 if rows < 200_000 else 1024
    epochs = min(200, max(10, round(PLAIN_STEPS * batch / rows)))
    return _one_cycle(batch, epochs, 1e-2 if model == "linear" else 2e-3, 0.02)


def _one_cycle(batch: int, epochs: int, rate: float, decay: float, **more: Any) -> tuple[dict[str, Table], str]:
    update = {
        "name": "descend",
        "learning_rate": rate,
        "optimizer": {"name": "adam-w", "weight_decay": decay},
        "schedule": {"name": "one-cycle"},
        **more,
    }
    return (
        {
            "experience": {"name": "passes", "batch_size": batch},
            "update": update,
            "until": {"name": "epochs", "count": epochs},
        },
        "a rate that rises once and falls to nothing needs the least tuning; the weights of the best epoch are kept",
    )
