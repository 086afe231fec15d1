"""F1 of each class, then their plain mean: a rare class counts as much as a common one."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise
from mapsto.measures.shapes import need_classes


class MacroF1(Measure):
    """The mean over classes of F1 = 2 tp / (2 tp + fp + fn); a rare class counts as much as a common one.

    prediction: probabilities [B, C]; target: class indices, int64 [B]. In [0, 1].
    A class that is neither true nor predicted anywhere is left out, as scikit-learn does.
    """

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        need_classes("MacroF1", prediction, target)
        return torch.stack([prediction.argmax(1), target], 1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        predicted, true = kept.unbind(1)
        weight = precise(weight)
        none = weight.new_zeros(int(kept.max()) + 1)
        hits = none.index_add(0, true, weight * (predicted == true))
        seen = none.index_add(0, true, weight).index_add(0, predicted, weight)  # = 2 tp + fp + fn
        return (2 * hits / seen).nanmean()  # 0 / 0 where a class does not occur
