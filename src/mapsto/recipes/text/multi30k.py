"""German captions of pictures, said in English, three ways."""

from __future__ import annotations

from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def multi30k_gru(data_dir: str | None = None, seed: int = 0, epochs: int = 10) -> Frame:
    """29,000 captions (Elliott et al. 2016), German to English, with recurrent networks that meet in one vector.

    data_dir: holds multi30k_de_en/train.de.gz and its kin.
    """
    return _recurrent(_captions(data_dir, seed), "none", epochs)


def multi30k_attention(data_dir: str | None = None, seed: int = 0, epochs: int = 10) -> Frame:
    """29,000 captions (Elliott et al. 2016), German to English, with recurrent networks and additive attention.

    data_dir: holds multi30k_de_en/train.de.gz and its kin.
    """
    return _recurrent(_captions(data_dir, seed), "additive", epochs)


def multi30k_transformer(data_dir: str | None = None, seed: int = 0, epochs: int = 12) -> Frame:
    """29,000 captions (Elliott et al. 2016), German to English, with a small transformer.

    data_dir: holds multi30k_de_en/train.de.gz and its kin.
    """
    made = _captions(data_dir, seed)
    made.set("model", {"name": "transformer", "width": 256, "heads": 4, "depth": 3, "dropout": 0.2})
    return made.set("algorithm.until.count", epochs)


def _captions(data_dir: str | None, seed: int) -> Frame:
    """The captions, all small letters, in byte pairs of each language."""
    made = frame_data(below(data_dir, "multi30k_de_en"), "en", seed=seed)
    for setting, value in {"lower": True, "tokenizer": "byte-pairs", "vocabulary": 6000}.items():
        made.set(f"data.text.{setting}", value)
    return made


def _recurrent(made: Frame, attention: str, epochs: int) -> Frame:
    shape = {"width": 384, "embedding": 256, "dropout": 0.4}
    made.set("model", {"name": "seq2-seq", "attention": attention, **shape})
    return made.set("algorithm.until.count", epochs)
