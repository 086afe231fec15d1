"""Acting, remembering, and learning from what is remembered (Lin 1992; Mnih et al. 2015, doi:10.1038/nature14236, alg. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mapsto.core import seeds, world
from mapsto.core.batch import Batch, Losses, Mean
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner
from mapsto.core.state import to_device

ACT, RECALL, BEGUN = 10, 11, 13  # what a seed is for: what is tried, what is remembered, and the world
LEAST = 1e-3  # of a priority: what surprised nobody may still come again
EPOCH = 1000  # batches that are told of as one epoch: a world has no rows to go through


@dataclass
class Replay(Experience):
    """Before each batch `moves` moves in every world, by the model as it is; the last `capacity` moves are kept, and each batch is
    `batch_size` of them, drawn at random. So one move is learned from several times, and neighbours in time seldom meet.

    warm_up: moves at random, of all worlds together, before the first batch.
    explore: the share of moves that are random (ε-greedy); it falls to there from 1 in a straight line over `falling` batches.
    priority: α of prioritised replay (Schaul et al. 2016, arXiv:1511.05952, eq. 1): how much likelier a move comes that surprised
        more, by the loss that was heard of it; 0 draws all alike. correction: β, which weighs such moves down again (ibid., §3.4);
        it rises to 1 over the run.
    """

    capacity: int = 50_000
    batch_size: int = 128
    moves: int = 1
    warm_up: int = 1000
    explore: float = 0.05
    falling: int = 2000
    priority: float = 0.0
    correction: float = 0.4

    def __post_init__(self) -> None:
        if min(self.capacity, self.batch_size, self.moves, self.warm_up) < 1 or self.falling < 0:
            raise FrameError(
                "capacity, batch_size, moves and warm_up are at least 1 and falling at least 0, but came "
                f"{self.capacity}, {self.batch_size}, {self.moves}, {self.warm_up} and {self.falling}."
            )
        if not 0 <= self.explore <= 1 or not 0 <= self.correction <= 1 or self.priority < 0:
            raise FrameError(
                "explore and correction are shares in [0, 1] and priority is at least 0, but came "
                f"{self.explore}, {self.correction} and {self.priority}."
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.model, self.horizon = learner.model, learner.algorithm.until.steps(EPOCH) or 0
        self.envs, self.device = self.data.envs, self.data.device
        if self.capacity < self.envs:
            raise FrameError(
                f"a memory of {self.capacity} moves has no room for one of each of {self.envs} worlds.",
                f"Make it larger: --set algorithm.capacity={100 * self.envs}",
                "F004",
            )
        observation = self.data.reset(seeds.mix(self.seed, BEGUN))
        rows = self.capacity // self.envs * self.envs
        self.memory: Batch = {
            "input": observation.new_zeros(rows, *observation.shape[1:]),
            "next": observation.new_zeros(rows, *observation.shape[1:]),
            "action": torch.zeros(rows, dtype=torch.int64, device=self.device),
            "reward": torch.zeros(rows, device=self.device),
            "ended": torch.zeros(rows, dtype=torch.bool, device=self.device),
        }
        self.surprise = torch.zeros(rows if self.priority else 0, device=self.device)  # of each move, to the power α
        self.most = torch.ones((), device=self.device)  # of it: what is new comes soon
        self.seen = observation  # what the worlds show now
        self.acted, self.made = 0, 0  # batches that moves were made for, and moves of each world

    @property
    def batches(self) -> int:
        return EPOCH

    def batch(self, step: int) -> Batch:
        if step >= self.acted:  # asked for again, it is the same
            self._act(step)
        index, weight = self._drawn(step)
        batch = {name: column.index_select(0, index) for name, column in self.memory.items()}
        return {**batch, **weight, "index": index}

    def hear(self, batch: Batch, losses: Losses) -> None:
        if self.priority:
            heard = [loss for loss in losses.values() if not isinstance(loss, Mean)]
            surprise = (sum(heard).abs() + LEAST) ** self.priority
            self.surprise[batch["index"]] = surprise
            self.most = torch.maximum(self.most, surprise.max())

    @torch.no_grad()
    def _act(self, step: int) -> None:
        """Make the moves that are due, and remember them in place of the oldest."""
        generator = seeds.generator(self.device, self.seed, step, ACT, *world.words())
        due = self.moves if self.made else -(-self.warm_up // self.envs)
        random = 1.0 if not self.made else self.share(step)
        for _ in range(due):
            worth = self.model(self.seen)
            drawn = torch.rand(2, *worth.shape, generator=generator, device=self.device)
            tries = drawn[0, :, 0] < random
            action = torch.where(tries, drawn[1].argmax(1), worth.argmax(1))
            after, reward, ended, _ = self.data.step(action)
            at = self.made * self.envs % len(self.memory["reward"])
            came = {"input": self.seen, "next": self.data.last, "action": action, "reward": reward, "ended": ended}
            for name, column in came.items():
                self.memory[name][at : at + self.envs] = column
            if self.priority:
                self.surprise[at : at + self.envs] = self.most
            self.seen = after
            self.made += 1
        self.acted = step + 1

    def share(self, step: int) -> float:
        """Of the moves at a step, how many are random."""
        return max(self.explore, 1 - (1 - self.explore) * step / max(self.falling, 1))

    def _drawn(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Places in memory [B], and what each counts where not all were equally likely."""
        generator = seeds.generator(self.device, self.seed, step, RECALL, *world.words())
        there = min(self.made * self.envs, len(self.memory["reward"]))
        if not self.priority:
            return torch.randint(there, (self.batch_size,), generator=generator, device=self.device), {}
        heap = self.surprise[:there].double().cumsum(0)
        place = torch.rand(self.batch_size, generator=generator, device=self.device, dtype=torch.float64)
        index = torch.searchsorted(heap, place * heap[-1]).clamp(max=there - 1)
        share = self.correction + (1 - self.correction) * min(1.0, step / self.horizon if self.horizon else 0.0)
        weight = self.surprise[index] ** -share  # N and the sum are the same for all, and the largest weight is 1
        return index, {"weight": weight / weight.max()}

    def state_dict(self) -> dict[str, Any]:
        return {
            "world": self.data.state_dict(),
            "memory": self.memory,
            "surprise": self.surprise,
            "most": self.most,
            "seen": self.seen,
            "acted": self.acted,
            "made": self.made,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.data.load_state_dict(state["world"])
        for name in ("memory", "surprise", "most", "seen"):
            setattr(self, name, to_device(state[name], self.device))
        self.acted, self.made = state["acted"], state["made"]
