"""One self-contained page about a run: no script, no request to anywhere, and data is never taken for markup."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass, field
from html import escape

import numpy as np

from mapsto.core.nouns import Estimate, Finding, Problem, Scores
from mapsto.insight import figures
from mapsto.insight.attention_maps import AttentionMap
from mapsto.insight.evidence import SPLITS, TRIVIAL
from mapsto.insight.marked import Marked, runs
from mapsto.insight.verdict import DEEP, Verdict
from mapsto.insight.words import counted, the, words

SHEET = 640  # pixels about which a sheet is wide
LIMITS = {
    "capacity": "limited by capacity",
    "data": "limited by data",
    "label-noise": "limited by its labels",
    "mismatch": "tested on something else",
    "none": "no single limit",
}


@dataclass(frozen=True)
class Mistake:
    """One example that went wrong, in words a person reads. `picture` is uint8 [H, W] or [H, W, C]."""

    truth: str
    guess: str
    confidence: float | None = None  # in the guess, 0 to 1
    label: str = ""  # which example: a file name, a row number
    picture: np.ndarray | None = None
    values: dict[str, str] = field(default_factory=dict)  # its columns, where it is a row
    beside: dict[str, str] = field(default_factory=dict)  # of a row with a text, its other columns
    heat: list[tuple[str, float]] = field(
        default_factory=list
    )  # its words, and how much each spoke for the guess, or how little it was expected, −1 to 1
    wanted: Marked = field(default_factory=list)  # of an answer in words: the true one, marked where it was missed
    said: Marked = field(default_factory=list)  # and the one that was given, marked where it is wrong


@dataclass
class Report:
    """Everything the page tells: plain values, filled in by who ran the run. What is absent is left out of the page."""

    title: str
    task: str  # "sex, age, fare ↦ survived"
    problem: Problem
    measure: str  # the leading one
    better: int
    verdict: Verdict
    scores: dict[str, Scores]  # split → measure → estimate
    baselines: dict[str, dict[str, Scores]] = field(default_factory=dict)  # name → split → measure → estimate
    curve: list[dict[str, float]] = field(default_factory=list)  # step; train_loss, valid_loss, …_score: see `judge`
    best_step: int | None = None
    classes: list[str] = field(default_factory=list)
    confusion: np.ndarray | None = None  # [C, C] counts, true × predicted
    by_class: dict[str, Estimate] = field(default_factory=dict)  # class or label → how well it does on it
    by_class_measure: str = "F1"
    stated: np.ndarray | None = None  # [N] how sure each prediction was
    came: np.ndarray | None = None  # [N] whether it came true
    predictions: np.ndarray | None = None  # [N] numbers
    truths: np.ndarray | None = None  # [N] numbers
    mistakes: list[Mistake] = field(default_factory=list)  # worst first
    suspects: list[Mistake] = field(default_factory=list)  # labels that may be wrong, worst first
    samples: list[tuple[str, str]] = field(default_factory=list)  # beginnings, and how a language model goes on
    sheets: list[tuple[str, np.ndarray]] = field(
        default_factory=list
    )  # of drawn pictures, uint8 [H, W] or [H, W, 3], and a line each
    looks: list[AttentionMap] = field(default_factory=list)  # where it looked in examples of the exam
    film: bytes = b""  # an episode that it played, as an animated GIF
    played: str = ""  # and what came of it
    card: str = ""  # the frame, as it prints
    findings: list[Finding] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)  # environment, seed, steps, seconds …


def page(report: Report) -> str:
    """The report as one HTML document."""
    sections = [
        _verdict(report),
        _section("Scores", _scores(report)),
        _section("Beside simpler models", _baselines(report)),
        _section("How it learned", _curves(report)),
        _section("Where it goes wrong", _errors(report)),
        _section("Its worst mistakes", _worst(report)),
        _section("An episode", _film(report)),
        _section("How it goes on", _samples(report.samples)),
        _section("What it draws", _sheets(report.sheets)),
        _section("Where it looks", _looks(report.looks)),
        _section("Labels to look at first", _examples(report.suspects)),
        _section("What the check found", _findings(report.findings)),
        _section("The frame", f"<pre>{escape(report.card)}</pre>" if report.card else ""),
        _section("How it was made", _made(report.made)),
    ]
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-{digest}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(report.title)} · mapsto</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<h1>{escape(report.title)}</h1>
<p class="task">{escape(report.task)}</p>
</header>
{"".join(sections)}
</main>
</body>
</html>
"""


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n" if content else ""


