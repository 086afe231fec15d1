"""Models of graphs: what an answer hangs on, and what it must not."""

import numpy as np
import pytest
import torch

from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.graph import Graph, Nodes
from mapsto.core.sparse import Sparse
from mapsto.domains import WholeGraph
from mapsto.models import GAT, GCN, GIN, MLP, GraphSAGE

MODELS = [GCN, GAT, GraphSAGE, GIN]
EACH = pytest.mark.parametrize("model", MODELS)
EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])  # in a row; 5 stands alone


def made(model, inputs=(4,), outputs=3, **more):
    torch.manual_seed(0)
    return model(inputs, outputs, **more).eval()


def nodes(known=None, places=(0, 4, 5)):
    known = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)) if known is None else known
    return Nodes(Graph.of(known, EDGES), torch.tensor(places))


def changed(node):
    known = nodes().graph.known.clone()
    known[node] += 5
    return nodes(known)


@EACH
def test_an_answer_hangs_on_nodes_as_many_edges_away_as_there_are_layers(model):
    two = made(model, depth=2)
    with torch.no_grad():
        here = two(nodes())
        assert not torch.allclose(two(changed(2))[:2], here[:2])  # two edges from 0 and from 4
        torch.testing.assert_close(two(changed(3))[0], here[0])  # three edges
        torch.testing.assert_close(two(changed(2))[2], here[2])  # nobody
        assert not torch.allclose(two(changed(5))[2], here[2])


@EACH
def test_what_nodes_are_called_does_not_matter(model):
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    place = order.argsort()
    turned = Graph.of(nodes().graph.known[order], place[torch.from_numpy(EDGES)].numpy())
    with torch.no_grad():
        it = made(model)
        torch.testing.assert_close(it(Nodes(turned, place[torch.tensor([0, 4, 5])])), it(nodes()))


@EACH
def test_few_of_many_words_are_read_as_all_of_them_are(model):
    known = nodes().graph.known * (torch.arange(24).view(6, 4) % 5 == 0)
    with torch.no_grad():
        it = made(model)
        torch.testing.assert_close(it(nodes(Sparse.of(known))), it(nodes(known)))


@EACH
def test_rows_without_edges_are_nodes_by_themselves(model):
    known = nodes().graph.known
    with torch.no_grad():
        it = made(model)
        torch.testing.assert_close(it(known[5:]), it(nodes(places=(5,))))


def graphs(values, pad=(0, 0)):
    """A batch of molecules, padded so much further."""
    domain = WholeGraph().fit(values)
    encoded = domain.encode(values)
    atoms, count = encoded["category"].gather(
        torch.arange(len(values)), int(encoded["category"].lengths.max()) + pad[0]
    )
    edges, edge_count = encoded["edges"].gather(torch.arange(len(values)), int(encoded["edges"].lengths.max()) + pad[1])
    return domain, {"category": atoms, "count": count, "edges": edges, "edge_count": edge_count}


VALUES = [
    {"nodes": {"atom": ["C", "O", "C"]}, "edges": [[0, 1], [1, 2]]},
    {"nodes": {"atom": ["C", "C", "O"]}, "edges": [[0, 1], [1, 2]]},
    {"nodes": {"atom": ["N"]}, "edges": []},
    {"nodes": {"atom": ["C", "C", "O", "N", "N"]}, "edges": [[0, 1], [1, 2], [2, 0], [3, 4]]},
]


@pytest.mark.parametrize("model", [*MODELS, MLP])
def test_what_is_said_of_a_graph_does_not_hang_on_its_padding_or_its_neighbours(model):
    domain, near = graphs(VALUES)
    far = graphs(VALUES, pad=(3, 7))[1]
    it = made(model, domain.shape)
    with torch.no_grad():
        said = it(near)
        assert said.shape == (4, 3) and said.isfinite().all()
        torch.testing.assert_close(it(far), said)
        for k, value in enumerate(VALUES):
            alone = domain.encode([value])
            atoms, count = alone["category"].gather(torch.tensor([0]), len(value["nodes"]["atom"]))
            edges, edge_count = alone["edges"].gather(torch.tensor([0]), int(alone["edges"].lengths[0]))
            one = {"category": atoms, "count": count, "edges": edges, "edge_count": edge_count}
            torch.testing.assert_close(it(one)[0], said[k])


@EACH
def test_in_training_padding_says_nothing_either(model):
    domain, near = graphs(VALUES)
    far = graphs(VALUES, pad=(3, 7))[1]
    it = made(model, domain.shape, dropout=0.0).train()
    torch.testing.assert_close(it(far), it(near))


def test_a_model_of_graphs_sees_edges_and_a_bag_of_nodes_does_not():
    domain, batch = graphs(VALUES)
    bag, gin = made(MLP, domain.shape), made(GIN, domain.shape)
    with torch.no_grad():
        torch.testing.assert_close(bag(batch)[0], bag(batch)[1])  # the same atoms, bound otherwise
        assert not torch.allclose(gin(batch)[0], gin(batch)[1])


def test_two_nodes_are_joined_where_their_states_point_the_same_way():
    pairs = nodes(places=[[0, 1], [1, 0], [5, 2]])
    it = made(GCN, outputs=2, pairs=True, width=8)
    with torch.no_grad():
        said = it(pairs)
        states = it.layers[1](it.layers[0](pairs.graph.known, pairs.graph).relu(), pairs.graph)
    assert said[:, 0].tolist() == [0, 0, 0]
    torch.testing.assert_close(
        said[:, 1], torch.stack([states[0] @ states[1], states[1] @ states[0], states[5] @ states[2]])
    )


def test_a_model_that_sees_no_edges_sees_what_two_nodes_have_in_common():
    known = torch.tensor([[1.0, 0, 2, 0]] * 2 + [[0.0, 1, 3, 0]] * 4)
    it = made(MLP, outputs=2)
    with torch.no_grad():
        torch.testing.assert_close(it(nodes(known, [[0, 2]])), it(torch.tensor([[0.0, 0, 6, 0]])))


def test_pairs_and_single_nodes_are_told_apart():
    with pytest.raises(FrameError, match="pairs of nodes are asked about"):
        made(GAT)(nodes(places=[[0, 1]]))
    with pytest.raises(FrameError, match="one by one"):
        made(GCN, pairs=True)(nodes())


@EACH
def test_it_refuses_what_is_no_node_and_settings_that_are_none(model):
    with pytest.raises(ShapeError, match="numbers and categories"):
        model({"tokens": [9]}, 3)
    with pytest.raises(FrameError, match="at least 1"):
        model((4,), 3, depth=0)
