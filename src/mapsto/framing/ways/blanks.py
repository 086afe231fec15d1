"""Texts alone, which teach themselves: what is hidden in them is to be filled in."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, reading


class Blanks(Way):
    models = ("bert",)

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "fill-in"

    def model(self, prepared: Prepared, rows: int) -> Written:
        why = f"{rows:,} texts: what is hidden follows from what stands before and behind it"
        return {"name": "bert", "each": True, "tied": True}, why

    def objective(self, prepared: Prepared) -> Written:
        why = "hidden words of the text itself: no labels are needed, and what is learned serves others"
        return {"name": "masked-words"}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        return reading(rows) if model == "bert" else super().descent(prepared, rows, model)
