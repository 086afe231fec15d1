"""Where a model stands: on its device, what a step of it is, and how saved weights come back into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from mapsto.algorithms.update.flat import laid, viewed
from mapsto.algorithms.update.sharded import fill as fill_shards
from mapsto.algorithms.update.sharded import is_sharded
from mapsto.core import seeds
from mapsto.core.batch import Batch, over
from mapsto.core.errors import Damaged, MapstoError, ShapeError
from mapsto.core.nouns import Shape, Solvable
from mapsto.core.reading import RESTORE
from mapsto.core.text import clean

INITIAL, JUDGED = 5, 6  # what a seed is for: first weights, and what a model draws in an exam


def place(model: nn.Module, device: torch.device) -> nn.Module:
    return model.to(device)


def lay_out(parameters: Iterable[nn.Parameter], layout: str) -> None:
    """Lay the weights of convolutions out for pictures that come in this layout."""
    for p in parameters:
        if p.ndim == 4:
            p.data = viewed(laid(p.data, layout), p.shape, layout)


def fits(examinee: Any, batch: Batch, shape: Shape) -> None:
    """Refuse a model that does not take the ready input or give what the objective reads, before a step is spent on it.

    examinee: see learner/examinee.py; shape: of one target, as its domain says.
    """
    if isinstance(examinee.model, Solvable) or examinee.objective.problem is None:
        return  # what it gives cannot be known before it is solved, or is no answer to compare with a target
    model, two = type(examinee.model).__name__, over(batch, lambda t: t[:2])
    input = two["input"]
    came = {k: list(t.shape) for k, t in input.items()} if isinstance(input, dict) else list(input.shape)
    try:
        given = examinee.predict(two)
    except MapstoError:
        raise
    except Exception as error:  # a user's module may raise anything at all
        raise ShapeError(
            f"{model} cannot be called on the ready input {came}: {type(error).__name__}: {error}.",
            "A row of a table comes as a dict of tensors, 'number' and 'category'; a picture as [B, C, H, W]; what is ragged as "
            "[B, T, …] with its count [B] beside it.",
        ) from error
    if not isinstance(shape, dict) and list(given.shape[1:]) != list(shape):
        raise ShapeError(
            f"{model} gives {list(given.shape[1:])} for each example, but the target needs {list(shape)}.",
            f"Build it with {shape[0] if shape else 1} outputs.",
        )


@torch.no_grad()  # not in inference mode, whose tensors FSDP2 could not learn with afterwards
def work(model: nn.Module, sample: Batch) -> int:
    """Floating-point operations of one training step an example: six for each weight and place where a linear map, a convolution
    or a recurrent layer uses it."""
    counted = 0

    def count(module: nn.Module, inputs: tuple, output: Tensor | tuple) -> None:
        nonlocal counted
        given = output[0] if isinstance(output, tuple) else output
        given = given.data if isinstance(given, PackedSequence) else given
        positions = given[0, 0].numel() if isinstance(module, nn.Conv2d) else given.numel() // given.shape[-1]
        counted += 6 * positions * sum(p.numel() for p in module.parameters())

    counting = nn.Conv2d | nn.Linear | nn.RNNBase
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, counting)]
    was = model.training
    model.eval()
    try:
        model(sample["input"])
    finally:
        model.train(was)
        for hook in hooks:
            hook.remove()
    return counted


@contextmanager
def at_rest(model: nn.Module, device: torch.device, seed: int) -> Iterator[None]:
    """While it lasts, the model is in eval mode and what it draws follows from the seed; then all is as it was."""
    was = {module: module.training for module in model.modules()}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seeds.set_all(seed, JUDGED)
        model.eval()
        try:
            yield
        finally:
            for module, training in was.items():
                module.training = training


def fill(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put saved weights into a model. Damaged, and the model as it was, where they are not this model's."""
    check(model, weights)
    if not isinstance(model, Solvable):
        put(model, weights)
        return
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    _take(model, weights)
    odd = model.odd()
    if odd:
        _take(model, before)
        raise Damaged(f"these weights are not those of a solved {type(model).__name__}: {odd}.", RESTORE, "M006")


def put(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put weights that are the model's into it."""
    if is_sharded(model):
        fill_shards(model, weights)
    else:
        model.load_state_dict(weights)


def _take(model: Solvable, weights: dict[str, Tensor]) -> None:
    model.shaped({name: list(tensor.shape) for name, tensor in weights.items()}).load_state_dict(weights)


def check(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Damaged where these are not this model's weights: their names, shapes and kinds of numbers."""
    odd = _first_odd(model, weights)
    if odd:
        raise Damaged(
            f"these weights are not those of a {type(model).__name__} built like this: {odd}.",
            "Build the model as it was when it was saved (config.json says how).",
            "M006",
        )


def _first_odd(model: nn.Module, weights: dict[str, Tensor]) -> str:
    """What keeps `weights` from being the model's own: a name, a shape, a kind of number; "" where nothing does."""
    mine = model.state_dict()
    for name in mine.keys() ^ weights.keys():
        return f"{clean(name, 60)} is {'missing' if name in mine else 'none of its tensors'}"
    for name, tensor in mine.items():
        came = weights[name]
        if not isinstance(came, Tensor):
            return f"{clean(name, 60)} is no tensor"
        alike = len(came.shape) == tensor.ndim and all(
            size == expected or (expected == 0 and isinstance(model, Solvable))  # as many as there were examples
            for size, expected in zip(came.shape, tensor.shape, strict=True)
        )
        if not alike or _kind(came.dtype) != _kind(tensor.dtype):
            return f"{clean(name, 60)} is {came.dtype} {list(came.shape)}, and not {tensor.dtype} {list(tensor.shape)}"
    return ""


def _kind(dtype: torch.dtype) -> str:
    """Of numbers of one kind, the wider take the narrower; of two kinds, something would be lost."""
    return (
        "real"
        if dtype.is_floating_point
        else "complex"
        if dtype.is_complex
        else "bool"
        if dtype == torch.bool
        else "whole"
    )
