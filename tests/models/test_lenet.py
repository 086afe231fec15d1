import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.models import LeNet


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_for_digits_it_is_the_size_that_textbooks_give():
    assert parameters(LeNet((1, 28, 28), 10)) == 61_706
    assert parameters(LeNet((1, 32, 32), 10)) == 61_706  # the paper's input: digits of 28 pixels in a frame of 32


def test_width_scales_all_layers():
    sizes = [m.weight.shape[0] for m in LeNet((1, 28, 28), 10, width=24).modules() if hasattr(m, "weight")]
    assert sizes == [24, 64, 480, 336, 10]


def test_pool_and_bend_are_the_ones_asked_for():
    kinds = {type(m) for m in LeNet((1, 28, 28), 10, pool="average", bend="tanh").modules()}
    assert torch.nn.AvgPool2d in kinds and torch.nn.Tanh in kinds
    assert torch.nn.MaxPool2d not in kinds and torch.nn.ReLU not in kinds


@pytest.mark.parametrize("setting", ["pool", "bend"])
def test_an_unknown_word_is_refused_with_the_known_ones(setting):
    with pytest.raises(FrameError, match=r"(?s)There are: .*(max|relu)"):
        LeNet((1, 28, 28), 10, **{setting: "middle"})
