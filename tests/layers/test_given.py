"""What a picture is to be of, as a vector: told by a category or a text, or not at all."""

import pytest
import torch
from torch import nn

from mapsto.core.errors import ShapeError
from mapsto.domains import tokenizer
from mapsto.layers import given
from mapsto.layers.given import Given, says, unsaid

TEXTS = {"tokens": [20]}


def words(*rows, pad_to=0):
    count = torch.tensor([len(row) for row in rows])
    longest = max(pad_to, int(count.max()))
    return {"tokens": torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows]), "count": count}


def made(shape, **more):
    torch.manual_seed(0)
    told = Given(shape, 8, **more)
    nn.init.normal_(told.nothing)
    return told


@pytest.mark.parametrize(
    ("shape", "asked"),
    [((3,), torch.tensor([2, -1, 0])), (TEXTS, words([7, 9], [given.NONE], [8])), (TEXTS, words([7, 9], [], [8]))],
)
def test_where_nothing_is_said_the_vector_is_one_that_is_learned(shape, asked):
    told = made(shape).eval()
    vectors = told(asked)
    assert says(asked).tolist() == [True, False, True]
    assert vectors.shape == (3, 8) and vectors.dtype == torch.float32
    assert torch.equal(vectors[1], told.nothing)
    assert not torch.equal(vectors[0], vectors[2]) and not torch.equal(vectors[0], told.nothing)
    assert torch.equal(told(unsaid(asked)), told.nothing.expand(3, -1))
    vectors.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in told.parameters())


@pytest.mark.parametrize("shape", [(), (0,)])
def test_where_nothing_is_ever_given_there_is_that_vector_alone(shape):
    told = made(shape)
    assert [name for name, _ in told.named_parameters()] == ["nothing"]
    assert torch.equal(told(torch.full((4,), -1)), told.nothing.expand(4, -1))


def test_in_training_a_share_of_the_examples_is_not_told():
    told, asked = made((3,), drop=0.25), torch.arange(3).repeat(1000)
    untold = (told.train()(asked) == told.nothing).all(1).float().mean()
    assert 0.2 < untold < 0.3
    assert not (told.eval()(asked) == told.nothing).all(1).any()


def test_a_text_is_read_in_its_order_and_whatever_its_padding():
    told = made(TEXTS).eval()
    near, far = told(words([7, 9, 8], [8])), told(words([7, 9, 8], [8], pad_to=11))
    torch.testing.assert_close(near, far)
    assert not torch.allclose(near[:1], told(words([8, 9, 7])), atol=1e-3)


def test_rows_of_a_table_and_pictures_are_no_such_thing():
    for shape in ({"number": [3]}, (1, 8, 8)):
        with pytest.raises(ShapeError, match="a category, of a text or of nothing"):
            Given(shape, 8)


def test_a_missing_text_is_the_one_that_its_domain_writes():
    assert given.NONE == tokenizer.NONE
