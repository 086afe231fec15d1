"""Texts, alone or beside other columns, and what is to be said of each as a whole."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle, reading


class Texts(Way):
    models = ("prior", "bag-of-words", "bag-of-embeddings", "text-cnn", "recurrent", "bert")

    def fits(self, prepared: Prepared) -> bool:
        return prepared.reads_words

    def model(self, prepared: Prepared, rows: int) -> Written:
        why = f"{rows:,} texts: short phrases say most of what a text is about, wherever they stand"
        if prepared.row is not None:
            why += "; the columns beside it are encoded as a table's, and joined to what was read before the answer"
        return {"name": "text-cnn"}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if model in ("", "linear"):
            return super().descent(prepared, rows, model)
        if model == "bert":
            return reading(rows)
        epochs = min(40, max(5, round(160 * rows**-0.3)))
        return one_cycle(32 if rows < 2000 else 64, epochs, 2e-3, 0.05, precision="auto")
