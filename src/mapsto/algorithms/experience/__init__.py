"""Experiences, one file each: which batch comes at step k. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Passes="passes",
    Whole="whole",
    Neighbours="neighbours",
    NodePairs="node_pairs",
    Rollout="rollout",
    Replay="replay",
)
