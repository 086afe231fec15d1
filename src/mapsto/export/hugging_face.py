"""Folders of Hugging Face's: config.json, model.safetensors and tokenizer.json, as a model and a domain of ours.

Nothing in such a folder is run. Files may be links, since hubs keep them so in their caches; what a link leads to is read as a file
of numbers or of JSON, or refused.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from mapsto.core import tensors
from mapsto.core.ceiling import Ceiling
from mapsto.core.devices import memory
from mapsto.core.errors import BadInput, Damaged, MapstoError
from mapsto.core.hints import Unfit
from mapsto.core.reading import read_file, read_json
from mapsto.core.text import clean, few
from mapsto.export.pretrained import ANOTHER, COPY, Pretrained
from mapsto.export.pretrained_bert import bert
from mapsto.export.pretrained_gpt2 import gpt2

FILES = ("config.json", "model.safetensors", "tokenizer.json")
FAMILIES = {"bert": bert, "gpt2": gpt2}  # config.json's model_type
OURS = ("manifest.json", "frame.toml")
# what weights are kept in as well → what is to be done about it
IN_PARTS = (
    "Its weights lie in several files. Save them in one: in transformers, model.save_pretrained(FOLDER, "
    "max_shard_size='99GB')."
)
PICKLED = (
    "What it has is a pickle, which can run code when it is read. Save it as safetensors: in transformers, "
    "model.save_pretrained(FOLDER, max_shard_size='99GB')."
)
OTHERWISE = {
    "model.safetensors.index.json": IN_PARTS,
    "pytorch_model.bin": PICKLED,
    "pytorch_model.bin.index.json": PICKLED,
}
MAKE = {
    "model.safetensors": "Download it as safetensors.",
    "tokenizer.json": "Download its fast tokenizer, or make it: in transformers, "
    "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER).",
}


def is_hugging_face(folder: Path) -> bool:
    """Whether a folder holds such a model, and none of mapsto's; looks at names only."""
    described, *others = ((folder / name).exists() for name in (*FILES, *OTHERWISE))
    return described and any(others) and not any((folder / name).exists() for name in OURS)


def load(folder: Path) -> Pretrained:
    """BadInput where it is of another family, Damaged where its files are not what they should be.

    Tokens are numbered anew, for ours begin with the special ones; a text gives the same tokens, and so the same states.
    """
    config = _json(folder, "config.json")
    family = config.get("model_type")
    if family not in list(FAMILIES):  # a list: it may be anything
        raise BadInput(
            f"{folder} is a model of the family {clean(repr(family), 40)}, but of Hugging Face folders those of "
            f"{' and '.join(FAMILIES)} can be read.",
            ANOTHER,
        )
    data = read_file(_place(folder, "model.safetensors"), memory())
    where = str(folder / "model.safetensors")
    entries = tensors.header(data, where)
    numbers = sum(math.prod(entry.shape) for entry in entries.values())
    weights, written = tensors.load(data, where), _json(folder, "tokenizer.json")
    try:
        with Ceiling(20 * len(weights) + 100, 3 * numbers + 1_000_000, f"its weights hold {numbers:,} numbers"):
            return FAMILIES[family](config, weights, written)
    except MapstoError:
        raise
    except (Unfit, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {clean(str(error), 200)}"
        raise Damaged(f"{folder}: its files do not describe a {family} ({why}).", COPY, "M006") from error


def _json(folder: Path, name: str) -> dict[str, Any]:
    found = read_json(_place(folder, name))
    if not isinstance(found, dict):
        raise Damaged(f"{folder / name}: no table.", COPY, "M006")
    return found


def _place(folder: Path, name: str) -> Path:
    """Where the file lies."""
    if not (folder / name).exists():
        there = [remedy for other, remedy in OTHERWISE.items() if (folder / other).exists()]
        raise BadInput(
            f"no {name} in {folder}: of Hugging Face's models, folders with {few(FILES)} are read.",
            there[0] if there and name == "model.safetensors" else MAKE.get(name, COPY),
        )
    return (folder / name).resolve()
