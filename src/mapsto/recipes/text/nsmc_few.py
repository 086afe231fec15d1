"""Korean film reviews, two labels in a hundred: what words alone have taught helps."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def nsmc_few(data_dir: str | None = None, seed: int = 0, start: str = "", share: float = 0.02) -> Frame:
    """800 of the 40,000 labels of nsmc, drawn by the seed, with the body of a run of nsmc_words.

    start: that run. data_dir: holds nsmc/train.tsv.gz and test.tsv.gz.
    """
    split = {"share": share, "seed": seed}
    made = frame_data(below(data_dir, "nsmc"), "label", split=split, seed=seed)
    return made.set("run.start", start) if start else made.set("model.name", "bert")
