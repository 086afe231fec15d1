"""Sentences, and a tag for each of their words."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle, reading
from mapsto.measures.span_f1 import are_spans


class TagsOfWords(Way):
    models = ("usual-tag", "recurrent")

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "tagging"

    def model(self, prepared: Prepared, rows: int) -> Written:
        why = f"{rows:,} sentences: what a word is shows in its spelling and in the words on both sides of it"
        return {"name": "recurrent", "each": True, "forget": 0.1, "crf": _spans(prepared)}, why

    def objective(self, prepared: Prepared) -> Written:
        why = f"one of {len(prepared.target.classes)} tags for each word"
        if _spans(prepared):
            return {
                "name": "tagging",
                "judged_by": "span-f1",
            }, f"{why}; they mark spans, right as a whole or not at all"
        return {"name": "tagging"}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if model in ("", "linear"):
            return super().descent(prepared, rows, model)
        if model == "bert":
            return reading(rows)
        epochs = min(40, max(6, round(200 * rows**-0.3)))  # 12 for twelve thousand sentences, 17 for four
        return one_cycle(16 if rows < 2000 else 32, epochs, 3e-3, 0.05, clip=5.0)


def _spans(prepared: Prepared) -> bool:
    return are_spans([str(tag) for tag in prepared.target.classes])
