"""Plain text, and how it goes on."""

from __future__ import annotations

from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

FEW, MANY = 200_000, 3_000_000  # tokens


class Languages(Way):
    models = ("gpt", "n-gram")  # they say at every place what comes next

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "language-model"

    def model(self, prepared: Prepared, tokens: int) -> Written:
        width, depth, dropout = (64, 3, 0.2) if tokens < FEW else (128, 4, 0.0) if tokens < MANY else (256, 6, 0.0)
        size = "a small one" if tokens < FEW else "one that learns on a laptop" if tokens < MANY else "one of some size"
        context = prepared.fields["train"]["target"].length
        shape = {"width": width, "depth": depth, "heads": width // 32, "context": context, "dropout": dropout}
        return {
            "name": "gpt",
            **shape,
        }, f"{tokens:,} tokens to learn from: {size}, which sees {context} of them at once"

    def objective(self, prepared: Prepared) -> Written:
        return {"name": "next-token"}, f"at every place, one of {prepared.target.outputs:,} tokens comes next"

    def descent(self, prepared: Prepared, tokens: int, model: str) -> tuple[dict[str, Table], str]:
        epochs = min(30, max(1, round(10 * (1e6 / tokens) ** 0.5)))  # of a million tokens 10, of a hundred million 1
        rate = 3e-3 if tokens < FEW else 2e-3 if tokens < MANY else 1e-3  # larger models want smaller ones
        return one_cycle(32, epochs, rate, 0.1, precision="auto", clip=1.0)
