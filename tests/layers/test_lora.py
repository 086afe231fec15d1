"""Adapters begin as nothing, are all that is learned, and go into the matrices at the end."""

import pytest
import torch
from torch import nn

from mapsto.core.errors import FrameError
from mapsto.layers.lora import LowRank, adapt, merged
from mapsto.models import BERT

ASKED = {
    "tokens": torch.randint(6, 30, (5, 9), generator=torch.Generator().manual_seed(0)),
    "count": torch.full((5,), 9),
}


def bert():
    torch.manual_seed(0)
    return BERT({"tokens": [30]}, 3, width=8, depth=2, heads=2, dropout=0.0)


def adapted(rank=3, seed=1):
    model = bert()
    adapt(model, model.parts()[:-1], rank, seed)
    return model


def test_to_begin_with_they_change_nothing():
    torch.testing.assert_close(adapted()(ASKED), bert()(ASKED), rtol=0, atol=0)


def test_they_are_the_low_rank_change_of_the_paper():
    torch.manual_seed(0)
    linear = nn.Linear(5, 4)
    layer = LowRank(linear, 2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.rank_up.normal_()
    x = torch.randn(3, 7, 5)
    expected = x @ (linear.weight + layer.rank_up @ layer.rank_down).T + linear.bias
    torch.testing.assert_close(layer(x), expected)


def test_merged_is_as_unmerged_to_1e_6():
    model, plain = adapted().eval(), bert().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("rank_up"):
                p.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
        weights = merged(model.state_dict())
        assert weights.keys() == plain.state_dict().keys()
        plain.load_state_dict(weights)
        torch.testing.assert_close(plain(ASKED), model(ASKED), rtol=0, atol=1e-6)
        assert not torch.allclose(plain(ASKED), bert().eval()(ASKED), atol=1e-3), "they do change something"


def test_only_they_and_the_rest_of_the_model_get_gradients():
    model = adapted()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("rank_up"):
                p.fill_(0.1)  # at 0 there is no gradient for the other factor
    model(ASKED).sum().backward()
    learned = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learned == {name for name, _ in model.named_parameters() if ".rank_" in name or name.startswith("head.")}
    assert sum(".rank_up" in name for name in learned) == 2 * 4  # four maps a block


def test_their_first_weights_follow_from_the_seed():
    one, again, other = (adapted(seed=s).state_dict() for s in (1, 1, 2))
    name = "blocks.0.attention.project.rank_down"
    assert torch.equal(one[name], again[name]) and not torch.equal(one[name], other[name])
    assert not torch.equal(one[name], one["blocks.1.attention.project.rank_down"])


def test_weights_without_adapters_are_merged_as_they_are():
    weights = bert().state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in merged(weights).items())


def test_where_there_is_no_map_to_adapt_it_is_said():
    words = nn.Embedding(3, 2)
    with pytest.raises(FrameError, match="there is none but the model's last"):
        adapt(words, [words], 2, 0)
