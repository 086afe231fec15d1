"""Is a Korean film review praise or blame?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def nsmc(data_dir: str | None = None, seed: int = 0) -> Frame:
    """50,000 reviews (Park 2016, a fourth of NSMC) with a convolutional network for text, from scratch.

    data_dir: holds nsmc/train.tsv.gz and test.tsv.gz.
    """
    return frame_data(below(data_dir, "nsmc"), "label", seed=seed)
