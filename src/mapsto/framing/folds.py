"""K-fold cross-validation: every row is examined once, by a function that has not seen it (Stone 1974; Kohavi 1995).

<run>/fold-1 … fold-K       ordinary runs, one a fold
<run>/result.json …         what they come to together
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mapsto
from mapsto.core import devices, names, world
from mapsto.core.errors import BadInput, FrameError
from mapsto.core.nouns import Estimate, Measure, Scores
from mapsto.core.state import read_folder, write_folder
from mapsto.core.stop import Stop, at_once
from mapsto.core.text import clean
from mapsto.framing import train as training
from mapsto.framing.card import text
from mapsto.framing.conclude import WORST, curve_of
from mapsto.framing.finished import finished
from mapsto.framing.result import Plain, Result, plain_scores, strict
from mapsto.insight.report import Mistake, Report, page
from mapsto.insight.verdict import Verdict, judge
from mapsto.learner.elsewhere import Elsewhere
from mapsto.learner.run import SAVE_SECONDS, Run
from mapsto.learner.watch import Unwatched, Watch
from mapsto.measures.interval import AT_MOST_ONE, SHARES

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame

SPLITS = ("train", "valid", "test")


def train_folds(
    frame: Frame,
    run: str | Path | None = None,
    watch: Watch | None = None,
    baseline_seconds: float = 30.0,
    save_seconds: float = SAVE_SECONDS,
) -> Result:
    """Train and judge once a fold in a new run folder, then all folds together.

    A figure is the mean over folds; its 95 % interval is that of a t distribution over them, n the rows examined in all.
    Folds share most of their training rows, so their scores are not independent and the interval is somewhat too narrow
    (Bengio and Grandvalet 2004). The function kept is that of the fold with the best validation score: `model_from`.
    Ctrl-C and SIGTERM leave a run that `resume` continues, and raise Interrupted. baseline_seconds: for each fold.
    """
    _refuse_many(frame)
    with Stop() as stop:
        first = frame.fold(0)
        learner = first.learner()
        learner.settle()
        with stop.held():
            pace = training.Pace(baseline_seconds, save_seconds)
            environment = {**training.environment(first, learner), **asdict(pace)}
            name, toml = training.run_name(frame), frame.toml()
            folder = training.first_opens(lambda: Run.create(run, name, toml, environment))
            return _go(frame, folder, watch, pace, stop)


def resume_folds(
    run: str | Path,
    frame: Frame,
    watch: Watch | None = None,
    baseline_seconds: float | None = None,
    save_seconds: float | None = None,
) -> Result:
    """Continue a run in folds: a finished fold stays as it is, a stopped one goes on, the others follow."""
    with Stop() as stop:
        world.join(devices.pick(frame.settings["run"]["device"]))
        folder = training.first_opens(lambda: Run(run))
        before = world.firsts(folder.environment() if isinstance(folder, Run) else None)
        if before.get("data") != frame.fold(0).prepared.digest:
            raise BadInput(
                f"the data are not those that {run} was started on: their encoded values differ.",
                "Restore them, or start a new run.",
            )
        pace = training.Pace.of(before, baseline_seconds=baseline_seconds, save_seconds=save_seconds)
        with stop.held():
            return _go(frame, folder, watch, pace, stop)


def pool(values: list[Plain], bounded: bool = False) -> Estimate:
    """The folds' figures of one measure as one. Folds where it is not defined do not count; bounded: it lies in [0, 1]."""
    from scipy.special import stdtrit

    n = sum(value["n"] for value in values)
    known = [value["value"] for value in values if value["value"] is not None]
    if not known:
        return Estimate(math.nan, math.nan, math.nan, n)
    mean = sum(known) / len(known)
    if len(known) < 2:
        return Estimate(mean, math.nan, math.nan, n)
    spread = math.sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1))
    half = float(stdtrit(len(known) - 1, 0.975)) * spread / math.sqrt(len(known))
    low, high = mean - half, mean + half
    return Estimate(mean, max(0.0, low), min(1.0, high), n) if bounded else Estimate(mean, low, high, n)


def _refuse_many(frame: Frame) -> None:
    folds, rows = frame.settings["data"]["split"]["folds"], len(frame.prepared.raw)
    if folds > rows // 2:
        message = f"{folds} folds of {rows} rows leave fewer than 2 rows to a fold."
        raise FrameError(message, "Ask for fewer: --folds 5", "F004")


def _go(frame: Frame, folder: Run | Elsewhere, watch: Watch | None, pace: training.Pace, stop: Stop) -> Result:
    watch, count = watch or Unwatched(), frame.settings["data"]["split"]["folds"]
    stop.begun = folder.path
    results = []
    with folder.locked(), at_once():
        for number in range(count):
            watch.say(f"fold {number + 1} of {count}")
            results.append(_fold(frame.fold(number), folder.path / f"fold-{number + 1}", watch, pace))
        with world.alone():
            together = _conclude(frame, folder, results) if isinstance(folder, Run) else None
        return Result(folder.path, world.firsts(together))


def _fold(frame: Frame, path: Path, watch: Watch, pace: training.Pace) -> Plain:
    """The result of one fold: as it is where it is finished, else from where it stopped or from the start."""
    ended = finished(Run(path)) if world.rank() == 0 and (path / "result.json").exists() else None
    ended, begun = world.firsts([ended, (path / "frame.toml").exists()])
    if ended:
        return ended
    if begun:
        return training.resume(path, frame, watch, **asdict(pace)).written
    return training.train(frame, path, watch, **asdict(pace)).written


