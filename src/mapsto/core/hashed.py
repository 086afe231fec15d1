"""Numbers that look random and follow from what they are asked about: drawn without a generator, on any device alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BITS = (1 << 32) - 1
FINE = 24  # bits of a number in [0, 1): as many as float32 has


def mixed(number: Tensor) -> Tensor:
    """Whole numbers → whole numbers below 2³², each bit of which hangs on all of theirs: Wellons' triple32 ("hash-prospector",
    2018), two factors of which lack their highest bit, so that products stay below 2⁶³."""
    number = number & BITS
    for shift, factor in ((17, 0x6D5AD4BB), (11, 0x2C4C1B51), (15, 0x31848BAB)):
        number = (number ^ number >> shift) * factor & BITS
    return number ^ number >> 14


def uniform(number: Tensor) -> Tensor:
    """Whole numbers → float32 in [0, 1)."""
    return (mixed(number) >> 32 - FINE).float() / (1 << FINE)


def normal(number: Tensor) -> Tensor:
    """Whole numbers → float32 of N(0, 1) (Box and Muller 1958)."""
    first, second = 1 - uniform(number), uniform(mixed(number) + 1)
    return (-2 * first.log()).sqrt() * (2 * math.pi * second).cos()


def fingerprint(rows: Tensor) -> Tensor:
    """Whole numbers [N, …] → one for each row, [N], that hangs on all of its own and on where they stand."""
    flat = rows.flatten(1).long()
    return mixed(flat * 8191 + torch.arange(flat.shape[1], device=flat.device)).sum(dim=1) & BITS


def places(row: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Whole numbers [N] → others [N, *shape], each of another row or place another; bits beyond 32 count, too."""
    row = row ^ mixed(row >> 32)  # of less than 2³² it is the number itself, for 0 is mixed to 0
    place = torch.arange(math.prod(shape), device=row.device)
    return mixed(mixed(row)[:, None] ^ mixed(place + 1)).view(len(row), *shape)
