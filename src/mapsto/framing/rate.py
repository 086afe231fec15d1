"""The learning-rate range test: raise the rate a little every step and see where the loss falls fastest and where it blows up."""

from __future__ import annotations

import math

import torch

from mapsto.core import seeds
from mapsto.core.schedules import Constant
from mapsto.learner.learner import Learner

LOWEST, HIGHEST, STEPS = 1e-5, 1.0, 120
SMOOTH = 0.9  # of the running mean of the loss
BACK = 4.0  # the peak of a one-cycle schedule lies this far below the rate at which the loss was least


def range_test(learner: Learner) -> float:
    """A peak learning rate, to two digits. Spends `learner`. Smith 2017, arXiv:1506.01186, §3.3."""
    update = learner.algorithm.update
    update.schedule = Constant()
    learner.model.train()
    smooth, least, best = 0.0, math.inf, LOWEST
    with torch.random.fork_rng():
        for step in range(STEPS):
            update.learning_rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
            seeds.set_all(learner.seed, step)
            losses = update.step(learner.algorithm.experience.batch(step), step)
            loss = float(sum(term.mean() for term in losses.values()))
            smooth = SMOOTH * smooth + (1 - SMOOTH) * loss
            mean = smooth / (1 - SMOOTH ** (step + 1))
            if not math.isfinite(mean) or (step > 10 and mean > 4 * least):
                break
            if mean < least:
                least, best = mean, update.learning_rate
    return float(f"{best / BACK:.2g}")
