"""A small run and a small model folder for the faults that disks have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapsto.domains import Vector
from mapsto.export import bundle
from mapsto.learner.learner import Learner


def save_model(path: Path, learned: Learner, version: int) -> None:
    """The model folder of a toy learner; `version` is told in its config."""
    weights = dict(learned.model.state_dict())
    both = {"best": weights, "last": weights}
    input = Vector().fit(np.arange(12.0).reshape(2, 6))
    about = {"mapsto": "0", "data": "toy", "target_name": "kind", "scores": {}, "version": version}
    bundle.save(path, learned.model, both, learned.objective, input, learned.data.target, about)
