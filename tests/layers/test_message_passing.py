"""What passes along edges, against dense matrices and loops that say the same, and against figures worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from mapsto.core.graph import Graph
from mapsto.core.sparse import Sparse
from mapsto.layers.graph_attention import GraphAttention, softmax_of_rows
from mapsto.layers.graph_convolution import GraphConvolution
from mapsto.layers.graph_isomorphism import GraphIsomorphism
from mapsto.layers.graph_sage import NeighbourMean
from mapsto.layers.node_norm import NodeNorm
from mapsto.layers.product import product

EDGES = np.array([[0, 1], [0, 2], [1, 2], [3, 4]])  # a triangle, a pair, and node 5 by itself


def known(seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(6, 4, generator=g, dtype=torch.float64) * (torch.rand(6, 4, generator=g) < 0.6)


def graph():
    return Graph.of(known(), EDGES)


def doubled(layer):
    """In double precision, with weights that are all something."""
    torch.manual_seed(1)
    layer = layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_()
    return layer


@pytest.mark.parametrize("weighted", [True, False])
def test_a_product_and_its_gradients_are_those_of_dense_matrices(weighted):
    g = torch.Generator().manual_seed(0)
    dense = torch.randn(7, 5, generator=g, dtype=torch.float64) * (torch.rand(7, 5, generator=g) < 0.4)
    if not weighted:
        dense = (dense != 0).double()
    sparse = Sparse.of(dense)
    values = sparse.values.clone().requires_grad_() if weighted else None
    right = torch.randn(5, 3, generator=g, dtype=torch.float64, requires_grad=True)
    spelled = dense.clone().requires_grad_()
    given = product(Sparse(sparse.pattern, values), right)
    expected = spelled @ right
    torch.testing.assert_close(given, expected)
    slope = torch.randn(7, 3, generator=g, dtype=torch.float64)
    by_right, *by_values = torch.autograd.grad(given, [right, *([values] if weighted else [])], slope)
    exact_right, exact_dense = torch.autograd.grad(expected, [right, spelled], slope)
    torch.testing.assert_close(by_right, exact_right)
    if weighted:
        torch.testing.assert_close(by_values[0], exact_dense[dense != 0])


def test_a_matrix_of_noughts_gives_noughts_and_a_gradient_of_noughts():
    right = torch.randn(5, 3, requires_grad=True)
    given = product(Sparse.of(torch.zeros(7, 5)), right)
    given.sum().backward()
    assert not given.any() and not right.grad.any()


@pytest.mark.parametrize("sparse", [True, False])
def test_a_graph_convolution_is_its_formula(sparse):
    layer, x = doubled(GraphConvolution(4, 3)), known()
    looped = graph().edges.dense().double() + torch.eye(6, dtype=torch.float64)
    root = torch.diag(looped.sum(1) ** -0.5)
    expected = root @ looped @ root @ x @ layer.weight + layer.bias
    torch.testing.assert_close(layer(Sparse.of(x) if sparse else x, graph()), expected, rtol=1e-5, atol=1e-5)


def test_a_graph_convolution_of_two_nodes_by_hand():
    pair = Graph.of(torch.tensor([[2.0], [4.0]]), np.array([[0, 1]]))
    layer = GraphConvolution(1, 1)
    with torch.no_grad():
        layer.weight.fill_(10.0)
        layer.bias.fill_(1.0)
    both = torch.tensor([[31.0], [31.0]])  # each of degree 2 with itself: (2 + 4) / 2 · 10 + 1
    torch.testing.assert_close(layer(pair.known, pair), both)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("mean", [True, False])
def test_graph_attention_is_its_formula(sparse, mean):
    layer, x, heads = doubled(GraphAttention(4, 3, heads=2, mean=mean)).requires_grad_(False), known(), []
    adjacency = graph().edges.dense() + torch.eye(6)
    states = (x @ layer.weight).view(6, 2, 3)
    for h in range(2):
        rows = []
        for i in range(6):
            near = adjacency[i].nonzero()[:, 0].tolist()
            score = [float(layer.receiver[h] @ states[i, h] + layer.sender[h] @ states[j, h]) for j in near]
            raised = [math.exp(s if s > 0 else 0.2 * s) for s in score]
            rows.append(sum(r / sum(raised) * states[j, h] for r, j in zip(raised, near, strict=True)))
        heads.append(torch.stack(rows))
    expected = (sum(heads) / 2 if mean else torch.cat(heads, 1)) + layer.bias
    torch.testing.assert_close(layer(Sparse.of(x) if sparse else x, graph()), expected)


def test_attention_to_all_alike_is_the_mean_with_oneself():
    layer = GraphAttention(1, 1, heads=1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.receiver.zero_()
        layer.sender.zero_()
    triangle = Graph.of(torch.tensor([[3.0], [6.0], [0.0]]), np.array([[0, 1], [0, 2]]))
    torch.testing.assert_close(layer(triangle.known, triangle), torch.tensor([[3.0], [4.5], [1.5]]))


def test_shares_of_a_row_add_up_to_one_however_large_the_numbers():
    pattern = graph().looped.pattern
    score = torch.randn(len(pattern.columns), 3) * 500
    share = softmax_of_rows(score, pattern)
    assert share.isfinite().all()
    torch.testing.assert_close(product(Sparse(pattern.stretches), share), torch.ones(6, 3))


def test_attention_has_the_gradient_of_its_formula():
    torch.manual_seed(0)
    layer = doubled(GraphAttention(4, 2, heads=2))
    x = known().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w, a, c: torch.func.functional_call(
        layer, {"weight": w, "receiver": a, "sender": c}, (x, graph())
    ), (x, layer.weight, layer.receiver, layer.sender))  # fmt: skip


@pytest.mark.parametrize("sparse", [True, False])
def test_a_mean_of_neighbours_is_its_formula(sparse):
    layer, x = doubled(NeighbourMean(4, 3)), known()
    adjacency = graph().edges.dense().double()
    mean = adjacency / adjacency.sum(1, keepdim=True).clamp(min=1)
    expected = x @ layer.own + mean @ x @ layer.heard + layer.bias
    torch.testing.assert_close(layer(Sparse.of(x) if sparse else x, graph()), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("learn", [True, False])
def test_graph_isomorphism_is_its_formula(learn):
    layer, x = doubled(GraphIsomorphism(4, 3, learn)).eval(), known()
    own = 1 + (layer.epsilon.item() if learn else 0.0)
    heard = own * x + graph().edges.dense().double() @ x
    expected = layer.second(layer.norm(layer.first(heard)).relu())
    torch.testing.assert_close(layer(x, graph()), expected)
    assert ("epsilon" in dict(layer.named_parameters())) == learn


def test_a_norm_over_nodes_does_not_see_padding():
    torch.manual_seed(0)
    real = torch.tensor([1.0, 1, 0, 1, 0, 1])
    x = torch.randn(6, 3)
    mine, theirs = NodeNorm(3), nn.BatchNorm1d(3)
    for _ in range(3):
        given, expected = mine(x, real), theirs(x[real > 0])
    torch.testing.assert_close(given[real > 0], expected)
    torch.testing.assert_close(mine.running_mean, theirs.running_mean)
    torch.testing.assert_close(mine.running_var, theirs.running_var)
    torch.testing.assert_close(mine.eval()(x, real), theirs.eval()(x))


W, U, B = torch.tensor([[0.5, -1.0], [0.25, 2.0]]), torch.tensor([[1.0, 0.5], [-0.5, 0.75]]), torch.tensor([0.1, -0.2])
REFERENCE = {  # what GCNConv, GATConv, SAGEConv and GINConv of PyTorch Geometric 2.8.1 give with these weights
    "gcn": [[-0.4, -0.45]] * 3 + [[0.5375, 0.8]] * 2 + [[1.1, 1.55]],
    "gat": [[-0.39688, -0.44583]] * 3 + [[0.54336, 0.80781]] * 2 + [[1.1, 1.55]],
    "sage": [[-1.15, -1.3875], [-0.9, -1.2], [-0.65, -1.0125], [0.6, 1.675], [0.725, 1.55], [1.1, 1.55]],
    "gin": [[0.1, -0.2]] * 3 + [[0.175, 1.6375]] * 2 + [[0.425, 1.5125]],
}
WEIGHTS = {
    "gcn": (GraphConvolution(2, 2), {"weight": W, "bias": B}),
    "gat": (
        GraphAttention(2, 2, 1),
        {"weight": W, "sender": torch.tensor([[0.5, -0.25]]), "receiver": torch.tensor([[1.0, 0.5]]), "bias": B},
    ),
    "sage": (NeighbourMean(2, 2), {"own": W, "heard": U, "bias": B}),
    "gin": (GraphIsomorphism(2, 2), {"first.weight": W.t(), "first.bias": B, "second.weight": U.t(), "second.bias": B}),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_operators_give_what_those_of_pytorch_geometric_give(name):
    layer, weights = WEIGHTS[name]
    x = (torch.arange(12.0).view(6, 2) - 5) / 4
    given = torch.func.functional_call(layer.eval(), weights, (x, graph()))
    torch.testing.assert_close(given, torch.tensor(REFERENCE[name]), rtol=1e-4, atol=2e-5)
