"""All arms of the contests of acting: mapsto, and a loop as CleanRL's ppo.py has it, written from the paper and its details.

Sources: Schulman et al. 2017, arXiv:1707.06347; Huang et al. 2022, "The 37 implementation details of proximal policy
optimization" (ICLR blog track); docs.cleanrl.dev.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

import mapsto
from benchmarks.speed.acting import Acting
from benchmarks.speed.networks import weights
from benchmarks.speed.task import Fitted, clocked
from mapsto.data.worlds import CartPole, Gymnasium

EXAMINED = 100  # episodes


@dataclass(frozen=True)
class Mapsto:
    """Its Learner on the nouns of acting."""

    def fit(self, task: Acting, seed: int) -> Fitted:
        kind = {"tensors": CartPole, "gymnasium": Gymnasium}[task.place]
        torch.manual_seed(seed)
        world = kind(copies=task.worlds, valid=0, test=0)
        model = mapsto.models.ActorCritic(world.input.shape, 2, 64, 2)
        with clocked(task) as clock:
            algorithm = mapsto.Algorithm(
                mapsto.experience.Rollout(
                    task.moves,
                    task.passes,
                    task.moves * task.worlds // task.pieces,
                    task.discount,
                    task.trace,
                    epoch=task.turns,
                ),
                mapsto.update.Descend(
                    task.rate, mapsto.optimizers.Adam(epsilon=1e-5), mapsto.schedules.Constant(), clip=task.norm
                ),
                mapsto.until.Steps(task.turns * task.passes * task.pieces),
            )
            rules = mapsto.objectives.ClippedSurrogate(task.clip, task.value / 2, task.entropy)
            mapsto.Learner(world, model, rules, algorithm, seed=seed).fit()
        return Fitted(clock, task.steps, weights(model), lambda _: returns_of(lambda seen: model(seen).argmax(1)))


@dataclass(frozen=True)
class Loop:
    """The usual loop: a move of all worlds at a time, everything about it written down, then passes over what was written."""

    def fit(self, task: Acting, seed: int) -> Fitted:
        torch.manual_seed(seed)
        np.random.seed(seed)
        agent, step, first = Agent(), *STEPPED[task.place](task, seed)
        with clocked(task) as clock:
            optimizer = torch.optim.Adam(agent.parameters(), lr=task.rate, eps=1e-5)
            observations = torch.zeros(task.moves, task.worlds, 4)
            actions, log_probabilities, rewards, overs, values = (
                torch.zeros(task.moves, task.worlds) for _ in range(5)
            )
            observation, over = first, torch.zeros(task.worlds)
            for _ in range(task.turns):
                for k in range(task.moves):
                    observations[k], overs[k] = observation, over
                    with torch.no_grad():
                        action, log_probability, _, value = agent.act(observation)
                        values[k] = value.flatten()
                    actions[k], log_probabilities[k] = action, log_probability
                    observation, reward, over = step(action)
                    rewards[k] = reward.view(-1)
                with torch.no_grad():
                    advantages = self._advantages(
                        task, agent.critic(observation).flatten(), rewards, values, overs, over
                    )
                    returns = advantages + values
                seen = [
                    t.reshape(-1, *t.shape[2:])
                    for t in (observations, actions, log_probabilities, advantages, returns, values)
                ]
                for _ in range(task.passes):
                    order = np.random.permutation(task.moves * task.worlds)
                    for rows in np.array_split(order, task.pieces):
                        self._update(task, agent, optimizer, *(t[rows] for t in seen))
        return Fitted(clock, task.steps, weights(agent), lambda _: returns_of(lambda o: agent.actor(o).argmax(1)))

    @staticmethod
    def _advantages(task: Acting, last: Tensor, rewards: Tensor, values: Tensor, overs: Tensor, over: Tensor) -> Tensor:
        advantages, trace = torch.zeros_like(rewards), 0
        for k in reversed(range(task.moves)):
            alive = 1.0 - (over if k == task.moves - 1 else overs[k + 1])
            after = last if k == task.moves - 1 else values[k + 1]
            surprise = rewards[k] + task.discount * after * alive - values[k]
            advantages[k] = trace = surprise + task.discount * task.trace * alive * trace
        return advantages

    @staticmethod
    def _update(
        task: Acting,
        agent: Agent,
        optimizer: torch.optim.Optimizer,
        observation: Tensor,
        action: Tensor,
        before: Tensor,
        advantage: Tensor,
        goal: Tensor,
        valued: Tensor,
    ) -> None:
        _, log_probability, entropy, value = agent.act(observation, action.long())
        ratio = (log_probability - before).exp()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = torch.clamp(ratio, 1 - task.clip, 1 + task.clip)
        policy_loss = torch.max(-advantage * ratio, -advantage * clipped).mean()
        value = value.view(-1)
        near = valued + torch.clamp(value - valued, -task.clip, task.clip)
        value_loss = 0.5 * torch.max((value - goal) ** 2, (near - goal) ** 2).mean()
        loss = policy_loss - task.entropy * entropy.mean() + task.value * value_loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), task.norm)
        optimizer.step()


class Agent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.critic = _stack(1, 1.0)
        self.actor = _stack(2, 0.01)

    def act(self, observation: Tensor, action: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The action (drawn, where none is given), its log probability, the entropy, and the value."""
        likely = Categorical(logits=self.actor(observation))
        action = likely.sample() if action is None else action
        return action, likely.log_prob(action), likely.entropy(), self.critic(observation)


def _stack(outputs: int, gain: float) -> nn.Sequential:
    return nn.Sequential(
        _linear(4, 64), nn.Tanh(), _linear(64, 64), nn.Tanh(), _linear(64, outputs, gain)
    )  # fmt: skip


def _linear(inputs: int, outputs: int, gain: float = 2**0.5) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


Stepped = tuple[
    Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], Tensor
]  # what makes a move, and what is seen at first


def _tensors(task: Acting, seed: int) -> Stepped:
    world = CartPole(task.worlds)
    first = world.reset(seed)

    def step(action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turn = world.step(action)
        return turn.observation, turn.reward, (turn.ended | turn.cut).float()

    return step, first


def _gymnasium(task: Acting, seed: int) -> Stepped:
    import gymnasium

    def made() -> gymnasium.Env:
        return gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"))

    worlds = gymnasium.vector.SyncVectorEnv([made] * task.worlds)
    first, _ = worlds.reset(seed=seed)

    def step(action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        observation, reward, ended, cut, _ = worlds.step(action.cpu().numpy())
        over = np.logical_or(ended, cut)
        return torch.Tensor(observation), torch.tensor(reward), torch.Tensor(over)

    return step, torch.Tensor(first)


STEPPED = {"tensors": _tensors, "gymnasium": _gymnasium}


@torch.no_grad()
def returns_of(policy: Callable[[Tensor], Tensor]) -> np.ndarray:
    """[EXAMINED] returns of the first episode of as many worlds."""
    world = CartPole(EXAMINED)
    observation = world.reset(12345)
    returns, alive = torch.zeros(EXAMINED), torch.ones(EXAMINED, dtype=torch.bool)
    while alive.any():
        turn = world.step(policy(observation))
        observation = turn.observation
        returns += turn.reward * alive
        alive &= ~(turn.ended | turn.cut)
    return returns.numpy()
