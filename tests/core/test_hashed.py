"""Numbers that look random and follow from what they are asked about."""

import torch

from mapsto.core import hashed


def test_they_are_spread_as_their_names_say():
    numbers = torch.arange(200_000)
    uniform, normal = hashed.uniform(numbers), hashed.normal(numbers)
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005 and abs(uniform.var() - 1 / 12) < 0.001
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1) < 0.01
    assert abs((normal.abs() < 1.96).double().mean() - 0.95) < 0.003
    assert abs(torch.corrcoef(torch.stack([normal[:-1], normal[1:]]))[0, 1]) < 0.01


def test_a_row_has_the_same_numbers_whatever_stands_beside_it():
    rows = torch.tensor([5, 9, 5])
    drawn = hashed.normal(hashed.places(rows, (3, 4, 4)))
    assert drawn.shape == (3, 3, 4, 4) and drawn.dtype == torch.float32
    assert torch.equal(drawn[0], drawn[2]) and torch.equal(
        drawn[1:2], hashed.normal(hashed.places(rows[1:2], (3, 4, 4)))
    )
    assert (drawn[0] != drawn[1]).float().mean() > 0.99
    assert len(drawn[0].unique()) == drawn[0].numel()


def test_a_fingerprint_hangs_on_every_number_and_on_its_place():
    rows = torch.zeros(4, 2, 3, dtype=torch.uint8)
    rows[1, 0, 0], rows[2, 0, 1], rows[3, 1, 2] = 1, 1, 1
    found = hashed.fingerprint(rows)
    assert len(found.unique()) == 4
    assert torch.equal(found[2:], hashed.fingerprint(rows[2:]))


def test_rows_whose_numbers_are_alike_in_their_last_32_bits_are_others():
    rows = torch.tensor([0, 1, 1 << 32, (1 << 32) + 1, 1 << 40])
    drawn = hashed.places(rows, (8,)).tolist()
    assert len({tuple(row) for row in drawn}) == len(rows)
    assert not set(drawn[0]) & set(drawn[2])
