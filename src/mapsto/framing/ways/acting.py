"""A world to act in, and what to do in it."""

from __future__ import annotations

import math

from mapsto.core.text import short
from mapsto.domains.box import Box
from mapsto.framing.prepare import Prepared
from mapsto.framing.ways.way import Table, Way, Written

WORTH = 0.01  # of a reward of 1 a move: with a discount of 0.995, worths of about 2, whose errors Huber's loss squares


class Acting(Way):
    models = ("actor-critic", "q-network")

    def fits(self, prepared: Prepared) -> bool:
        return prepared.problem == "acting"

    def model(self, prepared: Prepared, rows: int) -> Written:
        if _of_numbers(prepared):
            why = "an action is numbers, drawn around what the actor takes for best"
            return {"name": "actor-critic", "gaussian": True}, why
        return {"name": "actor-critic"}, f"an action is {prepared.target.describe()}, each so likely"

    def given(self, model: str) -> Way:
        return ActingByWorth() if model == "q-network" else self

    def objective(self, prepared: Prepared) -> Written:
        entropy = 0.0 if _of_numbers(prepared) else 0.01
        why = "what turned out better than expected becomes likelier, by a little at a time"
        return {"name": "clipped-surrogate", "entropy": entropy}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        numbers, reward = _of_numbers(prepared), _usual_reward(prepared)
        experience = {
            "name": "rollout",
            "moves": 256 if numbers else 128,
            "passes": 10 if numbers else 4,
            "batch_size": 128 if numbers else 256,
            "scale": 1.0 if 0.1 <= reward <= 3 else 10.0 ** -round(math.log10(reward)),
            "epoch": 8 if numbers else 16,
        }
        update = {
            "name": "descend",
            "learning_rate": 5e-4 if numbers else 1e-3,
            "optimizer": {"name": "adam", "epsilon": 1e-5},
            "schedule": {"name": "cosine"},
            "clip": 0.5,
        }
        why = "learn from what the present policy does, a few times over; the weights of the best exam are kept"
        if experience["scale"] != 1:
            why += f"; rewards, about {short(reward)} a move at random, are brought to about 1"
        return {"experience": experience, "update": update, "until": {"name": "epochs", "count": 15}}, why


def _usual_reward(prepared: Prepared) -> float:
    """How large a reward is, at random; 1 where there was none."""
    reward = prepared.fields["train"]["reward"].double()
    return float(f"{float(reward.square().mean().sqrt()):.2g}") or 1.0


class ActingByWorth(Acting):
    """Where what is learned is what each action is worth."""

    def objective(self, prepared: Prepared) -> Written:
        why = "an action is worth its reward and what the best one after it is worth"
        return {"name": "temporal-difference", "share": 0.02}, why

    def descent(self, prepared: Prepared, rows: int, model: str) -> tuple[dict[str, Table], str]:
        scale = WORTH * 10.0 ** -round(math.log10(_usual_reward(prepared)))
        update = {
            "name": "descend",
            "learning_rate": 2e-3,
            "optimizer": {"name": "adam"},
            "schedule": {"name": "cosine"},
            "clip": 10.0,
            "ema": 0.99,
        }
        made = {
            "experience": {"name": "replay", "discount": 0.995, "horizon": 8, "scale": scale, "explore": 0.1},
            "update": update,
            "until": {"name": "epochs", "count": 16},
        }
        why = (
            "every move is learned from several times, from a memory; exams see an average of the weights, and those of the best "
            "are kept"
        )
        return made, why


def _of_numbers(prepared: Prepared) -> bool:
    return isinstance(prepared.target, Box)
