"""Where a model stands: on its device, with its threads, and how saved weights come back into it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.core import devices
from mapsto.core.errors import Damaged
from mapsto.core.nouns import Solvable

INITIAL = 5  # what a seed is for: first weights
SMALL = 50e6  # floating-point operations of a step below which a second thread costs more than it brings


def place(model: nn.Module, device: torch.device) -> nn.Module:
    return model.to(device)


def prepare(model: nn.Module, batch_size: float, device: torch.device) -> None:
    """Settle the process before the first step: the heap, and one thread for a step that is too small for two."""
    devices.keep_heap()
    if device.type == "cpu" and not any(isinstance(m, nn.Conv2d | nn.RNNBase) for m in model.modules()):
        if 6 * batch_size * sum(p.numel() for p in model.parameters()) < SMALL:
            torch.set_num_threads(1)


def fill(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put saved weights into a model. Damaged where they are not this model's."""
    if isinstance(model, Solvable):
        model.shaped({name: list(tensor.shape) for name, tensor in weights.items()})
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise Damaged(
            f"these weights are not those of a {type(model).__name__} built like this: {error}.",
            "Build the model as it was when it was saved (config.json says how).",
        ) from error
