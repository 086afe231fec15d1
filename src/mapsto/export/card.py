"""The model card: what the folder holds, for a person and for hubs that read its front matter."""

from __future__ import annotations

from typing import Any

from mapsto.core import names
from mapsto.core.nouns import Domain
from mapsto.core.text import markdown
from mapsto.domains.text import Text

QUESTIONS = {
    "language-model": "Once upon a time",
    "fill-in": "a text with a [MASK] in it",
    "tagging": "a sentence",
    "translation": "a sentence",
}


def question(problem: str, reads: str) -> str:
    """What one may ask a function in place of a file: a text; "" where it reads none. reads: the registered name of its input."""
    return QUESTIONS.get(problem, "a text" if reads == "text" else "")


def model_card(config: dict[str, Any], input: Domain, target: Domain) -> str:
    """Markdown with YAML front matter. `config` is config.json; its scores are repeated as they are."""
    data, scores = markdown(config.get("data", "data")), config.get("scores", {}).get("test", {})
    rows = "".join(
        f"| {name} | {_figure(s['value'])} | {_figure(s['low'])} – {_figure(s['high'])} | {s['n']} |\n"
        for name, s in scores.items()
    )
    table = (
        f"| measure (test) | value | 95 % interval | n |\n|---|---|---|---|\n{rows}" if rows else "Not examined yet.\n"
    )
    asked = question(config["problem"], names.name_of(type(input)))
    raw = f'"{asked}"' if asked else "raw"
    use = f"f({raw})          # raw value in, raw value out; a list gives a list"
    if config["problem"] == "generation":
        of = ', "…"' if isinstance(input, Text) else ""
        use = f"f.draw(16{of})          # 16 pictures, as arrays of bytes"
    return f"""---
library_name: mapsto
tags: [mapsto, {config["problem"]}, {config["model"]["name"]}]
---

# {data}: {markdown(input.describe())} ↦ {markdown(target.describe())}

A {config["model"]["name"]} trained with {config["objective"]["name"]} by mapsto {config.get("mapsto", "")}.

{table}
{markdown(config.get("verdict", ""))}

```python
import mapsto

f = mapsto.load("this folder")
{use}
```
"""


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
