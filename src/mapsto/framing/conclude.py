"""What came of a run: scores of the best weights, simple models beside it, the verdict; the function in its folder, the report."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import mapsto
from mapsto.core.nouns import Estimate, Scores
from mapsto.core.stop import Stop
from mapsto.core.text import clean
from mapsto.domains.row import Row
from mapsto.export import bundle
from mapsto.export.function import Function
from mapsto.framing.report import report_of
from mapsto.insight.baselines import AT_MOST, Baseline, baselines
from mapsto.insight.labels import Label, by_label
from mapsto.insight.mismatch import Mismatch, tell_apart
from mapsto.insight.noise import Noise, contradictions
from mapsto.insight.report import page
from mapsto.insight.verdict import judge
from mapsto.learner.learner import Learner
from mapsto.learner.run import Run
from mapsto.learner.watch import Watch

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame
    from mapsto.framing.prepare import Prepared

Plain = dict[str, Any]
LABELS_SAID = 20


@dataclass(frozen=True)
class Result:
    """A finished run: `result.function(raw)`, `result.scores["test"]`, `result.verdict`, `result.path`."""

    path: Path
    written: Plain

    @property
    def function(self) -> Function:
        return bundle.load(self.path)

    @property
    def scores(self) -> Plain:
        """split → measure → {"value", "low", "high", "n"}; None where a figure is not defined."""
        return self.written["scores"]

    @property
    def baselines(self) -> Plain:
        return self.written["baselines"]

    @property
    def labels(self) -> Plain:
        """Of a problem of several labels, label → {"share", "present", "auroc", "f1"} on the exam; else nothing."""
        return self.written.get("labels", {})

    @property
    def verdict(self) -> Plain:
        return self.written["verdict"]

    def to_json(self) -> Plain:
        return {"run": str(self.path), **self.written}

    def __str__(self) -> str:
        return said(self)

    def __repr__(self) -> str:
        return f"<result of {self.path}: print it for its verdict>"


def said(result: Result) -> str:
    """The verdict as plain lines: scores by split, simple models beside them, the advice."""
    now = result.written
    lines = [f"{'':24}{'train':>18}{'valid':>18}{'test':>26}"]
    for name in now["scores"].get("test") or now["scores"]["train"]:
        cells = [_cell(now["scores"].get(split, {}).get(name), split == "test") for split in ("train", "valid", "test")]
        lines.append(f"{name:24}{cells[0]:>18}{cells[1]:>18}{cells[2]:>26}")
    if now["baselines"]:
        lines += ["", f"{now['measure']} beside simple models on the same test rows:"]
        test = {name: b.get("test", {}).get(now["measure"]) for name, b in now["baselines"].items()}
        for name, score in sorted(test.items(), key=lambda item: -_order(item[1], now["better"])):
            note = now["baselines"][name].get("note", "")
            lines.append(f"  {name:22}{_cell(score, True):>26}{'  ' + note if note else ''}")
    lines += _labels_said(result.labels)
    verdict = now["verdict"]
    lines += [
        "",
        f"verdict   limit: {verdict['limit']}",
        f"          {verdict['advice']}",
        *(f"          {line}" for line in verdict["lines"]),
    ]
    return "\n".join(lines)


def conclude(
    frame: Frame, folder: Run, learner: Learner, seconds: float, watch: Watch, baseline_seconds: float, stop: Stop
) -> Result:
    """Examine, compare, judge; write result.json, model/ and report.html. The learner ends with its best weights."""
    ready, problem = frame.prepared, frame.prepared.problem
    last = {name: tensor.detach().clone() for name, tensor in learner.model.state_dict().items()}
    steps = learner.step
    learner.take_best()
    watch.say("examining")
    scores = {
        s: found
        for s in ("train", "valid", "test")
        if (found := learner.evaluate(s, at_most=AT_MOST if s == "train" else 0))
    }
    predictions = {split: learner.data.predictions(learner, split) for split in ("valid", "test")}
    outputs = 1 if problem == "regression" else len(ready.target.classes)
    beside = baselines(
        learner.data,
        learner.objective,
        outputs,
        learner.seed,
        baseline_seconds,
        told=watch.say,
        stopped=lambda: bool(stop.asked),
    )
    leading, measure = next(iter(learner.objective.measures(ready.target).items()))
    curve = curve_of(folder, leading)
    noise = _noise(ready, predictions, beside)
    labels = _labels(ready, predictions)
    verdict = judge(
        problem,
        leading,
        measure.better,
        scores,
        {name: b.scores for name, b in beside.items()},
        curve,
        noise=noise,
        mismatch=_mismatch(ready, learner.seed),
        counts=dict(zip(map(str, ready.target.classes), ready.target.counts, strict=True))
        if problem == "classification"
        else None,
        labels=labels,
        separate=ready.how_split.startswith("given"),
        linear=frame.settings["model"]["name"] == "linear",
    )
    written = {
        "problem": problem,
        "measure": leading,
        "better": measure.better,
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
        "findings": [{"code": f.code, "level": f.level, "count": f.count, "message": str(f)} for f in frame.findings],
        "examples": {part: len(rows) for part, rows in ready.parts.items()},
        "parameters": sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
        "mapsto": mapsto.__version__,
    }
    written = strict(written)
    reading = {
        k: frame.settings["data"][k] for k in ("columns", "encoding", "separator") if frame.settings["data"].get(k)
    }
    read_as = ready.raw.formats
    asked = list(ready.input.columns) if isinstance(ready.input, Row) else []
    formats = {column: read_as[column] for column in [*asked, ready.target_name] if column in read_as}
    if formats:
        reading["formats"] = formats
    about = {
        "mapsto": mapsto.__version__,
        "reading": reading,
        "data": clean(str(frame.settings["data"]["source"])),
        "target_name": ready.target_name,
        "targets": frame.settings["data"]["target"],
        "scores": written["scores"],
        "verdict": verdict.advice,
        "best": written["best"],
    }
    bundle.save(
        folder.path / "model",
        learner.model,
        {"best": dict(learner.model.state_dict()), "last": last},
        learner.objective,
        ready.input,
        ready.target,
        about,
    )
    watch.say("writing the report")
    folder.write(
        "report.html", page(report_of(frame, folder.environment(), written, verdict, curve, predictions, noise))
    )
    folder.write("result.json", json.dumps(written, indent=1, ensure_ascii=False))
    return Result(folder.path, written)


def plain_scores(scores: Scores) -> Plain:
    return {name: plain_estimate(e) for name, e in scores.items() if name != "loss"}


def plain_estimate(estimate: Estimate) -> Plain:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def plain_label(label: Label) -> Plain:
    return {
        "share": label.share,
        "present": label.present,
        "auroc": plain_estimate(label.auroc),
        "f1": plain_estimate(label.f1),
    }


def strict(value: Any) -> Any:
    """Strict JSON has no NaN: a figure that is not defined is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    return value


