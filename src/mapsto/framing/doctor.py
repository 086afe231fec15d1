"""What must be equal, tried on the machine at hand: small trainings, each held against another way to the same numbers."""

from __future__ import annotations

import copy
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.core.batch import Batch, over
from mapsto.core.errors import Damaged
from mapsto.core.nouns import Raw
from mapsto.core.state import pack, read_folder, unpack, write_folder
from mapsto.export import bundle
from mapsto.export.function import Function
from mapsto.framing.frame import Frame
from mapsto.learner.learner import Learner

STEPS, STOP = 20, 7  # of a run, and where it is stopped: in the midst of an epoch
NEAR = 1e-4  # the largest difference that sums in another order may make in float32
BITS = 64  # flipped, one at a time


@dataclass(frozen=True)
class Check:
    """One claim held against one device, or the disk. `figure` is what was measured and `words` what it counts."""

    claim: str
    where: str
    figure: float
    words: str
    good: bool


def checks(devices: list[torch.device], folder: Path) -> Iterator[Check]:
    """Every claim on every device, then those about the disk that `folder` is on; a few seconds a device."""
    for device in devices:
        for claim, check in ON_DEVICES.items():
            yield _checked(claim, str(device), lambda check=check, device=device: check(device))
    for claim, check in ON_DISK.items():
        yield _checked(claim, "disk", lambda check=check: check(folder))


@dataclass(frozen=True)
class Found:
    figure: float
    words: str
    good: bool


def _checked(claim: str, where: str, check: Callable[[], Found]) -> Check:
    try:
        found = check()
    except Exception as error:  # whatever is broken here is what was to be found out
        said = str(error).partition("\n")[0]
        found = Found(math.nan, f"{type(error).__name__}: {said}", False)
    return Check(claim, where, found.figure, found.words, found.good)


# -- on every device ---------------------------------------------------------------------------------------------------


def accumulated(device: torch.device) -> Found:
    """The gradient of a batch, and of the same batch in three parts."""
    gradients = []
    for parts in (1, 3):
        learner = _plain(device).set("algorithm.accumulate", parts).learner()
        learner.algorithm.update.step(learner.algorithm.experience.batch(0), 0)
        gradients.append(torch.cat([p.grad.flatten() for p in learner.model.parameters()]))
    whole, parted = gradients
    return _near([float((whole - parted).abs().max() / whole.abs().max())], "of the largest gradient")


def differentiated(device: torch.device) -> Found:
    """The slope of the loss along five random directions: the gradient that a step follows, and differences in float64."""
    learner = _plain(device).learner()
    model, batch = copy.deepcopy(learner.model).cpu().double(), learner.algorithm.experience.batch(0)
    learner.algorithm.update.step(batch, 0)
    gradient = [p.grad.cpu().double() for p in learner.model.parameters()]
    batch = over(batch, lambda t: t.cpu().double() if t.is_floating_point() else t.cpu())
    draw = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(5):
        direction = [torch.randn(g.shape, generator=draw, dtype=torch.float64) for g in gradient]
        slope = float(sum((g * d).sum() for g, d in zip(gradient, direction, strict=True)))
        ahead, behind = (_loss(model, batch, direction, by) for by in (1e-6, -1e-6))
        errors.append(abs((ahead - behind) / 2e-6 - slope) / abs(slope))
    return _near(errors, "relative error")


@torch.no_grad()
def _loss(model: nn.Module, batch: Batch, direction: list[Tensor], by: float) -> float:
    """Mean cross-entropy of the model moved `by` so much, without any rounding to float32 on the way."""
    moved = copy.deepcopy(model)
    for weight, d in zip(moved.parameters(), direction, strict=True):
        weight.add_(d, alpha=by)
    return float(F.cross_entropy(moved(batch["input"]), batch["target"]))


