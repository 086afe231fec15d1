"""Acting, remembering, and learning from what is remembered (Lin 1992; Mnih et al. 2015, doi:10.1038/nature14236, alg. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mapsto.core import seeds, world
from mapsto.core.batch import Batch, Losses, Mean
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Learner, World

ACT, RECALL = 10, 11  # what a seed is for: what is tried, and what is remembered
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
