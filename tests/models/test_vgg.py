import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.models import VGG


@pytest.mark.parametrize(
    ("depth", "count"), [(11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240)]
)
def test_at_the_papers_settings_it_has_the_papers_size(depth, count):
    with torch.device("meta"):
        model = VGG((3, 224, 224), 1000, depth, hidden=4096, norm="none")
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.parametrize(("side", "pools"), [(8, 2), (16, 3), (32, 4), (64, 5), (224, 5)])
def test_pools_stop_where_two_cells_are_left(side, pools):
    with torch.device("meta"):
        model = VGG((3, side, side), 10)
    assert sum(isinstance(m, torch.nn.MaxPool2d) for m in model.modules()) == pools


def test_an_unknown_depth_is_refused_with_the_known_ones():
    with pytest.raises(FrameError, match=r"(?s)no depth=12.*11, 13, 16, 19"):
        VGG((3, 32, 32), 10, depth=12)
