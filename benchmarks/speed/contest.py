"""A contest: one task, several arms, and what is measured of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.speed.task import Contestant, Task

# a loop is written by hand; a framework is at its defaults, or tuned; a part is of mapsto itself
Kind = Literal["mapsto", "loop", "defaults", "tuned", "part"]


@dataclass(frozen=True)
class Arm:
    """One contestant: `make` names its class, "module:Class" below arms/ (or any dotted path), `settings` its fields.

    label: for the page. family: the framework it belongs to, by which gates speak of it. environment: variables that its
    process needs. command: arguments of a Python that is timed as a whole, where there is nothing to be made.
    fewer: a share of the rounds, for an arm that takes minutes.
    """

    name: str
    label: str
    make: str
    kind: Kind
    family: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    fewer: float = 1.0

    def contestant(self) -> Contestant:
        return found(self.make)(**self.settings)


@dataclass(frozen=True)
class Contest:
    """task: "module:function" that makes the Task, "" where no arm has one. short: for the head of a column.
    counts: what is compared, of the fields of a row (see worker.py). base: the arm that others are compared with, where it is
    not mapsto. request: what each run asks of the arm's process.

    fresh: a new process a run, timed from its start to its end. renewed: a new process a run, warmed up and then timed, since
    where the memory of a process happens to lie can make a tenth of the time of a long one. threads: of every pool of every arm.
    target: the score that an arm has to reach; `fit` is then the time until the epoch that reached it, exams included.
    agree: arms of this contest must give the same answers after three steps from the same weights, within this.
    band: how far an arm's median score may lie from mapsto's before it is marked as a different result.
    """

    name: str
    title: str
    short: str
    about: str
    task: str
    arms: tuple[Arm, ...]
    counts: tuple[str, ...] = ("fit",)
    measure: str = "accuracy"
    band: float = 0.01
    rounds: int = 15
    threads: int = 1
    fresh: bool = False
    renewed: bool = False
    steady: bool = True
    target: float | None = None
    agree: float = 1e-3
    base: str = ""
    request: Literal["run", "share"] = "run"

    def make_task(self) -> Task:
        return found(self.task)()

    def reference(self) -> Arm:
        return self.arm(self.base) if self.base else next(arm for arm in self.arms if arm.kind == "mapsto")

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)


def found(where: str) -> Any:
    """ "module:name" below benchmarks.speed.arms where it has no dot, else of any module."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module if "." in module else f"benchmarks.speed.arms.{module}"), name)
