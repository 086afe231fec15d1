"""From a file with a graph to a function that answers about its nodes: `mapsto train papers.npz`."""

import json

import numpy as np
import pytest
import torch

import mapsto
from mapsto.cli import main
from mapsto.core.errors import BadInput
from mapsto.core.graph import Nodes
from mapsto.domains import Counts, Row
from mapsto.framing.ways import graphs

FIELDS, NODES, WORDS = 3, 120, 60


def papers(seed=0):
    """Each paper has a few words, hardly any of its field, and cites papers that mostly are of its field."""
    draw = np.random.default_rng(seed)
    field = draw.integers(0, FIELDS, NODES)
    words = (draw.random((NODES, WORDS)) < 0.04).astype(np.float32)
    own = draw.random(NODES) < 0.5
    words[np.flatnonzero(own), field[own]] = 1
    edges = []
    for node in range(NODES):
        kin = np.flatnonzero(field == field[node])
        for other in draw.choice(kin, 3).tolist() + draw.choice(NODES, 1).tolist():
            edges.append((node, other))
    parts = draw.permutation(NODES)
    split = {"train_idx": parts[:20], "val_idx": parts[20:50], "test_idx": parts[50:110]}
    labels = np.where(np.isin(np.arange(NODES), parts[115:]), -1, field)  # a few that nobody knows
    return {"x": words, "edge_index": np.array(edges).T, "labels": labels, **split}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "papers.npz"
    np.savez(path, **papers())
    return path


def frame_of(file, **more):
    frame = mapsto.frame(file, device="cpu", **more)
    return frame.set("algorithm.until.count", 60)


@pytest.fixture(scope="module")
def run(file, tmp_path_factory):
    return frame_of(file).train(tmp_path_factory.mktemp("run") / "gcn", baseline_seconds=5)


@pytest.fixture(scope="module")
def blind(file, tmp_path_factory):
    frame = frame_of(file)
    frame.model = {"name": "mlp", "width": 16, "depth": 1, "dropout": 0.5}
    return frame.train(tmp_path_factory.mktemp("run") / "mlp", baseline_seconds=0)


def test_the_card_says_what_is_learned_from_what(file):
    frame = frame_of(file)
    card = str(frame)
    assert isinstance(frame.prepared.input, Counts) and isinstance(frame.prepared.fields["train"]["input"], Nodes)
    for words in (
        "nodes of a graph: 120, joined by",
        "gcn",
        "20 rows to train",
        "given by the source",
        "whole",
        "graph-sage",
    ):
        assert words in card
    told = {finding.code: finding for finding in frame.findings}
    assert told["C091"].count == 5 and "text-cnn" not in card


def test_nodes_without_an_answer_stay_in_the_graph(file):
    ready = frame_of(file).prepared
    assert len(ready.raw) == 115
    assert len(ready.fields["train"]["input"].graph) == 120
    assert ready.examples == {"train": 20, "valid": 30, "test": 60}


def test_edges_tell_what_words_do_not(run, blind):
    seen, unseen = (result.scores["test"]["accuracy"]["value"] for result in (run, blind))
    assert seen > 0.8 and seen > unseen + 0.1
    rows = mapsto.compare(run.path, blind.path)
    assert [row["model"] for row in rows] == ["gcn", "mlp"] and rows[0]["data"] == rows[1]["data"]


def test_simple_models_beside_it_see_the_words_alone(run):
    assert {"majority", "logistic-regression"} <= set(run.baselines)
    assert run.baselines["logistic-regression"]["test"]["accuracy"]["n"] == 60


def test_the_function_answers_for_every_node_of_a_graph(run, file):
    f = mapsto.load(run.path)
    answers = f({key: value for key, value in papers().items() if key != "labels"})
    assert len(answers) == NODES and set(answers) <= {0, 1, 2}
    known = papers()["labels"]
    test = papers()["test_idx"]
    right = np.mean([answers[node] == known[node] for node in test if known[node] >= 0])
    assert right == pytest.approx(run.scores["test"]["accuracy"]["value"])
    assert len(f.probabilities(papers())) == NODES
    alone = f([papers()["x"][0], papers()["x"][1]])
    assert len(alone) == 2  # by their words, as nodes by themselves