def curve_of(folder: Run, leading: str) -> list[Plain]:
    """The course of a run, as a verdict and a report read it."""
    points = []
    for line in folder.history():
        point = {"step": line["step"], "train_loss": sum(line["losses"].values())}
        if "valid" in line:
            point |= {"valid_loss": line["valid"]["loss"], "valid_score": line["valid"][leading]}
        points.append(point)
    return points


def _noise(ready: Prepared, predictions: dict[str, torch.Tensor], beside: dict[str, Baseline]) -> Noise | None:
    """Wrong labels among the rows that nobody was trained on, where two kinds of model agree about them."""
    if ready.problem != "classification":
        return None
    others = [b for name, b in beside.items() if name not in ("majority", "mean", "decision-tree")]
    second = max(
        others, key=lambda b: b.scores["valid"]["accuracy"].value if "valid" in b.scores else -1.0, default=None
    )
    splits = [split for split in ("valid", "test") if len(predictions[split])]
    labels = np.concatenate([ready.fields[s]["target"].numpy() for s in splits])
    mine = np.concatenate([predictions[s].cpu().numpy() for s in splits])
    theirs = np.concatenate([second.predictions[s].cpu().numpy() for s in splits]) if second else None
    return contradictions(mine, labels, theirs)


def _labels(ready: Prepared, predictions: dict[str, torch.Tensor]) -> dict[str, Label]:
    """Each label's own figures on the exam: the test rows, or the validation rows where there are none."""
    split = "test" if len(predictions["test"]) else "valid"
    if ready.problem != "multi-label" or not len(predictions[split]):
        return {}
    truth, train = (ready.fields[s]["target"] for s in (split, "train"))
    return by_label(predictions[split].cpu(), truth, train, [clean(str(name)) for name in ready.target.classes])