def repeated(device: torch.device) -> Found:
    """A run, and the same run again."""
    return _equal(
        [(make(device).learner().fit().state_dict(), make(device).learner().fit().state_dict()) for make in FRAMES]
    )


def resumed(device: torch.device) -> Found:
    """A run, and one that was stopped, kept on disk, and resumed in a learner from scratch."""
    pairs = []
    for make in FRAMES:
        whole, before, after = (make(device).learner() for _ in range(3))
        before.fit(stop=_At(before, STOP))
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder) / "checkpoint", pack(before.state_dict()))
            after.load_state_dict(unpack(read_folder(Path(folder) / "checkpoint")[0]))
        pairs.append((whole.fit().state_dict(), after.fit().state_dict()))
    return _equal(pairs)


def loaded(device: torch.device) -> Found:
    """What a function answers, and what it answers once it has been saved and loaded."""
    pairs = []
    for make in FRAMES:
        f, values = _function(make, device)
        with tempfile.TemporaryDirectory() as folder:
            _save(f, Path(folder) / "model")
            again = bundle.load(Path(folder) / "model", device=str(device))
        pairs.append((f.encoded_predictions(values), again.encoded_predictions(values)))
    return _equal(pairs)


def alone(device: torch.device) -> Found:
    """What a function answers to many rows at once, and to each alone."""
    differences = []
    for make in FRAMES:
        f, values = _function(make, device)
        together = f.encoded_predictions(values)
        for row in range(0, len(together), 8):
            only = slice(row, row + 1)
            one = {name: v[only] for name, v in values.items()} if isinstance(values, dict) else values[only]
            differences.append(float((f.encoded_predictions(one) - together[only]).abs().max()))
    return _near(differences, "of a probability")


ON_DEVICES: dict[str, Callable[[torch.device], Found]] = {
    "gradient = finite differences": differentiated,
    "accumulated = whole batch": accumulated,
    "run again = run": repeated,
    "resumed = never stopped": resumed,
    "loaded = saved": loaded,
    "row alone = row among others": alone,
}


# -- on the disk -------------------------------------------------------------------------------------------------------


def kept(folder: Path) -> Found:
    """The time that a checkpoint takes, fsync and all."""
    files = pack(_table(torch.device("cpu")).learner().state_dict())
    seconds = []
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as place:
        for number in range(5):
            begun = time.perf_counter()
            write_folder(Path(place) / f"step-{number}", files)
            seconds.append(time.perf_counter() - begun)
            if read_folder(Path(place) / f"step-{number}")[0] != files:
                return Found(math.nan, "what is read is not what was written", False)
    size = sum(map(len, files.values()))
    return Found(1000 * statistics.median(seconds), f"ms to write and fsync {size / 1e3:.0f} kB", True)


