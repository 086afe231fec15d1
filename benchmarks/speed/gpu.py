"""The same questions on an accelerator: `python -m benchmarks.speed.gpu`, on a machine that has one.

Needs torch and mapsto's own dependencies, nothing else. All arms run in one process, interleaved, each round beside a matrix
product whose rate is that of the device at that moment; a step is timed over many, with one wait at the end. Rows go to
docs/speed.json as those of the other contests do. `--device cpu --small` only tries whether it runs.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mapsto
from benchmarks.speed import pairs, record, report
from benchmarks.speed.arms.tokens import NextToken, Tokens
from benchmarks.speed.contest import Contest
from benchmarks.speed.gpu_contests import CONTESTS
from benchmarks.speed.networks import GPT, weights
from mapsto import domains, models, objectives, optimizers, schedules, update
from mapsto.core.batch import Batch

Steps = Callable[[int], None]  # take so many steps, and do not wait for the device

GEARS = {"mapsto": "auto", "mapsto-eager": "eager", "mapsto-captured": "captured", "mapsto-compiled": "compiled"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny sizes, and nothing kept")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", default="", help="gpu-resnet or gpu-gpt")
    asked = parser.parse_args(arguments)
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("not run: no accelerator here")
        return 0
    works = {"gpu-resnet": Pictures, "gpu-gpt": Text}
    for contest in CONTESTS:
        if asked.only and contest.name != asked.only:
            continue
        work = works[contest.name](torch.device(asked.device), asked.small)
        found = measure(contest, work, asked.rounds, asked.steps)
        if not asked.small:
            command = " ".join(["python -m benchmarks.speed.gpu", *arguments])
            record.keep(contest, {"checked": {}, **found}, command, machine=_device(asked.device))
            report.write()
    return 0


def measure(contest: Contest, work: Work, rounds: int, steps: int) -> dict[str, Any]:
    """{"rows", "failed", "warm": arm → seconds of the first 60 steps, compiling included, "syncs": arm → waits in 50 steps}."""
    rows, failed, warm, syncs = [], {}, {}, {}
    arms: dict[str, Steps] = {}
    for arm in contest.arms:
        try:
            begun = time.perf_counter()
            arms[arm.name] = (
                work.mapsto(GEARS[arm.name]) if arm.name in GEARS else work.loop(arm.name == "loop-compiled")
            )
            arms[arm.name](60)
            work.wait()
            warm[arm.name] = time.perf_counter() - begun
            syncs[arm.name] = waits(arms[arm.name], work.device)
        except Exception as error:  # a compiler may raise anything; the others go on
            arms.pop(arm.name, None)
            failed[arm.name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        print(
            f"   {arm.name}: {failed.get(arm.name) or f'{warm[arm.name]:.1f} s to 60 steps, {syncs[arm.name]} waits in 50'}",
            flush=True,
        )
    for turn in range(rounds):
        for name in pairs.order(list(arms), turn):
            rate = work.matrix_rate()
            work.wait()
            begun, spent = time.perf_counter(), time.process_time()
            arms[name](steps)
            work.wait()
            fit = time.perf_counter() - begun
            row = {
                "round": turn,
                "arm": name,
                "fit": fit,
                "fit_processor": time.process_time() - spent,
                "step": 1e6 * fit / steps,
                "rate": work.operations / (fit / steps) / rate,
                "canary": 1e12 / rate,
                "others": None,
                "waits": syncs[name],
                "memory": torch.cuda.max_memory_allocated() if work.device.type == "cuda" else 0,
            }
            rows.append(row)
            print(
                f"   {turn} {name:16s} {row['step']:10.0f} µs a step, {100 * row['rate']:.1f} % of the matrix rate",
                flush=True,
            )
    return {"rows": rows, "failed": failed, "warm": warm}


def waits(take: Steps, device: torch.device) -> int:
    """How often the host waits for the device within 50 steps, as torch.cuda.set_sync_debug_mode sees it."""
    if device.type != "cuda":
        return 0
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            take(50)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(warning.message) for warning in told)


class Work:
    """One network on one device, its data resident; `operations` is what a step asks of the arithmetic, in FLOP."""

    operations: float

    def __init__(self, device: torch.device, small: bool):
        self.device, self.small = device, small
        torch.manual_seed(0)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def matrix_rate(self) -> float:
        """FLOP/s of a large product in bfloat16, now."""
        side, times = (256, 2) if self.small else (8192, 10)
        a, b = (torch.randn(side, side, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        a @ b
        self.wait()
        begun = time.perf_counter()
        for _ in range(times):
            a @ b
        self.wait()
        return 2 * side**3 * times / (time.perf_counter() - begun)

    def network(self) -> nn.Module: ...

    def fields(self) -> Batch: ...

    def learner(self, gear: str) -> mapsto.Learner: ...

    def mapsto(self, gear: str) -> Steps:
        learner = self.learner(gear)
        return lambda steps: learner.fit(learner.step + steps) and None

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor: ...

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer: ...

    def batch(self) -> int: ...

    def loop(self, compiled: bool) -> Steps:
        """As an expert writes it: indices drawn on the device, one gather a step, autocast, fused optimizer, nothing read back."""
        network = self.network().to(self.device, memory_format=torch.channels_last)
        x, y = (self.fields()[name].to(self.device) for name in ("input", "target"))
        optimizer, size = self.optimizer(network), self.batch()

        def loss_of(xs: Tensor, ys: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16):
                return self.loss(network, xs, ys)

        loss_of = torch.compile(loss_of, dynamic=False) if compiled else loss_of

        def take(steps: int) -> None:
            network.train()
            order: list[Tensor] = []
            for _ in range(steps):
                order = order or list(torch.randperm(len(x), device=self.device).split(size))[: len(x) // size]
                index = order.pop()
                loss_of(x[index], y[index]).backward()
                optimizer.step()
                optimizer.zero_grad()

        return take


class Pictures(Work):
    """ResNet-18 on 32×32×3."""

    def __init__(self, device: torch.device, small: bool):
        super().__init__(device, small)
        rows = 64 if small else 49_664  # whole batches: no arm takes a short one
        self.x = torch.randint(256, (rows, 3, 32, 32), dtype=torch.uint8)
        self.y = torch.randint(10, (rows,))
        self.operations = (
            6 * 0.5566e9 * self.batch()
        )  # multiply-adds of ResNet-18 at 32×32, forward; twice that backward

    def batch(self) -> int:
        return 8 if self.small else 512

    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return models.ResNet((3, 32, 32), 10, depth=20 if self.small else 18)

    def fields(self) -> Batch:
        return {"input": self.x, "target": self.y}

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        pictures = x.to(memory_format=torch.channels_last).float().sub(127.5).div(73.6)
        return F.cross_entropy(network(pictures).float(), y)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)

    def learner(self, gear: str) -> mapsto.Learner:
        image = domains.Image().fit(self.x[:64].permute(0, 2, 3, 1).numpy())
        target = domains.Category().fit(list(range(10)))
        optimizer = optimizers.SGD(weight_decay=5e-4)
        return _learner(self, image, target, objectives.CrossEntropy(), optimizer, 0.05, gear)


class Text(Work):
    """A GPT as large as the smallest GPT-2."""

    def __init__(self, device: torch.device, small: bool):
        super().__init__(device, small)
        self.shape = (257, 32, 32, 2, 2) if small else (50_304, 1024, 768, 12, 12)
        vocabulary, context, width, layers, _ = self.shape
        tokens = torch.randint(vocabulary, (8 if small else 1024, context + 1))
        self.x, self.y = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
        per_token = 6 * weights(self.network()) + 12 * layers * context * width
        self.operations = per_token * context * self.batch()

    def batch(self) -> int:
        return 2 if self.small else 16

    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return GPT(*self.shape, tied=True)

    def fields(self) -> Batch:
        return {"input": self.x, "target": self.y}

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(network(x).float().flatten(0, 1), y.flatten())

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(network.parameters(), 3e-4, weight_decay=0.1, fused=True)

    def learner(self, gear: str) -> mapsto.Learner:
        tokens = Tokens(self.shape[0])
        return _learner(self, tokens, tokens, NextToken(), optimizers.AdamW(weight_decay=0.1), 3e-4, gear)


def _learner(work: Work, input, target, objective, optimizer, rate: float, gear: str) -> mapsto.Learner:
    fields = work.fields()
    nobody = {name: values[:0] for name, values in fields.items()}
    descend = update.Descend(rate, optimizer, schedules.Constant(), precision="bfloat16", gear=gear)
    return mapsto.Learner(
        mapsto.Dataset(fields, nobody, nobody, input, target, device=work.device),
        work.network(),
        objective,
        mapsto.Algorithm(mapsto.experience.Passes(work.batch()), descend, mapsto.until.Steps(1_000_000)),
    )


def _device(name: str) -> str:
    if name != "cuda":
        return record.machine()
    about = torch.cuda.get_device_properties(0)
    return f"{about.name}, {about.total_memory / 2**30:.0f} GiB; {record.machine()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