def _verdict(report: Report) -> str:
    verdict = report.verdict
    take = "take the deep model" if verdict.take == DEEP else f"take {the(verdict.take)}"
    if verdict.take in TRIVIAL:
        take = "nothing learned yet"
    exam = next((s for s in ("test", "valid") if report.measure in report.scores.get(s, {})), None)
    figure = ""
    if exam:
        estimate = report.scores[exam][report.measure]
        figure = (
            f'<div class="figure"><span class="value">{escape(words(estimate))}</span>'
            f"<span>{escape(report.measure)} of the deep model on {estimate.n:,} {SPLITS[exam]} "
            f"{counted(report.problem).drawn}</span></div>"
        )
    lines = "".join(f"<li>{escape(line)}</li>" for line in verdict.lines)
    return f"""<section class="verdict">
<p class="chips"><span>{escape(LIMITS[verdict.limit])}</span><span>{escape(take)}</span></p>
<p class="advice">{escape(verdict.advice)}</p>
{figure}
<ul>{lines}</ul>
</section>
"""


def _scores(report: Report) -> str:
    splits = [split for split in SPLITS if report.scores.get(split)]
    if not splits:
        return ""
    measures = list(dict.fromkeys(name for split in splits for name in report.scores[split]))
    rows = [
        [name, *(words(report.scores[split][name]) if name in report.scores[split] else "–" for split in splits)]
        for name in measures
    ]
    sizes = [next(iter(report.scores[split].values())).n for split in splits]
    rows.append([counted(report.problem).drawn, *(f"{n:,}" for n in sizes)])
    head = ["", *(SPLITS[split] for split in splits)]
    note = "± spans a 95 % interval: what other examples from the same source could have given."
    return _table(head, rows, strong=report.measure) + f'<p class="note">{note}</p>'


def _baselines(report: Report) -> str:
    deep = "deep model"
    told = {deep: report.scores} | report.baselines
    exam = next((s for s in ("test", "valid") if any(report.measure in t.get(s, {}) for t in told.values())), None)
    if exam is None or not report.baselines:
        return ""
    told = {
        name.replace("-", " "): {s: t[s][report.measure] for s in SPLITS if report.measure in t.get(s, {})}
        for name, t in told.items()
    }
    values = {name: t[exam] for name, t in told.items() if exam in t}
    where = f"{SPLITS[exam]} {counted(report.problem).about}"
    chart = figures.baseline_bars(values, f"{report.measure} on {where}", report.better, deep)
    splits = [s for s in SPLITS if any(s in t for t in told.values())]
    rows = [[name, *(words(t[s]) if s in t else "–" for s in splits)] for name, t in told.items()]
    table = _table(["", *(SPLITS[s] for s in splits)], rows, strong=deep)
    return _charts((chart, f"{report.measure} of the deep model and of simpler ones")) + table


def _curves(report: Report) -> str:
    charts = []
    if _has(report.curve, "train_loss", "valid_loss"):
        charts.append((figures.loss_curve(report.curve, report.best_step), "loss over steps"))
    if _has(report.curve, "train_score", "valid_score"):
        chart = figures.score_curve(report.curve, report.measure, report.best_step)
        charts.append((chart, f"{report.measure} over steps"))
    return _charts(*charts)


def _has(curve: list[dict[str, float]], *keys: str) -> bool:
    return any(point.get(key) is not None for point in curve for key in keys)


