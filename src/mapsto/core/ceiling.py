"""How much a description may ask to be built: every tensor is counted before it takes any memory.

A configuration of 200 bytes can ask for a layer of 10²⁴ weights, or for 10⁹ layers. What it may have follows from something
that cannot lie: the numbers that the weights beside it hold, or the memory of this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from mapsto.core.errors import FrameError

# what makes a tensor of a given size → what says that size without making it (randn on the meta device imports 487 modules)
FACTORIES = {f: f for f in (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.arange, torch.linspace)}
FACTORIES[torch.randn] = torch.rand


class Ceiling(TorchFunctionMode):
    """While it lasts, at most so many `tensors` are made, of so many `numbers` together; FrameError before one more is.

    because: where the bound comes from, as in "the weights hold 1,200 numbers".
    """

    def __init__(self, tensors: int, numbers: int, because: str):
        super().__init__()
        self.tensors, self.numbers, self.because = tensors, numbers, because

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in FACTORIES:
            self.tensors -= 1
            self.numbers -= self._size(FACTORIES[func], args, {**kwargs, "device": "meta"})
            if self.tensors < 0 or self.numbers < 0:
                raise FrameError(
                    f"the model that is described is too large: {self.because}.",
                    "Make its width, depth or picture size smaller.",
                    "F008",
                )
        return func(*args, **kwargs)

    def _size(self, func: Callable, args: tuple, kwargs: dict) -> int:
        try:
            return func(*args, **kwargs).numel()
        except RuntimeError:  # more numbers than an int64 can count
            return self.numbers + 1
