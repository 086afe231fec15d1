"""Sources of graphs: arrays, tables, folders of a collection, objects of other libraries; and what cannot be one."""

import sys
import types

import numpy as np
import pytest

from mapsto.core.errors import DataError
from mapsto.data.read import is_graph, read

WORDS = np.array([[1, 0, 0, 2], [0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 1, 0]] + [[0, 0, 0, 0]] * 8, np.float32)
EDGES = np.array([[0, 1, 1, 2, 4, 5], [1, 0, 2, 1, 5, 4]])
LABELS = np.array([0, 1, 0, -1, 1, 0, 1, 0, 1, 0, 1, 0])


def csr(dense, name):
    rows, columns = dense.nonzero()
    indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
    return {
        f"{name}_data": dense[rows, columns],
        f"{name}_indices": columns,
        f"{name}_indptr": indptr,
        f"{name}_shape": np.array(dense.shape),
    }


def saved(folder, **arrays):
    np.savez(folder / "papers.npz", **arrays)
    return folder / "papers.npz"


def codes(raw):
    return {finding.code for finding in raw.findings}


def test_arrays_as_the_planetoid_files_have_them(tmp_path):
    parts = {"train_idx": np.array([0, 1]), "val_idx": np.array([2]), "test_idx": np.array([4, 5])}
    raw = read(saved(tmp_path, **csr(WORDS, "feat"), edge_index=EDGES, labels=LABELS, **parts))
    assert raw.target == "labels" and raw.kinds == {"features": "counts"}
    assert np.array_equal(raw.columns["features"], WORDS)
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2], [4, 5]]
    assert raw.split.tolist() == ["train", "train", "valid", None, "test", "test", *[None] * 6]
    assert np.isnan(raw.columns["labels"][3]) and raw.labels[3] == "node 3"
    assert codes(raw) == {"C090"}  # seven nodes without an edge
    assert [f.count for f in raw.findings] == [7]


def test_masks_dense_features_and_edges_by_row(tmp_path):
    train = np.arange(12) < 5
    given = {"x": np.random.default_rng(0).normal(size=(12, 3)), "edges": EDGES.T, "y": LABELS, "train_mask": train}
    raw = read(saved(tmp_path, **given))
    assert raw.columns["features"].shape == (12, 3) and raw.kinds == {}
    assert raw.split.tolist() == ["train"] * 5 + [None] * 7
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2], [4, 5]]


def test_a_sparse_adjacency_is_read_as_edges(tmp_path):
    dense = np.zeros((12, 12), np.float32)
    dense[EDGES[0], EDGES[1]] = 1
    raw = read(saved(tmp_path, **csr(dense, "adj"), **csr(WORDS, "attr"), labels=LABELS))
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2], [4, 5]]


def test_loops_doubles_and_edges_one_way_are_told_of(tmp_path):
    edges = np.array([[0, 1, 1, 2, 2], [1, 2, 2, 2, 3]])
    raw = read(saved(tmp_path, x=WORDS, edge_index=edges, y=LABELS))
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2], [2, 3]]
    told = {finding.code: finding for finding in raw.findings}
    assert told["D283"].count == 2 and told["D284"].count == 3


def test_nodes_of_which_nothing_is_known_have_their_degree(tmp_path):
    raw = read(saved(tmp_path, edge_index=EDGES, y=LABELS))
    assert raw.columns["degree"].tolist()[:4] == [1, 2, 1, 0]
    assert "D285" in codes(raw)


@pytest.mark.parametrize(
    ("arrays", "code", "said"),
    [
        ({"x": WORDS, "edge_index": np.array([[0, 12], [1, 2]])}, "D280", "1 edge of papers.npz leads to no node: 12–2; there are"),
        ({"x": WORDS, "edge_index": EDGES[:, :0]}, "D282", "12 nodes and no edge"),
        ({"x": WORDS[:0], "edge_index": EDGES[:, :0]}, "D282", "without nodes"),
        ({"x": WORDS, "edge_index": EDGES + 0.5}, "D281", "hold 12 numbers that are no node's: 0.5, 1.5"),
        ({"x": WORDS, "edge_index": EDGES, "y": LABELS[:9]}, "D281", "features 12, y 9"),
        ({"x": WORDS, "edge_index": EDGES, "train_idx": np.array([99])}, "D281", "train nodes of papers.npz are not among its 12"),
        ({"x": WORDS, "edge_index": EDGES, "train_idx": np.array([2]), "test_idx": np.array([2])}, "D281", "is in two splits: 2"),
        ({**csr(WORDS, "feat"), "feat_shape": np.array([3, 4]), "edge_index": EDGES}, "D281", "does not make a matrix: 13 offsets"),
    ],
)  # fmt: skip
def test_what_makes_no_graph_is_one_clear_message(tmp_path, arrays, code, said):
    with pytest.raises(DataError, match=said) as caught:
        read(saved(tmp_path, **arrays))
    assert caught.value.code == code
    assert caught.value.remedy