def _labels_said(labels: Plain) -> list[str]:
    """The labels as plain lines, the least well told first; the best told are left out where there are many."""
    if not labels:
        return []
    order = sorted(labels, key=lambda name: _order(labels[name]["auroc"], 1))
    lines = ["", f"{'each label on the exam':24}{'of train':>9}{'of exam':>13}{'F1':>25}{'AUROC':>26}"]
    for name in order[:LABELS_SAID]:
        label = labels[name]
        there = f"{label['present']} of {label['auroc']['n']}"
        lines.append(
            f"  {clean(name, 21):22}{label['share']:>9.1%}{there:>13}"
            f"{_cell(label['f1'], True):>25}{_cell(label['auroc'], True):>26}"
        )
    if len(order) > LABELS_SAID:
        lines.append(f"  and {len(order) - LABELS_SAID} more that it tells better: see result.json")
    return lines


def _mismatch(ready: Prepared, seed: int) -> Mismatch | None:
    """Whether the exam's rows look unlike the training rows; asked only where they were not drawn at random."""
    if ready.how_split.startswith("at random") or not len(ready.parts["test"]):
        return None
    train, names = _features(ready, "train")
    # where time deals out the rows, it tells them apart by intention, and says nothing
    by_time = ready.how_split.startswith("by '")
    keep = [k for k, name in enumerate(names) if not (by_time and name.startswith(ready.how_split.split("'")[1]))]
    if not keep:
        return None
    return tell_apart(train[:, keep], _features(ready, "test")[0][:, keep], [names[k] for k in keep], seed)


def _features(ready: Prepared, split: str) -> tuple[np.ndarray, list[str]]:
    """Plain numbers a row: a table's columns; a picture's brightness and contrast, over all and over its quarters."""
    input = ready.fields[split]["input"]
    if isinstance(ready.input, Row):
        groups = ready.input.names_of_features()
        parts = [input[key].numpy().astype(np.float64) for key in ("number", "category") if key in input]
        return np.concatenate(parts, axis=1), [n for key in ("number", "category") if key in input for n in groups[key]]
    if input.ndim != 4:
        flat = input.reshape(len(input), -1).numpy()
        return flat, [f"number {i + 1}" for i in range(flat.shape[1])]
    height, width = input.shape[2] // 2, input.shape[3] // 2
    regions = {
        "all": input,
        "top left": input[..., :height, :width],
        "top right": input[..., :height, width:],
        "bottom left": input[..., height:, :width],
        "bottom right": input[..., height:, width:],
    }
    columns, names = [], []
    for where, region in regions.items():
        flat = region.flatten(2).float()
        for channel in range(flat.shape[1]):
            columns += [flat[:, channel].mean(1), flat[:, channel].std(1)]
            names += [f"brightness {where} {channel}", f"contrast {where} {channel}"]
    return torch.stack(columns, dim=1).numpy(), names


def _cell(score: Plain | None, interval: bool) -> str:
    if score is None or score["value"] is None:
        return "–"
    value = f"{score['value']:.4f}" if abs(score["value"]) < 100 else f"{score['value']:,.0f}"
    if not interval or score["low"] is None:
        return value
    low, high = (f"{score[k]:.3f}" if abs(score["value"]) < 100 else f"{score[k]:,.0f}" for k in ("low", "high"))
    return f"{value} [{low}, {high}]"


def _order(score: Plain | None, better: int) -> float:
    return -math.inf if score is None or score["value"] is None else better * score["value"]
