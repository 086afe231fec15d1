"""Acting, remembering, and learning from what is remembered (Lin 1992; Mnih et al. 2015, doi:10.1038/nature14236, alg. 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mapsto.algorithms.experience.rollout import refuse_others
from mapsto.core import devices, seeds
from mapsto.core.batch import Batch, Losses
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner
from mapsto.core.state import to_device
from mapsto.domains.discrete import Discrete

ACT, RECALL, BEGUN = 10, 11, 13  # what a seed is for: what is tried, what is remembered, where it begins
FARTHEST = 1000  # moves that are looked at after one
LEAST = 1e-3  # of a priority: what surprised nobody may still come again


@dataclass
class Replay(Experience):
    """Before each batch `moves` moves in every world, by the model as it is; the last `capacity` moves are kept, and each batch is
    `batch_size` of them, drawn at random. So one move is learned from several times, and neighbours in time seldom meet.

    discount: γ, what a reward counts one move later. horizon: how many rewards of a move are those that came; what comes after
        them is estimated (Hessel et al. 2018, arXiv:1710.02298, eq. 1): `reward` is Σ γᵏ r, `next` what was seen then, and
        `discount` what that counts. With 1, worth spreads back a move at a time.
    scale: what rewards are multiplied by; exams are not. Huber's loss is the square of errors up to 1 alone: of a worth of 100, a
        sudden end is heard no louder than any other error.
    warm_up: moves at random, of all worlds together, before the first batch.
    explore: the share of moves that are random (ε-greedy); it falls to there from 1 in a straight line over `falling` batches.
    priority: α of prioritised replay (Schaul et al. 2016, arXiv:1511.05952, eq. 1): how much likelier a move comes that surprised
        more, by the loss that was heard of it; 0 draws all alike. correction: β, which weighs such moves down again (§3.4);
        it rises to 1 over the run.
    epoch: how many batches are called one, after which there is an exam.
    """

    capacity: int = 50_000
    batch_size: int = 128
    moves: int = 1
    discount: float = 0.99
    horizon: int = 1
    scale: float = 1.0
    warm_up: int = 1000
    explore: float = 0.05
    falling: int = 2000
    priority: float = 0.0
    correction: float = 0.4
    epoch: int = 500

    acts = True
    remembers = ("memory", "surprise", "most", "acted", "made", "running", "returned")

    def __post_init__(self) -> None:
        counts = (self.capacity, self.batch_size, self.moves, self.horizon, self.warm_up, self.epoch)
        if min(counts) < 1 or self.falling < 0 or self.horizon > FARTHEST:
            raise FrameError(
                f"capacity, batch_size, moves, horizon (≤ {FARTHEST}), warm_up, epoch are at least 1 and falling 0, but came "
                f"{', '.join(map(str, counts))} and {self.falling}."
            )
        shares = (self.discount, self.explore, self.correction)
        if min(shares) < 0 or max(shares) > 1 or self.priority < 0 or not self.scale > 0:
            raise FrameError(
                "discount, explore and correction are shares in [0, 1], priority at least 0 and scale above 0, but came "
                f"{', '.join(map(str, shares))}, {self.priority} and {self.scale}."
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self._refuse(learner)
        self.model, self.end = learner.model, learner.algorithm.until.steps(self.epoch) or 0
        copies, device = self.data.copies, self.data.device
        seen = self.data.reset(seeds.mix(self.seed, BEGUN))
        rows = self.capacity // copies * copies
        self.memory: Batch = {
            "input": torch.zeros(rows, *seen.shape[1:], device=device),
            "next": torch.zeros(rows, *seen.shape[1:], device=device),
            "action": torch.zeros(rows, dtype=torch.int64, device=device),
            "reward": torch.zeros(rows, device=device),
            "ended": torch.zeros(rows, dtype=torch.bool, device=device),
            "over": torch.zeros(rows, dtype=torch.bool, device=device),
        }
        self.surprise = torch.zeros(rows if self.priority else 0, device=device)  # of each move, to the power α
        self.most = torch.ones((), device=device)  # of it: what is new comes soon
        self.acted, self.made = 0, 0  # batches that moves were made for, and moves of each copy
        self.running = torch.zeros(copies, device=device)  # rewards of the present episode
        self.returned = torch.full((copies,), float("nan"), device=device)  # and of the one before it

    @property
    def batches(self) -> int:
        return self.epoch

    def batch(self, step: int) -> Batch:
        if step >= self.acted:  # asked for again, it is the same
            self._act(step)
        index, counts = self._drawn(step)
        return {**self._recalled(index), **counts}

    def typical(self) -> Batch:
        rows = len(self.memory["reward"])
        return self._recalled(torch.arange(self.batch_size, device=self.data.device) % rows)

    def seen(self) -> dict[str, float]:
        returned = float(self.returned.nanmean())
        return {} if math.isnan(returned) else {"return": returned}

    def hear(self, batch: Batch, losses: Losses) -> None:
        if self.priority:
            surprise = (sum(losses.values()) + LEAST) ** self.priority
            self.surprise[batch["index"]] = surprise
            self.most = torch.maximum(self.most, surprise.max())

    @torch.inference_mode()
    def _act(self, step: int) -> None:
        """Make the moves that are due, and remember them in place of the oldest."""
        copies, rows = self.data.copies, len(self.memory["reward"])
        generator = seeds.generator(self.data.device, self.seed, step, ACT)
        due = self.moves if self.made else -(-self.warm_up // copies)
        random = self.random(step) if self.made else 1.0
        for _ in range(due):
            seen = self.data.observation
            best = self.model(seen).argmax(1)
            tried = torch.rand(copies, generator=generator, device=self.data.device) < random
            action = torch.where(tried, self.data.target.draw(copies, generator), best)
            turn = self.data.step(action)
            over = turn.ended | turn.cut
            came = {"input": seen, "next": turn.next, "action": action, "reward": turn.reward, "ended": turn.ended}
            at = self.made * copies % rows
            for name, told in {**came, "over": over}.items():
                self.memory[name][at : at + copies] = told
            if self.priority:
                self.surprise[at : at + copies] = self.most
            self.made += 1
            self.running = self.running + turn.reward
            self.returned = torch.where(over, self.running, self.returned)
            self.running = self.running.masked_fill(over, 0.0)
        self.acted = step + 1

    def random(self, step: int) -> float:
        """Which share of the moves at a step is random."""
        return max(self.explore, 1 - (1 - self.explore) * step / max(self.falling, 1))

    def _refuse(self, learner: Learner) -> None:
        """FrameError for what cannot be learned from so."""
        refuse_others(self, learner)
        if not isinstance(self.data.target, Discrete):
            raise FrameError(
                f"Replay tries one of several actions, but an action here is {self.data.target.describe()}.",
                "Use rollout with clipped-surrogate, which acts by numbers too.",
                "F004",
            )
        if self.capacity < self.data.copies:
            raise FrameError(
                f"a memory of {self.capacity} moves has no room for one of each of {self.data.copies} copies of the world.",
                f"Make it larger: --set algorithm.capacity={100 * self.data.copies}",
                "F004",
            )
        each, room = 2 * math.prod(self.data.input.shape) * 4 + 14, devices.memory() // 2  # bytes of a move
        if self.capacity * each > room:
            raise FrameError(
                f"a memory of {self.capacity:,} moves takes {self.capacity * each:,} bytes, and there is room for {room:,}.",
                f"Make it smaller: --set algorithm.capacity={room // each}",
                "F004",
            )
        if self.priority and self.data.device.type != "cpu":
            raise FrameError(
                f"prioritised replay hears every move's own loss, but on {self.data.device.type} only their sum is told.",
                "Leave priority at 0, or use device cpu.",
                "F004",
            )

    def _recalled(self, index: Tensor) -> Batch:
        """The moves at these places [B], and what came of them within the horizon, or until their episode was over."""
        held, copies = self.memory, self.data.copies
        times, after = len(held["reward"]) // copies, torch.arange(self.horizon, device=index.device)
        time, since = index // copies, (self.made - 1 - index // copies) % times  # how many moves are known after it
        at = (time[:, None] + after) % times * copies + index[:, None] % copies  # [B, horizon]
        over = held["over"][at].long()
        counts = (over.cumsum(1) == over) & (after <= since[:, None])  # before the first end, and that one
        reward = (held["reward"][at] * (self.scale * self.discount**after) * counts).sum(1)
        last = counts.sum(1, keepdim=True) - 1
        end = at.gather(1, last)[:, 0]
        discount = self.discount ** (last[:, 0] + 1) * ~held["ended"][end]
        seen, then, action = held["input"][index], held["next"][end], held["action"][index]
        return {"input": seen, "action": action, "reward": reward, "next": then, "discount": discount, "index": index}

    def _drawn(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Places in memory [B], and how much each counts where some came likelier than others."""
        generator = seeds.generator(self.data.device, self.seed, step, RECALL)
        there = min(self.made * self.data.copies, len(self.memory["reward"]))
        if not self.priority:
            return torch.randint(there, (self.batch_size,), generator=generator, device=generator.device), {}
        heap = self.surprise[:there].double().cumsum(0)
        place = torch.rand(self.batch_size, generator=generator, device=generator.device, dtype=torch.float64)
        index = torch.searchsorted(heap, place * heap[-1]).clamp(max=there - 1)
        done = min(1.0, step / self.end) if self.end else 0.0
        weight = self.surprise[index] ** -(self.correction + (1 - self.correction) * done)
        return index, {"weight": weight / weight.max()}  # the sum of all surprises is the same for all

    def state_dict(self) -> dict[str, Any]:
        return {"world": self.data.state_dict(), **super().state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.data.load_state_dict(state["world"])
        super().load_state_dict(to_device(state, self.data.device))
        if self.data.fresh:
            self.running = torch.zeros_like(self.running)
