import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mapsto.core.errors import UnknownName
from mapsto.domains import Categories
from mapsto.objectives import BinaryCrossEntropy

LOGITS = torch.tensor([[2.0, -1.0], [0.0, 30.0], [-3.0, -80.0]])
TARGET = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])


def losses(objective, logits=LOGITS):
    (loss,) = objective.losses(nn.Identity(), {"input": logits, "target": TARGET}, "").values()
    return loss


def test_it_is_the_mean_surprise_over_the_labels():
    p = LOGITS.double().sigmoid()
    by_hand = -(TARGET * p.log() + (1 - TARGET) * (1 - p).clamp(min=1e-300).log()).mean(1)
    torch.testing.assert_close(losses(BinaryCrossEntropy()), by_hand.float())


def test_it_is_torchs():
    torchs = F.binary_cross_entropy_with_logits(LOGITS, TARGET, reduction="none").mean(1)
    torch.testing.assert_close(losses(BinaryCrossEntropy()), torchs)


def test_a_yes_may_count_more_than_a_no():
    p = LOGITS.double().sigmoid()
    yes, no = TARGET * p.log(), (1 - TARGET) * (1 - p).clamp(min=1e-300).log()
    by_hand = -(torch.tensor([5.0, 1.0]) * yes + no).mean(1)
    torch.testing.assert_close(losses(BinaryCrossEntropy(positive_weights=[5.0, 1.0])), by_hand.float())


def test_it_stays_finite_where_a_probability_underflows():
    assert losses(BinaryCrossEntropy())[2] == 40 + F.softplus(torch.tensor(-3.0)) / 2


def test_what_is_predicted_is_each_labels_own_probability():
    given = BinaryCrossEntropy().predict(nn.Identity(), {"input": LOGITS})
    torch.testing.assert_close(given, LOGITS.sigmoid())
    assert given[1].sum() > 1


def test_the_measure_it_is_judged_by_is_told_first():
    assert next(iter(BinaryCrossEntropy().measures(Categories()))) == "macro-f1"
    assert list(BinaryCrossEntropy(judged_by="auroc").measures(Categories()))[:2] == ["auroc", "macro-f1"]
    with pytest.raises(UnknownName, match="not judged by 'average_precison'. Near it: average-precision"):
        BinaryCrossEntropy(judged_by="average_precison")
