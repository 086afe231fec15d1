"""What speaks against the figures of a run: labels that may be wrong, and an exam that is unlike the training rows."""

from __future__ import annotations

import numpy as np
import torch

from mapsto.core.graph import Nodes
from mapsto.core.ragged import Ragged
from mapsto.domains.row import Row
from mapsto.domains.tokenizer import UNKNOWN
from mapsto.domains.whole_graph import WholeGraph
from mapsto.framing.prepare import Prepared
from mapsto.insight.baselines import Baseline
from mapsto.insight.mismatch import Mismatch, tell_apart
from mapsto.insight.noise import Noise, contradictions


def noise_of(ready: Prepared, predictions: dict[str, torch.Tensor], beside: dict[str, Baseline]) -> Noise | None:
    """Wrong labels among the rows that nobody was trained on, where two kinds of model agree about them."""
    if ready.problem != "classification":
        return None
    others = [b for name, b in beside.items() if name not in ("majority", "mean", "decision-tree")]
    second = max(
        others, key=lambda b: b.scores["valid"]["accuracy"].value if "valid" in b.scores else -1.0, default=None
    )
    splits = [split for split in ("valid", "test") if len(predictions[split])]
    labels = np.concatenate([ready.fields[s]["target"].numpy() for s in splits])
    mine = np.concatenate([predictions[s].cpu().numpy() for s in splits])
    theirs = np.concatenate([second.predictions[s].cpu().numpy() for s in splits]) if second else None
    return contradictions(mine, labels, theirs)


def mismatch_of(ready: Prepared, seed: int) -> Mismatch | None:
    """Whether the exam's rows look unlike the training rows; asked only where they were not drawn at random."""
    if ready.how_split.startswith("at random") or not len(ready.parts["test"]) or ready.unit == "tokens":
        return None
    train, names = _features(ready, "train")
    # where time deals out the rows, it tells them apart by intention, and says nothing
    by_time = ready.how_split.startswith("by '")
    keep = [k for k, name in enumerate(names) if not (by_time and name.startswith(ready.how_split.split("'")[1]))]
    if not keep:
        return None
    return tell_apart(train[:, keep], _features(ready, "test")[0][:, keep], [names[k] for k in keep], seed)


def _features(ready: Prepared, split: str) -> tuple[np.ndarray, list[str]]:
    """Plain numbers a row: a table's columns; a picture's brightness and contrast, over all and over its quarters."""
    drawn = ready.problem == "generation"
    domain, input = ready.target if drawn else ready.input, ready.fields[split]["target" if drawn else "input"]
    input = input.known() if isinstance(input, Nodes) else input
    parts, names = [], []
    if ready.reads_words and not drawn:
        parts, names = [_of_tokens(input["tokens"])], ["number of tokens", "share of unknown tokens"]
    if isinstance(domain, Row):
        groups = domain.names_of_features()
        parts += [input[key].numpy().astype(np.float64) for key in ("number", "category") if key in input]
        names += [n for key in ("number", "category") if key in input for n in groups[key]]
    if parts:
        return np.concatenate(parts, axis=1), names
    if isinstance(domain, WholeGraph):
        return np.stack([c.lengths.numpy() for c in (next(iter(input.values())), input["edges"])], 1), [
            "nodes",
            "edges",
        ]
    if input.ndim != 4:
        flat = input.reshape(len(input), -1).numpy()
        return flat, [f"number {i + 1}" for i in range(flat.shape[1])]
    height, width = input.shape[2] // 2, input.shape[3] // 2
    regions = {
        "all": input,
        "top left": input[..., :height, :width],
        "top right": input[..., :height, width:],
        "bottom left": input[..., height:, :width],
        "bottom right": input[..., height:, width:],
    }
    columns, names = [], []
    for where, region in regions.items():
        flat = region.flatten(2).float()
        for channel in range(flat.shape[1]):
            columns += [flat[:, channel].mean(1), flat[:, channel].std(1)]
            names += [f"brightness {where} {channel}", f"contrast {where} {channel}"]
    return torch.stack(columns, dim=1).numpy(), names


def _of_tokens(tokens: Ragged) -> np.ndarray:
    """How many tokens each text has, and the share of them that training has not, [N, 2]."""
    rows = [row.tolist() for row in tokens.values.split(tokens.lengths.tolist())]
    return np.array([[len(row) for row in rows], [sum(t == UNKNOWN for t in row) / max(1, len(row)) for row in rows]]).T
