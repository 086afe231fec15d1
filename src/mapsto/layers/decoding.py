"""Writing: token after token, each chosen from what a step function says may come next.

A step function takes the tokens that are new, [B, T], and gives logits [B, V] of the one that follows them. What it has read
before it remembers itself: the first call has the whole prompt, each later one the token that was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.errors import BadInput

Step = Callable[[Tensor], Tensor]
Choice = Callable[[Tensor, int], Tensor]  # logits [B, V] and how many tokens were written before → tokens [B]


def written(step: Step, prompt: Tensor, length: int, choose: Choice, stop: int | None = None) -> Iterator[Tensor]:
    """The tokens that follow a prompt [B, T], T ≥ 1: [B] at a time, `length` of them at most.

    stop: the token that ends a text. A row that has ended stays there; when all have, nothing more comes.
    """
    new = prompt
    ended = torch.zeros(len(prompt), dtype=torch.bool, device=prompt.device)
    for place in range(length):
        token = choose(step(new), place)
        if stop is not None:
            token = token.masked_fill(ended, stop)
            ended = token == stop
        yield token
        if stop is not None and ended.all():
            return
        new = token[:, None]


def likeliest(logits: Tensor, place: int) -> Tensor:
    """Greedy: the likeliest token."""
    return logits.argmax(dim=1)


@dataclass(frozen=True)
class Sampling:
    """Draws a token by its probability; what is drawn is a function of the seed and of the place.

    temperature: what logits are divided by: below 1 the likely become likelier, and at 0 the likeliest is taken.
    top_k: only the k likeliest may come, 0 for all (Fan et al. 2018, arXiv:1805.04833).
    top_p: only the likeliest that together have this probability (Holtzman et al. 2020, arXiv:1904.09751).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf") or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise BadInput(
                "sampling needs a temperature and a top-k of at least 0 and a top-p above 0 and at most 1, but came "
                f"{self.temperature}, {self.top_k} and {self.top_p}.",
                "Usual are a temperature of 0.8, and a top-k of 50 or a top-p of 0.95.",
            )

    def __call__(self, logits: Tensor, place: int) -> Tensor:
        if not self.temperature:
            return likeliest(logits, place)
        share = self.shares(logits)
        return torch.multinomial(share, 1, generator=seeds.generator(logits.device, self.seed, place))[:, 0]

    def shares(self, logits: Tensor) -> Tensor:
        """Logits [B, V] → the probabilities that are drawn by."""
        scores = logits.float() / self.temperature
        if 0 < self.top_k < scores.shape[1]:
            least = scores.topk(self.top_k, dim=1).values[:, -1:]
            scores = scores.masked_fill(scores < least, float("-inf"))
        share = scores.softmax(dim=1)
        if self.top_p < 1:
            ordered, order = share.sort(dim=1, descending=True, stable=True)
            before = ordered.cumsum(dim=1) - ordered  # of those that are likelier: the likeliest has none
            share = share.masked_fill((before >= self.top_p).gather(1, order.argsort(dim=1)), 0.0)
        return share / share.sum(dim=1, keepdim=True)