def _errors(report: Report) -> str:
    charts, notes = [], ""
    if report.confusion is not None:
        charts.append((figures.confusion(report.confusion, report.classes), "true classes by predicted classes"))
        notes = _confused(report.confusion, report.classes)
    if report.predictions is not None and report.truths is not None:
        charts.append((figures.predicted_and_true(report.predictions, report.truths), "predicted over true numbers"))
        charts.append((figures.residuals(report.predictions, report.truths), "true minus predicted, over predicted"))
    if report.by_class:
        chart = figures.class_bars(report.by_class, report.by_class_measure)
        charts.append((chart, f"{report.by_class_measure} of each class, worst first"))
    if report.stated is not None and report.came is not None:
        charts.append((figures.calibration(report.stated, report.came), "how often it was right over how sure it was"))
    return _charts(*charts) + notes


def _confused(matrix: np.ndarray, classes: list[str], most: int = 5) -> str:
    """The commonest confusions in words: a large matrix shows where, and not how many."""
    wrong = matrix * (1 - np.eye(len(classes), dtype=matrix.dtype))
    pairs = [divmod(int(k), len(classes)) for k in np.argsort(-wrong, axis=None, kind="stable")[:most]]
    told = [f"{classes[i]} for {classes[j]} ({int(wrong[i, j]):,})" for i, j in pairs if wrong[i, j]]
    return f'<p class="note">Most often it took {escape("; ".join(told))}.</p>' if told else ""


def _examples(mistakes: list[Mistake]) -> str:
    if not mistakes:
        return ""
    if all(m.picture is not None for m in mistakes):
        return f'<div class="pictures">{"".join(map(_picture, mistakes))}</div>'
    if all(m.heat for m in mistakes):
        return "".join(map(_heated, mistakes)) + f'<p class="note">{HEAT}</p>'
    columns = list(dict.fromkeys(name for m in mistakes for name in m.values | m.beside))
    head = ["", "true", "predicted", "sure", *columns]
    rows = [
        [m.label, m.truth, m.guess, _percent(m.confidence), *((m.values | m.beside).get(name, "–") for name in columns)]
        for m in mistakes
    ]
    if all(m.confidence is None for m in mistakes):
        head, rows = [h for h in head if h != "sure"], [[*row[:3], *row[4:]] for row in rows]
    return _table(head, rows)


def _worst(report: Report) -> str:
    """A text that was said beside the true one, or the examples that went wrong."""
    if not report.mistakes or not any(m.wanted for m in report.mistakes):
        return _examples(report.mistakes)
    note = SURPRISE if report.problem == "language-model" else MARKS
    return "".join(map(_sentence, report.mistakes)) + f'<p class="note">{note}</p>'


def _sentence(mistake: Mistake) -> str:
    """What was asked, what was wanted and what was said, one under the other; of a text alone, how little was expected of it."""
    asked = ": ".join([mistake.label, *mistake.values.values()])
    if mistake.heat:
        lines = ["".join(f'<span class="{_shade(share)}">{escape(piece)}</span>' for piece, share in mistake.heat)]
    else:
        pairs = (("true", mistake.wanted, "missed"), ("said", mistake.said, "wrong"))
        lines = [f"<small>{what}</small> {_marks(pieces, mark)}" for what, pieces, mark in pairs]
    return f'<p class="heat"><small>{escape(asked)}</small><br>{"<br>".join(lines)}</p>'


def _marks(pieces: Marked, mark: str) -> str:
    return "".join(
        f'<mark class="{mark}">{escape(text)}</mark>' if marked else escape(text) for text, marked in runs(pieces)
    )


def _picture(mistake: Mistake) -> str:
    sure = f" <small>{_percent(mistake.confidence)}</small>" if mistake.confidence is not None else ""
    small = max(mistake.picture.shape[:2]) <= 56
    return (
        f'<figure><img{" class=pixels" if small else ""} src="{figures.photograph(mistake.picture)}" '
        f'alt="{escape(mistake.label or mistake.truth)}" title="{escape(mistake.label)}">'
        f"<figcaption>{escape(mistake.truth)} → <b>{escape(mistake.guess)}</b>{sure}</figcaption></figure>"
    )


