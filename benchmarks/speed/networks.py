"""The networks as plain PyTorch modules; every arm on PyTorch gets the same weights from the same seed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.speed.task import Task


def built(task: Task, seed: int) -> nn.Module:
    """The task's network with weights that are a function of the seed; tells `task.started` when the first step is over."""
    torch.manual_seed(seed)
    network = NETWORKS[task.network]()
    if task.started:
        told_at_second_pass(network, task.started)
    return network


def _digits_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def _mnist_cnn() -> nn.Module:
    """421,642 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def _table_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(50, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))


class GPT(nn.Module):
    """Logits [B, T, V] of the token after each; pre-norm, GELU, learned places, no dropout (Radford et al. 2019).

    tied: the head's weights are those of the tokens.
    """

    def __init__(
        self,
        vocabulary: int = 65,
        context: int = 64,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        tied: bool = False,
    ):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        if tied:
            nn.init.normal_(self.tokens.weight, std=0.02)
            self.head.weight = self.tokens.weight
        self.register_buffer("order", torch.arange(context), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.tokens(x) + self.places(self.order[: x.shape[1]]))))


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.project(self.before(x)).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # [B, H, T, D / H]
        x = x + self.join(seen.transpose(1, 2).reshape(B, T, D))
        return x + self.think(self.between(x))


NETWORKS = {"digits-mlp": _digits_mlp, "mnist-cnn": _mnist_cnn, "table-mlp": _table_mlp, "char-gpt": GPT}


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def told_at_second_pass(network: nn.Module, started) -> None:
    """Call `started` when the second training pass begins, and never look again."""
    passes = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal passes
        passes += module.training and torch.is_grad_enabled()
        if passes == 2:
            hook.remove()
            started()

    hook = network.register_forward_pre_hook(count)
