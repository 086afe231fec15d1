"""Drawn pictures before a judge: a classifier of one's own, which knows what such pictures are of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mapsto.algorithms.update.parts import parts_of
from mapsto.core.errors import BadInput, FrameError
from mapsto.core.nouns import Estimate, Scores
from mapsto.data.dataset import EXAM_BATCH
from mapsto.data.frames import objects
from mapsto.domains.category import Category, label
from mapsto.domains.image import Image
from mapsto.export import bundle
from mapsto.export.drawing import A_SEED
from mapsto.export.function import Function
from mapsto.framing.prepare import Prepared
from mapsto.measures.frechet_distance import cloud, frechet
from mapsto.measures.interval import wilson
from mapsto.measures.precise import precise

COUNT = 10_000  # pictures that are drawn for a judge
UNEVEN = 2.0  # times as many or as few as its even share, within which a class is covered


@dataclass(frozen=True)
class Judged:
    """What a judge says of drawn pictures, and how much it knows of such pictures.

    scores: "judge-distance", the Fréchet distance from the pictures of the exam in features of the judge (what its last layer
        sees: Heusel et al. 2017, arXiv:1706.08500, eq. 6, with another network); "judge-distance-of-data", that of as many training
        pictures, which is as near as one may hope to come; "classes-covered", how many classes have between half and twice their
        even share; "as-asked", the share that is of what was asked for, where that is known; and "judge-accuracy", the share of the
        exam's own pictures that it takes for what they are, without which it is no judge of them.
    shares: class → its share of what was drawn.
    """

    scores: Scores
    shares: dict[str, Estimate]


def judge_of(where: str) -> Function:
    """The classifier in a run or model folder. FrameError where it does not tell pictures apart."""
    judge = bundle.load(Path(where).expanduser())
    if judge.objective.problem != "classification" or not isinstance(judge.input, Image):
        raise FrameError(
            f"a judge tells of pictures which class they are of, but {where} holds {judge!r}.",
            "Name a run that learned to, such as one of `mapsto train mnist`.",
            "F004",
        )
    return judge


def judged(
    f: Function,
    judge: Function,
    ready: Prepared,
    count: int = COUNT,
    seed: int = 0,
    told: Callable[[int, int], None] = lambda done, count: None,
) -> Judged:
    """Draw `count` pictures by `f`, evenly of all classes or texts that it knows, and have `judge` look at them.

    ready: the data that `f` learned from, whose exam the pictures are compared with. told: how many are drawn by now, and
        of how many.
    """
    if f.objective.problem != "generation":
        raise BadInput(f"a judge is for functions that draw, but this is {f!r}.", "Leave --judge out.")
    split = "test" if len(ready.parts["test"]) else "valid"
    values, asked = _asked(f, judge, ready, split, count)
    drawn: list[np.ndarray] = []
    told(0, count)
    for k in range(0, count, EXAM_BATCH):
        drawn += f.target.decode(f.encoded_predictions(objects(values[k : k + EXAM_BATCH]), seed * A_SEED + k))
        told(len(drawn), count)
    features, guess = seen(judge, drawn)
    real, taken = seen(judge, f.target.decode(ready.fields[split]["target"]))
    learned = ready.fields["train"]["target"]
    every = torch.arange(min(count, len(learned))) * len(learned) // min(count, len(learned))
    known, _ = seen(judge, f.target.decode(learned[every]))
    classes = judge.target.classes
    counts = torch.bincount(guess, minlength=len(classes)).tolist()
    shares = {
        str(c): Estimate(n / count, *wilson(n / count, count), count) for c, n in zip(classes, counts, strict=True)
    }
    even = 1 / len(classes)
    covered = sum(even / UNEVEN <= share.value <= even * UNEVEN for share in shares.values())
    scores = {
        "judge-distance": _estimate(distance(real, features), count),
        "judge-distance-of-data": _estimate(distance(real, known), len(every)),
        "classes-covered": _estimate(covered, count),
    }
    if asked is not None and (there := asked >= 0).any():
        right = float((guess[there] == asked[there]).double().mean())
        n = int(there.sum())
        scores["as-asked"] = Estimate(right, *wilson(right, n), n)
    if (name := judge.about.get("target_name")) in ready.raw.columns:
        truth = torch.tensor(
            [judge.target.place(label(value)) for value in ready.raw.columns[name][ready.parts[split]]]
        )
        right = float((taken == truth).double().mean())
        scores["judge-accuracy"] = Estimate(right, *wilson(right, len(truth)), len(truth))
    return Judged(scores, shares)


@torch.inference_mode()
def seen(judge: Function, pictures: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Of each picture, uint8 [H, W] or [H, W, 3], what the judge's last part sees, [N, F], and the place of the class that it takes
    it for, [N]."""
    head = parts_of(judge.model)[-1]
    heard: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0].flatten(1).cpu()))
    guess = []
    try:
        for k in range(0, len(pictures), EXAM_BATCH):
            encoded = judge.input.encode(np.stack(pictures[k : k + EXAM_BATCH])).to(judge.device)
            batch = {"input": judge.input.ready(encoded)}
            guess.append(judge.objective.predict(judge.model, batch).argmax(1).cpu())
    finally:
        hook.remove()
    return torch.cat(heard), torch.cat(guess)


def distance(real: Tensor, drawn: Tensor) -> float:
    """The Fréchet distance of two clouds of features, [N, F] and [M, F]."""
    return float(frechet(*(part for side in (real, drawn) for part in cloud(precise(side), torch.ones(len(side))))))


def _asked(f: Function, judge: Function, ready: Prepared, split: str, count: int) -> tuple[list, Tensor | None]:
    """What `count` pictures are to be of, and which of the judge's classes each is then of, [count], −1 where it knows none; None
    where nobody says."""
    if isinstance(f.input, Category):
        classes = f.input.classes or [None]
        values = of = [classes[i * len(classes) // count] for i in range(count)]
    else:
        rows = ready.parts[split][np.arange(count) * len(ready.parts[split]) // count]
        values, name = list(ready.raw.columns[ready.input_name][rows]), judge.about.get("target_name")
        of = list(ready.raw.columns[name][rows]) if name in ready.raw.columns else [None]
    if of[0] is None:
        return values, None
    return values, torch.tensor([judge.target.place(label(value)) for value in of])


def _estimate(value: float, n: int) -> Estimate:
    return Estimate(value, math.nan, math.nan, n)
