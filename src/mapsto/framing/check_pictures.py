"""What there is to say about pictures before anything is learned: the same one in train and exam, or under two labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mapsto.core.nouns import Finding
from mapsto.core.text import many
from mapsto.framing import copies
from mapsto.framing.prepare import Prepared

ASIDE = "Keep them on one side: remove them from train or from the exam, or name a column with --group."


def check_pictures(prepared: Prepared) -> Iterator[Finding]:
    name = copies.picture_column(prepared.raw, prepared.kinds)
    if name is None:
        return
    pictures, raw = prepared.raw.columns[name], prepared.raw
    part = copies.part_of(prepared.parts, len(raw))
    order = np.argsort(part != "train", kind="stable")  # a copy is told beside the one in train
    _, first, member = np.unique(copies.marks(pictures)[order], return_index=True, return_inverse=True)
    copied = np.stack([order[first[member]], order], axis=1)
    copied = copied[copied[:, 0] != copied[:, 1]]
    distinct = np.sort(order[first])
    near = distinct[copies.nearly_same(pictures[distinct])]
    near = np.take_along_axis(near, np.argsort(part[near] != "train", axis=1, kind="stable"), axis=1)
    yield from _labels(prepared, copied)
    for pairs, code, how in ((copied, "C070", "the same as"), (near, "C071", "nearly the same as")):
        for split, learned in (("test", ("train", "valid")), ("valid", ("train",))):
            across = pairs[(part[pairs] == split).any(1) & np.isin(part[pairs], learned).any(1)]
            if len(across):
                count = len(np.unique(across[part[across] == split]))
                message = (
                    f"{many(count, 'picture')} of {split} {'is' if count == 1 else 'are'} {how} one of {' or '.join(learned)}"
                    f"{' (resized or re-encoded)' if pairs is near else ''}: the exam is that much too easy"
                )
                yield Finding(code, "warning", message, count, copies.named(raw, across), ASIDE)
    for pairs, code, how in ((copied, "C041", "the same"), (near, "C073", "nearly the same (resized or re-encoded)")):
        inside = pairs[(part[pairs] == "train").all(1)]
        if len(inside):
            message = f"{many(len(inside), 'pair')} of pictures in train are {how}"
            yield Finding(code, "warning", message, len(inside), copies.named(raw, inside))


def _labels(prepared: Prepared, copied: np.ndarray) -> Iterator[Finding]:
    target = np.array([str(value) for value in prepared.raw.columns[prepared.target_name]], dtype=object)
    unlike = copied[target[copied[:, 0]] != target[copied[:, 1]]]
    if len(unlike):
        message = f"{many(len(unlike), 'picture')} came twice, under two labels: one of them is wrong"
        remedy = "Remove the one whose label is wrong; no label was changed."
        yield Finding("C072", "warning", message, len(unlike), copies.named(prepared.raw, unlike), remedy)
