"""Where a number that is none came from: the step is taken once more, with an eye on every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mapsto.core.batch import Batch, Field, Losses, Mean, size


@dataclass(frozen=True)
class Diagnosis:
    """what: the number that is none, and in which layer. examples: their rows in the training split, where they can be told.
    batch: how many examples were looked at together."""

    what: str
    examples: list[int]
    batch: int = 0
    lasting: bool = False  # in the weights: no other batch would help

    @property
    def of_few(self) -> bool:
        """Whether some examples of the batch brought it, and others did not."""
        return 0 < len(self.examples) < self.batch

    def __str__(self) -> str:
        if not self.examples:
            return self.what
        if not self.of_few:
            return f"{self.what}, for all {self.batch} examples"
        shown = ", ".join(map(str, self.examples[:5])) + (" …" if len(self.examples) > 5 else "")
        return f"{self.what}, for {len(self.examples)} of {self.batch} examples: {shown} (rows of train, from 0)"


def diagnose(model: nn.Module, losses: Callable[[Batch], Losses], parts: list[Batch]) -> Diagnosis:
    """Look in the order in which a step goes: weights, input, target, each layer, the losses, the gradient.

    losses: of a batch, as the step takes them. parts: its micro-batches. Leaves the gradients changed.
    """
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if not _finite(tensor):
            return Diagnosis(f"the weight '{name}' is not finite", [], lasting=True)
    for p in model.parameters():
        if p.grad is not None:
            p.grad.zero_()  # in place: they are views; and what is there may have been clipped by a norm that is none
    for part in parts:
        found = given(part) or _forward(model, losses, part)
        if found:
            return found
    bad = [name for name, p in model.named_parameters() if p.grad is not None and not _finite(p.grad)]
    where = (
        f"the gradient of '{bad[-1]}' is not finite" if bad else "numbers too large to be squared"
    )  # the last: nearest
    return Diagnosis(where, [])


def given(batch: Batch) -> Diagnosis | None:
    """A number that is none in what the model is given."""
    for field in ("input", "target", "weight"):
        for column, tensor in _columns(field, batch.get(field)):
            if not _finite(tensor):
                return Diagnosis(f"the {column} is not finite", *_examples(batch, tensor))
    return None


def _forward(model: nn.Module, losses: Callable[[Batch], Losses], batch: Batch) -> Diagnosis | None:
    """The first layer that gives what is not finite, or the term of the loss, or the examples whose gradient is not."""
    floats = {k: t for k, t in _columns("input", batch["input"]) if t.is_floating_point()}
    watched = {k: t.detach().clone().requires_grad_() for k, t in floats.items()}
    mine = {**batch, "input": _put_back(batch["input"], watched)}
    with torch.enable_grad(), _layers(model) as seen:
        given = losses(mine)
        if seen:
            name, layer, output = seen[0]
            return Diagnosis(f"layer '{name}' ({layer}) gives what is not finite", *_examples(batch, output))
        for term, loss in given.items():
            value = loss.total if isinstance(loss, Mean) else loss
            if not _finite(value):
                return Diagnosis(f"the loss '{term}' is not finite", *_examples(batch, value))
        total = sum((loss.total if isinstance(loss, Mean) else loss).sum() for loss in given.values())
        total.backward()
    for tensor in watched.values():
        if tensor.grad is not None and not _finite(tensor.grad):
            bad = [name for name, p in model.named_parameters() if p.grad is not None and not _finite(p.grad)]
            where = f" of '{bad[-1]}'" if bad else ""
            return Diagnosis(f"the gradient{where} is not finite", *_examples(batch, tensor.grad))
    return None


@contextmanager
def _layers(model: nn.Module) -> Iterator[list[tuple[str, str, Tensor]]]:
    """While it lasts, the innermost layers whose output is not finite are listed, first the first: name, class, output."""
    seen: list[tuple[str, str, Tensor]] = []

    def look(name: str) -> Callable:
        def hear(module: nn.Module, inputs: tuple, output: object) -> None:
            if isinstance(output, Tensor) and not _finite(output):
                seen.append((name, type(module).__name__, output.detach()))

        return hear

    hooks = [m.register_forward_hook(look(name)) for name, m in model.named_modules()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _columns(name: str, field: Field | None) -> list[tuple[str, Tensor]]:
    if isinstance(field, dict):
        return [(f"{name} '{k}'", t) for k, t in field.items()]
    return [(name, field)] if isinstance(field, Tensor) else []  # what is known of nodes is finite


def _put_back(field: Field, changed: dict[str, Tensor]) -> Field:
    if isinstance(field, dict):
        return {k: changed.get(f"input '{k}'", t) for k, t in field.items()}
    return changed.get("input", field)


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _examples(batch: Batch, tensor: Tensor) -> tuple[list[int], int]:
    """The rows of the training split whose part of `tensor` [B, …] is not finite, none where it is not one row an example;
    and how many examples there are."""
    rows = size(batch)
    if tensor.ndim == 0 or len(tensor) != rows or "index" not in batch:
        return [], rows
    bad = ~torch.isfinite(tensor.reshape(rows, -1)).all(dim=1)
    return batch["index"][bad].tolist(), rows
