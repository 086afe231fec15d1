"""Where a model stands: on its device, with its threads, and how saved weights come back into it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.sharded import fill as fill_shards
from mapsto.algorithms.update.sharded import is_sharded
from mapsto.core import devices, seeds, world
from mapsto.core.batch import Batch, over, size
from mapsto.core.errors import Damaged, MapstoError, ShapeError
from mapsto.core.nouns import Solvable
from mapsto.core.reading import RESTORE
from mapsto.core.text import clean

AVAILABLE = torch.get_num_threads()  # before anything here settled for fewer
INITIAL, JUDGED = 5, 6  # what a seed is for: first weights, and what a model draws in an exam
SMALL = 500e6  # floating-point operations of a step below which a second thread costs more than it brings


def place(model: nn.Module, device: torch.device) -> nn.Module:
    return model.to(device)


def settle(model: nn.Module, batch: Batch, device: torch.device, threads: int | None = None) -> int:
    """Settle the process before the first step: its heap, and how many threads a step takes. Returns their number.

    batch: a ready one of the usual size. threads: what an earlier part of the run settled on; None decides now: one for a
    small step, else the faster in a short race, since two threads beside a busy neighbour can take ten times as long as one.
    """
    devices.keep_heap()
    if device.type != "cpu" or isinstance(model, Solvable):
        return torch.get_num_threads()
    if threads is None and world.size() > 1:
        threads = AVAILABLE  # as torchrun has shared them out
    if threads is None:
        many = AVAILABLE
        small = 0 < work(model, over(batch, lambda t: t[:1])) * size(batch) < SMALL
        threads = 1 if small or many == 1 or _seconds(model, batch, 1) < _seconds(model, batch, many) else many
    torch.set_num_threads(threads)
    return threads


@torch.inference_mode()
def _seconds(model: nn.Module, batch: Batch, threads: int) -> float:
    """The shortest of three passes of the model over the batch."""
    torch.set_num_threads(threads)
    was = model.training
    model.eval()
    times = []
    try:
        for _ in range(3):
            begun = time.perf_counter()
            model(batch["input"])
            times.append(time.perf_counter() - begun)
    finally:
        model.train(was)
    return min(times)


def fits(examinee: Any, batch: Batch, shape: tuple[int, ...]) -> None:
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
            "A row of a table comes as a dict of tensors, 'number' and 'category'; a picture as [B, C, H, W].",
        ) from error
    if list(given.shape[1:]) != list(shape):
        raise ShapeError(
            f"{model} gives {list(given.shape[1:])} for each example, but the target needs {list(shape)}.",
            f"Build it with {shape[0] if shape else 1} outputs.",
        )


@torch.inference_mode()
def work(model: nn.Module, sample: Batch) -> int:
    """Floating-point operations of one training step a example: six for each weight that a linear map or convolution uses."""
    counted = 0

    def count(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        nonlocal counted
        positions = output[0, 0].numel() if isinstance(module, nn.Conv2d) else output.numel() // output.shape[-1]
        counted += 6 * positions * module.weight.numel()

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
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
