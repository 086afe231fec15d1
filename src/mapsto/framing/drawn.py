"""Sheets of drawn pictures: while a run learns, and of what it has learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.core import disk
from mapsto.core.batch import Batch, over
from mapsto.core.nouns import Coder, Domain
from mapsto.core.text import clean
from mapsto.data.dataset import Examples
from mapsto.domains.category import Category
from mapsto.domains.sheet import png, sheet
from mapsto.domains.text import Text
from mapsto.export.drawing import returned, wanted
from mapsto.framing.prepare import Prepared
from mapsto.layers.pixels import bytes_of, scaled
from mapsto.learner import place
from mapsto.learner.fit import Report
from mapsto.learner.learner import Learner
from mapsto.objectives.denoising import Denoising
from mapsto.objectives.reconstruction import Reconstruction

FOLDER = "samples"  # in a run's folder
EACH, ROWS = 8, 10  # pictures in a row of a sheet, and rows at most
PAIRS, STEPS = 6, 12  # of a walk from one picture's code to another's: walks, and pictures of each
COURSE = 12  # pictures that show how one comes out of noise


class Sheets:
    """An observer that keeps a sheet of what is drawn, always from the same random numbers, after the first exam, the second, the
    fourth, the eighth …"""

    def __init__(self, folder: Path, learner: Learner, ready: Prepared):
        self.folder, self.learner, self.target = folder / FOLDER, learner, ready.target
        self.rows = [row for _, row in asked_for(ready)]

    def __call__(self, report: Report) -> None:
        exams = report.step // self.learner.exam_every
        if report.scores is None or not exams or exams & (exams - 1):
            return
        with self.learner.algorithm.update.judged():
            rows = [drawn(self.learner, self.target, row) for row in self.rows]
        self.folder.mkdir(exist_ok=True)
        disk.replace_file(self.folder / f"step-{report.step:08d}.png", png(sheet(rows)))


def sheets_of(ready: Prepared, learner: Learner, folder: Path) -> list[tuple[str, np.ndarray]]:
    """What the report of a run shows, each with a line about it."""
    rows = asked_for(ready)
    words = [name for name, _ in rows if name]
    about = f"drawn, a row each: {', '.join(words)}" if words else "drawn from random numbers"
    if isinstance(learner.objective, Reconstruction):
        about += "; which codes pictures have it never learned"
    found = [(about, sheet([drawn(learner, ready.target, row) for _, row in rows]))]
    found += _codes(ready, learner) + _courses(ready, learner)
    return found + [(f"after {step:,} steps", picture) for step, picture in kept(folder)]


def asked_for(ready: Prepared) -> list[tuple[str, Batch]]:
    """The rows of a sheet, each what it is of and the questions: every class, or some texts of the exam, or nothing."""
    values: list[Any] = [None] * EACH
    if isinstance(ready.input, Category) and ready.input.classes:
        values = ready.input.classes[:ROWS]
    elif isinstance(ready.input, Text):
        split = next(part for part in ("test", "valid", "train") if len(ready.parts[part]))
        values = list(dict.fromkeys(ready.raw.columns[ready.input_name][ready.parts[split]]))[:ROWS]
    alike = values[0] is not None  # then those below each other are drawn from the same random numbers
    return [
        ("" if value is None else clean(str(value), 40), wanted(ready.input, [value] * EACH, 0 if alike else k))
        for k, value in enumerate(values)
    ]


def drawn(learner: Learner, target: Domain, asked: Batch) -> list[np.ndarray]:
    """The pictures that a learner draws of these questions; leaves no trace on it."""
    return target.decode(learner.predict(learner.data.ready(over(asked, lambda t: t.to(learner.device)))).cpu())


def kept(folder: Path) -> Iterator[tuple[int, np.ndarray]]:
    """The sheets that a run kept while it learned, and after how many steps each."""
    from PIL import Image

    for path in sorted((folder / FOLDER).glob("step-*.png")):
        with Image.open(path) as picture:
            yield int(path.stem.removeprefix("step-")), np.asarray(picture)


@torch.inference_mode()
def _codes(ready: Prepared, learner: Learner) -> list[tuple[str, np.ndarray]]:
    """Of a model that has codes: what comes back of pictures of the exam, and walks between the codes of two of them."""
    model = learner.model
    if not isinstance(model, Coder):
        return []
    split = next(part for part in ("test", "valid", "train") if len(ready.parts[part]))
    view = Examples(ready.fields[split])
    count = min(2 * EACH, len(view))
    some = torch.arange(count) * len(view) // count  # evenly spread: a source may come class by class
    batch = learner.data.ready(over(view.gather(some), lambda t: t.to(learner.device)))
    with place.at_rest(model, learner.device, learner.seed):
        seen, back = (ready.target.decode(each.cpu()) for each in (batch["target"], returned(model, batch)))
        code = model.code(scaled(batch["target"]), batch["input"])
        walks = [
            ready.target.decode(_walk(model, code, batch, k).cpu()) for k in range(0, min(2 * PAIRS, len(some) - 1), 2)
        ]
    rows = [row for k in range(0, len(some), EACH) for row in (seen[k : k + EACH], back[k : k + EACH])]
    found = [("pictures of the exam, and below each what comes back from its code", sheet(rows))]
    if walks:
        found.append(("a latent walk in each row: from one picture's code to another's in even steps", sheet(walks)))
    return found


@torch.inference_mode()
def _courses(ready: Prepared, learner: Learner) -> list[tuple[str, np.ndarray]]:
    """Of who draws out of noise, how the first picture of each row of a sheet does."""
    objective = learner.objective
    if not isinstance(objective, Denoising):
        return []
    rows = []
    with place.at_rest(learner.model, learner.device, learner.seed):
        for _, asked in asked_for(ready):
            batch = learner.data.ready(over(asked, lambda t: t[:1].to(learner.device)))
            course = torch.cat(list(objective.course(learner.model, batch)))
            shown = torch.linspace(0, len(course) - 1, min(COURSE, len(course))).round().long()
            rows.append(ready.target.decode(course[shown.to(course.device)].cpu()))
    return [
        (
            f"how the first of each row comes out of noise, in {objective.strides} strides from left to right",
            sheet(rows),
        )
    ]


def _walk(model: Coder, code: Tensor, batch: Batch, k: int) -> Tensor:
    """Pictures drawn from codes between that of example k and that of the next; what is given is that of k."""
    share = torch.linspace(0, 1, STEPS, device=code.device)[:, None]
    told = over({"input": batch["input"]}, lambda t: t[[k] * STEPS])
    return bytes_of(model.drawn(code[k] + share * (code[k + 1] - code[k]), told["input"]))
