import torch

from mapsto.models import AlexNet


def test_at_the_papers_settings_it_has_the_papers_size():
    with torch.device("meta"):
        model = AlexNet((3, 224, 224), 1000, width=96, hidden=4096, norm="none")
    assert sum(p.numel() for p in model.parameters()) == 62_378_344  # the 60,965,224 with its two groups undone


def test_the_head_does_not_grow_with_the_picture():
    with torch.device("meta"):
        first, large = (AlexNet((3, side, side), 10).features for side in (224, 448))
    assert first[-2].weight.shape == large[-2].weight.shape
    assert large[-5].weight.shape[1] <= 4 * first[-5].weight.shape[1]
