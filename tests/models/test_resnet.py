import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.models import ResNet
from mapsto.models.resnet import Residual


@pytest.mark.parametrize(
    ("inputs", "outputs", "depth", "count"),
    [
        ((3, 224, 224), 1000, 18, 11_689_512),
        ((3, 224, 224), 1000, 34, 21_797_672),
        ((3, 32, 32), 10, 20, 272_474),  # the paper's 0.27 M
        ((3, 32, 32), 10, 56, 855_770),  # 0.85 M
    ],
)
def test_at_the_papers_settings_it_has_the_papers_size(inputs, outputs, depth, count):
    with torch.device("meta"):
        model = ResNet(inputs, outputs, depth)
    assert sum(p.numel() for p in model.parameters()) == count


def test_a_block_begins_as_the_identity():
    block = Residual(4, 4, 1, "batch")
    input = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(block(input), input)


@pytest.mark.parametrize(("side", "last"), [(8, 2), (32, 4), (33, 5), (63, 8), (64, 2), (224, 7)])
def test_the_last_map_has_the_size_that_the_docstring_says(side, last):
    model = ResNet((1, side, side), 2, depth=18, width=2)
    assert model.features[:-1](torch.zeros(2, 1, side, side)).shape[2:] == (last, last)


def test_an_unknown_depth_is_refused_with_the_known_ones():
    with pytest.raises(FrameError, match=r"(?s)no depth=50.*18, 34, 20"):
        ResNet((3, 32, 32), 10, depth=50)