def flipped(folder: Path) -> Found:
    """Bits flipped in the files of a saved function, one at a time: how many went unnoticed."""
    f, _ = _function(_table, torch.device("cpu"))
    draw, unnoticed = random.Random(0), 0
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as place:
        model = Path(place) / "model"
        _save(f, model)
        files = sorted(model.iterdir())
        for _ in range(BITS):
            path = draw.choice(files)
            whole = path.read_bytes()
            bit = draw.randrange(8 * len(whole))
            path.write_bytes(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
            try:
                read_folder(model)
                unnoticed += 1
            except Damaged as error:
                unnoticed += path.name not in str(error)
            path.write_bytes(whole)
    return Found(unnoticed, f"of {BITS} flipped bits unnoticed", unnoticed == 0)


ON_DISK: dict[str, Callable[[Path], Found]] = {
    "a checkpoint is kept": kept,
    "a flipped bit is noticed": flipped,
}


# -- what is learned ---------------------------------------------------------------------------------------------------


def _flowers() -> Raw:
    """Numbers, some of them missing, and words."""
    draw = np.random.default_rng(0)
    height, width = draw.normal(size=90), draw.normal(size=90)
    wood = draw.choice(np.array(["oak", "elm", "ash"], object), 90)
    kind = np.where(height + (wood == "oak") > 0.5, "rose", np.where(width > 0, "lily", "iris")).astype(object)
    height[::9] = np.nan
    return Raw("flowers", {"height": height, "width": width, "wood": wood, "kind": kind}, target="kind")


def _bars() -> Raw:
    """Pictures of a bright bar, upright or lying."""
    seen = np.random.default_rng(0).integers(0, 90, (70, 12, 12)).astype(np.uint8)
    upright = np.arange(70) % 2 == 0
    seen[upright, :, 4:7] += 120
    seen[~upright, 4:7, :] += 120
    return Raw("bars", {"picture": seen, "way": np.where(upright, "up", "down").astype(object)}, target="way")


def _table(device: torch.device) -> Frame:
    """With what is not easily resumed: dropout, running statistics, moments, an average, a last batch that is short."""
    model = {"name": "mlp", "width": 32, "dropout": 0.1, "norm": "batch"}
    return _short(_flowers(), device, model, ema=0.9, accumulate=2)


def _pictures(device: torch.device) -> Frame:
    """With convolutions, and pictures shifted at random."""
    frame = _short(_bars(), device, {"name": "conv-net", "width": 8, "depth": 2})
    return frame.set("data.augment", [{"name": "shift", "pixels": 1}])


def _plain(device: torch.device) -> Frame:
    """Whose loss is a mean over rows that know nothing of each other."""
    return _short(_flowers(), device, {"name": "mlp", "width": 32, "norm": "layer"})


FRAMES = (_table, _pictures)


def _short(raw: Raw, device: torch.device, model: dict[str, Any], **update: Any) -> Frame:
    frame = Frame(raw, device=str(device)).set("model", model).set("objective", "cross-entropy")
    frame.set("algorithm.update", {"name": "descend", "schedule": {"name": "constant"}, **update})
    return frame.set("algorithm.batch", 16).set("algorithm.until", {"name": "steps", "count": STEPS})


def _function(make: Callable[[torch.device], Frame], device: torch.device) -> tuple[Function, Any]:
    """A learned function, and raw inputs for it."""
    learner = make(device).learner().fit()
    f = Function(learner.model, learner.objective, learner.data.input, learner.data.target, {})
    raw = _flowers() if make is _table else _bars()
    columns = {name: values for name, values in raw.columns.items() if name != raw.target}
    return f, columns if make is _table else columns["picture"]


def _save(f: Function, path: Path) -> None:
    bundle.save(path, f.model, {"best": f.model.state_dict()}, f.objective, f.input, f.target, {})


@dataclass
class _At:
    """Asks a learner to stop at a step."""

    learner: Learner
    step: int

    @property
    def asked(self) -> int:
        return self.learner.step >= self.step


# -- how near it is ----------------------------------------------------------------------------------------------------


def _near(differences: list[float], words: str) -> Found:
    largest = float(np.max(differences))  # a NaN, if there is one; and that is not near
    return Found(largest, words, largest <= NEAR)


def _equal(pairs: list[tuple[Any, Any]]) -> Found:
    """How many numbers of two trees of state differ in any bit."""
    different = count = 0
    for one, other in pairs:
        left, right = list(_leaves(one)), list(_leaves(other))
        count += len(left)
        different += abs(len(left) - len(right)) + sum(a != b for a, b in zip(left, right, strict=False))
    return Found(different, f"of {count:,} numbers differ", different == 0)


def _leaves(node: Any) -> Iterator[bytes | str]:
    """Every number of a tree of JSON values and tensors, as what it is to the last bit."""
    if isinstance(node, Tensor):
        values = node.detach().cpu().contiguous().reshape(-1)
        width = values.element_size()
        data = values.numpy().tobytes()
        yield from (data[i : i + width] for i in range(0, len(data), width))
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _leaves(value)
    else:
        yield repr(node)
