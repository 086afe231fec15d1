"""What models that translate look with: additive attention, and places told as waves."""

import math

import pytest
import torch

from mapsto.layers.additive_attention import AdditiveAttention
from mapsto.layers.sinusoids import sinusoids


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
