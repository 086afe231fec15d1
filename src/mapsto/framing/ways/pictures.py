"""Pictures, and what is to be said of each."""

from __future__ import annotations

from mapsto.domains.image import Image
from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle


class Pictures(Way):
    models = ("conv-net", "le-net", "alex-net", "vgg", "res-net")
    general = True

    def fits(self, prepared: Prepared) -> bool:
        return isinstance(prepared.input, Image)

    def model(self, prepared: Prepared, rows: int) -> Written:
        _, height, width = prepared.input.shape
        what = f"pictures of {height}×{width} pixels"
        if min(height, width) < 64:
            return {"name": "conv-net"}, f"{what}: convolutions find the same thing anywhere"
        why = f"{what} need depth, and residual blocks make depth learnable"
        return {"name": "res-net", "depth": 18, "width": 32}, why

    def augment(self, prepared: Prepared) -> tuple[list[Table], str]:
        channels, height, width = prepared.input.shape
        pixels = max(1, round(min(height, width) / 12))
        changes: list[Table] = [{"name": "shift", "pixels": pixels}]
        if channels == 3:
            changes.append({"name": "flip"})
            return (
                changes,
                f"a colour picture moved by up to {pixels} pixels, or seen in a mirror, shows the same thing",
            )
        moved = f"a picture moved by up to {pixels} pixel{'s' * (pixels > 1)} shows the same thing"
        return changes, f"{moved}; a mirrored digit or letter would not"

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if model in ("", "linear", "mlp"):
            return super().descent(prepared, rows, model)
        batch = 32 if rows < 2000 else 64 if rows < 10_000 else 128
        epochs = min(60, max(6, round(160 * rows**-0.3)))  # 20 for a thousand pictures, 10 for ten thousand, 6 for more
        precision: Table = {"precision": "auto"} if min(prepared.input.shape[1:]) >= 24 else {}
        return one_cycle(batch, epochs, 3e-3, 0.05, **precision)
