"""Pictures to be drawn, by whoever asks for them: the objective decides what model learns it, and how."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

SMALL = 64  # pixels of a side below which a picture is drawn whole, by linear maps


class Drawing(Way):
    """asks: the objective that frames data so, by its name. because: what it is for. steps: about how many it learns in."""

    asks = ""
    because = ""
    steps = 10_000

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "generation" and prepared.framed_by == self.asks

    def objective(self, prepared: Prepared) -> Written:
        return {"name": self.asks}, self.because

    def model(self, prepared: Prepared, rows: int) -> Written:
        name, *_ = self.models
        _, height, width = prepared.target.shape
        return {
            "name": name,
            **self.shape(min(height, width)),
        }, f"{rows:,} pictures of {height}×{width} pixels to learn from"

    def shape(self, side: int) -> Table:
        """Settings of the model, for pictures of so many pixels."""
        return {}

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        return one_cycle(batch(rows), self.epochs(rows), 2e-3, 0.01, precision="auto")

    def epochs(self, rows: int) -> int:
        return min(200, max(5, round(self.steps * batch(rows) / rows)))


class Reconstructing(Drawing):
    models = ("autoencoder", "mean-picture")
    asks = "reconstruction"
    because = "what a few numbers keep of a picture; what it draws from others shows what they do not know"
    steps = 6_000

    def shape(self, side: int) -> Table:
        return {"convolutions": 0 if side < SMALL else 3}


class Coding(Drawing):
    models = ("vae",)
    asks = "variational"
    because = "a picture is drawn from a few random numbers, and a bound says how likely that makes those of the exam"

    def shape(self, side: int) -> Table:
        return {"convolutions": 0 if side < SMALL else 3}


class Playing(Drawing):
    models = ("gan",)
    asks = "adversarial"
    because = "a critic learns to tell pictures that are drawn from those of the data, and a generator to pass"

    def shape(self, side: int) -> Table:
        return {"convolutions": 1 if side < 16 else 2 if side < SMALL else 3}

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        update = {
            "name": "descend",
            "learning_rate": 2e-4,
            "optimizer": {"name": "adam", "beta1": 0.5},
            "schedule": {"name": "cosine"},
            "ema": 0.999,
        }
        made = {
            "experience": {"name": "passes", "batch_size": batch(rows)},
            "update": update,
            "until": {"name": "epochs", "count": self.epochs(rows)},
        }
        why = "small steps with a short memory (Radford et al. 2015), since the other player moves too; exams see an average"
        return made, why


class Denoising(Drawing):
    models = ("u-net",)
    asks = "denoising"
    because = "noise is taken out of pictures step by step, and what is left of noise alone is a new one"
    steps = 6_000

    def shape(self, side: int) -> Table:
        patch = 1 if side < 16 else 2 if side <= SMALL else 4
        return {"patch": patch, "halvings": 1 if side < 24 * patch else 2}

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        return one_cycle(batch(rows), self.epochs(rows), 2e-3, 0.01, precision="auto", clip=1.0, ema=0.999)


def batch(rows: int) -> int:
    """Pictures a step."""
    return 32 if rows < 5_000 else 128