def _conclude(frame: Frame, folder: Run, results: list[Plain]) -> Plain:
    leading, better = results[0]["measure"], results[0]["better"]
    best = max(range(len(results)), key=lambda k: _rank(results[k], leading, better))
    chosen = frame.fold(best)
    target = chosen.prepared.target
    measures = names.build("objective", chosen.settings["objective"]).measures(target)
    scores = _pooled([r["scores"] for r in results], measures)
    shared = [name for name in results[0]["baselines"] if all(name in r["baselines"] for r in results)]
    beside = {name: _pooled([r["baselines"][name] for r in results], measures) for name in shared}
    curve = curve_of(Run(folder.path / f"fold-{best + 1}"), leading)
    verdict = judge(
        results[0]["problem"],
        leading,
        better,
        scores,
        beside,
        curve,
        counts=dict(zip(map(str, target.classes), target.counts, strict=True))
        if results[0]["problem"] == "classification"
        else None,
        linear=frame.settings["model"]["name"] == "linear",
        perfect=measures[leading].perfect,
        text=chosen.prepared.reads_words,
    )
    worst = _worst(results)
    written = strict(
        {
            **{
                key: results[best][key]
                for key in ("problem", "measure", "better", "seed", "best", "findings", "parameters", "reads")
            },
            "scores": {split: plain_scores(found) for split, found in scores.items()},
            "baselines": {
                name: {
                    **{split: plain_scores(found) for split, found in splits.items()},
                    **{key: results[best]["baselines"][name][key] for key in ("rows", "note")},
                    "seconds": round(sum(r["baselines"][name]["seconds"] for r in results), 3),
                }
                for name, splits in beside.items()
            },
            "verdict": verdict.to_json(),
            "folds": [
                {"run": f"fold-{k + 1}", **{s: r["scores"][s][leading]["value"] for s in SPLITS if s in r["scores"]}}
                for k, r in enumerate(results)
            ],
            "model_from": f"fold-{best + 1}",
            "steps": sum(r["steps"] for r in results),
            "seconds": round(sum(r["seconds"] for r in results), 3),
            "examples": {split: sum(r["examples"][split] for r in results) for split in SPLITS},
            **({"worst": worst} if worst else {}),
            "mapsto": mapsto.__version__,
        }
    )
    files, _ = read_folder(folder.path / f"fold-{best + 1}" / "model")
    write_folder(folder.path / "model", files)
    folder.write("report.html", page(_report(chosen, folder, written, verdict, scores, beside, curve)))
    folder.write("result.json", json.dumps(written, indent=1, ensure_ascii=False))
    return written


def _pooled(folds: list[dict[str, Any]], measures: dict[str, Measure]) -> dict[str, Scores]:
    """Each fold's split → measure → figure, as one. What a fold has not been asked is left out for all."""
    return {
        split: {
            name: pool([fold[split][name] for fold in folds], isinstance(measure, SHARES + AT_MOST_ONE))
            for name, measure in measures.items()
            if all(name in fold[split] for fold in folds)
        }
        for split in SPLITS
        if all(split in fold for fold in folds)
    }


def _worst(results: list[Plain]) -> list[Plain]:
    """The worst mistakes about texts: the worst of each fold, then the second of each: as many as a run tells, or one a fold."""
    turns = zip_longest(*(result.get("worst", []) for result in results))
    told = [one for turn in turns for one in turn if one is not None]
    return told[: max(WORST, len(results))]


def _rank(result: Plain, leading: str, better: int) -> float:
    value = result["scores"].get("valid", {}).get(leading, {}).get("value")
    return -math.inf if value is None else better * value


def _report(
    chosen: Frame,
    folder: Run,
    written: Plain,
    verdict: Verdict,
    scores: dict[str, Scores],
    beside: dict[str, dict[str, Scores]],
    curve: list[Plain],
) -> Report:
    """The page about all folds; where single examples go wrong is told in full on the page of each fold."""
    ready, made = chosen.prepared, {k: str(v) for k, v in folder.environment().items() if k not in ("data", "exam")}
    return Report(
        title=f"{clean(str(chosen.settings['data']['source']).rsplit('/', 1)[-1])}: {clean(ready.target_name)}, "
        f"{len(written['folds'])} folds",
        task=f"{ready.input.describe()} ↦ {ready.target.describe()}",
        problem=ready.problem,
        measure=written["measure"],
        better=written["better"],
        verdict=verdict,
        scores=scores,
        baselines=beside,
        curve=curve,
        best_step=written["best"]["step"],
        card=text(chosen, with_price=False),
        findings=chosen.findings,
        mistakes=[_mistake(one) for one in written.get("worst", [])],
        made={
            **made,
            "folds": ", ".join(f"{f['run']}: {_or_nan(f.get('test')):.4f}" for f in written["folds"]),
            "function and curve from": written["model_from"],
            "steps": str(written["steps"]),
            "training": f"{written['seconds']:.1f} s",
        },
    )


def _mistake(told: Plain) -> Mistake:
    asked = {"asked": told["asked"]} if "asked" in told else {}
    return Mistake(told.get("true", "–"), told.get("said", "–"), label=told.get("label", ""), values=asked)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
