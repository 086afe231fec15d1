"""Nodes of a graph, pairs of them, and whole graphs."""

from __future__ import annotations

import math

from mapsto.domains.whole_graph import WholeGraph
from mapsto.framing.links import EDGES
from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written, one_cycle

MODELS = ("gcn", "gat", "graph-sage", "gin")  # they see who is joined
NEIGHBOURS = "neighbours"  # the experience that hears a sample of them
MANY_NODES = 200_000  # from which on a step sees a sample of them
PASSES = 200  # over the whole graph
BATCH, LEAST_STEPS = 512, 200  # of samples: asked nodes, and how often at least


class NodesOfGraph(Way):
    models = MODELS
    general = True

    def fits(self, prepared: Prepared) -> bool:
        return prepared.raw.relation is not None

    def model(self, prepared: Prepared, rows: int) -> Written:
        why = _seen(prepared)
        if _many(prepared):
            what = "too many to be looked at all at once, and a mean can be had from a sample"
            return {"name": "graph-sage"}, f"{why}; {what}"
        return {"name": "gcn"}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if not _many(prepared):
            return _whole("whole", 5e-4, "all nodes at every step, as Kipf and Welling (2017) have it")
        return _sampled(rows)

    def drawn(self, experience: str) -> Way:
        return SampledNodes() if experience == NEIGHBOURS else self


class SampledNodes(NodesOfGraph):
    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        return _sampled(rows)


class PairsOfNodes(NodesOfGraph):
    models = ("gcn",)

    def fits(self, prepared: Prepared) -> bool:
        return super().fits(prepared) and prepared.target_name == EDGES

    def drawn(self, experience: str) -> Way:
        return self

    def model(self, prepared: Prepared, rows: int) -> Written:
        shape = {"width": 64, "dropout": 0.5, "pairs": True}
        return {"name": "gcn", **shape}, f"{_seen(prepared)}; two are joined where they say the same"

    def objective(self, prepared: Prepared) -> Written:
        why = "of two pairs, the joined one is to be told from the other"
        return {"name": "cross-entropy", "judged_by": "auroc"}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        if _many(prepared):
            return super().descent(prepared, rows, model)
        why = (
            "all edges at every step, and as many other pairs, drawn anew each time: those that are not joined are many"
        )
        return _whole("node-pairs", 0.0, why)


class WholeGraphs(Way):
    models = MODELS
    general = True

    def fits(self, prepared: Prepared) -> bool:
        return isinstance(prepared.input, WholeGraph)

    def model(self, prepared: Prepared, rows: int) -> Written:
        return {"name": "gin"}, f"{rows:,} graphs: sums over neighbours tell apart what means would not"

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        return one_cycle(32 if rows < 5000 else 128, min(100, max(10, round(300 * rows**-0.2))), 5e-3, 0.01)


def _seen(prepared: Prepared) -> str:
    nodes, edges = len(prepared.raw.relation), len(prepared.raw.relation.edges)
    seen = "what a node is shows in its neighbours, those too whose answer nobody knows"
    return f"{nodes:,} nodes and {edges:,} edges: {seen}"


def _many(prepared: Prepared) -> bool:
    return len(prepared.raw.relation) > MANY_NODES


def _sampled(rows: int) -> tuple[dict[str, Table], str]:
    """Passes over the nodes, each batch with a sample of its surroundings."""
    epochs = min(40, max(5, round(100 * rows**-0.2)))
    enough = math.ceil(LEAST_STEPS / math.ceil(rows / BATCH))  # where hardly a node has an answer, an epoch is a step
    made, why = one_cycle(BATCH, max(epochs, enough), 5e-3, 0.01)
    return {**made, "experience": {"name": NEIGHBOURS, "batch_size": BATCH}}, f"a sample at every step; {why}"


def _whole(experience: str, decay: float, why: str) -> tuple[dict[str, Table], str]:
    """Steps of one length over the whole graph."""
    update = {
        "name": "descend",
        "learning_rate": 0.01,
        "optimizer": {"name": "adam", "weight_decay": decay},
        "schedule": {"name": "constant"},
    }
    until = {"name": "epochs", "count": PASSES}
    made = {"experience": {"name": experience}, "update": update, "until": until}
    return made, f"{why}; the weights of the best exam are kept"
