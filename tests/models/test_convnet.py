import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.models import ConvNet


def test_each_block_is_twice_as_wide_as_the_last():
    widths = [m.weight.shape[0] for m in ConvNet((3, 32, 32), 2, width=8).modules() if isinstance(m, torch.nn.Conv2d)]
    assert widths == [8, 8, 16, 16, 32, 32]


@pytest.mark.parametrize(("side", "depth", "pools"), [(8, 3, 2), (8, 6, 2), (32, 3, 2), (64, 6, 5)])
def test_pools_stop_where_two_cells_are_left(side, depth, pools):
    model = ConvNet((1, side, side), 2, width=1, depth=depth)
    assert sum(isinstance(m, torch.nn.MaxPool2d) for m in model.modules()) == pools


def test_dropout_is_silent_in_eval():
    model = ConvNet((1, 8, 8), 2, width=4, dropout=0.5)
    torch.nn.init.normal_(model.output.weight)
    input = torch.randn(2, 1, 8, 8)
    assert not torch.equal(model(input), model(input))
    model.eval()
    assert torch.equal(model(input), model(input))


def test_max_pool_sees_one_bright_spot_wherever_it_is():
    model = ConvNet((1, 32, 32), 2, width=4, depth=1, pool="max").eval()
    torch.nn.init.normal_(model.output.weight)
    spots = torch.zeros(2, 1, 32, 32)
    spots[0, 0, 8, 8] = spots[1, 0, 20, 13] = 5.0
    here, there = model(spots)
    assert torch.allclose(here, there, atol=1e-6)
    assert not torch.allclose(here, model(torch.zeros(1, 1, 32, 32))[0])
    features = model.features[:-2](spots)
    assert torch.equal(model.features(spots), features.flatten(2).max(2).values)


def test_a_pool_that_is_none_is_refused():
    with pytest.raises(FrameError, match="no pool=median"):
        ConvNet((1, 8, 8), 2, pool="median")


def test_a_stride_makes_the_maps_of_the_first_block_smaller():
    model = ConvNet((3, 33, 41), 2, width=4, depth=1, stride=2)
    shapes = []
    model.features[1].register_forward_hook(lambda module, given, made: shapes.append(list(made.shape)))
    assert model(torch.zeros(5, 3, 33, 41)).shape == (5, 2)
    assert shapes == [[5, 4, 17, 21]]
    assert sum(isinstance(m, torch.nn.MaxPool2d) for m in ConvNet((3, 16, 16), 2, depth=6, stride=4).modules()) == 1