def test_it_answers_about_another_graph_of_other_nodes(run):
    other = papers(seed=1)
    f = mapsto.load(run.path)
    answers = np.array(f(other))
    known = other["labels"] >= 0
    assert (answers == other["labels"])[known].mean() > 0.5


def test_the_command_line_predicts_and_examines(run, file, capsys):
    main(["predict", str(run.path), str(file), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == NODES and rows[7]["input"] == "node 7"
    main(["evaluate", str(run.path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["scores"]["test"]["accuracy"]["value"] == run.scores["test"]["accuracy"]["value"]
    main(["evaluate", str(run.path), str(file), "--json"])
    assert json.loads(capsys.readouterr().out)["left_out"] == 5


def test_a_graph_with_other_words_is_refused(run):
    other = papers()
    other["x"] = other["x"][:, :40]
    with pytest.raises(BadInput, match="Counts learned from 60 numbers a value, but got 40"):
        mapsto.load(run.path)(other)


def test_a_stopped_run_goes_on_as_if_it_had_not(file):
    whole, halves = frame_of(file).learner().fit(12), frame_of(file).learner().fit(5)
    again = frame_of(file).learner()
    again.load_state_dict(halves.state_dict())
    again.fit(12)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name


def test_a_gear_that_records_tensors_is_refused(file):
    with pytest.raises(BadInput, match="its examples are nodes of a graph"):
        frame_of(file).set("algorithm.update.gear", "captured").learner().fit(10)


def test_other_edges_are_other_data(file, tmp_path):
    changed = papers()
    changed["edge_index"] = changed["edge_index"][:, :-9]
    np.savez(tmp_path / "papers.npz", **changed)
    assert frame_of(file).prepared.digest != frame_of(tmp_path / "papers.npz").prepared.digest


@pytest.mark.parametrize("model", ["gat", "graph-sage", "gin"])
def test_other_models_of_graphs_learn_too(file, model):
    learner = frame_of(file).set("model.name", model).learner()
    learner.fit(60)
    assert learner.take_best().evaluate("test")["accuracy"].value > 0.6


def test_a_part_of_the_neighbours_suffices(file):
    frame = frame_of(file).set("model.name", "graph-sage").set("algorithm.experience.name", "neighbours")
    learner = frame.set("algorithm.experience.batch_size", 10).set("algorithm.experience.fanout", [4, 3]).learner()
    assert learner.algorithm.experience.batches == 2
    batch = learner.algorithm.experience.batch(3)
    assert len(batch["input"].graph) < NODES and len(batch["input"]) == 10
    again = learner.algorithm.experience.batch(3)
    assert torch.equal(batch["input"].graph.edges.pattern.columns, again["input"].graph.edges.pattern.columns)
    learner.fit()
    assert learner.take_best().evaluate("test")["accuracy"].value > 0.6


def test_a_graph_that_is_large_is_learned_from_samples(file, monkeypatch):
    monkeypatch.setattr(graphs, "MANY_NODES", 100)
    settings = mapsto.frame(file).settings
    assert settings["model"]["name"] == "graph-sage" and settings["algorithm"]["experience"]["name"] == "neighbours"


def test_nodes_may_be_rows_of_a_table(tmp_path):
    known = papers()
    town = np.array(["York", "Bonn", "Nice"])
    rows = [
        f"p{k},{known['x'][k, 0] + k % 7},{town[k % 3]},{'' if f < 0 else 'abc'[f]}"
        for k, f in enumerate(known["labels"])
    ]
    (tmp_path / "nodes.csv").write_text("id,size,town,field\n" + "\n".join(rows) + "\n")
    edges = [f"p{a},p{b}" for a, b in known["edge_index"].T.tolist()]
    (tmp_path / "edges.csv").write_text("source,target\n" + "\n".join(edges) + "\n")
    frame = mapsto.frame(tmp_path, "field", device="cpu").set("algorithm.until.count", 5)
    assert isinstance(frame.prepared.input, Row) and len(frame.prepared.fields["train"]["input"].graph) == NODES
    result = frame.train(tmp_path / "run", baseline_seconds=1)
    assert result.scores["test"]["accuracy"]["n"] == len(frame.prepared.parts["test"])
    assert len(mapsto.load(result.path).nodes(mapsto.frame(tmp_path, "field")._raw)) == NODES


def test_a_separate_graph_may_be_the_exam(file, tmp_path):
    np.savez(tmp_path / "later.npz", **papers(seed=1))
    ready = mapsto.frame(file, test=tmp_path / "later.npz", device="cpu").prepared
    assert len(ready.raw.relation) == 2 * NODES
    assert ready.examples == {"train": 80, "valid": 30, "test": 115}  # what was the exam of the first trains


def test_nodes_known_by_a_text_are_refused(tmp_path):
    rows = [f"p{k},a paper on {'graphs and words ' * (k % 5)} number {k},{'ab'[k % 2]}" for k in range(30)]
    (tmp_path / "nodes.csv").write_text("id,abstract,field\n" + "\n".join(rows) + "\n")
    (tmp_path / "edges.csv").write_text("a,b\n" + "".join(f"p{k},p{k + 1}\n" for k in range(29)))
    with pytest.raises(BadInput, match="D286|known by columns of numbers"):
        mapsto.frame(tmp_path, "field").learner()


def test_nodes_of_which_only_the_answer_is_known_are_told_by_their_degree(tmp_path):
    rows = [f"p{k},{'' if f < 0 else 'abc'[f]}" for k, f in enumerate(papers()["labels"])]
    (tmp_path / "nodes.csv").write_text("id,field\n" + "\n".join(rows) + "\n")
    edges = [f"p{a},p{b}" for a, b in papers()["edge_index"].T.tolist()]
    (tmp_path / "edges.csv").write_text("source,target\n" + "\n".join(edges) + "\n")
    frame = mapsto.frame(tmp_path, "field", device="cpu").set("algorithm.until.count", 5)
    assert "D285" in {finding.code for finding in frame.findings}
    f = mapsto.load(frame.train(tmp_path / "run", baseline_seconds=1).path)
    assert len(f(papers())) == NODES and set(f(papers())) <= set("abc")  # of a graph whose nodes are known by more


def numbers():
    """Papers known by a few numbers each, alike but for their field."""
    known = papers()
    known["x"] = np.eye(FIELDS)[np.maximum(known["labels"], 0)] * 2 - 1
    return known


def test_a_number_that_nothing_comes_near_is_brought_in_and_told():
    known = numbers()
    known["x"][known["train_idx"][0], 0] = np.nan
    known["x"][119, 2] = 1e30  # of a node that no part has, but its neighbours hear
    known["x"][known["test_idx"][0], 1] = -1e30
    frame = mapsto.frame(known, device="cpu")
    told = {finding.code: finding for finding in frame.findings}
    assert told["C021"].count == 1 and told["C023"].count == 2
    learner = frame.learner().fit(20)
    assert all(torch.isfinite(tensor).all() for tensor in learner.model.state_dict().values())


def test_nodes_that_are_known_by_the_same_are_not_taken_for_one():
    assert not {"C040", "C041"} & {finding.code for finding in mapsto.frame(numbers()).findings}


@pytest.mark.parametrize("given", ["neighbours", {"name": "neighbours", "fanout": [3, 3]}])
def test_samples_that_are_asked_for_are_learned_from_as_samples_are(file, given):
    frame = mapsto.frame(file, device="cpu").set("algorithm.experience", given)
    assert frame.settings["algorithm"]["update"]["schedule"]["name"] == "one-cycle" and "a sample at every step" in str(
        frame
    )
    assert frame.settings["algorithm"]["experience"]["name"] == "neighbours"


def test_a_class_that_comes_once_is_told_as_it_is_written():
    known = papers()
    known["labels"][known["train_idx"][0]] = 9  # beside those that nobody knows
    told = {finding.code: finding for finding in mapsto.frame(known).findings}
    assert told["C033"].examples == ("9 1",)


def test_models_of_pictures_are_not_offered_for_nodes(file):
    assert "mean-picture" not in str(mapsto.frame(file))


def test_shards_which_would_lose_who_is_joined_are_refused(file, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["shard", str(file), str(tmp_path / "out.shards"), "--target", "labels"])
    assert "is a graph, and shards keep rows apart" in capsys.readouterr().err
    assert not (tmp_path / "out.shards").exists()
