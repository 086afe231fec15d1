"""Columns of a table, in no particular order."""

from __future__ import annotations

import math

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

STEPS = 1200  # about how many updates a table is given
MANY_ROWS = 5000  # from which on learning by heart is not the first concern
WAVY_COLUMNS = 200  # more numbers are taken as they are, since waves make each of them five


class Tables(Way):
    general = True

    def fits(self, prepared: Prepared) -> bool:
        return True

    def model(self, prepared: Prepared, rows: int) -> Written:
        if rows < MANY_ROWS:
            shape: Table = {"width": 64 if rows < 1000 else 128, "depth": 2, "dropout": 0.3}
            why = "few enough to learn by heart, so dropout and a small network keep it from that"
        else:
            shape = {"width": 256, "depth": 3, "dropout": 0.2, "norm": "batch"}
            why = "enough for a network of some size"
        if _numbers(prepared) <= WAVY_COLUMNS:
            shape |= {"waves": 16, "frequency": 0.1 if rows < MANY_ROWS else 0.5}
            why += "; numbers are seen through waves, which bend where a straight line would not"
        return {"name": "mlp", **shape}, f"columns of a table in no particular order, {rows} rows to learn from: {why}"

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if model in ("", "linear"):
            return super().descent(prepared, rows, model)
        few = rows < MANY_ROWS
        batch = 32 if rows < 2000 else 64 if few else 256 if rows < 200_000 else 1024
        epochs = min(100, max(10, round(STEPS * batch / rows)))
        # few rows make few and noisy steps: the average of the last of them is steadier, and strong decay does no harm
        return one_cycle(batch, epochs, 3e-3, 1.0, ema=0.99) if few else one_cycle(batch, epochs, 8e-3, 0.1)


def _numbers(prepared: Prepared) -> int:
    """How many numbers of a table a model sees a row."""
    shape = prepared.input.shape
    return sum(shape.get("number", [])) if isinstance(shape, dict) else math.prod(shape)
