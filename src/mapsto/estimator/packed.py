"""A learned function as bytes, for those who pickle what holds it: names, plain values and tensors, no code."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from mapsto.core import names
from mapsto.core.errors import UnknownName
from mapsto.core.state import pack, unpack
from mapsto.export.function import Function
from mapsto.learner import place


def packed(f: Function) -> dict[str, bytes]:
    """The files of `core/state.py`; of a module of your own, its weights alone."""
    try:
        model = names.spec(f.model)
    except UnknownName:
        model = None
    ends = {
        end: {"spec": names.spec(d), "state": d.state_dict()} for end, d in (("input", f.input), ("target", f.target))
    }
    weights = dict(f.model.state_dict())
    return pack({"model": model, "objective": names.spec(f.objective), **ends, "weights": weights, "about": f.about})


def unpacked(files: dict[str, bytes], own: nn.Module | Any) -> Function:
    """Undo `packed`, on the CPU. own: the module that the weights are for, where it has no registered name."""
    state = unpack(files)
    model = copy.deepcopy(own) if state["model"] is None else names.build("model", state["model"])
    place.fill(model, state["weights"])
    ends = [names.build("domain", state[e]["spec"]).load_state_dict(state[e]["state"]) for e in ("input", "target")]
    return Function(model.cpu(), names.build("objective", state["objective"]), *ends, about=state["about"])
