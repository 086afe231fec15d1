"""A finished run: its figures as plain values, its function, and how it reads in a terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.core.nouns import Estimate, Scores
from mapsto.core.text import clean
from mapsto.export import bundle
from mapsto.export.function import Function
from mapsto.insight.labels import Label
from mapsto.insight.words import counted

if TYPE_CHECKING:
    from mapsto.insight.report import Mistake

Plain = dict[str, Any]
LABELS_SAID = 20
WORST_SAID = 3
LONGEST = 400  # characters of a text that is quoted


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
    lines = [f"{'':24}{'train':>18}{'valid':>18}  {'test':>26}"]
    for name in now["scores"].get("test") or next(filter(None, now["scores"].values())):
        cells = [_cell(now["scores"].get(split, {}).get(name), split == "test") for split in ("train", "valid", "test")]
        lines.append(f"{name:24}{cells[0]:>18}{cells[1]:>18}  {cells[2]:>26}")
    lines += [f"{name}: {signed}" for name, signed in now.get("signatures", {}).items()]
    if now["baselines"]:
        exam = "test" if now["scores"].get("test") else "valid"
        about = counted(now["problem"]).about
        lines += ["", f"{now['measure']} beside simple models on the same {exam} {about}:"]
        beside = {name: b.get(exam, {}).get(now["measure"]) for name, b in now["baselines"].items()}
        for name, score in sorted(beside.items(), key=lambda item: -_order(item[1], now["better"])):
            note = now["baselines"][name].get("note", "")
            lines.append(f"  {name:22}{_cell(score, True):>26}{'  ' + note if note else ''}")
    lines += _labels_said(result.labels) + _worst_said(now.get("worst", []))
    verdict = now["verdict"]
    lines += [
        "",
        f"verdict   limit: {verdict['limit']}",
        f"          {verdict['advice']}",
        *(f"          {line}" for line in verdict["lines"]),
    ]
    return "\n".join(lines)


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


def plain_mistake(mistake: Mistake) -> Plain:
    """What was asked, the truth and the answer, in words; what is wrong in them stands between stars."""
    asked = " ".join(mistake.values.values())
    found = {"label": mistake.label, "asked": asked, "true": mistake.truth, "said": mistake.guess}
    return {name: short for name, words in found.items() if (short := clean(words.strip(), LONGEST))}


def strict(value: Any) -> Any:
    """Strict JSON has no NaN: a figure that is not defined is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    return value


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


def _worst_said(worst: list[Plain]) -> list[str]:
    """The worst mistakes about texts as plain lines."""
    lines = ["", "worst mistakes (more in report.html):"] if worst else []
    for one in worst[:WORST_SAID]:
        lines.append("  " + ": ".join(one[key] for key in ("label", "asked") if key in one))
        lines += [f"          {key}  {one[key]}" for key in ("true", "said") if key in one]
    return lines


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
