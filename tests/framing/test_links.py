"""Who is joined: `mapsto train papers.npz --target edges`."""

import json

import numpy as np
import pytest
import torch

import mapsto
from mapsto.algorithms.experience.node_pairs import joined
from mapsto.cli import main
from mapsto.core.errors import BadInput, DataError, FrameError

NODES = 90


def network(seed=0):
    """Three circles of friends, each with words of its own."""
    draw = np.random.default_rng(seed)
    circle = np.arange(NODES) % 3
    words = (draw.random((NODES, 40)) < 0.03).astype(np.float32)
    words[np.arange(NODES), circle] = 1
    near = (circle[:, None] == circle) & (draw.random((NODES, NODES)) < 0.2)
    far = draw.random((NODES, NODES)) < 0.005
    edges = np.argwhere(np.triu(near | far, 1))
    return {"x": words, "edges": edges, "y": circle}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("links") / "friends.npz"
    np.savez(path, **network())
    return path


@pytest.fixture(scope="module")
def run(file, tmp_path_factory):
    frame = mapsto.frame(file, "edges", device="cpu").change([("algorithm.until.count", 60), ("model.width", 16)])
    return frame.train(tmp_path_factory.mktemp("run") / "links", baseline_seconds=3)


def test_edges_of_the_exam_are_not_in_the_graph(file):
    ready = mapsto.frame(file, "edges").prepared
    graph = ready.fields["train"]["input"].graph.edges.dense()
    assert {id(ready.fields[part]["input"].graph) for part in ready.parts} == {id(ready.fields["train"]["input"].graph)}
    pairs = {part: ready.fields[part]["input"].places for part in ready.parts}
    joined = {part: ready.fields[part]["target"] == 1 for part in ready.parts}
    assert graph[tuple(pairs["train"][joined["train"]].t())].all()
    for part in ("valid", "test"):
        assert not graph[tuple(pairs[part].t())].any()
        assert int(joined[part].sum()) * 2 == len(joined[part])
    true = {tuple(edge) for edge in network()["edges"].tolist()}
    for part in ready.parts:
        for pair, yes in zip(pairs[part].tolist(), joined[part].tolist(), strict=True):
            assert (tuple(pair) in true) == yes
    every = np.concatenate([p.numpy() for p in pairs.values()])
    assert len(np.unique(every, axis=0)) == len(every) == 2 * len(true)


def test_pairs_that_are_not_joined_are_other_ones_at_every_step_and_the_same_when_asked_again(file):
    learner = mapsto.frame(file, "edges", device="cpu").learner()
    experience, graph = learner.algorithm.experience, learner.data.train.fields["input"].graph
    first, second, again = (experience.batch(step) for step in (0, 1, 0))
    yes = first["target"] == 1
    assert torch.equal(first["input"].places[yes], second["input"].places[yes])
    assert not torch.equal(first["input"].places[~yes], second["input"].places[~yes])
    assert torch.equal(first["input"].places, again["input"].places)
    for batch in (first, second):
        assert torch.equal(joined(graph, batch["input"].places), yes)


def test_it_learns_who_is_joined(run):
    assert run.scores["test"]["auroc"]["value"] > 0.65
    assert run.written["measure"] == "auroc"
    assert "logistic-regression" in run.baselines
    assert not {"C040", "C041"} & {f["code"] for f in run.written["findings"]}


def test_the_card_says_what_is_asked(file):
    card = str(mapsto.frame(file, "edges"))
    for words in (
        "say which 'edges'",
        "apart",
        "joined",
        "10% of the edges test",
        "taken out of the graph",
        "pairs True",
    ):
        assert words in card


def test_the_function_says_which_of_those_with_a_friend_in_common_are_joined(run, file, capsys):
    main(["predict", str(run.path), str(file), "--json"])
    rows = json.loads(capsys.readouterr().out)
    true = {tuple(edge) for edge in network()["edges"].tolist()}
    asked = [tuple(int(end.removeprefix("node ")) for end in row["input"].split(" – ")) for row in rows]
    assert asked and not true & set(asked)
    graph = np.zeros((NODES, NODES))
    for a, b in true:
        graph[a, b] = graph[b, a] = 1
    assert all((graph[a] * graph[b]).any() for a, b in asked)
    assert mapsto.evaluate(run.path)["scores"]["test"]["auroc"]["value"] == run.scores["test"]["auroc"]["value"]


def test_degrees_do_not_tell_of_the_edges_that_are_asked_about(tmp_path):
    np.savez(tmp_path / "bare.npz", edges=network()["edges"])
    ready = mapsto.frame(tmp_path / "bare.npz", "edges").prepared
    graph = ready.fields["train"]["input"].graph
    assert ready.raw.relation.columns["degree"].tolist() == graph.edges.dense().sum(1).tolist()


def test_what_cannot_be_asked_of_edges_is_refused(tmp_path, file):
    with pytest.raises(FrameError, match="Leave out --test and --from"):
        mapsto.frame(file, "edges", test=file).learner()
    with pytest.raises(FrameError, match="edges are dealt out at random, but came data.split.folds"):
        mapsto.frame(file, "edges", folds=3).learner()
    np.savez(tmp_path / "few.npz", edges=np.array([[0, 1], [1, 2]]))
    with pytest.raises(DataError, match="2 edges in all leave"):
        mapsto.frame(tmp_path / "few.npz", "edges").learner()
    dense = np.argwhere(np.triu(np.ones((12, 12)), 1))
    np.savez(tmp_path / "dense.npz", edges=dense)
    with pytest.raises(DataError, match="only 0 pairs are not"):
        mapsto.frame(tmp_path / "dense.npz", "edges").learner()


def test_the_likeliest_pairs_come_first(run, file, capsys):
    main(["predict", str(run.path), str(file), "--json"])
    shares = [row["probabilities"]["joined"] for row in json.loads(capsys.readouterr().out)]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


def test_an_exam_on_the_edges_of_another_graph_is_refused(run, file):
    with pytest.raises(BadInput, match="not on another graph"):
        mapsto.evaluate(run.path, file)


def test_models_that_answer_for_single_nodes_are_not_offered(file):
    frame = mapsto.frame(file, "edges")
    assert frame.settings["model"]["name"] == "gcn"
    offered = frame.proposal.instead["model"]
    assert "mlp" in offered and not {"gat", "gin", "graph-sage"} & set(offered)
