"""Texts, and what each is in another language."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

FEW_PAIRS = 2000  # below which a transformer has hardly begun to learn when it has seen them often enough


class Translations(Way):
    models = ("seq2-seq", "transformer", "nearest-sentence")

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "translation"

    def model(self, prepared: Prepared, rows: int) -> Written:
        why = f"{rows:,} pairs of texts: each word said is looked for among those that were read"
        if rows < FEW_PAIRS:
            few = f"{why}; few enough for a recurrent network to learn sooner"
            return {"name": "seq2-seq", "dropout": 0.4}, few
        return {"name": "transformer"}, why

    def objective(self, prepared: Prepared) -> Written:
        """Answers may be half as long again as any in training, alone or for their input."""
        asked, given = (prepared.fields["train"][end]["tokens"].lengths.double() for end in ("input", "target"))
        stretch = float((given / asked.clamp(min=1)).quantile(0.99))
        return {
            "name": "translation",
            "stretch": max(0.5, round(1.5 * stretch, 1)),
            "longest": round(1.5 * float(given.max())),
        }, "tokens one after the other, each told from the text and the true ones before it"

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        batch = 32 if rows < 5000 else 64 if rows < 20_000 else 128
        epochs = min(60, max(10, round(300 * rows**-0.3)))
        return one_cycle(batch, epochs, 1e-3, 0.01, precision="auto", clip=1.0)
