"""What sequence-to-sequence models read and look with: recurrent layers both ways, additive attention, places as waves."""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mapsto.layers.additive_attention import AdditiveAttention
from mapsto.layers.both_ways import BothWays
from mapsto.layers.sinusoids import sinusoids


@pytest.mark.parametrize("cell", [nn.GRU, nn.LSTM])
def test_reading_both_ways_is_what_packed_sequences_give(cell):
    torch.manual_seed(0)
    layer, x, count = BothWays(cell, 5, 4, depth=2), torch.randn(3, 7, 5), torch.tensor([7, 1, 4])
    packed = cell(5, 4, num_layers=2, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for depth in range(2):
            for part, behind in (layer.forth, ""), (layer.back, "_reverse"):
                for name, value in part[depth].named_parameters():
                    getattr(packed, name.replace("_l0", f"_l{depth}{behind}")).copy_(value)
    expected, _ = packed(pack_padded_sequence(x, count, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(expected, batch_first=True)
    states = layer(x, count)
    for row, n in enumerate(count.tolist()):
        torch.testing.assert_close(states[row, :n], expected[row, :n])


def test_additive_attention_is_its_formula():
    torch.manual_seed(0)
    layer, query, memory = AdditiveAttention(3, 5, 4), torch.randn(2, 3), torch.randn(2, 6, 5)
    here = torch.arange(6) < torch.tensor([6, 2])[:, None]
    found = layer(query, layer.offer(memory), memory, here)
    for row, n in (0, 6), (1, 2):
        score = torch.stack(
            [
                layer.score.weight[0]
                @ torch.tanh(layer.ask.weight @ query[row] + layer.offer.weight @ h + layer.offer.bias)
                for h in memory[row, :n]
            ]
        )
        torch.testing.assert_close(found[row], score.softmax(0) @ memory[row, :n])


def test_places_are_waves_and_go_on_where_they_were_left():
    waves = sinusoids(9, 6, torch.device("cpu"))
    for t in range(9):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert waves[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert waves[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
    torch.testing.assert_close(sinusoids(4, 6, torch.device("cpu"), begin=5), waves[5:])
    assert sinusoids(4, 5, torch.device("cpu")).shape == (4, 5)
