"""Sparse matrices, graphs, and examples that are nodes of one: a column as any other, of which only the places are cut."""

import numpy as np
import pytest
import torch

from mapsto.core.batch import gathered, nbytes, over, pieces, size, split
from mapsto.core.errors import ShapeError
from mapsto.core.graph import Graph, Nodes
from mapsto.core.sampling import around
from mapsto.core.sparse import Sparse

PATH = np.array([[0, 1], [1, 2], [2, 3]])  # four nodes in a row; a fifth stands alone


def path(known=None):
    return Graph.of(torch.arange(10.0).view(5, 2) if known is None else known, PATH)


def matrix(rows=7, columns=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    dense = torch.randn(rows, columns, generator=g)
    return dense * (torch.rand(rows, columns, generator=g) < 0.4)


def test_what_is_not_nought_is_kept_and_comes_back():
    dense = matrix()
    sparse = Sparse.of(dense)
    assert torch.equal(sparse.dense(), dense)
    assert sparse.shape == (7, 5) and len(sparse) == 7
    assert torch.allclose(sparse.sums(), dense.sum(1))
    index = torch.tensor([3, 0, 3, 6])
    assert torch.equal(sparse.take(index).dense(), dense[index])
    assert torch.equal(sparse.take(index[:0]).dense(), dense[:0])


def test_a_pattern_turned_is_that_of_the_transposed_matrix():
    dense = matrix()
    sparse = Sparse.of(dense)
    turned, order = sparse.pattern.turned
    assert torch.equal(Sparse(turned, sparse.values[order]).dense(), dense.t())
    assert sparse.pattern.turned[0] is turned  # worked out once


def test_a_place_that_comes_again_counts_once_and_one_outside_is_refused():
    rows, columns = torch.tensor([1, 0, 1, 1]), torch.tensor([2, 0, 0, 2])
    assert Sparse.at(rows, columns, 2, 3).dense().tolist() == [[1, 0, 0], [1, 0, 1]]
    with pytest.raises(ShapeError, match=r"lie within it, but 1 do not"):
        Sparse.at(torch.tensor([2]), torch.tensor([0]), 2, 3)


def test_edges_are_read_both_ways():
    dense = path().edges.dense()
    assert torch.equal(dense, dense.t())
    assert dense.sum(1).tolist() == [1, 2, 2, 1, 0]


def test_normalised_matrices_are_their_formulas():
    graph = path()
    adjacency = graph.edges.dense()
    looped = adjacency + torch.eye(5)
    root = torch.diag(looped.sum(1) ** -0.5)
    torch.testing.assert_close(graph.symmetric.dense(), root @ looped @ root)
    mean = adjacency / adjacency.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(graph.mean.dense(), mean)
    assert graph.symmetric is graph.symmetric


def test_graphs_side_by_side_are_block_diagonal_and_padding_counts_nothing():
    edges = torch.tensor([[[1, 0], [0, 1], [2, 1], [1, 2]], [[1, 0], [0, 1], [-1, -1], [-1, -1]]])
    both = Graph.side_by_side(torch.zeros(2, 4, 3), edges, torch.tensor([4, 2]))
    expected = torch.zeros(8, 8)
    for a, b in [(0, 1), (1, 2), (4, 5)]:
        expected[a, b] = expected[b, a] = 1
    assert torch.equal(both.edges.dense(), expected)
    torch.testing.assert_close(both.mean.dense().sum(1), (expected.sum(1) > 0).float())
    assert both.symmetric.dense()[7].tolist() == [0] * 7 + [1]


def test_nodes_are_gathered_and_cut_as_a_column_and_keep_one_graph():
    graph = path()
    held = {"input": Nodes(graph, torch.tensor([4, 3, 2, 1, 0])), "target": torch.arange(5)}
    batch = gathered(held, torch.tensor([3, 0]), iter(()))
    assert batch["input"].places.tolist() == [1, 4] and batch["input"].graph is graph
    assert size(held) == size({"input": held["input"]}) == 5
    assert [len(part["input"]) for part in split(held, [2, 3])] == [2, 3]
    assert all(part["input"].graph is graph for part in pieces(held, 3))
    assert over(held, lambda column: column[:2])["input"].places.tolist() == [4, 3]
    assert over(held, lambda column: column.to("cpu"))["input"].graph is graph
    assert nbytes(held) > 5 * 8 + 40


def test_what_is_known_of_a_node_is_its_row_whatever_it_is_kept_as():
    dense = matrix(5, 6)
    places = torch.tensor([2, 2, 4])
    for known in (dense, Sparse.of(dense)):
        assert torch.equal(Nodes(path(known), places).known(), dense[places])
    row = {"number": dense, "category": torch.arange(10).view(5, 2)}
    found = Nodes(path(row), places).known()
    assert torch.equal(found["number"], dense[places]) and found["category"].tolist() == [[4, 5], [4, 5], [8, 9]]


def test_places_are_whole_numbers_of_nodes_or_of_pairs():
    with pytest.raises(ShapeError, match=r"nodes \[B\] or pairs of them \[B, 2\], but came torch.float32 \[3\]"):
        Nodes(path(), torch.zeros(3))
    with pytest.raises(ShapeError, match=r"\[3, 4\]"):
        Nodes(path(), torch.zeros(3, 4, dtype=torch.long))
    assert Nodes(path(), torch.zeros(3, 2, dtype=torch.long)).paired


def ring(count=40):
    """Each node is joined to the two beside it and to node 0; what is known of it is its number."""
    ends = [(k, (k + 1) % count) for k in range(count)] + [(0, k) for k in range(2, count - 1)]
    return Graph.of(torch.arange(float(count))[:, None], np.array(ends))


def drawn(seed=0, fanout=(3, 2)):
    return around(Nodes(ring(), torch.tensor([5, 0, 20])), fanout, torch.Generator().manual_seed(seed))


def test_a_sample_has_the_asked_nodes_and_some_of_their_neighbours():
    some, whole = drawn(), ring().edges.dense()
    assert some.known()[:, 0].tolist() == [5, 0, 20]
    number = some.graph.known[:, 0].long()
    edges = some.graph.edges.dense()
    for row, column in edges.nonzero().tolist():
        assert whole[number[row], number[column]] == 1
    heard = edges.sum(1)
    assert heard[some.places].tolist() == [3, 3, 3]  # 5 and 20 have three, 0 has 39 of which three are drawn
    assert heard.max() <= 3 and len(some.graph) < 30


def test_a_sample_follows_from_its_generator():
    assert torch.equal(drawn().graph.known, drawn().graph.known)
    assert len({tuple(drawn(seed).graph.known[:, 0].tolist()) for seed in range(5)}) > 1


def test_a_sample_of_all_neighbours_answers_as_the_whole_does():
    from mapsto.models import GCN, GraphSAGE

    torch.manual_seed(0)
    asked = Nodes(ring(), torch.tensor([5, 0, 20]))
    some = around(asked, (100, 100), torch.Generator())
    model = GraphSAGE((1,), 3, 8).eval()
    torch.testing.assert_close(model(some), model(asked))
    assert not torch.allclose(model(drawn(fanout=(1, 1))), model(asked))
    assert GCN((1,), 3).eval()(some).shape == (3, 3)


def test_a_node_without_neighbours_is_a_sample_by_itself():
    alone = around(Nodes(path(), torch.tensor([4])), (2,), torch.Generator())
    assert len(alone.graph) == 1 and alone.known().tolist() == [[8, 9]]