def _heated(mistake: Mistake) -> str:
    """Its words, shaded by how much they spoke for the guess, or against it."""
    words = " ".join(f'<span class="{_shade(share)}">{escape(word)}</span>' for word, share in mistake.heat)
    sure = f" <small>{_percent(mistake.confidence)}</small>" if mistake.confidence is not None else ""
    beside = "; ".join(f"{name} {value}" for name, value in mistake.beside.items())
    return (
        f'<p class="heat"><small>{escape(mistake.label)}</small> {escape(mistake.truth)} → '
        f"<b>{escape(mistake.guess)}</b>{sure}<br>{words}{beside and f'<br><small>{escape(beside)}</small>'}</p>"
    )


def _shade(share: float) -> str:
    level = min(4, round(4 * abs(share)))
    return f"{'for' if share > 0 else 'against'}{level}"


def _samples(samples: list[tuple[str, str]]) -> str:
    return "".join(f'<pre class="text"><b>{escape(begun)}</b>{escape(said)}</pre>\n' for begun, said in samples)


def _film(report: Report) -> str:
    if not report.film:
        return ""
    address = "data:image/gif;base64," + base64.b64encode(report.film).decode()
    said = escape(report.played)
    return f'<img class="chart" src="{address}" alt="{said}"><p class="note">{said}</p>'


def _sheets(sheets: list[tuple[str, np.ndarray]]) -> str:
    return "".join(
        f'<figure class="sheet"><img class="pixels" src="{figures.photograph(picture, SHEET)}" alt="{escape(about)}">'
        f"<figcaption>{escape(about)}</figcaption></figure>\n"
        for about, picture in sheets
    )


def _looks(looks: list[AttentionMap]) -> str:
    if not looks:
        return ""
    charts = [
        (figures.attention(one.shades.numpy(), one.rows, one.columns), f"where it looked: {one.where}") for one in looks
    ]
    return _charts(*charts) + f'<p class="note">{LOOKS.format(escape(looks[0].where))}</p>'


def _findings(findings: list[Finding]) -> str:
    items = "".join(
        f'<li><span class="level {escape(f.level)}">{escape(f.level)}</span> <code>{escape(f.code)}</code> '
        f"{escape(str(f).removeprefix(f.code).strip())}</li>"
        for f in findings
    )
    return f'<ul class="findings">{items}</ul>' if items else ""


def _made(made: dict[str, str]) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in made.items())
    return f"<dl>{items}</dl>" if items else ""


def _table(head: list[str], rows: list[list[str]], strong: str = "") -> str:
    top = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr{' class=strong' if strong and row[0] == strong else ''}><th scope=row>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _charts(*charts: tuple[str, str]) -> str:
    """SVGs with what each shows in words."""
    shown = "".join(f'<img class="chart" src="{figures.address(svg)}" alt="{escape(said)}">' for svg, said in charts)
    return f'<div class="charts">{shown}</div>' if shown else ""


def _percent(share: float | None) -> str:
    if share is None or math.isnan(share):
        return "–"
    return f"{share:.1%}" if share > 0.99 else f"{share:.0%}"


