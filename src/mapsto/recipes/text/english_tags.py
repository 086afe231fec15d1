"""What part of speech is each word of an English sentence?"""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def english_tags(data_dir: str | None = None, seed: int = 0, epochs: int = 12) -> Frame:
    """16,622 sentences of the English Web Treebank, one of 17 parts of speech for each word, from scratch.

    Validation (2,001 sentences): 95.1 % of words, where the usual tag of each has 85.1 % (one run, 640 s of one busy core of a
    shared AMD EPYC).
    data_dir: holds ud_english_ewt/ with en_ewt-ud-train.conllu.gz, …-dev and …-test.
    """
    made = frame_data(below(data_dir, "ud_english_ewt"), "upos", seed=seed)
    return made.set("algorithm.until.count", epochs)
