"""What is settled before the first step, once a run: threads, layout and precision of a step; raced where it is worth it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import torch

from mapsto.core import devices, world
from mapsto.core.batch import Batch, over
from mapsto.core.nouns import Data, Update

AVAILABLE = torch.get_num_threads()  # before anything here settled for fewer
LAYOUT = "channels-last"  # of whoever is examined, exported and loaded: the usual one
LAYOUTS, PRECISIONS = (LAYOUT, "contiguous"), ("float32", "bfloat16")
SMALL = 500e6  # floating-point operations of a step below which a race is not worth its time, nor a second thread its company
FASTER = 0.95  # of the best time so far: who takes less wins; for a tie, nothing changes
FEWER = 0.9  # fewer threads have to be clearly better: half a batch flatters them
BEATS = 3  # steps of each that are timed, after one that warms up
SHARE = 0.02  # of the run's steps that a race may take


@dataclass(frozen=True)
class Settled:
    """threads: of a step; layout: of pictures in memory; precision: of products; because: what a race showed, for a person.

    It stands in environment.json, and a resumed run takes it from there: other roundings would be another run.
    """

    threads: int = 1
    layout: str = LAYOUT
    precision: str = PRECISIONS[0]
    because: str = ""

    @classmethod
    def of(cls, environment: dict[str, Any]) -> Self:
        """What an environment.json says; where it says nothing of ours, what goes without a race."""
        known = {"layout": LAYOUTS, "precision": PRECISIONS}
        said = {name: environment[name] for name, choices in known.items() if environment.get(name) in choices}
        return cls(environment.get("threads", 1), **said)

    def about(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "because"}

    def apply(self, data: Data, update: Update) -> None:
        data.layout = self.layout
        update.arrange(self.layout)
        if update.precision == "auto":
            update.products = self.precision
        torch.set_num_threads(self.threads)


def settle(
    data: Data,
    update: Update,
    draw: Callable[[], Batch],
    work: Callable[[], int],
    device: torch.device,
    steps: int = 0,
) -> Settled:
    """Race what may be chosen, in steps on half a batch that leave no trace: one after the other, each on the best before.

    draw: a ready batch of the usual size. work: floating-point operations of a step on it, 0 where nobody knows. steps: of the
    run, 0 where nobody knows. A short run races less, and takes what it does not race as it usually turns out: bfloat16 for
    pictures where it is fast, channels last.
    """
    if type(update).trial is Update.trial:  # nothing of it can be tried: it is over in one step
        return Settled(torch.get_num_threads())
    many = AVAILABLE if device.type == "cpu" else torch.get_num_threads()
    few = 1 if device.type == "cpu" and world.size() == 1 else many  # torchrun has shared the cores out
    if 0 < work() < SMALL:
        best = Settled(few)
        best.apply(data, update)
        return best
    best = Settled(many)
    rivals: list[dict[str, Any]] = [{"threads": few}] if few < many else []
    picture = _picture(draw())
    if update.precision == "auto" and devices.has_fast_bfloat16(device):
        best = replace(best, precision=PRECISIONS[picture])
        rivals.append({"precision": PRECISIONS[not picture]})
    if picture:
        rivals.append({"layout": LAYOUTS[1]})
    rivals, beats = _affordable(rivals, steps)
    times = {best: _seconds(best, data, update, draw, device, beats)} if rivals else {}
    for change in rivals:
        rival = replace(best, **change)
        times[rival] = _seconds(rival, data, update, draw, device, beats, warm="threads" not in change)
        share = FEWER if rival.threads < best.threads else FASTER
        best = rival if times[rival] < share * times[best] else best
    best.apply(data, update)
    return replace(best, because=_told(best, times))


def _affordable(rivals: list[dict[str, Any]], steps: int) -> tuple[list[dict[str, Any]], int]:
    """Those that a race may afford, the first at any rate, and how many steps of each it times."""
    budget = max(4, SHARE * steps) if steps else float("inf")
    beats = next((b for b in range(BEATS, 1, -1) if (1 + len(rivals)) * (1 + b) <= budget), 1)
    return [r for k, r in enumerate(rivals) if (2 + k) * (1 + beats) <= budget], beats


def _seconds(
    settled: Settled,
    data: Data,
    update: Update,
    draw: Callable[[], Batch],
    device: torch.device,
    beats: int,
    warm: bool = True,
) -> float:
    """Of a step on half a batch, the median of a few. warm: after one that is not timed, for kernels not called before."""
    settled.apply(data, update)
    batch, times = draw(), []
    batch = over(batch, lambda t: t[: (len(t) + 1) // 2])
    for _ in range(warm + beats):
        begun = time.perf_counter()
        update.trial(batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begun)
    return world.firsts(statistics.median(times[warm:]))


def _picture(batch: Batch) -> bool:
    input = batch.get("input")
    return isinstance(input, torch.Tensor) and input.ndim == 4


def _told(best: Settled, times: dict[Settled, float]) -> str:
    if not times:
        return ""

    def words(settled: Settled) -> str:
        return f"{settled.layout}, {settled.precision}, {settled.threads} thread{'s' * (settled.threads > 1)}"

    others = "; ".join(f"{words(s)} {1e3 * t:.3g}" for s, t in times.items() if s != best)
    return f"{words(best)}: {1e3 * times[best]:.3g} ms half a batch in a race ({others})"
