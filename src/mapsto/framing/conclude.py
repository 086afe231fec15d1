"""What came of a run: scores of the best weights, simple models beside it, the verdict; the function in its folder, the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

import mapsto
from mapsto.algorithms.update.sharded import is_sharded
from mapsto.core import names, world
from mapsto.core.nouns import Estimate, Scores, World
from mapsto.core.text import clean
from mapsto.domains.row import Row
from mapsto.export import bundle
from mapsto.export.function import Function
from mapsto.framing.acting import random_play
from mapsto.framing.doubts import mismatch_of, noise_of
from mapsto.framing.drawn import sheets_of
from mapsto.framing.judging import judge_of, judged
from mapsto.framing.report import report_of
from mapsto.framing.result import Plain, Result, plain_label, plain_mistake, plain_scores, strict
from mapsto.insight.baselines import Baseline, baselines
from mapsto.insight.labels import Label, by_label
from mapsto.insight.report import page
from mapsto.insight.verdict import Verdict, judge
from mapsto.learner.elsewhere import Elsewhere
from mapsto.learner.learner import Learner
from mapsto.learner.run import Run
from mapsto.learner.watch import Watch

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame
    from mapsto.framing.prepare import Prepared


WORST = 5  # mistakes about texts that result.json and the terminal have, too


def conclude(
    frame: Frame, folder: Run | Elsewhere, learner: Learner, seconds: float, watch: Watch, baseline_seconds: float
) -> Result:
    """Examine, compare, judge; write result.json, model/ and report.html. The learner ends with its best weights.

    Several processes examine together; what follows from the exam is the first one's, and the others wait for it.
    """
    last = learner.weights()
    steps = learner.step
    learner.take_best()
    watch.say("examining")
    scores = {
        s: found
        for s in ("train", "valid", "test")
        if (found := learner.evaluate(s, at_most=learner.objective.looks_at if s == "train" else 0))
    }
    ready = frame.prepared
    predictions = {
        split: torch.empty(0)  # what was done in an exam is not kept
        if isinstance(learner.data, World)
        else learner.data.predictions(learner, split, ready.looked_at.get(split))
        for split in ("valid", "test")
    }
    weights = {"best": learner.weights(), "last": last}
    written = None
    if isinstance(folder, Run):
        with world.alone():
            written = _write(
                frame, folder, learner, scores, predictions, weights, steps, seconds, watch, baseline_seconds
            )
    return Result(folder.path, world.firsts(written))


def _write(
    frame: Frame,
    folder: Run,
    learner: Learner,
    scores: dict[str, Scores],
    predictions: dict[str, torch.Tensor],
    weights: dict[str, dict[str, torch.Tensor]],
    steps: int,
    seconds: float,
    watch: Watch,
    baseline_seconds: float,
) -> Plain:
    """Compare and judge; write it all, and give back what stands in result.json. weights: the best and the last."""
    ready, problem = frame.prepared, frame.prepared.problem
    shares: dict[str, Estimate] = {}
    if who := frame.settings["run"]["judge"]:
        watch.say("before the judge")
        mine = Function(learner.model, learner.objective, ready.input, ready.target, {"input_name": ready.input_name})
        found = judged(
            mine, judge_of(who), ready, told=lambda done, count: watch.say(f"before the judge: {done:,} of {count:,}")
        )
        shares, exam = found.shares, "test" if "test" in scores else "valid"
        scores = {**scores, exam: {**scores[exam], **found.scores}}
    beside = _beside(ready, learner, baseline_seconds, watch)
    leading, measure = next(iter(learner.objective.measures(ready.target).items()))
    curve = curve_of(folder, leading)
    noise = noise_of(ready, predictions, beside)
    labels = _labels(ready, predictions)
    verdict = judge(
        problem,
        leading,
        measure.better,
        scores,
        {name: b.scores for name, b in beside.items()},
        curve,
        noise=noise,
        mismatch=mismatch_of(ready, learner.seed),
        counts=dict(zip(map(str, ready.target.classes), ready.target.counts, strict=True))
        if problem == "classification"
        else None,
        labels=labels,
        separate=ready.how_split.startswith("given"),
        linear=frame.settings["model"]["name"] == "linear",
        perfect=measure.perfect,
        text=ready.reads_words,
    )
    written = _plain(frame, learner, scores, beside, labels, verdict, steps, seconds)
    bundle.save(
        folder.path / "model",
        frame.built() if is_sharded(learner.model) else learner.model,
        weights,
        learner.objective,
        ready.input,
        ready.target,
        _about(frame, written, verdict),
    )
    watch.say("writing the report")
    report = report_of(
        frame, folder.environment(), written, verdict, curve, predictions, noise, learner.model, learner.objective
    )
    if problem == "generation" and not is_sharded(learner.model):
        report.sheets = sheets_of(ready, learner, folder.path)
        report.by_class, report.by_class_measure = shares, "share of what is drawn"
    folder.write("report.html", page(report))
    if ready.reads_words:
        written["worst"] = [plain_mistake(mistake) for mistake in report.mistakes[:WORST]]
    folder.write("result.json", json.dumps(written, indent=1, ensure_ascii=False))
    return written


def _plain(
    frame: Frame,
    learner: Learner,
    scores: dict[str, Scores],
    beside: dict[str, Baseline],
    labels: dict[str, Label],
    verdict: Verdict,
    steps: int,
    seconds: float,
) -> Plain:
    """What stands in result.json of all that was found."""
    ready, measures = frame.prepared, learner.objective.measures(frame.prepared.target)
    leading, measure = next(iter(measures.items()))
    signed = {name: measure.signature for name, measure in measures.items() if measure.signature}
    padding = learner.algorithm.experience.padding
    return strict(
        {
            "problem": ready.problem,
            "reads": names.name_of(type(ready.input)),
            "measure": leading,
            "better": measure.better,
            **({"signatures": signed} if signed else {}),
            "scores": {split: plain_scores(s) for split, s in scores.items()},
            "baselines": {
                name: {
                    **{split: plain_scores(s) for split, s in b.scores.items()},
                    "rows": b.rows,
                    "note": b.note,
                    "seconds": round(b.seconds, 3),
                }
                for name, b in beside.items()
            },
            **({"labels": {name: plain_label(label) for name, label in labels.items()}} if labels else {}),
            "verdict": verdict.to_json(),
            "steps": steps,
            "seconds": round(seconds, 3),
            "seed": learner.seed,
            "best": learner.best.describe(),
            "findings": [
                {"code": f.code, "level": f.level, "count": f.count, "message": str(f)} for f in frame.findings
            ],
            "examples": ready.examples,
            "parameters": sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
            **({"padding": padding} if padding else {}),
            "mapsto": mapsto.__version__,
        }
    )


def _about(frame: Frame, written: Plain, verdict: Verdict) -> Plain:
    """What a model folder says of where its function comes from, and of how its data were read."""
    ready, data = frame.prepared, frame.settings["data"]
    said = {**(ready.raw.shards.reading if ready.raw.shards else {}), **data}
    reading = {k: said[k] for k in ("columns", "encoding", "separator") if said.get(k)}
    asked = list(ready.input.columns) if isinstance(ready.input, Row) else []
    formats = {c: ready.raw.formats[c] for c in [*asked, ready.target_name] if c in ready.raw.formats}
    return {
        "mapsto": mapsto.__version__,
        "reading": {**reading, **({"formats": formats} if formats else {})},
        "data": clean(str(data["source"])),
        "target_name": ready.target_name,
        **({} if isinstance(ready.input, Row) else {"input_name": ready.input_name}),
        **({"window": data["window"]} if ready.unit == "tokens" else {}),
        "targets": data["target"],
        "scores": written["scores"],
        "verdict": verdict.advice,
        "best": written["best"],
    }


def _beside(ready: Prepared, learner: Learner, seconds: float, watch: Watch) -> dict[str, Baseline]:
    """Simple models on the same split; in a world, acting at random."""
    if isinstance(learner.data, World):
        return random_play(learner)
    outputs, looked_at = ready.target.outputs, ready.looked_at
    return baselines(
        learner.data, learner.objective, outputs, learner.seed, seconds, told=watch.say, looked_at=looked_at
    )


def curve_of(folder: Run, leading: str) -> list[Plain]:
    """The course of a run, as a verdict and a report read it."""
    points, history = [], folder.history()
    acted = any("seen" in line for line in history)  # then losses say nothing, and what episodes returned does
    for line in history:
        point, valid = {"step": line["step"]}, line.get("valid", {})
        if not acted:
            point["train_loss"] = sum(line.get("losses", {}).values())
        elif leading in line.get("seen", {}):
            point["train_score"] = line["seen"][leading]
        if leading in valid:
            point |= {"valid_score": valid[leading]}
            point |= {"valid_loss": valid["loss"]} if "loss" in valid else {}
        points.append(point)
    return points


def _labels(ready: Prepared, predictions: dict[str, torch.Tensor]) -> dict[str, Label]:
    """Each label's own figures on the exam: the test rows, or the validation rows where there are none."""
    split = "test" if len(predictions["test"]) else "valid"
    if ready.problem != "multi-label" or not len(predictions[split]):
        return {}
    truth, train = (ready.fields[s]["target"] for s in (split, "train"))
    return by_label(predictions[split].cpu(), truth, train, [clean(str(name)) for name in ready.target.classes])
