"""Gradient descent: each player in turn takes one step on the mean of its own losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mapsto.algorithms.optimizers.adamw import AdamW
from mapsto.algorithms.update.derived import Derived
from mapsto.algorithms.update.diagnosis import diagnose
from mapsto.algorithms.update.flat import Flat
from mapsto.algorithms.update.gearbox import Gearbox
from mapsto.algorithms.update.guard import NEVER, Guard
from mapsto.algorithms.update.parts import distances, freeze, parts_of
from mapsto.algorithms.update.sharded import Sharded, shard
from mapsto.algorithms.update.shared import Shared, present
from mapsto.core import devices, seeds, world
from mapsto.core.batch import Batch, Losses, Mean, detached, joined, nbytes, pieces, size, total_and_count
from mapsto.core.errors import FailedRun, FrameError, NotFinite
from mapsto.core.nouns import Learner, Optimizer, Schedule, Update
from mapsto.core.schedules import Constant, OneCycle
from mapsto.core.state import to_device, walk
from mapsto.core.text import clean
from mapsto.layers.lora import adapt

NOBODY = 1e-12  # a count to divide by where nobody counts: the total is 0, and so is the mean then
REMEMBERED = ("parts", "lost", "damping", "untold")
KEPT_EVERY = 100  # steps between the weights that "roll-back" can go back to
TRUSTED = 64  # steps by formula with one look after the last of them, at most
WAITING = 16 << 20  # bytes of batches that may wait for it
ADAPTED = 7  # what a seed is for: the first weights of adapters


@dataclass
class Descend(Update):
    """One gradient step a player: losses, backward, clip, schedule, optimizer, average.

    learning_rate: its peak; `schedule` says what share of it each step takes.
    clip: the largest norm of a player's gradient; None leaves it alone.
    accumulate: micro-batches a step; the gradient is that of the whole batch, in less memory.
    ema: the share that an average of the weights keeps at each step, say 0.99; exams see the average. 0 is off.
    precision: in which products are taken; weights, gradients and moments stay float32. "auto": the faster, by a race at the start.
    nonfinite: what a NaN or infinity in loss, gradient or weights leads to; it never gets into the weights. "stop" ends the
    run and says where it came from; "skip" leaves that turn out; "roll-back" also returns to the weights of up to 100 steps
    before, at half the learning rate. mishaps: how often it may skip or roll back before it stops.
    gear: how steps are taken (gears.py); "auto" begins eagerly, and changes where the rest of the run is long enough to pay for it.
    sharded: of several processes each keeps a part of weights, gradients and moments, not a copy; with one, nothing changes.
    trained: of the model's parts (nouns.Layered) only so many of the last are changed; 1 is the head alone, None all of them.
    layer_rate: each part learns at so much of the rate of the one after it: 0.95, say (Howard and Ruder 2018, §3.2); 0 is off.
    unfreeze: epochs after which one more part begins to be changed, from the last one back (ibid., §3.3); 0 is all at once.
    adapters: the rank of what is learned in place of the matrices of the other parts, which stay (layers/lora.py); 0 is off.
    turns: of a game, how often each player moves while the slowest moves once: with {"critic": 5} the critic moves at every step,
        and who is not named at every fifth; None lets all move at every step.

    Where memory does not suffice, micro-batches are halved, and said so: the batch and its gradient stay the same.
    """

    learning_rate: float = 1e-3
    optimizer: Optimizer = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=OneCycle)
    clip: float | None = None
    accumulate: int = 1
    ema: float = 0.0
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    nonfinite: Literal["stop", "skip", "roll-back"] = "stop"
    mishaps: int = 10
    gear: Literal["auto", "eager", "captured", "compiled"] = "auto"
    sharded: bool = False
    trained: int | None = None
    layer_rate: float = 0.0
    unfreeze: float = 0.0
    adapters: int = 0
    turns: dict[str, int] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, float | int) or not 0 < self.learning_rate < float("inf"):
            raise FrameError(f"a learning rate is a number above 0 (1e-3, say), but came {self.learning_rate!r}.")
        if self.accumulate < 1 or not 0 <= self.ema < 1:
            raise FrameError(f"accumulate is at least 1 and ema in [0, 1), but came {self.accumulate} and {self.ema}.")
        if self.clip is not None and not self.clip > 0:
            raise FrameError(f"clip is a norm above 0, or None for no bound, but came {self.clip}.")
        if self.precision not in ("float32", "bfloat16", "auto"):
            raise FrameError(f"precision is float32, bfloat16 or auto, but came {self.precision!r}.")
        if self.nonfinite not in ("stop", "skip", "roll-back"):
            raise FrameError(f"nonfinite is stop, skip or roll-back, but came {self.nonfinite!r}.")
        if self.gear not in ("auto", "eager", "captured", "compiled"):
            raise FrameError(f"gear is auto, eager, captured or compiled, but came {self.gear!r}.")
        if not 0 <= self.layer_rate <= 1 or min(self.unfreeze, self.adapters) < 0 or self.trained == 0:
            raise FrameError(
                "layer_rate is a share in [0, 1], trained at least 1 or None, unfreeze and adapters 0 or more, but came "
                f"{self.layer_rate}, {self.trained}, {self.unfreeze} and {self.adapters}."
            )
        counts = list((self.turns or {}).values())
        if any(count < 1 or max(counts) % count for count in counts):
            raise FrameError(
                f"turns are counts of 1 or more, each of which divides the largest, but came {self.turns}.",
                "For example: --set algorithm.turns={critic=5}",
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.device = learner.device
        self.horizon = learner.horizon
        self.products = "float32" if self.precision == "auto" else self.precision
        self.experience, self.seed = learner.algorithm.experience, learner.seed
        if not self.horizon and not isinstance(self.schedule, Constant):
            raise FrameError(
                f"the schedule {type(self.schedule).__name__} needs to know when the run ends, but {learner.algorithm.until} "
                "does not say.",
                "Join it with epochs or steps (`either` of minutes and epochs), or use the schedule constant.",
                "F004",
            )
        self.pace = self._pace()
        self._settle_parts()
        self.shared = self._shared()
        self.flats = {p: self._flat(p) for p in self.objective.players}
        for player, flat in self.flats.items():
            if not flat.parameters:
                raise FrameError(
                    f"{type(self.model.get_submodule(player)).__name__} has no trainable parameter for Descend to change.",
                    "A solvable model is fitted with algorithm.update.name=solve; of another, leave a part unfrozen.",
                    "F004",
                )
        alone = len(self.flats) == 1 and not self.shared
        self.derived = Derived.of(self.model, self.objective) if alone else None
        self.unseen = self._unseen()
        self.averages = {p: [v.clone() for v in flat.values] for p, flat in self.flats.items()} if self.ema else {}
        self.parts = self.accumulate  # micro-batches a step: more of them once memory has not sufficed
        self.guard = Guard(self.model, sticky=self.nonfinite == "stop", at_once=self.device.type == "cpu")
        self.lost, self.damping = 0, 1.0  # turns without an update so far, and what is left of the learning rate
        self.untold: list[str] = []
        self.kept = self._copies()
        self.reach = min(learner.report_every, learner.exam_every)  # steps between which nobody asks
        self.gearbox = Gearbox(self, self.gear)

    @property
    def stride(self) -> int:
        return max(self.gearbox.together, self.trusted)

    @property
    def trusted(self) -> int:
        """After how many steps one look for what is no number suffices; 0 where each has its own."""
        stops = self.nonfinite == "stop" and self.guard.at_once and self.gearbox.name == "eager"
        return self.unseen if self.unseen and stops and not self.gearbox.unfit() else 0

    def steps(self, batches: list[Batch], step: int) -> list[Losses]:
        return self.gearbox.steps(batches, step)

    def eager(self, batches: list[Batch], step: int) -> list[Losses]:
        """`step` for each of the batches. Where a look for what is no number would be a tenth of a step, one after the last of them
        looks for all; where it finds something, all are taken back, and taken again with a look at each."""
        if len(batches) == 1 or not self.trusted:
            return [self.step(batch, step + k) for k, batch in enumerate(batches)]
        (flat,) = self.flats.values()
        changing, count = flat.changing(), flat.count
        kept = [tensor.clone() for tensor in changing]
        self.guard.trusting = True
        try:
            reports = [self.step(batch, step + k) for k, batch in enumerate(batches)]
        finally:
            self.guard.trusting = False
        if self.guard.still_sound(flat):
            return reports
        flat.count = count
        for now, before in zip(changing, kept, strict=True):
            now.copy_(before)
        return [self.step(batch, step + k) for k, batch in enumerate(batches)]

    def step(self, batch: Batch, step: int) -> Losses:
        rate = self.rate(step)
        if self.kept and step % KEPT_EVERY == 0:
            self.kept = self._copies()
        report: Losses = {}
        for player, flat in self.flats.items():
            if (step + 1) % self.pace[player]:
                continue
            self.guard.keep()
            losses, loss = self.descend(batch, player, flat, step)
            if self.guard.sound(flat, loss, step):
                if self.clip is not None:
                    flat.clip(self.clip)
                if self.unfreeze:
                    flat.shares = [self.share(distance, step) for distance in flat.distances]
                flat.step(rate, self.guard.allows)
                report |= self.guard.counted(losses, batch.get("weight"))
            else:
                self.guard.restore()
                self.mishap(batch, player, step)
        self.objective.settle(self.model)
        if self.ema:
            self.follow(step)
        return report

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        place = min(step, self.horizon - 1) if self.horizon else step  # past its end, a cosine would rise again
        return self.learning_rate * self.schedule.at(place, self.horizon) * self.damping

    def share(self, distance: int, step: int) -> float:
        """What share of the learning rate a part of the model takes that lies `distance` parts before its answer."""
        begun = step >= distance * self.unfreeze * self.experience.batches
        return (self.layer_rate or 1.0) ** distance if begun else 0.0

    def descend(self, batch: Batch, player: str, flat: Flat, step: int) -> tuple[Losses, Tensor | None]:
        """Leave in `flat` the gradient of the mean loss over the whole batch, whatever it is cut into; in smaller pieces where
        memory does not suffice. Returns the losses, and that mean, or None where a finite gradient says that it is finite."""
        if self.shared:
            self.shared.begin()
        while True:
            try:
                losses, loss = self.turn(batch, player, flat)
                break
            except (RuntimeError, MemoryError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                told = str(error).splitlines()[0]
            self.make_do(size(batch), told, step)
        return losses, self.shared.gradient(flat, loss) if self.shared else loss

    def turn(self, batch: Batch, player: str, flat: Flat) -> tuple[Losses, Tensor | None]:
        """`descend`, where memory suffices."""
        if self.derived and self.parts == 1 and self.products == "float32" and (losses := self.derived(batch)):
            return losses, None
        parts = self._cut(batch) if self.parts > 1 else [batch]
        counts: dict[str, Tensor | int] = {}
        reports, means = [], []
        for part in parts:
            losses = self.losses(part, player)
            counts = counts or self.counts(batch, parts, player, losses)
            shares = [total_and_count(loss, part.get("weight"))[0] / counts[term] for term, loss in losses.items()]
            mean = sum(shares[1:], shares[0])
            flat.backward(mean, more=bool(means))
            reports.append(detached(losses))
            means.append(mean.detach())
        return (joined(reports), sum(means)) if len(reports) > 1 else (reports[0], means[0])

    def changing(self) -> list[Tensor]:
        """What a step changes: weights, moments, running statistics, and what the guard knows."""
        return [*(t for flat in self.flats.values() for t in flat.changing()), *self.guard.remembered()]

    def arrange(self, layout: str) -> None:
        """Frozen weights are not here: place.py lays them out."""
        for player, flat in self.flats.items():
            if isinstance(flat, Sharded):
                continue
            averages = flat.together(self.averages.get(player, flat.values))
            flat.arrange(layout)
            if self.averages:
                self.averages[player] = [v.clone() for v in flat.apart(averages)]

    def trial(self, batch: Batch) -> None:
        self.guard.keep()
        for player, flat in self.flats.items():
            self.descend(batch, player, flat, 0)
            flat.forget()
        self.guard.restore()

    def _cut(self, batch: Batch) -> list[Batch]:
        rows = size(batch)
        if self.shared and self.sharded:  # a model in shards is asked by all processes equally often
            rows = min(world.gathered(rows))
        return pieces(batch, min(self.parts, rows))

    def make_do(self, rows: int, told: str, step: int) -> None:
        """After an allocation that failed: half as many examples at a time from here on, and the turn begun again."""
        if self.shared and self.sharded:
            raise FailedRun(
                f"step {step}: memory does not suffice: {told}.",
                "Take the batch in pieces (--set algorithm.accumulate=4), or start more processes.",
            )
        if self.parts >= rows:
            raise FailedRun(
                f"step {step}: memory does not suffice for a single example: {told}.",
                "Use a smaller model (--set model.width=…), smaller inputs, or a machine with more memory.",
            )
        self.parts = min(2 * self.parts, rows)
        self.guard.restore()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        seeds.set_all(self.seed, step, *world.words())
        at_once = -(-rows // self.parts)
        normed = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.model.modules())
        self.untold.append(
            f"step {step}: memory did not suffice; from here on {at_once} examples at a time, accumulated: the same batch of "
            f"{rows} and the same gradient"
            + (f", but that batch statistics (batch norm) are now those of {at_once} examples" if normed else "")
        )

    def mishap(self, batch: Batch, player: str, step: int, times: int = 1) -> None:
        """An update was not sound and not made: find out why, and stop, skip or roll back."""
        seeds.set_all(self.seed, step, *world.words())
        parts = pieces(batch, min(self.parts, size(batch)))
        flat = self.flats[player]
        if isinstance(flat, Sharded):
            found = flat.diagnose(parts)
        else:
            found = diagnose(self.model, lambda part: self.losses(part, player), parts)
        if self.shared:
            found = self.shared.found(found)
        self.guard.restore()
        self.lost += times
        what = f"step {step}: {found}"
        if self.nonfinite == "stop" or self.lost > self.mishaps or (found.lasting and self.nonfinite == "skip"):
            after = f" (and {self.lost - times} times before)" if self.lost > times else ""
            raise NotFinite(
                f"{what}{after}. The weights are as they were before this step.",
                ("Look at those examples. Or l" if found.of_few else "L")
                + "ower the learning rate (--set algorithm.lr=…), clip gradients (--set algorithm.clip=1.0), or leave such steps "
                "out (--set algorithm.nonfinite=skip, or roll-back).",
                step,
                found.examples if found.of_few else [],
            )
        if self.nonfinite == "roll-back":
            self._put_back(self.kept)
            self.damping /= 2
            what += f"; back to earlier weights, at {self.damping:g} of the learning rate"
        else:
            what += "; left out"
        self.untold.append(what)

    def news(self) -> list[str]:
        step, times = (NEVER, 0) if self.guard.at_once else self.guard.first()
        if step != NEVER:
            self.guard.forgive()
            self.guard.keep()  # of now: the turn was taken back long ago
            player = next(iter(self.flats))
            self.mishap(self.experience.batch(step), player, step, times)
        if self.shared:
            self.untold, self.parts = self.shared.news(self.untold, self.parts)
        told, self.untold = self.untold, []
        return told

    def losses(self, batch: Batch, player: str) -> Losses:
        if self.products == "float32":
            losses = self.objective.losses(self.model, batch, player)
        else:
            with torch.autocast(self.device.type, torch.bfloat16):
                losses = self.objective.losses(self.model, batch, player)
        return present(losses, batch)

    @torch.no_grad()
    def counts(self, batch: Batch, parts: list[Batch], player: str, first: Losses) -> dict[str, Tensor | int]:
        """Each term's count over the whole batch: the mean of unequal parts' means would not be the mean.

        first: the losses of the first part. Where a `Mean` is among them, the other parts are asked for theirs beforehand.
        """
        weight = batch.get("weight")
        asked = [first]
        if any(isinstance(loss, Mean) for loss in first.values()):
            asked += [self.losses(part, player) for part in parts[1:]]
        counts: dict[str, Tensor | int] = {}
        for term, loss in first.items():
            if isinstance(loss, Mean):
                counts[term] = sum(losses[term].count for losses in asked).clamp(min=NOBODY)
            else:
                counts[term] = size(batch) if weight is None else weight.sum().clamp(min=NOBODY)
        return self.shared.counts(counts) if self.shared else counts

    def _unseen(self) -> int:
        """How many steps by formula may wait for one look: as many as their batches take little memory."""
        if not self.derived or not self.experience.ahead:
            return 0
        return min(TRUSTED, WAITING // max(1, nbytes(self.experience.typical())))

    def _shared(self) -> Shared | None:
        if world.size() == 1:
            return None
        if self.objective.coupled:
            raise FrameError(
                f"{type(self.objective).__name__} cannot be learned in several processes: {self.objective.coupled}, and each "
                "process sees a part of the batch only.",
                "Start it without torchrun.",
                "F004",
            )
        if self.sharded and self.nonfinite == "roll-back":
            raise FrameError(
                "sharded weights are not rolled back.", "Use nonfinite=skip or stop, or leave out sharded.", "F004"
            )
        self.learning_rate = world.firsts(self.learning_rate)  # it may have been found by trying, here and there
        shared = Shared(self.model)
        if self.sharded:
            shard(self.model, self.objective.players, self.device)
        return shared

    def _pace(self) -> dict[str, int]:
        """At every which step each player moves."""
        players, turns = self.objective.players, self.turns or {}
        for player in turns:
            if player not in players:
                raise FrameError(
                    f"turns are of players, but {type(self.objective).__name__} has no '{clean(player, 40)}'.",
                    f"There are: {', '.join(players)}." if players != ("",) else "It is no game: leave turns out.",
                    "F004",
                )
        most = max(turns.values(), default=1)
        return {player: most // turns.get(player, 1) for player in players}

    def _flat(self, player: str) -> Flat | Sharded:
        module = self._module(player)
        apart = distances(module) if self.layer_rate or self.unfreeze else None
        flat = (
            Sharded(self.model, module, self.optimizer, apart)
            if self.shared and self.sharded
            else Flat(module, self.optimizer, apart)
        )
        flat.shares = [self.share(distance, 0) for distance in flat.distances]
        return flat

    def _module(self, player: str) -> nn.Module:
        try:
            return self.model.get_submodule(player)
        except AttributeError as error:
            raise FrameError(
                f"{type(self.objective).__name__} is a game of {' and '.join(self.objective.players)}, but "
                f"{type(self.model).__name__} has no part called '{player}'.",
                "Choose a model that has both, such as gan: --set model.name=gan",
                "F004",
            ) from error

    def _settle_parts(self) -> None:
        """Freeze what is not to be changed, and put adapters in its place."""
        trained = self.trained or (1 if self.adapters else None)
        for player in self.objective.players if trained else ():
            module = self.model.get_submodule(player)
            freeze(module, trained)
            if self.adapters:
                adapt(module, parts_of(module)[:-trained], self.adapters, seeds.mix(self.seed, ADAPTED))

    def follow(self, step: int) -> None:
        """The average takes its share of the weights; a short memory at first, so that it forgets the start."""
        keep = min(self.ema, (1 + step) / (10 + step))
        for player, flat in self.flats.items():
            for average, value in zip(self.averages[player], flat.values, strict=True):
                average.lerp_(value, 1 - keep)

    @contextmanager
    def judged(self) -> Iterator[None]:
        """The averaged weights stand in the model while this lasts."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for player, averages in self.averages.items():
            for average, value in zip(averages, self.flats[player].values, strict=True):
                kept = value.clone()
                value.copy_(average)
                average.copy_(kept)

    def _copies(self) -> dict[str, Any]:
        """What "roll-back" returns to; {} where it is not asked for."""
        if self.nonfinite != "roll-back":
            return {}
        flats = {p: {"values": flat.together(flat.values), **flat.state_dict()} for p, flat in self.flats.items()}
        return walk({"flats": flats, "buffers": self.guard.buffers}, torch.clone)

    def _put_back(self, copies: dict[str, Any]) -> None:
        for player, flat in self.flats.items():
            flat.load_state_dict(copies["flats"][player])
            for now, before in zip(flat.values, flat.apart(copies["flats"][player]["values"]), strict=True):
                now.copy_(before)
        for now, before in zip(self.guard.buffers, copies["buffers"], strict=True):
            now.copy_(before)

    def state_dict(self) -> dict[str, Any]:
        return {
            "flats": {p: flat.state_dict() for p, flat in self.flats.items()},
            "averages": {p: self.flats[p].together(averages) for p, averages in self.averages.items()},
            "guard": self.guard.state_dict(),
            "kept": self.kept,
            "gearbox": self.gearbox.state_dict(),
            **{name: getattr(self, name) for name in REMEMBERED},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for player, flat in self.flats.items():
            flat.load_state_dict(state["flats"][player])
        for player, averages in self.averages.items():
            for mine, saved in zip(averages, self.flats[player].apart(state["averages"][player]), strict=True):
                mine.copy_(saved)
        self.guard.load_state_dict(state["guard"])
        self.kept = to_device(state["kept"], self.device)
        self.gearbox.load_state_dict(state["gearbox"])
        for name in REMEMBERED:
            setattr(self, name, state[name])
