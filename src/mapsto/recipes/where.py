"""Where a recipe's data are."""

from __future__ import annotations

import os
from pathlib import Path

from mapsto.core.errors import BadInput
from mapsto.core.names import near


def below(data_dir: str | Path | None, *parts: str) -> Path:
    """The path DIR/part/part…; DIR is `data_dir`, else the folder that MAPSTO_DATA names.

    BadInput says what was expected where, and what lies near it.
    """
    wanted = Path(*parts)
    root = data_dir or os.environ.get("MAPSTO_DATA")
    if not root:
        raise BadInput(
            f"this recipe needs {wanted}, but nothing says in which folder it lies.",
            f"Say --data-dir DIR (data_dir=… in Python) or set MAPSTO_DATA=DIR, where DIR/{wanted} is.",
        )
    path = Path(root).expanduser()
    for part in parts:
        if not (path / part).exists():
            there = sorted(p.name for p in path.iterdir()) if path.is_dir() else []
            hint = near(part, there)
            said = f"expected {Path(root).expanduser() / wanted}, but there is no '{part}' in {path}."
            raise BadInput(
                said + (f" Near it: {', '.join(hint)}." if hint else ""),
                f"Put {wanted} there, or name another folder with --data-dir or MAPSTO_DATA.",
            )
        path = path / part
    return path
