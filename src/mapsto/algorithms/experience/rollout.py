"""Roll-outs: act for a while with the policy as it is, learn from that for a while, forget it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mapsto.core import seeds
from mapsto.core import world as processes
from mapsto.core.batch import Batch, split
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Actor, Experience, Learner, World

BEGIN, ACT, DEAL = 17, 18, 19  # what a seed is for: the world, what is drawn in acting, who is in which batch
RECENT = 10  # roll-outs whose episodes are told of


@dataclass
class Rollout(Experience):
    """`moves` in every copy of the world, then `passes` over them in random batches; then anew (Schulman et al. 2017, alg. 1).

    Advantages follow from `discount` and `trace`, the γ and λ of their formula; with trace 1 they are returns less what was
    expected. standardised: whether the advantages of a roll-out are brought to mean 0 and spread 1. scale: what rewards are
    multiplied by; exams are not. epoch: how many roll-outs are called one, after which there is an exam.
    """

    moves: int = 128
    passes: int = 4
    batch_size: int = 256
    discount: float = 0.99
    trace: float = 0.95
    standardised: bool = True
    scale: float = 1.0
    epoch: int = 32

    acts = True

    def __post_init__(self) -> None:
        if min(self.moves, self.passes, self.batch_size, self.epoch) < 1:
            raise FrameError(
                "a roll-out needs at least one move, one pass, one example a batch and one roll-out an epoch, but came "
                f"{self.moves}, {self.passes}, {self.batch_size} and {self.epoch}."
            )
        if not (0 <= self.discount <= 1 and 0 <= self.trace <= 1 and self.scale > 0):
            raise FrameError(
                f"discount and trace are shares in [0, 1] and scale above 0, but came {self.discount}, {self.trace} and "
                f"{self.scale}."
            )

    def start(self, learner: Learner) -> None:
        super().start(learner)
        self.model = learner.model
        refuse_others(self, learner)
        if not isinstance(self.model, Actor):
            raise FrameError(
                f"{type(self).__name__} acts with a policy, but a {type(self.model).__name__} has none.",
                "Use the model actor-critic.",
                "F004",
            )
        self.rows = self.moves * self.data.copies
        self.cuts = -(-self.rows // self.batch_size)  # batches a pass
        self.data.reset(seeds.mix(self.seed, BEGIN))
        self._refuse_misfit()
        self._made: int | None = None  # the step that the present roll-out was made at
        self._memory: Batch = {}
        self._dealt: dict[int, Batch] = {}  # step → its batch, of the present pass
        device = self.data.device
        self._begun = torch.zeros(self.data.copies, dtype=torch.float64, device=device)  # what episodes returned so far
        self._recent = torch.zeros(
            RECENT, 2, dtype=torch.float64, device=device
        )  # of roll-outs: total and count of episodes

    @property
    def rhythm(self) -> int:
        return self.passes * self.cuts

    @property
    def batches(self) -> int:
        return self.epoch * self.rhythm

    def batch(self, step: int) -> Batch:
        due = step - step % self.rhythm
        if self._made is None or due > self._made:  # it is the future that one acts for
            self._act(due)
        if step not in self._dealt:
            self._deal(step)
        return self._dealt.pop(step)  # whoever has it may change it

    def typical(self) -> Batch:
        """What is observed now, and nothing done yet."""
        seen = self.data.observation
        input = seen[torch.arange(min(self.batch_size, self.rows), device=seen.device) % len(seen)]
        nothing = input.new_zeros(len(input))
        action = self.data.target.draw(len(input), seeds.generator(self.data.device, self.seed))
        told = dict.fromkeys(("log_probability", "advantage", "value", "return"), nothing)
        return {"input": input, "action": action, **told}

    def seen(self) -> dict[str, float]:
        total, count = self._recent.sum(0).tolist()
        return {"return": total / count} if count else {}

    def state_dict(self) -> dict[str, Any]:
        return {
            "world": self.data.state_dict(),
            "made": self._made,
            "memory": dict(self._memory),
            "begun": self._begun,
            "recent": self._recent,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.data.load_state_dict(state["world"])
        device = self.data.device
        self._made, self._dealt = state["made"], {}
        self._memory = {name: tensor.to(device) for name, tensor in state["memory"].items()}
        self._begun, self._recent = state["begun"].to(device), state["recent"].to(device)
        if self.data.fresh:
            self._begun = torch.zeros_like(self._begun)

    @torch.no_grad()
    def _refuse_misfit(self) -> None:
        """ShapeError where the policy does something that the world does not take."""
        world, generator = self.data, seeds.generator(self.data.device, self.seed)
        noise = self.model.noise(1, world.copies, generator)[0]
        does, takes = self.model.policy(world.observation).sample(noise), world.target.draw(world.copies, generator)
        if (does.shape, does.dtype) != (takes.shape, takes.dtype):
            raise ShapeError(
                f"the world takes {world.target.describe()}, {list(takes.shape)} of {takes.dtype}, but the policy gives "
                f"{list(does.shape)} of {does.dtype}.",
                "Set model.gaussian=true where actions are numbers, and false where they are choices.",
            )

    @torch.inference_mode()
    def _act(self, step: int) -> None:
        """Fill the memory by acting, with chance that is a function of the step."""
        world, model = self.data, self.model
        noise = model.noise(self.moves, world.copies, seeds.generator(world.device, self.seed, step, ACT))
        seen, done, rewards, ended, cut, then = [], [], [], [], [], []
        observation, policy = world.observation, model.acting()
        for drawn in noise.unbind():
            action = policy(observation).sample(drawn)
            turn = world.step(action)
            seen.append(observation)
            done.append(action)
            rewards.append(turn.reward)
            ended.append(turn.ended)
            cut.append(turn.cut)
            then.append(turn.next)
            observation = turn.observation
        input, action, reward = torch.stack(seen), torch.stack(done), torch.stack(rewards)
        ended, over = torch.stack(ended), torch.stack(ended) | torch.stack(cut)
        self._tell(step, reward.double(), over)
        flat = input.flatten(0, 1)
        value = model.value(flat).view_as(reward)
        following = model.value(torch.cat(then)).view_as(reward)
        advantage = generalised_advantage(reward * self.scale, value, following, ended, over, self.discount, self.trace)
        memory = {
            "input": flat,
            "action": action.flatten(0, 1),
            "log_probability": model.policy(flat).log_probability(action.flatten(0, 1)),
            "value": value.flatten(),
            "return": (advantage + value).flatten(),
            "advantage": _standardised(advantage.flatten()) if self.standardised else advantage.flatten(),
        }
        self._memory, self._made, self._dealt = memory, step, {}

    def _deal(self, step: int) -> None:
        """The batches of a pass from this step on: one indexed copy a field, then cut."""
        done, place = divmod((step - self._made) % self.rhythm, self.cuts)
        order = seeds.shuffled(self.rows, self.seed, self._made, done, DEAL)[place * self.batch_size :]
        order = order.to(self.data.device)
        sizes = [len(part) for part in order.split(self.batch_size)]
        drawn = {name: tensor.index_select(0, order) for name, tensor in self._memory.items()}
        self._dealt = {step + k: part for k, part in enumerate(split(drawn, sizes))}

    def _tell(self, step: int, reward: Tensor, over: Tensor) -> None:
        """Note what the episodes returned that were over in this roll-out: reward [T, E], over [T, E] bool."""
        moves = torch.arange(1, self.moves + 1, device=reward.device)[:, None]
        total = torch.cat(
            [-self._begun[None], reward.cumsum(0)]
        )  # of all moves so far, less what earlier ones returned
        ends = torch.where(over, moves, 0).cummax(0).values  # the last end until then, 0 where there was none
        before = torch.cat([torch.zeros_like(ends[:1]), ends[:-1]])
        each = total.gather(0, moves.expand_as(before)) - total.gather(0, before)
        self._recent[step // self.rhythm % RECENT] = torch.stack([(each * over).sum(), over.double().sum()])
        self._begun = total[-1] - total.gather(0, ends[-1:])[0]


def generalised_advantage(
    reward: Tensor, value: Tensor, following: Tensor, ended: Tensor, over: Tensor, discount: float, trace: float
) -> Tensor:
    """How much better each move was than expected, near surprises weighing more:

        δ = r + γ V(s′) − V(s)      A = δ + γ λ A′

    reward, value, following: [T, E] over T moves of E copies; `following` is the value of what each move led to. ended: bool, where
    nothing is to be expected after the move; over: where the next row is another episode, be it ended or cut.
    discount, trace: γ and λ. Returns advantages [T, E], in the unit of the reward.
    Schulman et al. 2016, arXiv:1506.02438, eq. 16.
    """
    surprise = reward + discount * following * ~ended - value
    kept = discount * trace * (~over).to(reward.dtype)
    advantage, found = torch.zeros_like(reward[0]), []
    for delta, keep in zip(reversed(surprise.unbind()), reversed(kept.unbind()), strict=True):
        advantage = torch.addcmul(delta, keep, advantage)
        found.append(advantage)
    return torch.stack(found[::-1])


def refuse_others(experience: Experience, learner: Learner) -> None:
    """FrameError where there is no world to act in, or several processes would act in it."""
    kind = type(experience).__name__
    if not isinstance(learner.data, World):
        raise FrameError(
            f"{kind} acts in a world, but came {type(learner.data).__name__}, which is examples.",
            "Name a world (env:CartPole-v1), or learn from examples by passes.",
            "F004",
        )
    if processes.size() > 1:
        raise FrameError(
            f"{kind} acts in one process, but {processes.size()} were started.", "Start it without torchrun.", "F004"
        )


def _standardised(advantage: Tensor) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
