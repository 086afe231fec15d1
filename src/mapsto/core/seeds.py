"""Randomness as a function of (seed, step, rank): nothing remembers what was drawn before, so resuming is exact.

The mixer is splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_MASK = (1 << 64) - 1


def mix(*words: int) -> int:
    """One seed in [0, 2^63) from several whole numbers; a change in any of them changes all of it."""
    state = 0
    for word in words:
        state = (state ^ (word & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state >> 1


def generator(device: torch.device | str, *words: int) -> torch.Generator:
    return torch.Generator(device).manual_seed(mix(*words))


def shuffled(count: int, *words: int) -> Tensor:
    """A permutation of 0 … count − 1, [count], int64, on the CPU."""
    return torch.randperm(count, generator=generator("cpu", *words))


def set_all(*words: int) -> None:
    """Seed the default generators. On the generator object: `torch.manual_seed` takes sixty times as long."""
    seed = mix(*words)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.default_generators[torch.cuda.current_device()].manual_seed(seed)


def spread(numbers: np.ndarray, *words: int) -> np.ndarray:
    """For each whole number n of [N] a share in [0, 1), random and a function of it and `words` alone: what deals out rows
    before anybody has counted them."""
    state = mix(*words)
    state = (np.uint64(state) ^ numbers.astype(np.int64).view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return (state ^ state >> np.uint64(31)) / 2.0**64


def scattered(numbers: Tensor, *words: int) -> Tensor:
    """`spread` on any device: for each whole number of an int64 tensor a share in [0, 1), float32."""
    state = (numbers ^ mix(*words)) + _signed(0x9E3779B97F4A7C15)
    state = (state ^ _shifted(state, 30)) * _signed(0xBF58476D1CE4E5B9)
    state = (state ^ _shifted(state, 27)) * _signed(0x94D049BB133111EB)
    return _shifted(state ^ _shifted(state, 31), 40).float() / 2.0**24


def _signed(word: int) -> int:
    """The same 64 bits as a number that an int64 tensor takes."""
    return word - (1 << 64) if word >> 63 else word


def _shifted(state: Tensor, bits: int) -> Tensor:
    """To the right, filled up with zeros: the sign is a bit as any other."""
    return state >> bits & (1 << 64 - bits) - 1
