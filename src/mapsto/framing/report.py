"""What the report page is told about a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from mapsto.algorithms.update.sharded import is_sharded
from mapsto.core.batch import over, size
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Estimate, Finding, Objective, Writer
from mapsto.core.text import clean, clean_lines, short
from mapsto.data.dataset import Examples
from mapsto.domains.image import Image
from mapsto.domains.row import text_in
from mapsto.domains.text import Text
from mapsto.export.continuation import continued
from mapsto.framing.acting import world_of
from mapsto.framing.card import text
from mapsto.framing.looks import looks, shown
from mapsto.framing.play import film, played, scene_of
from mapsto.framing.report_tags import tell_tags
from mapsto.framing.sentences import worst_sentences
from mapsto.framing.surprised import most_surprising
from mapsto.insight.attention_maps import attends
from mapsto.insight.attribution import attributed, words_of
from mapsto.insight.mistakes import worst
from mapsto.insight.noise import Noise
from mapsto.insight.report import Mistake, Report
from mapsto.insight.verdict import Verdict
from mapsto.layers.decoding import Sampling
from mapsto.measures.interval import estimate
from mapsto.measures.label_f1 import LabelF1
from mapsto.measures.macro_f1 import MacroF1

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame
    from mapsto.framing.prepare import Prepared

SHOWN = 12  # mistakes
CELLS = 8  # columns shown of a row that went wrong
MAPS = 2  # examples in which it is shown where the model looked
SAMPLES, BEGUN, WRITTEN = (
    3,
    60,
    300,
)  # texts that a language model goes on with; their characters, and tokens after them


def report_of(
    frame: Frame,
    environment: dict[str, Any],
    written: dict[str, Any],
    verdict: Verdict,
    curve: list[dict[str, float]],
    predictions: dict[str, torch.Tensor],
    noise: Noise | None,
    model: nn.Module,
    objective: Objective,
) -> Report:
    """Fill the report with the exam: of the test rows, or of the validation rows where there are none."""
    ready = frame.prepared
    split = "test" if size(ready.fields["test"]) else "valid"
    rows = ready.parts[split]
    guess, truth = predictions[split].cpu(), ready.fields[split]["target"]
    guess = guess.float() if guess.is_floating_point() else guess
    report = _headed(frame, environment, written, verdict, curve)
    if ready.problem == "translation" and len(guess):
        report.mistakes = worst_sentences(ready, guess, truth, split, SHOWN)
    asked = size(ready.fields[split]) > 0 and not is_sharded(model)
    if ready.problem == "language-model" and isinstance(model, Writer) and asked:
        report.samples = _samples(ready, model)
    if ready.problem in ("language-model", "fill-in") and asked:
        report.mistakes = most_surprising(ready, model, objective, split, SHOWN)
    if ready.reads_words and attends(model) and asked and ready.problem != "generation":
        view, answers = Examples(ready.fields[split]), guess if ready.problem == "translation" else None
        texts = None if ready.problem == "language-model" else ready.asked(rows)
        report.looks = list(looks(model, ready.input, ready.target, view, shown(view, MAPS), texts, answers))
    scene = None if ready.raw.world is None else scene_of(ready.raw)
    if scene is not None:
        device = next(model.parameters()).device
        world = world_of(ready.raw, frame.settings["data"], device).twin(1)
        moves = list(played(model, objective, world, 0))
        report.film, report.played = film(scene, moves), str(moves[-1])
    if ready.problem == "tagging":
        tell_tags(report, ready, split, guess, truth, SHOWN)
    if ready.problem not in FIGURES:
        return report
    FIGURES[ready.problem](report, ready, guess, truth)
    wrong = worst(guess.numpy(), truth.numpy(), SHOWN)
    report.mistakes = [_mistake(ready, int(rows[i]), guess[i], split) for i in wrong]
    read = text_in(ready.input) is not None and ready.problem == "classification"
    if read and len(wrong) and asked:
        report.mistakes = _heated(report.mistakes, ready, model, split, torch.from_numpy(wrong), guess)
    if noise is not None and noise.suspects and verdict.limit == "label-noise":
        held_out = np.concatenate([ready.parts[s] for s in ("valid", "test") if len(predictions[s])])
        all_guesses = torch.cat([predictions[s].cpu().float() for s in ("valid", "test") if len(predictions[s])])
        report.suspects = [_mistake(ready, int(held_out[i]), all_guesses[i], split) for i in noise.suspects[:SHOWN]]
    return report


def _headed(
    frame: Frame,
    environment: dict[str, Any],
    written: dict[str, Any],
    verdict: Verdict,
    curve: list[dict[str, float]],
) -> Report:
    """What every report has: the task, scores beside baselines, the verdict, the course of the run, and how it was made."""
    ready = frame.prepared
    made = {k: str(v) for k, v in environment.items() if k not in ("data", "exam")}
    return Report(
        title=f"{clean(str(frame.settings['data']['source']).rsplit('/', 1)[-1])}: {clean(ready.target_name)}",
        task=f"{ready.input.describe()} ↦ {ready.target.describe()}",
        problem=ready.problem,
        measure=written["measure"],
        better=written["better"],
        verdict=verdict,
        scores={s: _estimates(found) for s, found in written["scores"].items()},
        baselines={
            n: {s: _estimates(b[s]) for s in ("train", "valid", "test") if s in b}
            for n, b in written["baselines"].items()
        },
        curve=curve,
        best_step=written["best"]["step"],
        card=text(frame, with_price=False),
        findings=[Finding(f.code, f.level, f.message, f.count, f.examples) for f in frame.findings],
        made={
            **made,
            "steps": str(written["steps"]),
            "training": f"{written['seconds']:.1f} s",
            "seed": str(written["seed"]),
            "parameters": f"{written['parameters']:,}",
            **({"batches": written["padding"]} if "padding" in written else {}),
            **written.get("signatures", {}),
        },
    )


def _numbers(report: Report, ready: Prepared, guess: torch.Tensor, truth: torch.Tensor) -> None:
    report.predictions = ready.target.units(guess).numpy()
    report.truths = ready.target.units(truth).numpy()


def _classes(report: Report, ready: Prepared, guess: torch.Tensor, truth: torch.Tensor) -> None:
    classes, said = len(ready.target.classes), guess.argmax(1)
    report.classes = [clean(str(c), 30) for c in ready.target.classes]
    report.confusion = (
        torch.bincount(truth * classes + said, minlength=classes * classes).reshape(classes, classes).numpy()
    )
    report.stated, report.came = guess.max(1).values.numpy(), (said == truth).numpy()
    if classes > 2:
        report.by_class = {
            name: _f1(MacroF1(), torch.stack([1 - (said == c).float(), (said == c).float()], 1), (truth == c).long())
            for c, name in enumerate(report.classes)
        }


def _labels(report: Report, ready: Prepared, guess: torch.Tensor, truth: torch.Tensor) -> None:
    report.classes = [clean(str(c), 30) for c in ready.target.classes]
    report.by_class = {name: _f1(LabelF1(), guess[:, [k]], truth[:, [k]]) for k, name in enumerate(report.classes)}


FIGURES = {"regression": _numbers, "classification": _classes, "multi-label": _labels}


def _f1(measure: Any, guess: torch.Tensor, truth: torch.Tensor) -> Estimate:
    measure.update(guess, truth)
    return estimate(measure, replicates=50)


def _mistake(ready: Prepared, row: int, guess: torch.Tensor, split: str) -> Mistake:
    truth = ready.raw.columns[ready.target_name][row]
    answer = ready.target.decode(guess[None])[0]
    said = {
        "classification": clean(str(answer), 30),
        "regression": short(float(answer) if ready.problem == "regression" else 0.0),
        "multi-label": clean(", ".join(map(str, answer)) if ready.problem == "multi-label" else "", 60) or "none",
    }[ready.problem]
    mistake: dict[str, Any] = {"truth": ready.target.show(truth), "guess": said, "label": _name(ready, row)}
    if ready.problem == "classification":
        mistake["confidence"] = float(guess.max())
    if isinstance(ready.input, Image):
        column = next(n for n, k in ready.kinds.items() if k.name == "image")
        encoded = ready.input.encode(ready.raw.columns[column][row : row + 1])
        mistake["picture"] = ready.input.decode(encoded)[0]
    elif isinstance(ready.input, Text):
        mistake["values"] = {clean(ready.input_name): ready.input.show(ready.raw.columns[ready.input_name][row])}
    elif ready.row is not None:
        texts = ready.row.texts
        others = {name: domain for name, domain in ready.row.columns.items() if name not in texts}
        for part, columns in (("values", texts or others), ("beside", others if texts else {})):
            shown = list(columns.items())[:CELLS]
            mistake[part] = {clean(n): domain.show(_plain(ready.raw.columns[n][row])) for n, domain in shown}
    return Mistake(**mistake)


def _heated(
    mistakes: list[Mistake], ready: Prepared, model: nn.Module, split: str, wrong: torch.Tensor, guess: torch.Tensor
) -> list[Mistake]:
    """The same, with what spoke for each guess; as they are where a model does not read words by their vectors."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    batch = over(Examples(ready.fields[split]).gather(wrong), lambda t: t.to(device))
    try:
        found = attributed(model, text_in(ready.input), batch, guess[wrong].argmax(1))
    except FrameError:
        return mistakes
    texts = ready.asked(ready.parts[split][wrong.numpy()])
    told = [replace(one, tokens=ready.input.pieces(text)) for one, text in zip(found, texts, strict=True)]
    return [replace(mistake, heat=words_of(one)) for mistake, one in zip(mistakes, told, strict=True)]


def _samples(ready: Prepared, model: nn.Module) -> list[tuple[str, str]]:
    """Beginnings from the text of the exam, and how the model goes on with them."""
    part = "test" if len(ready.parts["test"]) else "valid"
    whole = str(ready.raw.columns[ready.target_name][ready.parts[part][0]])
    found = []
    for k in range(SAMPLES):
        place = k * len(whole) // SAMPLES
        begun = whole[place : place + BEGUN]
        said = "".join(continued(model, ready.input, begun, WRITTEN, Sampling(0.8, seed=k)))
        found.append((clean_lines(begun), clean_lines(said)))
    return found


def _name(ready: Prepared, row: int) -> str:
    return clean(str(ready.raw.labels[row]), 60) if ready.raw.labels is not None else f"row {row + 1}"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value


def _estimates(scores: dict[str, Any]) -> dict[str, Estimate]:
    nan = float("nan")
    return {
        n: Estimate(*(nan if s[k] is None else s[k] for k in ("value", "low", "high")), s["n"])
        for n, s in scores.items()
    }
