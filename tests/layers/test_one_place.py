"""A block at one place after the other gives what it gives of all places at once."""

import torch

from mapsto.layers.attention import Cache
from mapsto.layers.block import Block
from mapsto.layers.one_place import OnePlace, plain


@torch.no_grad()
def test_place_by_place_it_is_the_block():
    torch.manual_seed(0)
    block, x, cache = Block(12, 3, causal=True).eval(), torch.randn(1, 9, 12), Cache()
    for parameter in block.parameters():
        parameter.add_(0.3 * torch.randn(parameter.shape))
    read = block(x[:, :4], cache=cache)
    place = OnePlace(block, cache, room=9)
    after = torch.stack([place(x[0, t]) for t in range(4, 9)])
    torch.testing.assert_close(torch.cat([read[0], after]), block(x)[0], atol=1e-5, rtol=1e-4)
    assert place.length == 9 and len(cache) == 4


def test_a_block_that_drops_is_not_plain():
    block = Block(12, 3, dropout=0.5, causal=True)
    assert not plain(block.train()) and plain(block.eval())