def folder(tmp_path, nodes, edges):
    tmp_path.joinpath("nodes.csv").write_text(nodes, encoding="utf-8")
    tmp_path.joinpath("edges.csv").write_text(edges, encoding="utf-8")
    return tmp_path


NODES = "name,age,town\nAda,36,London\nGrace,85,Arlington\nAlan,41,Wilmslow\nEmmy,53,Bryn Mawr\n"


def test_a_table_of_nodes_and_one_of_edges(tmp_path):
    raw = read(folder(tmp_path, NODES, "source,target,since\nAda,Grace,1950\nGrace,Alan,1951\n"))
    assert list(raw.columns) == ["age", "town"]
    assert raw.labels.tolist() == ["Ada", "Grace", "Alan", "Emmy"]
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2]]
    assert {"D287", "D284", "C090"} <= codes(raw)


def test_nodes_that_are_numbered_are_found_by_their_numbers(tmp_path):
    raw = read(folder(tmp_path, "id,x\n7,0.5\n9,0.25\n", "a,b\n9,7\n"))
    assert raw.relation.edges.tolist() == [[0, 1]] and raw.labels.tolist() == ["7", "9"]


@pytest.mark.parametrize(
    ("nodes", "edges", "said"),
    [
        (
            NODES,
            "source,target\nAda,Grace\nAda,Kurt\n",
            "1 end of edges in edges.csv is no node of nodes.csv: Kurt in line 3",
        ),
        (NODES + "Ada,1,York\n", "source,target\nAda,Grace\n", "names 1 node more than once in 'name': Ada"),
        (NODES, "who\nAda\nGrace\n", "edges.csv of .* has one column: who"),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(tmp_path, nodes, edges, said):
    with pytest.raises(DataError, match=said):
        read(folder(tmp_path, nodes, edges))


def collection(path, **files):
    given = {
        "A": "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4\n",
        "graph_indicator": "1\n1\n1\n2\n2\n",
        "graph_labels": "1\n-1\n",
        "node_labels": "0\n1\n0\n2\n2\n",
    } | files
    for name, text in given.items():
        if text is not None:
            (path / f"TOY_{name}.txt").write_text(text)
    return path


def test_a_collection_of_graphs(tmp_path):
    raw = read(collection(tmp_path, node_attributes="0.5, 1\n0, 2\n0, 3\n0, 4\n0, 5\n"))
    first, second = raw.columns["graph"]
    assert first["nodes"]["label"] == [0, 1, 0] and second["nodes"]["attribute 2"] == [4.0, 5.0]
    assert {tuple(sorted(edge)) for edge in first["edges"].tolist()} == {(0, 1), (1, 2)}
    assert {tuple(sorted(edge)) for edge in second["edges"].tolist()} == {(0, 1)}
    assert raw.columns["graph label"].tolist() == [1, -1] and raw.target == "graph label"
    assert raw.kinds == {"graph": "whole-graph"} and raw.labels.tolist() == ["graph 1", "graph 2"]


def test_nodes_of_a_collection_need_not_be_in_the_order_of_their_graphs(tmp_path):
    files = {"graph_indicator": "2\n1\n1\n2\n1\n", "A": "2, 3\n3, 5\n1, 4\n"}
    first, second = read(collection(tmp_path, **files)).columns["graph"]
    assert first["nodes"]["label"] == [1, 0, 2] and first["edges"].tolist() == [[0, 1], [1, 2]]
    assert second["nodes"]["label"] == [0, 2] and second["edges"].tolist() == [[0, 1]]


def test_an_empty_graph_of_a_collection_is_left_out_and_told(tmp_path):
    raw = read(collection(tmp_path, graph_labels="1\n-1\n1\n"))
    assert len(raw) == 2 and "D288" in codes(raw)


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({"A": "1, 9\n"}, "D280", "1 edge of TOY_A.txt leads to no node: 1, 9; there are nodes 1 to 5"),
        ({"A": "1, 4\n"}, "D280", "leads from one graph into another, first line 1: 1, 4"),
        ({"graph_labels": "1\n"}, "D281", "graphs 1 to 2, but there are 1 graph labels"),
        ({"node_labels": "0\n1\n"}, "D281", "has 2 lines for 5 nodes"),
        ({"A": "1, 2\n2\n"}, "D281", "line 2 of TOY_A.txt is '2', where whole numbers belong, as many in each"),
        ({"graph_indicator": "", "A": ""}, "D282", "without nodes"),
    ],
)
def test_a_collection_that_is_none_is_refused(tmp_path, files, code, said):
    with pytest.raises(DataError, match=said) as caught:
        read(collection(tmp_path, **files))
    assert caught.value.code == code


