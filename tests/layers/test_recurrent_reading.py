"""Recurrent layers in both directions, and what a word looks like."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mapsto.core import seeds
from mapsto.layers.reading import CELLS, Reading, reverse, taken
from mapsto.layers.spelling import Spelling
from mapsto.layers.tokens import UNKNOWN, Tokens

COUNT = torch.tensor([5, 1, 3])


@pytest.fixture(autouse=True)
def seeded():
    seeds.set_all(0)


@pytest.mark.parametrize("cell", CELLS)
def test_it_is_what_packing_gives(cell):
    mine = Reading(4, 3, cell, depth=2)
    theirs = CELLS[cell](4, 3, 2, batch_first=True, bidirectional=True)
    for layer in range(2):
        for ours, end in ((mine.ahead[layer], ""), (mine.back[layer], "_reverse")):
            for name, weight in ours.named_parameters():
                getattr(theirs, name.replace("_l0", f"_l{layer}") + end).data.copy_(weight.data)
    x = torch.randn(3, 6, 4)
    packed = pack_padded_sequence(x, COUNT, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=6)[0]
    given = mine(x, COUNT)
    for row, count in enumerate(COUNT.tolist()):
        torch.testing.assert_close(given[row, :count], expected[row, :count])


def test_one_direction_knows_nothing_of_what_follows():
    reading, x = Reading(4, 3, bidirectional=False), torch.randn(1, 5, 4)
    changed = x.clone()
    changed[0, 3:] = 9
    count = torch.tensor([5])
    assert reading.width == 3
    torch.testing.assert_close(reading(x, count)[0, :3], reading(changed, count)[0, :3])
    both = Reading(4, 3)
    assert both.width == 6 and not torch.allclose(both(x, count)[0, :3], both(changed, count)[0, :3])


def test_reversing_twice_is_nothing_and_padding_stays_last():
    x = torch.arange(12.0).view(2, 6, 1)
    place = reverse(torch.tensor([4, 0]), 6)
    assert taken(x, place)[0, :, 0].tolist() == [3, 2, 1, 0, 4, 5]
    assert torch.equal(taken(taken(x, place), place), x)


def test_a_word_is_the_strongest_answer_of_each_convolution():
    spelling = Spelling(letters=9, width=4, embedding=3)
    word = torch.tensor([[[2, 5, 6, 3, 0, 0], [0] * 6]])
    vectors = spelling.table.weight[word[0, 0]]
    around = torch.nn.functional.pad(vectors, (0, 0, 1, 1))
    windows = torch.stack([around[t : t + 3] for t in range(4)])  # [T, size, D]: those at characters
    expected = (torch.einsum("tsd,wds->tw", windows, spelling.parts.weight) + spelling.parts.bias).amax(0)
    given = spelling(word)
    torch.testing.assert_close(given[0, 0], expected)
    assert not given[0, 1].any()
    given.sum().backward()
    assert all(p.grad.isfinite().all() for p in spelling.parameters())


def test_half_of_a_token_is_read_from_its_characters_where_they_come_with_it():
    tokens = Tokens({"tokens": [7], "characters": [9]}, 10)
    assert tokens.table.weight.shape == (7, 5)
    characters = torch.tensor([[[2, 5, 3], [2, 6, 3], [0, 0, 0]]])
    given = tokens({"tokens": torch.tensor([[UNKNOWN, UNKNOWN, 0]]), "characters": characters})
    assert given.shape == (1, 3, 10) and not given[0, 2].any()
    assert torch.equal(given[0, 0, :5], given[0, 1, :5]) and not torch.equal(given[0, 0, 5:], given[0, 1, 5:])
    assert Tokens({"tokens": [7]}, 10).table.weight.shape == (7, 10)


def test_tokens_are_forgotten_in_training_only_and_padding_never():
    tokens = Tokens({"tokens": [7]}, 4, forget=0.5)
    asked = {"tokens": torch.tensor([[5] * 400 + [0] * 400])}
    forgotten = (tokens(asked)[0] == tokens.table.weight[UNKNOWN]).all(1)
    assert 0.4 < forgotten[:400].float().mean() < 0.6 and not forgotten[400:].any()
    seeds.set_all(3)
    first = tokens(asked)
    seeds.set_all(3)
    assert torch.equal(tokens(asked), first)
    assert torch.equal(tokens.eval()(asked)[0, :400], tokens.table.weight[5].expand(400, 4))
