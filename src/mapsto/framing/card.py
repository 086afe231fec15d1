"""The card of a frame: task, measure and experience (Mitchell 1997), x ↦ y, the four components, findings, the price."""

from __future__ import annotations

import html as escaping
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mapsto.core import names
from mapsto.core.nouns import Finding, Shape
from mapsto.core.text import clean, few, many
from mapsto.domains.row import Row
from mapsto.insight.words import counted

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame

WIDTH, INDENT = 116, 11
VERBS = {
    "regression": "say the number",
    "classification": "say which",
    "multi-label": "say which ones",
    "tagging": "say for each token which",
    "translation": "say the same in other words",
    "language-model": "say what comes next in",
    "fill-in": "say the hidden words of",
    "acting": "choose",
    "generation": "draw",
}


@dataclass
class Card:
    """title, then lines by their label; `details` are the quieter second lines of a label."""

    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    details: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def card(frame: Frame, with_price: bool = True) -> Card:
    """Everything there is to see before anything is fitted."""
    ready, now, proposal = frame.prepared, frame.settings, frame.proposal
    learner_measure = next(iter(names.build("objective", now["objective"]).measures(ready.target)))
    parts = ready.examples
    because = proposal.because if proposal else {}
    instead = proposal.instead if proposal else {}
    source = clean(str(now["data"]["source"]))
    made = Card(f"{source}: {clean(ready.target_name)} from {_columns(ready)}")
    made.lines = [
        (
            "task",
            f"{ready.problem}: {VERBS[ready.problem]} '{clean(ready.target_name)}' ({_kind(ready, ready.target_name)})",
        ),
        ("measure", f"{learner_measure} on the test {counted(ready.problem).about}"),
        (
            "experience",
            f"{_to_train(frame)}, {parts['valid']:,} to choose by, {parts['test']:,} to be examined on",
        ),
        (
            "x ↦ y",
            f"{ready.input.describe()} {_shape(ready.input.shape)}  ↦  {ready.target.describe()} {_shape(ready.target.shape)}",
        ),
        ("data", _augmented(now["data"].get("augment", []))),
        ("model", _written(now["model"])),
        ("objective", _written(now["objective"])),
        ("algorithm", _algorithm(now["algorithm"])),
    ]
    made.details["experience"] = [ready.how_split]
    if isinstance(ready.input, Row):
        made.details["x ↦ y"] = _by_kind(ready)
    if (relation := ready.raw.relation) is not None:
        joined = f"nodes of a graph: {len(relation):,}, joined by {len(relation.edges):,} edges"
        made.details.setdefault("x ↦ y", []).insert(0, joined)
    for noun in ("data", "model", "objective", "algorithm"):
        if because.get(noun):
            made.details[noun] = [f"because {because[noun]}"]
        if instead.get(noun):
            made.details.setdefault(noun, []).append(f"or {', '.join(instead[noun])}")
    if with_price:
        made.lines.append(("price", str(frame.price())))
    made.findings = frame.findings
    return made


def text(frame: Frame, with_price: bool = True) -> str:
    """The card as plain lines."""
    made = card(frame, with_price)
    lines = [made.title, ""]
    for label, line in made.lines:
        lines += _wrapped(label, line)
        for detail in made.details.get(label, []):
            lines += _wrapped("", detail)
    lines += ["", *(f"  {'!' if f.level in ('warning', 'error') else '·'} {f}" for f in made.findings)]
    return "\n".join(lines).rstrip() + "\n"


def html(frame: Frame) -> str:
    """The card for a notebook."""
    made = card(frame)
    rows = "".join(
        "<tr><th style='text-align:left;vertical-align:top;padding-right:1em'>"
        f"{escaping.escape(label)}</th><td style='text-align:left'>"
        f"{escaping.escape(line)}"
        + "".join(f"<br><small>{escaping.escape(d)}</small>" for d in made.details.get(label, []))
        + "</td></tr>"
        for label, line in made.lines
    )
    found = "".join(f"<li>{escaping.escape(str(f))}</li>" for f in made.findings)
    return f"<div><b>{escaping.escape(made.title)}</b><table>{rows}</table><ul>{found}</ul></div>"


def _to_train(frame: Frame) -> str:
    if frame.prepared.raw.world is not None:
        return f"episodes of {many(frame.settings['data']['world']['copies'], 'copy', 'copies')} side by side to train"
    return f"{frame.prepared.examples['train']:,} {frame.prepared.unit} to train"


def _wrapped(label: str, line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=f"{label:<{INDENT}} ", subsequent_indent=" " * (INDENT + 1)) or [
        label
    ]


def _columns(ready: Any) -> str:
    used = [n for n, k in ready.kinds.items() if k.used and n != ready.target_name] or [
        "nothing" if ready.problem == "generation" else "itself"
    ]
    return clean(used[0]) if len(used) == 1 else many(len(used), "column")


def _kind(ready: Any, name: str) -> str:
    kind = ready.kinds[name]
    return f"{kind.name}: {kind.because}"


def _by_kind(ready: Any) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, kind in ready.kinds.items():
        if name != ready.target_name:
            groups.setdefault(kind.name, []).append(clean(name, 30))
    return [f"{kind}: {few(names, 9)}" for kind, names in groups.items()]


def _shape(shape: Shape) -> str:
    if isinstance(shape, dict) and "tags" in shape:
        return f"[tokens × {sum(shape['tags'])}]"
    if isinstance(shape, dict):
        columns = f"{sum(shape.get('number', []))} numbers + {len(shape.get('category', []))} categories"
        parts = ["tokens"] * ("tokens" in shape) + [columns] * bool(shape.keys() & {"number", "category"})
        return f"[{' + '.join(parts)}]"
    return f"[{' × '.join(map(str, shape))}]" if shape else "[1]"


def _augmented(augment: list[dict[str, Any]]) -> str:
    return ", ".join(_written(a) for a in augment) if augment else "as it is"


def _written(spec: dict[str, Any]) -> str:
    shown = [
        f"{k} {_value(v)}"
        for k, v in spec.items()
        if k != "name" and not isinstance(v, dict) and v not in (None, "", [])
    ]
    return f"{spec['name']}{' (' + ', '.join(shown) + ')' if shown else ''}"


def _algorithm(algorithm: dict[str, Any]) -> str:
    update = algorithm["update"]
    nested = [_written(v) for v in update.values() if isinstance(v, dict) and "name" in v]
    nested += [f"{player} moves {count} times" for player, count in (update.get("turns") or {}).items()]
    until = algorithm["until"]
    end = " or ".join(_written(u) for u in until["several"]) if "several" in until else _written(until)
    return "; ".join([_written(algorithm["experience"]), _written(update), *nested, "until " + end])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "[" + few(value, 5) + "]" if isinstance(value, list) else str(value)