HEAT = (
    "Orange words spoke for what was predicted, blue ones against it: integrated gradients over the words' vectors "
    "(Sundararajan et al. 2017)."
)
MARKS = "Green words were missed, red ones are wrong."
SURPRISE = "The bluer a token, the less it was expected after those before it."
LOOKS = (
    "Each row is a token, each square how much it looked at the token above ({}). Others: "
    "<code>mapsto predict RUN TEXT --attention --layer … --head …</code>"
)
CSS = """
:root { --ink: #1f2937; --faint: #6b7280; --line: #e5e7eb; --ground: #fbfbfa; --card: #fff; --accent: #2563eb;
  --warn: #b45309; --bad: #b91c1c; --tint: #eef3fe }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --faint: #9ca3af; --line: #374151; --ground: #14171c;
  --card: #1c2027; --accent: #8ab0ff; --warn: #fbbf24; --bad: #f87171; --tint: #222c40 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", sans-serif;
  overflow-wrap: break-word }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 }
h2 { font-size: 1.1rem; margin: 2.6rem 0 .8rem }
.task { margin: .3rem 0 0; color: var(--faint) }
.verdict { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--accent);
  border-radius: 8px; padding: 1.25rem 1.5rem; margin-top: 1.6rem }
.chips { margin: 0 0 .7rem; display: flex; flex-wrap: wrap; gap: .4rem }
.chips span { background: var(--tint); color: var(--accent); border-radius: 99px; padding: .1rem .75rem;
  font-size: .85rem; font-weight: 600 }
.advice { font-size: 1.35rem; line-height: 1.4; font-weight: 600; margin: 0 0 1rem; text-wrap: pretty }
.figure { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .7rem; margin-bottom: .8rem;
  color: var(--faint) }
.figure .value { font-size: 1.8rem; font-weight: 700; color: var(--accent); white-space: nowrap }
.verdict ul { margin: 0; padding-left: 1.1rem; font-size: .95rem }
.verdict li { margin: .25rem 0 }
.table { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem }
th, td { text-align: left; padding: .38rem 1.1rem .38rem 0; border-bottom: 1px solid var(--line); white-space: nowrap;
  max-width: 22rem; overflow: hidden; text-overflow: ellipsis }
thead th { color: var(--faint); font-weight: 500 }
tbody th { font-weight: 500 }
tr.strong th, tr.strong td { font-weight: 700 }
.note { color: var(--faint); font-size: .88rem; margin: .6rem 0 0 }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; margin-bottom: 1rem }
.chart { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .6rem; max-width: 100%;
  height: auto }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .9rem }
.pictures figure { margin: 0; font-size: .88rem; line-height: 1.35 }
.pictures img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff;
  border: 1px solid var(--line); border-radius: 6px; margin-bottom: .3rem }
.pictures small { color: var(--faint); font-size: inherit }
.heat { margin: .7rem 0; line-height: 1.7 } .heat small { color: var(--faint) }
.heat span { border-radius: 3px } mark { color: inherit; border-radius: 3px; padding: 0 .12em }
mark.wrong { background: #ef444440 } mark.missed { background: #22c55e40 }
.for1 { background: #f59e0b26 } .for2 { background: #f59e0b4d } .for3 { background: #f59e0b80 } .for4 { background: #f59e0bb3 }
.against1 { background: #3b82f61f } .against2 { background: #3b82f640 } .against3 { background: #3b82f666 }
.against4 { background: #3b82f68c }
.pixels { image-rendering: pixelated }
.sheet { margin: 0 0 1.2rem; font-size: .88rem; color: var(--faint) } .sheet img { max-width: 100% }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; overflow-x: auto;
  font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; margin: 0 }
pre.text { white-space: pre-wrap; margin-bottom: .7rem }
.findings { list-style: none; margin: 0; padding: 0 }
.findings li { padding: .4rem 0; border-bottom: 1px solid var(--line) }
.level { display: inline-block; min-width: 4.4rem; font-size: .8rem; font-weight: 600; color: var(--faint) }
.level.error { color: var(--bad) } .level.warning { color: var(--warn) }
code { font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--faint) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; font-size: .93rem }
dt { color: var(--faint) } dd { margin: 0 }
@media (max-width: 36rem) { main { padding: 1.25rem .9rem 3rem } .verdict { padding: 1rem }
  .advice { font-size: 1.15rem }
  .figure .value { font-size: 1.5rem } .pictures { grid-template-columns: repeat(3, 1fr) }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .5rem } table { font-size: .8rem }
  th, td { padding-right: .5rem } }
@media print { body { background: #fff } section { break-inside: avoid } }
"""
