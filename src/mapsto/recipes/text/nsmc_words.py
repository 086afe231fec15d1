"""Korean film reviews without their labels: which words are hidden in them?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def nsmc_words(data_dir: str | None = None, seed: int = 0, epochs: int = 20) -> Frame:
    """The 40,000 training reviews of nsmc and no label of theirs: a small BERT learns to fill in blanks. See nsmc_few.

    data_dir: holds nsmc/train.tsv.gz and test.tsv.gz.
    """
    made = frame_data(below(data_dir, "nsmc"), "document", seed=seed).set("objective", "masked-words")
    made.set("data.text", {"tokenizer": "byte-pairs", "vocabulary": 8000, "longest": 64})
    made.set("model.context", 64)
    return made.set("algorithm.until.count", epochs)