class Data:
    """What PyTorch Geometric's `Data` looks like from here."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def to_dict(self):
        return self.arrays


def test_a_graph_of_pytorch_geometric_is_known_by_its_name(monkeypatch):
    import torch

    monkeypatch.setattr(Data, "__module__", "torch_geometric.data.data")
    given = {"x": torch.from_numpy(WORDS), "edge_index": torch.from_numpy(EDGES), "y": torch.from_numpy(LABELS)}
    data = Data(**given, edge_attr=torch.ones(6, 3), num_nodes=12, name=torch.tensor(7))
    assert is_graph(data)
    raw = read(data)
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2], [4, 5]] and raw.target == "y"
    assert {"D055", "D287"} <= codes(raw)


class Network:
    """What a networkx graph looks like from here."""

    def __init__(self, nodes, edges):
        self._nodes, self._edges = nodes, edges

    @property
    def nodes(self):
        return type(
            "View", (), {"__iter__": lambda _: iter(self._nodes), "__call__": lambda _, data: self._nodes.items()}
        )()

    def edges(self, data=False):
        return [(*edge, {"since": 1843}) for edge in self._edges] if data else self._edges

    def is_directed(self):
        return False

    def degree(self, name):
        return sum(name in edge for edge in self._edges)


def test_a_graph_of_networkx_is_known_by_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", types.ModuleType("networkx"))
    monkeypatch.setattr(Network, "__module__", "networkx.classes.graph")
    people = {"Ada": {"age": 36, "born": "London"}, "Grace": {"age": 85}, "Alan": {"age": 41, "born": "London"}}
    raw = read(Network(people, [("Ada", "Grace"), ("Grace", "Alan")]))
    assert raw.columns["age"].tolist() == [36, 85, 41] and raw.columns["born"].tolist() == ["London", None, "London"]
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2]] and raw.labels.tolist() == ["Ada", "Grace", "Alan"]
    assert "D287" in codes(raw) and "D284" not in codes(raw)
    bare = read(Network({name: {} for name in "abc"}, [("a", "b")]))
    assert bare.columns["degree"].tolist() == [1, 1, 0] and "D285" in codes(bare)


def test_a_table_with_a_column_called_edges_stays_one():
    assert not is_graph({"edges": np.array([3, 4]), "y": np.array([0, 1])})
    assert is_graph({"edges": EDGES.T, "x": WORDS})
    assert not is_graph("cora.npz") and not is_graph([1, 2])


def test_nodes_are_named_in_the_column_that_edges_speak_of(tmp_path):
    nodes = "age,person,name\n36,p1,Ada\n36,p2,Ada\n41,NA,Alan\n"
    raw = read(folder(tmp_path, nodes, "weight,one,other\n0.5,p1,p2\n0.7,p2,NA\n"))
    assert raw.labels.tolist() == ["p1", "p2", "NA"] and list(raw.columns) == ["age", "name"]
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2]] and "D289" in codes(raw)


def test_an_id_comes_before_a_name_that_two_have(tmp_path):
    raw = read(folder(tmp_path, "name,id,age\nAda,1,36\nAda,2,41\n", "source,target\n1,2\n"))
    assert raw.labels.tolist() == ["1", "2"] and "D289" not in codes(raw)


@pytest.mark.parametrize(
    ("nodes", "edges", "said"),
    [
        ("id,x\na,1\nb,2\n", "source,target\na,b\na,\n", "1 end of edges in edges.csv is no node of nodes.csv: nothing in line 3"),
        ("id,x\na,1\n,2\n", "source,target\na,\n", "1 node of nodes.csv without a name in 'id', first line 3"),
    ],
)  # fmt: skip
def test_an_empty_cell_is_nobodys_name(tmp_path, nodes, edges, said):
    with pytest.raises(DataError, match=said):
        read(folder(tmp_path, nodes, edges))


@pytest.mark.parametrize(
    "edges", ["Ada,Grace\nGrace,Alan\n", "Ada,Grace,1843\nGrace,Alan,1952\n", "Ada Grace\nGrace Alan\n"]
)
def test_a_list_of_edges_without_a_header_loses_none(tmp_path, edges):
    raw = read(folder(tmp_path, NODES, edges))
    assert raw.relation.edges.tolist() == [[0, 1], [1, 2]] and "D289" in codes(raw)


@pytest.mark.parametrize("edges", ["9,7\n7,8\n", "9,7,0.5\n7,8,0.5\n", "9 7\n7 8\n", "9\t7\n7\t8\n"])
@pytest.mark.parametrize("called", ["edges.csv", "edges.txt"])
def test_a_list_of_numbered_edges_without_a_header_is_read(tmp_path, edges, called):
    folder(tmp_path, "id,x\n7,0.5\n9,0.25\n8,1\n", edges)
    raw = read((tmp_path / "edges.csv").rename(tmp_path / called).parent)
    assert raw.relation.edges.tolist() == [[0, 1], [0, 2]] and "D289" in codes(raw)


def test_a_table_of_nodes_without_a_header_is_refused_with_what_helps(tmp_path):
    with pytest.raises(DataError, match="nodes.csv seems to have no header") as caught:
        read(folder(tmp_path, "1,0.5\n2,0.7\n", "source,target\n1,2\n"))
    assert caught.value.remedy == "Put names there: id,…"


def test_a_node_without_an_edge_is_told_by_its_name(tmp_path):
    raw = read(folder(tmp_path, NODES, "source,target\nAda,Grace\nGrace,Alan\n"))
    assert next(finding.examples for finding in raw.findings if finding.code == "C090") == ("Emmy",)


def test_what_arrays_say_of_edges_is_not_taken_for_nodes(tmp_path):
    raw = read(saved(tmp_path, x=WORDS, edge_index=EDGES, edge_attr=np.ones((6, 3)), y=LABELS))
    assert list(raw.columns) == ["features", "y"] and "D287" in codes(raw)


def test_the_number_of_nodes_counts_those_that_no_edge_speaks_of(tmp_path):
    assert len(read(saved(tmp_path, edge_index=EDGES, num_nodes=np.array(9)))) == 9
    with pytest.raises(DataError, match="num_nodes 11"):
        read(saved(tmp_path, x=WORDS, edge_index=EDGES, num_nodes=np.array(11)))


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        (np.array([["Ada", "Grace"], ["Alan", "Ada"]]), "no numbers but Ada, Grace, Alan, Ada"),
        (np.array([[0, 1], [np.nan, 2]]), "hold 1 number that is no node's: nan, first in edge 1"),
    ],
)
def test_edges_that_are_no_numbers_are_one_clear_message(tmp_path, edges, said):
    with pytest.raises(DataError, match=said):
        read(saved(tmp_path, edges=edges))


def test_minus_one_is_an_answer_where_there_is_only_one_beside_it(tmp_path):
    raw = read(saved(tmp_path, x=WORDS, edge_index=EDGES, y=np.array([-1, 1] * 6)))
    assert raw.columns["y"].tolist() == [-1, 1] * 6
    numbers = read(saved(tmp_path, x=WORDS, edge_index=EDGES, y=np.arange(12) - 3))
    assert numbers.columns["y"].tolist() == (np.arange(12) - 3).tolist()


def test_a_collection_may_have_a_number_for_each_graph(tmp_path):
    raw = read(collection(tmp_path, graph_labels=None, graph_attributes="0.25\n-1.5\n"))
    assert raw.target == "graph attribute" and raw.columns["graph attribute"].tolist() == [0.25, -1.5]
    both = read(collection(tmp_path, graph_attributes="0.25, 3\n-1.5, 4\n"))
    assert both.target == "graph label" and both.columns["graph attribute 2"].tolist() == [3, 4]
    assert both.kinds["graph attribute 1"] == "leave-out"


def test_labels_of_a_collection_are_not_rounded(tmp_path):
    assert read(collection(tmp_path, graph_labels="0.25\n0.75\n")).columns["graph label"].tolist() == [0.25, 0.75]
    with pytest.raises(DataError, match="line 1 of TOY_A.txt is '1.5, 2', where whole numbers belong"):
        read(collection(tmp_path, A="1.5, 2\n"))
    with pytest.raises(DataError, match="line 2 of TOY_graph_labels.txt is 'no', where numbers belong"):
        read(collection(tmp_path, A="1, 2\n", graph_labels="1\nno\n"))


def test_dates_of_nodes_mean_what_they_meant_in_training(tmp_path):
    raw = read(folder(tmp_path, "id,day\na,02/03/2021\nb,04/03/2021\n", "a,b\na,b\n"), formats={"day": "day-first"})
    assert raw.columns["day"].astype("datetime64[M]").tolist() == np.array(["2021-03"] * 2, "datetime64[M]").tolist()
