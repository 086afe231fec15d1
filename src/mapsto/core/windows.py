"""Windows: examples that are stretches of one long column, one at every place where one can begin; nothing is stored twice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mapsto.core.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Windows:
    """N = V − T + 1 examples of T = `length` entries: number i is `values[i : i + T]`, and overlaps with those around it.

    values [V]: whole numbers come out as int64, however narrow they are kept.
    count: under which name a batch says, beside the entries, that all T of them are real; see core/ragged.py.
    """

    values: Tensor
    length: int
    count: str = "count"

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.length < 1:
            raise ShapeError(
                f"windows need values [V] and a length of at least 1, but came {list(self.values.shape)} and {self.length}.",
            )

    def __len__(self) -> int:
        """N, the number of examples."""
        return max(0, len(self.values) - self.length + 1)

    def to(self, device: torch.device | str) -> Windows:
        return replace(self, values=self.values.to(device))

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The examples at `index` [B] as [B, T], and how many entries of each are real: [B], all T."""
        entries = self.values.unfold(0, self.length, 1)[index]
        whole = not entries.is_floating_point()
        return entries.long() if whole else entries, torch.full_like(index, self.length)
