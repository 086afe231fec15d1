"""A model in an exam: what it says, and what its losses are, without a trace on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from mapsto.algorithms.update.sharded import is_sharded
from mapsto.core import devices
from mapsto.core.batch import Batch, Field, pieces, size, stacked, total_and_count
from mapsto.core.nouns import Objective
from mapsto.learner import place

T = TypeVar("T")
Judged = tuple[Tensor, dict[str, Tensor]]


class Examinee:
    """`model` under `objective`; what it draws in an exam, if anything, follows from the seed."""

    def __init__(self, model: nn.Module, objective: Objective, device: torch.device, seed: int = 0):
        self.model, self.objective, self.device, self.seed = model, objective, device, seed

    def predict(self, batch: Batch) -> Tensor:
        """What the model says about a ready batch, in the output domain's encoding."""
        return self._in_memory(self._predict, batch, lambda first, second: stacked([first, second]))

    def judge(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """What measures are told of a ready batch, and for each term of its losses [total, count]."""

        def together(first: Judged, second: Judged) -> Judged:
            return stacked([first[0], second[0]]), {term: first[1][term] + second[1][term] for term in first[1]}

        return self._in_memory(self._judge, batch, together)

    def _in_memory(self, ask: Callable[[Batch], T], batch: Batch, together: Callable[[T, T], T]) -> T:
        """`ask` about the batch; where memory does not suffice, about its halves: a row's answer hangs on no other's."""
        try:
            return ask(batch)
        except (RuntimeError, MemoryError) as error:
            if (
                not devices.is_out_of_memory(error)
                or size(batch) < 2
                or self.objective.coupled
                or is_sharded(self.model)
            ):
                raise
        return together(*(self._in_memory(ask, half, together) for half in pieces(batch, 2)))

    def _asking(self) -> AbstractContextManager:
        # what FSDP2 allocates in an exam it learns with afterwards, which nothing made in inference mode is good for
        return torch.no_grad() if is_sharded(self.model) else torch.inference_mode()

    def _predict(self, batch: Batch) -> Tensor:
        with self._asking(), place.at_rest(self.model, self.device, self.seed):
            return self.objective.predict(self.model, batch)

    def _judge(self, batch: Batch) -> Judged:
        with self._asking(), place.at_rest(self.model, self.device, self.seed), _once(self.model):
            judged = {}
            for player in self.objective.players:
                for term, loss in self.objective.losses(self.model, batch, player).items():
                    total, count = total_and_count(loss, batch.get("weight"))
                    judged[term] = torch.stack([total.double(), torch.as_tensor(count).to(total.device, torch.double)])
            return self.objective.told(self.model, batch), judged


@contextmanager
def _once(model: nn.Module) -> Iterator[None]:
    """While it lasts, the model answers the same input once: its losses and its prediction hang on one answer."""
    if is_sharded(model) or "forward" in vars(model):
        yield
        return
    forward, said = model.forward, {}  # the input beside its answer: while it lives, its id is nobody else's

    def remembered(input: Field) -> Tensor:
        if id(input) not in said:
            said[id(input)] = (input, forward(input))
        return said[id(input)][1]

    model.forward = remembered
    try:
        yield
    finally:
        del model.forward
