"""Graphs that are examples themselves: from a folder of a collection to a function of molecules."""

import numpy as np
import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import BadInput
from mapsto.domains import WholeGraph


def write(path, count=60, seed=0):
    """Rings and rows of atoms: the class is whether the ends are joined, which no count of atoms tells."""
    draw = np.random.default_rng(seed)
    edges, indicator, labels, atoms = [], [], [], []
    for graph in range(count):
        size, first, ring = int(draw.integers(4, 8)), len(indicator) + 1, graph % 2
        joined = [(first + k, first + k + 1) for k in range(size - 1)] + ([(first, first + size - 1)] if ring else [])
        edges += [pair for a, b in joined for pair in ((a, b), (b, a))]
        indicator += [graph + 1] * size
        atoms += draw.integers(0, 3, size).tolist()
        labels.append(ring)
    files = {"graph_indicator": indicator, "graph_labels": labels, "node_labels": atoms}
    for name, values in files.items():
        (path / f"RINGS_{name}.txt").write_text("".join(f"{v}\n" for v in values))
    (path / "RINGS_A.txt").write_text("".join(f"{a}, {b}\n" for a, b in edges))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("rings"))


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    frame = mapsto.frame(folder, device="cpu").change(
        [
            ("model.width", 16),
            ("model.depth", 2),
            ("model.dropout", 0.0),
            ("algorithm.until.count", 60),
            ("algorithm.lr", 0.01),
        ]
    )
    return frame.train(tmp_path_factory.mktemp("run") / "rings", baseline_seconds=3)


def test_the_card_says_what_is_learned(folder):
    frame = mapsto.frame(folder)
    assert isinstance(frame.prepared.input, WholeGraph)
    card = str(frame)
    for words in ("graphs whose nodes have 1 category", "gin", "padding", "graph label"):
        assert words in card


def test_edges_tell_a_ring_from_a_row_and_atoms_do_not(run):
    assert run.scores["test"]["accuracy"]["value"] == 1.0
    assert run.baselines["majority"]["test"]["accuracy"]["value"] < 0.8
    assert run.baselines["logistic-regression"]["test"]["accuracy"]["value"] < 0.9


def test_the_function_takes_a_graph_or_many(run, folder):
    f = mapsto.load(run.path)
    ring = {"nodes": {"label": [0, 1, 2, 0, 1]}, "edges": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]]}
    row = {**ring, "edges": ring["edges"][:4]}
    assert f(ring) == 1 and f([ring, row]) == [1, 0]
    assert mapsto.evaluate(run.path, folder)["scores"]["test"]["accuracy"]["n"] == 60


def test_a_stopped_run_goes_on_as_if_it_had_not(folder):
    def learner():
        return mapsto.frame(folder, device="cpu").learner()

    whole, again = learner().fit(7), learner()
    again.load_state_dict(learner().fit(3).state_dict())
    again.fit(7)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name


def test_folds_deal_out_graphs(folder):
    frame = mapsto.frame(folder, folds=5, device="cpu")
    tests = np.concatenate([frame.fold(k).prepared.parts["test"] for k in range(5)])
    assert sorted(tests.tolist()) == list(range(60))


def test_a_graph_without_nodes_or_with_an_edge_to_nowhere_is_refused(run):
    f = mapsto.load(run.path)
    with pytest.raises(mapsto.BadInput, match="at least one node"):
        f({"nodes": {"label": []}, "edges": []})
    with pytest.raises(mapsto.BadInput, match=r"edges of graph 0 lead to no node"):
        f({"nodes": {"label": [0, 1]}, "edges": [[0, 2]]})
    with pytest.raises(mapsto.BadInput, match="the nodes of graph 0 have atom"):
        f({"nodes": {"atom": [0, 1]}, "edges": [[0, 1]]})


def test_graphs_in_memory_are_learned_from_as_a_collection_is():
    ring = {"nodes": {"atom": ["C", "N", "O"]}, "edges": [[0, 1], [1, 2], [2, 0]]}
    row = {**ring, "edges": np.array([[0, 1], [1, 2]])}
    for given in ({"graph": [ring, row] * 20, "y": [1, 0] * 20}, ([ring, row] * 20, [1, 0] * 20)):
        ready = mapsto.frame(given).prepared
        assert isinstance(ready.input, WholeGraph) and ready.problem == "classification"


@pytest.mark.parametrize(
    ("edges", "said"),
    [([[0, 1, 1]], "are no pairs"), ([[0, 0.5]], "are no whole numbers"), ([[0, 9]], "lead to no node: .9.; it has nodes 0 to 1")],
)  # fmt: skip
def test_edges_that_make_no_graph_are_one_clear_message(run, edges, said):
    with pytest.raises(BadInput, match=said):
        mapsto.load(run.path)({"nodes": {"label": [0, 1]}, "edges": edges})


def test_one_graph_of_many_nodes_is_no_collection(run, tmp_path, capsys):
    np.savez(tmp_path / "nodes.npz", x=np.ones((4, 2)), edges=np.array([[0, 1], [2, 3], [1, 2]]))
    with pytest.raises(SystemExit):
        main(["predict", str(run.path), str(tmp_path / "nodes.npz")])
    assert "this function answers for whole graphs" in capsys.readouterr().err


def test_edges_that_are_labelled_or_lacking_are_told(tmp_path):
    write(tmp_path, 20)
    (tmp_path / "RINGS_edge_labels.txt").write_text("0\n")
    (tmp_path / "RINGS_A.txt").write_text("")
    told = {finding.code: finding for finding in mapsto.frame(tmp_path).findings}
    assert told["D287"].examples == ("edge_labels",) and told["D282"].level == "warning"


def test_what_is_no_graph_at_all_is_one_clear_message(run):
    with pytest.raises(
        BadInput, match="takes graphs whose nodes have 1 category .3 values., one or a list of them, but came 3"
    ):
        mapsto.load(run.path)(3)


def test_edges_may_be_two_rows_of_ends():
    path = {"nodes": {"atom": ["C", "N", "O", "C"]}, "edges": [[0, 1], [1, 2], [2, 3]]}
    turned = {**path, "edges": np.array(path["edges"]).T}
    one, other = WholeGraph().fit([path]).encode([path, turned])["edges"].values.chunk(2)
    assert torch.equal(one, other)
