import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mapsto.core.errors import FrameError, ShapeError, UnknownName
from mapsto.objectives import CrossEntropy

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0]])
TARGET = torch.tensor([0, 2, 0])


def losses(objective, target=TARGET, logits=LOGITS):
    (loss,) = objective.losses(nn.Identity(), {"input": logits, "target": target}, "").values()
    return loss


def test_it_is_the_surprise_at_the_true_class():
    share = LOGITS.exp() / LOGITS.exp().sum(1, keepdim=True)
    torch.testing.assert_close(losses(CrossEntropy()), -share[range(3), TARGET].log())


def test_it_is_torchs():
    torch.testing.assert_close(losses(CrossEntropy()), F.cross_entropy(LOGITS, TARGET, reduction="none"))


def test_smoothing_spreads_a_share_of_the_truth_over_all_classes():
    smooth = F.one_hot(TARGET, 3) * 0.7 + 0.1
    by_hand = -(smooth * LOGITS.log_softmax(1)).sum(1)
    torch.testing.assert_close(losses(CrossEntropy(smoothing=0.3)), by_hand)


def test_a_class_of_twice_the_weight_costs_twice():
    plain, weighted = losses(CrossEntropy()), losses(CrossEntropy(weights=[2.0, 1.0, 0.5]))
    torch.testing.assert_close(weighted, plain * torch.tensor([2.0, 0.5, 2.0]))


def test_a_target_may_be_a_distribution_over_classes():
    shares = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]])
    torch.testing.assert_close(losses(CrossEntropy(), shares), -(shares * LOGITS.log_softmax(1)).sum(1))
    torch.testing.assert_close(losses(CrossEntropy(), F.one_hot(TARGET, 3).float()), losses(CrossEntropy()))


def test_it_is_taken_in_float32_where_products_were_not():
    assert losses(CrossEntropy(), logits=LOGITS.bfloat16()).dtype == torch.float32


def test_what_is_predicted_is_the_softmax():
    given = CrossEntropy().predict(nn.Identity(), {"input": LOGITS})
    torch.testing.assert_close(given, LOGITS.softmax(1))


def test_outputs_that_are_no_logits_are_refused_with_the_remedy():
    with pytest.raises(ShapeError, match=r"needs logits \[B, C\], but Identity gave \[3\].*\n.*outputs=C"):
        losses(CrossEntropy(), logits=LOGITS[:, 0])


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_a_smoothing_that_is_no_share_is_refused(smoothing):
    with pytest.raises(FrameError, match="share in"):
        CrossEntropy(smoothing=smoothing)


def test_the_measure_it_is_judged_by_comes_first():
    assert next(iter(CrossEntropy().measures(None))) == "accuracy"
    assert next(iter(CrossEntropy(judged_by="macro-f1").measures(None))) == "macro-f1"
    assert set(CrossEntropy(judged_by="macro-f1").measures(None)) == set(CrossEntropy().measures(None))


def test_a_measure_that_it_has_not_is_refused_with_those_it_has():
    with pytest.raises(UnknownName, match=r"judged by 'accurracy'. Near it: accuracy"):
        CrossEntropy(judged_by="accurracy")
