"""A world to act in, by its name: env:CartPole-v1 of gymnasium, or one of the house's own (data/worlds)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsto.core import names
from mapsto.core.nouns import Raw, Source

MARK = "env:"


@dataclass
class Environment(Source):
    """`env:NAME`: no rows are read, for they are made by acting; `Raw.world` says which world it is."""

    def accepts(self, where: Any) -> bool:
        return isinstance(where, str | Path) and str(where).startswith(MARK)

    def read(self, where: Any) -> Raw:
        word = str(where).removeprefix(MARK)
        own = next((name for name in names.listed("world") if names.squash(name) == names.squash(word)), None)
        world = {"name": own} if own else {"name": "gymnasium", "id": word}
        return Raw(str(where), {"observation": np.empty(0), "action": np.empty(0)}, target="action", world=world)
