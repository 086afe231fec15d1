"""x ↦ y: frame a task, learn its function, judge it honestly, keep it in a form you can call tomorrow.

import mapsto

frame = mapsto.frame("titanic.csv", target="survived")   # look at the data; print(frame) for the card
result = frame.train()                                   # a run folder with its verdict: print(result)
f = mapsto.load(result.path)                             # raw value in, raw value out
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WORDS = {
    "frame": "mapsto.framing.source:frame",
    "check": "mapsto.framing.verbs:check",
    "train": "mapsto.framing.verbs:train",
    "shard": "mapsto.framing.shard:shard",
    "resume": "mapsto.framing.verbs:resume",
    "evaluate": "mapsto.framing.verbs:evaluate",
    "compare": "mapsto.framing.verbs:compare",
    "why": "mapsto.framing.verbs:why",
    "attention": "mapsto.framing.verbs:attention",
    "nearest": "mapsto.framing.verbs:nearest",
    "runs": "mapsto.framing.verbs:runs",
    "zoo": "mapsto.framing.zoo:zoo",
    "load": "mapsto.export.bundle:load",
    "Frame": "mapsto.framing.frame:Frame",
    "Classifier": "mapsto.estimator.classifier:Classifier",
    "Regressor": "mapsto.estimator.regressor:Regressor",
    "Learner": "mapsto.learner.learner:Learner",
    "Dataset": "mapsto.data.dataset:Dataset",
    "Ragged": "mapsto.core.ragged:Ragged",
    "Algorithm": "mapsto.core.nouns:Algorithm",
    "MapstoError": "mapsto.core.errors:MapstoError",
    "BadInput": "mapsto.core.errors:BadInput",
    "FailedRun": "mapsto.core.errors:FailedRun",
    "Interrupted": "mapsto.core.errors:Interrupted",
    "models": "mapsto.models",
    "objectives": "mapsto.objectives",
    "domains": "mapsto.domains",
    "measures": "mapsto.measures",
    "experience": "mapsto.algorithms.experience",
    "update": "mapsto.algorithms.update",
    "optimizers": "mapsto.algorithms.optimizers",
    "schedules": "mapsto.core.schedules",
    "until": "mapsto.learner.until",
    "augment": "mapsto.data.augment",
    "recipes": "mapsto.recipes",
}
__all__ = ["__version__", *_WORDS]


def __getattr__(word: str) -> Any:
    """Public words are found when they are asked for: `import mapsto` and `mapsto --help` load no torch (PEP 562)."""
    if word not in _WORDS:
        raise AttributeError(f"module 'mapsto' has no attribute {word!r}")
    module, _, name = _WORDS[word].partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def __dir__() -> list[str]:
    return sorted(__all__)
