"""Noise put into pictures step by step, and taken out of them again.

Ho, Jain and Abbeel 2020, arXiv:2006.11239 (DDPM); Song, Meng and Ermon 2021, arXiv:2010.02502 (DDIM). At step 0 there is the
picture x₀, at step T noise ε ~ N(0, 1) alone, and between them xₜ = √ᾱₜ x₀ + √(1 − ᾱₜ) ε. What a network says of xₜ is its
velocity vₜ = √ᾱₜ ε − √(1 − ᾱₜ) x₀ (Salimans and Ho 2022, arXiv:2202.00512, appendix D), from which both follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from mapsto.core.errors import FrameError

Schedule = Literal["cosine", "linear"]
OFFSET = 0.008  # of the cosine: so small a step is no smaller than a picture's brightness is told in
LINEAR = (1e-4, 0.02)  # first and last β of a thousand
LARGEST = 0.999  # β: beyond it the way back is not defined


def kept(schedule: Schedule, steps: int) -> Tensor:
    """ᾱ [T + 1], float64 on the CPU, from 1 down to about 0: the share of the variance at each step that is the picture's.

    "linear": βₜ in even steps (Ho et al. 2020, §4), scaled so that any T comes to the same. "cosine": ᾱₜ falls as the square of
    a cosine, and wastes fewer steps where there is nothing but noise (Nichol and Dhariwal 2021, arXiv:2102.09672, eq. 17).
    """
    if schedule == "cosine":
        place = torch.arange(steps + 1, dtype=torch.float64) / steps
        falling = ((place + OFFSET) / (1 + OFFSET) * math.pi / 2).cos() ** 2
        beta = 1 - falling[1:] / falling[:-1]
    elif schedule == "linear":
        beta = torch.linspace(*LINEAR, steps, dtype=torch.float64) * (1000 / steps)
    else:
        raise FrameError(f"a noise schedule is cosine or linear, but came {schedule!r}.")
    return torch.cat([beta.new_ones(1), (1 - beta.clamp(max=LARGEST)).cumprod(0)])


def noised(picture: Tensor, noise: Tensor, kept: Tensor | float) -> Tensor:
    """x₀ and ε [B, …] → xₜ, at ᾱₜ = kept (Ho et al. 2020, eq. 4)."""
    return kept**0.5 * picture + (1 - kept) ** 0.5 * noise


def velocity(picture: Tensor, noise: Tensor, kept: Tensor | float) -> Tensor:
    """x₀ and ε [B, …] → vₜ."""
    return kept**0.5 * noise - (1 - kept) ** 0.5 * picture


def picture_of(noised: Tensor, velocity: Tensor, kept: Tensor | float) -> Tensor:
    """xₜ and vₜ [B, …] → x₀."""
    return kept**0.5 * noised - (1 - kept) ** 0.5 * velocity


def step_back(noised: Tensor, picture: Tensor, now: float, then: float, eta: float, drawn: Tensor | None) -> Tensor:
    """xₜ, where x₀ is taken for `picture`, → xₛ of an earlier step s < t (Song et al. 2021, eq. 12 and 16).

    now, then: ᾱₜ and ᾱₛ. eta: how much of the noise is drawn anew (`drawn` [B, …] ~ N(0, 1)): 0 is DDIM, which draws none, and 1,
    where s = t − 1, DDPM: mean and variance are then those of q(xₛ | xₜ, x₀) (Ho et al. 2020, eq. 7).
    """
    noise = (noised - now**0.5 * picture) / (1 - now) ** 0.5
    spread = eta * ((1 - then) / (1 - now) * max(0.0, 1 - now / then)) ** 0.5
    back = then**0.5 * picture + max(0.0, 1 - then - spread**2) ** 0.5 * noise
    return back if drawn is None or not spread else back + spread * drawn


def stops(steps: int, count: int) -> list[int]:
    """From T = `steps` down to 0 in `count` strides as even as can be: count + 1 steps at which to ask."""
    return [round(steps * (count - k) / count) for k in range(count + 1)]


def denoised(
    say: Callable[[Tensor, int], Tensor],
    noise: Tensor,
    kept: list[float],
    stops: list[int],
    eta: float = 0.0,
    draw: Callable[[int], Tensor] | None = None,
) -> Iterator[Tensor]:
    """From noise [B, …] to pictures: xₛ after each stride between `stops`, the last of which is x₀.

    say: what the network says of xₜ [B, …] at step t: its velocity. kept: ᾱ of each step. draw: where eta > 0, new noise [B, …] by
    the step. Pictures lie in [−1, 1], so that whatever lies outside is taken for its edge.
    """
    noised = noise
    for t, s in pairwise(stops):
        picture = picture_of(noised, say(noised, t), kept[t]).clamp(-1, 1)
        noised = step_back(noised, picture, kept[t], kept[s], eta, draw(s) if draw and eta else None) if s else picture
        yield noised


def guided(told: Tensor, untold: Tensor, guidance: float) -> Tensor:
    """What a network says where it is told what to draw and where it is not → (1 + w) told − w untold, w = `guidance`: away from
    what any picture might be (Ho and Salimans 2022, arXiv:2207.12598, eq. 6; of velocities it is the same, xₜ being the same)."""
    return told + guidance * (told - untold)
