"""A block is its formula, with norms before or after, with a context or without."""

import pytest
import torch
import torch.nn.functional as F

from mapsto.core.errors import FrameError
from mapsto.layers.attention import Cache
from mapsto.layers.block import Block


def thought(block, x):
    return block.narrow(block.activation(block.widen(x)))


@pytest.mark.parametrize("causal", [False, True])
def test_with_norms_before_it_adds_to_what_comes_in(causal):
    torch.manual_seed(0)
    block, x = Block(12, 3, causal=causal), torch.randn(2, 5, 12)
    y = x + block.attention(block.norm(x))
    torch.testing.assert_close(block(x), y + thought(block, block.last_norm(y)))


def test_with_norms_after_it_is_as_first_published():
    torch.manual_seed(0)
    block, x = Block(12, 3, norm="after", activation=F.relu), torch.randn(2, 5, 12)
    y = block.norm(x + block.attention(x))
    torch.testing.assert_close(block(x), block.last_norm(y + thought(block, y)))


@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_context_is_asked_between(norm):
    torch.manual_seed(0)
    block = Block(12, 3, norm=norm, causal=True, cross=True)
    x, context, here = torch.randn(2, 5, 12), torch.randn(2, 4, 12), torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]]).bool()
    if norm == "before":
        y = x + block.attention(block.norm(x))
        y = y + block.cross(block.cross_norm(y), context, here)
        expected = y + thought(block, block.last_norm(y))
    else:
        y = block.norm(x + block.attention(x))
        y = block.cross_norm(y + block.cross(y, context, here))
        expected = block.last_norm(y + thought(block, y))
    torch.testing.assert_close(block(x, context=context, context_here=here), expected)
    read, mine, theirs = [], Cache(), Cache()
    for k in range(5):
        read.append(block(x[:, k : k + 1], None, context if not k else None, here, mine, theirs))
    torch.testing.assert_close(torch.cat(read, dim=1), expected)


def test_what_is_not_here_is_not_seen():
    torch.manual_seed(0)
    block, x = Block(12, 3), torch.randn(2, 5, 12)
    here = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    changed = x.clone()
    changed[1, 3:] = 9.0
    torch.testing.assert_close(block(x, here)[1, :3], block(changed, here)[1, :3])
    assert not torch.allclose(block(x)[1, :3], block(changed)[1, :3])


def test_dropout_is_silent_in_an_exam():
    torch.manual_seed(0)
    block, x = Block(12, 3, dropout=0.5), torch.randn(2, 5, 12)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_a_norm_elsewhere_is_refused():
    with pytest.raises(FrameError, match="before or after its parts, but came 'within'"):
        Block(12, 3, norm="within")
