"""Attention is what its formula says, in parts as in whole."""

import pytest
import torch

from mapsto.core.errors import FrameError
from mapsto.layers.attention import Attention, Cache


def written_out(layer, x, context=None, here=None):
    """softmax(Q Kᵀ / √d) V, head by head."""
    q, k, v = (
        (layer.project(x), *layer.context(context).chunk(2, dim=-1)) if layer.cross else layer.project(x).chunk(3, -1)
    )
    size = q.shape[-1] // layer.heads
    answers = []
    for h in range(layer.heads):
        part = slice(h * size, (h + 1) * size)
        score = q[..., part] @ k[..., part].transpose(1, 2) / size**0.5
        if layer.causal:
            score = score.masked_fill(torch.ones(score.shape[1:]).triu(1).bool(), float("-inf"))
        if here is not None:
            score = score.masked_fill(~here[:, None], float("-inf"))
        answers.append(score.softmax(-1) @ v[..., part])
    return layer.join(torch.cat(answers, dim=-1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_formula(causal, masked):
    torch.manual_seed(0)
    layer, x = Attention(12, 3, causal=causal), torch.randn(4, 7, 12)
    here = torch.arange(7) < torch.tensor([7, 1, 3, 5])[:, None] if masked else None
    torch.testing.assert_close(layer(x, here=here), written_out(layer, x, here=here))


def test_across_two_sequences_it_is_the_formula():
    torch.manual_seed(0)
    layer, x, context = Attention(12, 3, cross=True), torch.randn(4, 7, 12), torch.randn(4, 5, 12)
    here = torch.arange(5) < torch.tensor([5, 1, 3, 2])[:, None]
    torch.testing.assert_close(layer(x, context, here), written_out(layer, x, context, here))
    cache = Cache()
    layer(x[:, :1], context, here, cache)
    torch.testing.assert_close(layer(x, None, here, cache), layer(x, context, here))


@pytest.mark.parametrize("steps", [[1] * 7, [3, 1, 3], [7], [2, 5]])
def test_with_a_cache_it_reads_in_steps_what_it_reads_at_once(steps):
    torch.manual_seed(0)
    layer, x, cache = Attention(12, 3, causal=True), torch.randn(4, 7, 12), Cache()
    read = torch.cat([layer(part, cache=cache) for part in x.split(steps, dim=1)], dim=1)
    torch.testing.assert_close(read, layer(x))
    assert len(cache) == 7


def test_a_cache_goes_on_with_the_rows_that_are_chosen():
    torch.manual_seed(0)
    layer, x, cache = Attention(12, 3, causal=True), torch.randn(3, 5, 12), Cache()
    layer(x[:, :4], cache=cache)
    rows = torch.tensor([2, 2, 0])
    cache.select(rows)
    torch.testing.assert_close(layer(x[rows][:, 4:], cache=cache), layer(x)[rows][:, 4:])


def test_heads_share_the_width_evenly():
    with pytest.raises(FrameError, match="width 10 cannot be parted into 3 heads"):
        Attention(10, 3)


def test_a_cache_grows_without_forgetting():
    torch.manual_seed(0)
    layer, x, cache = Attention(4, 2, causal=True), torch.randn(2, 200, 4), Cache()
    read = torch.cat([layer(part, cache=cache) for part in x.split([150, *[1] * 50], dim=1)], dim=1)
    torch.testing.assert_close(read, layer(x))
    assert len(cache) == cache.keys.shape[2] == cache.values.shape[2] == 200
