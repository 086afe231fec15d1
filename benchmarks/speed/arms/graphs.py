"""All arms of the contest over a graph: the same two convolutions from the same first weights."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mapsto
from benchmarks.speed.cora import CLASSES, HIDDEN, papers, weights
from benchmarks.speed.networks import weights as counted
from benchmarks.speed.task import Fitted, Task, clocked


@dataclass(frozen=True)
class Mapsto:
    """Its Learner on the frame's own parts: words as a sparse matrix, normalisation worked out once."""

    dropout: float = 0.5

    def fit(self, task: Task, seed: int) -> Fitted:
        from mapsto.core.graph import Graph, Nodes
        from mapsto.core.sparse import Sparse

        known = papers()
        network = mapsto.models.GCN((known.words.shape[1],), CLASSES, HIDDEN, dropout=self.dropout)
        with torch.no_grad():
            for layer, (weight, bias) in zip(network.layers, _pairs(seed), strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
        with clocked(task) as clock:
            graph = Graph.of(Sparse.of(torch.from_numpy(known.words)), known.edges.T)
            train = {"input": Nodes(graph, torch.from_numpy(task.x)), "target": torch.from_numpy(task.y)}
            nobody = {name: column[:0] for name, column in train.items()}
            input, target = mapsto.domains.Counts(), mapsto.domains.Category().fit(list(range(CLASSES)))
            learner = mapsto.Learner(
                mapsto.Dataset(train, nobody, nobody, input, target),
                network,
                mapsto.objectives.CrossEntropy(),
                mapsto.Algorithm(
                    mapsto.experience.Whole(),
                    mapsto.update.Descend(
                        task.rate, mapsto.optimizers.Adam(weight_decay=task.decay), mapsto.schedules.Constant()
                    ),
                    mapsto.until.Epochs(task.epochs),
                ),
                seed=seed,
            )
            learner.fit()

        def answer(x: np.ndarray) -> np.ndarray:
            return learner.predict({"input": Nodes(graph, torch.from_numpy(x))}).log().numpy()

        return Fitted(clock, learner.step, counted(network), answer)


class Convolutions(nn.Module):
    """Two graph convolutions by hand, on a matrix that is normalised beforehand."""

    def __init__(self, seed: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.weights = nn.ParameterList(weight for weight, _ in _pairs(seed))
        self.biases = nn.ParameterList(bias for _, bias in _pairs(seed))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = F.dropout(F.relu(x) if k else x, self.dropout, self.training)
            x = torch.sparse.mm(adjacency, x @ weight) + bias
        return x


@dataclass(frozen=True)
class Loop:
    """PyTorch by hand: words dense, the normalised adjacency a sparse matrix."""

    dropout: float = 0.5

    def fit(self, task: Task, seed: int) -> Fitted:
        known, network = papers(), Convolutions(seed, self.dropout)
        with clocked(task) as clock:
            x = torch.from_numpy(known.words)
            adjacency = _normalised(known.edges, len(x))
            steps = _descend(task, network, lambda: network(x, adjacency))
        return Fitted(clock, steps, counted(network), lambda rows: _asked(network, lambda: network(x, adjacency), rows))


@dataclass(frozen=True)
class Geometric:
    """PyTorch Geometric as its examples/gcn.py has it: GCNConv, the normalisation cached. sparse: the adjacency as a sparse matrix,
    as its notes on memory-efficient aggregation recommend."""

    dropout: float = 0.5
    sparse: bool = False

    def fit(self, task: Task, seed: int) -> Fitted:
        from torch_geometric.nn import GCNConv

        known, dropout = papers(), self.dropout

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                sizes = (known.words.shape[1], HIDDEN, CLASSES)
                self.layers = nn.ModuleList(GCNConv(a, b, cached=True) for a, b in pairwise(sizes))

            def forward(self, x: Tensor, edges: Tensor) -> Tensor:
                for k, layer in enumerate(self.layers):
                    x = layer(F.dropout(F.relu(x) if k else x, dropout, self.training), edges)
                return x

        network = Net()
        with torch.no_grad():
            for layer, (weight, bias) in zip(network.layers, _pairs(seed), strict=True):
                layer.lin.weight.copy_(weight.t())
                layer.bias.copy_(bias)
        with clocked(task) as clock:
            x, edges = torch.from_numpy(known.words), torch.from_numpy(known.edges)
            if self.sparse:
                from torch_geometric.utils import to_torch_csr_tensor

                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that sparse tensors are in beta state
                    edges = to_torch_csr_tensor(edges.flip(0), size=(len(x), len(x)))
            steps = _descend(task, network, lambda: network(x, edges))
        return Fitted(clock, steps, counted(network), lambda rows: _asked(network, lambda: network(x, edges), rows))


def _pairs(seed: int) -> list[tuple[Tensor, Tensor]]:
    first = {name: torch.from_numpy(values) for name, values in weights(seed).items()}
    return [(first[f"weight{k}"], first[f"bias{k}"]) for k in (0, 1)]


def _descend(task: Task, network: nn.Module, say) -> int:
    """All nodes at every step. Matrices decay, biases do not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": task.decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.Adam(groups, lr=task.rate)
    rows, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
    network.train()
    for _ in range(task.epochs):
        optimizer.zero_grad()
        F.cross_entropy(say()[rows], y).backward()
        optimizer.step()
    return task.epochs


@torch.no_grad()
def _asked(network: nn.Module, say, rows: np.ndarray) -> np.ndarray:
    network.eval()
    return say()[torch.from_numpy(rows)].numpy()


def _normalised(edges: np.ndarray, count: int) -> Tensor:
    """D̃^−½ Ã D̃^−½ as a sparse matrix."""
    loops = torch.arange(count).expand(2, -1)
    ends = torch.cat([torch.from_numpy(edges), loops], dim=1)
    root = torch.bincount(ends[1], minlength=count).float().rsqrt()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sparse tensors are in beta state
        return torch.sparse_coo_tensor(ends, root[ends[0]] * root[ends[1]], (count, count)).coalesce().to_sparse_csr()
