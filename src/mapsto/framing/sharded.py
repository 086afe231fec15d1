"""From a folder of shards to what a frame is made of: the work was done when it was written."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mapsto.core.errors import FrameError
from mapsto.core.nouns import Finding, Raw
from mapsto.core.text import few, many
from mapsto.data.shard_folder import about_of, domains_of
from mapsto.data.shards import PARTS
from mapsto.framing.infer import Kind
from mapsto.framing.prepare import Prepared

SETTLED = "was settled when the folder was written"


def opened(raw: Raw, settings: dict[str, Any], defaults: dict[str, Any]) -> Prepared:
    """What `prepare` gives, of a folder of shards: its sample to look at, and the shards to learn from.

    defaults: of `settings`; FrameError for what was settled when the folder was written, and is asked to be otherwise now.
    """
    shards = raw.shards
    about = about_of(shards)
    asked = [
        f"data.{word}"
        for word in defaults
        if word not in ("split", "resident") and settings.get(word) != defaults[word]
    ]
    asked += [f"data.split.{word}" for word, value in settings["split"].items() if value != defaults["split"][word]]
    if settings.get("target") not in (None, about["target_name"], about.get("targets")):
        asked.append("data.target")
    if asked:
        raise FrameError(
            f"{few(asked, 8)} {SETTLED}: {about['how_split']}; the target is '{about['target_name']}'.",
            "Leave it out here, or write the shards again: mapsto shard SOURCE OUT …",
            "F004",
        )
    input, target = domains_of(shards, about)
    rows = shards.looked_at
    fields = {part: shards.view(part).columns(torch.from_numpy(rows[part])) for part in PARTS}
    ends = np.cumsum([0, *(len(rows[part]) for part in PARTS)])
    parts = {part: np.arange(ends[p], ends[p + 1]) for p, part in enumerate(PARTS)}
    findings = list(raw.findings)
    if any(len(rows[part]) < shards.rows[part] for part in PARTS):
        shares = ", ".join(f"{len(rows[part]):,} of {shards.rows[part]:,} in {part}" for part in PARTS)
        message = f"checks, simple models and the report look at an evenly spread sample of the shards: {shares}"
        findings.append(Finding("C080", "note", message, sum(map(len, rows.values()))))
    kinds = {name: Kind(kind, because) for name, (kind, because) in about["kinds"].items()}
    return Prepared(
        raw, about["target_name"], kinds, about["problem"], input, target, parts, about["how_split"], fields, findings,
        looked_at={part: torch.from_numpy(rows[part]) for part in PARTS},
    )  # fmt: skip


def spoiled(raw: Raw) -> list[Finding]:
    """Files of the folder that are not those which were written; all of them are read."""
    found = raw.shards.damaged()
    if not found:
        return []
    message = f"{many(len(found), 'file')} of {raw.shards.path} differ from what was written (sha256)"
    return [Finding("M003", "error", message, len(found), tuple(found[:5]), "Write the shards again, or restore them.")]
