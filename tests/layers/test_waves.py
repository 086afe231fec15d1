import math

import pytest
import torch

from mapsto.core import seeds
from mapsto.layers.columns import Columns
from mapsto.layers.waves import OUT, Waves
from mapsto.models import MLP


@pytest.fixture(autouse=True)
def seeded():
    seeds.set_all(0)


def test_waves_follow_their_formula():
    waves = Waves(2, 3, frequency=0.5)
    x = torch.tensor([[0.3, -1.2]])
    given = waves(x)[0].detach()
    waves.requires_grad_(False)
    assert given[:2].equal(x[0])
    for p in range(2):
        for k in range(OUT):
            expected = waves.bias[p, k] + sum(
                waves.weight[p, w, k] * math.cos(2 * math.pi * waves.frequency[p, w] * x[0, p] + waves.phase[p, w])
                for w in range(3)
            )
            assert given[2 + p * OUT + k].item() == pytest.approx(float(expected), abs=1e-6)


def test_a_number_is_seen_through_its_own_waves_only():
    waves = Waves(3, 4, frequency=1.0)
    x = torch.randn(5, 3, requires_grad=True)
    waves(x)[:, 3 + OUT : 3 + 2 * OUT].sum().backward()  # what comes of the second
    assert (x.grad[:, 1] != 0).all() and not x.grad[:, [0, 2]].any()


def test_the_first_frequencies_have_the_spread_asked_for():
    assert Waves(200, 50, frequency=0.3).frequency.std().item() == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize(
    ("shape", "width"),
    [({"number": [3], "category": [4]}, 3 * 5 + 2), ({"category": [4]}, 2), ((6,), 6 * 5), ((1, 4, 4), 16)],
)
def test_numbers_of_a_row_and_of_a_vector_make_waves_but_not_pixels(shape, width):
    columns = Columns(shape, embedding=2, waves=8)
    assert columns.width == width
    row = {"number": torch.randn(7, 3), "category": torch.ones(7, 1, dtype=torch.int64)}
    input = {k: row[k] for k in shape} if isinstance(shape, dict) else torch.randn(7, *shape)
    assert columns(input).shape == (7, width)


def test_without_waves_numbers_are_what_they_were():
    x = torch.randn(4, 3)
    assert Columns({"number": [3]})({"number": x}).equal(x)
    assert not list(MLP({"number": [3]}, 1, width=4).columns.parameters())


def test_waves_learn_steps_that_a_line_cannot():
    """Which tenth of its range a number falls in, even or odd: a small network without waves stays near guessing."""
    x = torch.linspace(-1, 1, 400)[:, None]
    y = ((x[:, 0] * 5).floor() % 2 == 0).long()
    right = {}
    for waves in (0, 16):
        seeds.set_all(1)
        model = MLP((1,), 2, width=16, depth=1, waves=waves, frequency=1.0)
        optimizer = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(150):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        right[waves] = (model(x).argmax(1) == y).float().mean().item()
    assert right[16] > 0.9 > 0.75 > right[0]
