"""The learner: data, model, objective and algorithm, composed. Each verb is short, or a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from torch import Tensor, nn

from mapsto.algorithms.update.sharded import whole
from mapsto.core import devices, seeds, world
from mapsto.core.batch import Batch, over
from mapsto.core.errors import Damaged
from mapsto.core.nouns import Algorithm, Data, Objective, Scores, Until
from mapsto.core.reading import RESTORE
from mapsto.core.state import odd, to_device, walk
from mapsto.core.stop import Stop
from mapsto.learner import place
from mapsto.learner.best import Best
from mapsto.learner.divergence import Divergence
from mapsto.learner.examinee import Examinee
from mapsto.learner.fit import Observer, fit
from mapsto.learner.race import LAYOUT, Settled, settle
from mapsto.learner.tally import Tally
from mapsto.learner.until import Steps

TRIED = 8192  # rows of a batch that are tried out before learning begins, at most


class Learner:
    """Composes the four components and learns.

    seed: of everything but the split. device: where the model and the data are; "auto" is where the data are.
    After `fit`, the model holds the weights of the last step; `best` keeps those of the best validation exam.
    """

    def __init__(
        self,
        data: Data,
        model: nn.Module,
        objective: Objective,
        algorithm: Algorithm,
        seed: int = 0,
        device: str = "auto",
    ):
        self.data, self.objective, self.algorithm, self.seed = data, objective, algorithm, seed
        self.device = data.device if device == "auto" else devices.pick(device)
        world.join(self.device)
        self.model = place.place(model, self.device)
        self.examinee = Examinee(self.model, objective, self.device, seed)
        self.step = self.told = 0  # steps so far, and those that the last report tells of
        self.settled: Settled | None = None
        self.tally, self.divergence = Tally(), Divergence(objective)
        leading, measure = next(iter(objective.measures(data.target).items()))
        self.best = Best(leading, measure.better)
        algorithm.experience.start(self)
        batches = algorithm.experience.batches
        self.horizon = algorithm.until.steps(batches) or 0
        self.exam_every = min(batches, 2000)
        self.report_every = max(1, min(50, batches))
        algorithm.update.start(self)
        algorithm.until.start(self)

    def fit(
        self, until: Until | int | None = None, observers: Sequence[Observer] = (), stop: Stop | None = None
    ) -> Self:
        """Learn until the algorithm's own end, or `until` (a whole number means so many steps)."""
        until = self.algorithm.until if until is None else Steps(until) if isinstance(until, int) else until
        until.start(self)
        self.settle()
        fit(self, until, observers, stop)
        return self

    def settle(self, as_before: Settled | None = None) -> Settled:
        """Decide, once, on threads, layout and precision of a step; `as_before`: what an earlier part of this run settled on."""
        if self.settled is None:
            rows = self.data.train.epoch
            usual = -(-rows // self.algorithm.experience.batches)
            few = self.data.train.typical(min(usual, TRIED)).to(self.device)

            def draw() -> Batch:
                return self.data.ready(self.data.train.gather(few))

            devices.keep_heap()
            place.fits(self.examinee, draw(), self.data.target.shape)

            def work() -> int:
                return len(few) * place.work(self.model, over(draw(), lambda t: t[:1]))

            seeds.set_all(self.seed, self.step)
            self.model.train()
            self.settled = as_before or settle(self.data, self.algorithm.update, draw, work, self.device, self.horizon)
            self.settled.apply(self.data, self.algorithm.update)
            frozen = [
                p for p in self.model.parameters() if not p.requires_grad
            ]  # the others are the update's to lay out
            place.lay_out(frozen, self.settled.layout)
        return self.settled

    def evaluate(self, split: str = "test", intervals: bool = True, at_most: int = 0) -> Scores:
        """The exam on one split, with 95 % intervals; on at most so many rows where `at_most` > 0."""
        return self.data.exam(self, split, intervals, at_most)

    def predict(self, batch: Batch) -> Tensor:
        """What the model says about a ready batch, in the output domain's encoding; leaves no trace."""
        return self.examinee.predict(batch)

    def judge(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """What measures are told of a ready batch, and for each term of its losses [total, count]; leaves no trace."""
        return self.examinee.judge(batch)

    def take_best(self) -> Self:
        """Put the best weights into the model, as an exam saw them, and in the layout of a loaded one."""
        self.data.layout = LAYOUT
        self.algorithm.update.arrange(LAYOUT)
        if self.best.weights:
            place.put(self.model, self.best.weights)
        return self

    def weights(self) -> dict[str, Tensor]:
        """A copy of the model's weights. Of a model in shards: with all other processes, and in the first one."""
        return {name: whole(tensor.detach()).clone() for name, tensor in self.model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """All that step k + 1 follows from. Of a model in shards: with all other processes, and in the first one."""
        state = {
            "step": self.step,
            "told": self.told,
            "model": dict(self.model.state_dict()),
            "experience": self.algorithm.experience.state_dict(),
            "update": self.algorithm.update.state_dict(),
            "until": self.algorithm.until.state_dict(),
            "best": self.best.state_dict(),
            "tally": self.tally.state_dict(),
            "divergence": self.divergence.state_dict(),
        }
        return state if world.size() == 1 else walk(state, whole)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Damaged, and nothing changed, where it is not what `state_dict` gives of a learner like this."""
        if isinstance(state, dict) and isinstance(state.get("model"), dict):
            place.check(self.model, state["model"])
        # a solvable one has other shapes once it is solved, and a tally as many as there are processes
        mine = {**self.state_dict(), "model": {}, "tally": {"totals": {}, "kept": {}}}
        different = odd(mine, state) or self.best.odd(state["best"], state["model"]) or self.tally.odd(state["tally"])
        if different:
            raise Damaged(f"this checkpoint is of another run, or of none: {different} differs.", RESTORE, "M006")
        place.fill(self.model, state["model"])
        self.step, self.told = state["step"], state["told"]
        self.algorithm.experience.load_state_dict(state["experience"])
        self.algorithm.update.load_state_dict(state["update"])
        self.algorithm.until.load_state_dict(state["until"])
        self.best.load_state_dict(state["best"])
        self.tally.load_state_dict(to_device(state["tally"], self.device))
        self.divergence.load_state_dict(state["divergence"])


def initialised(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A model whose first weights are a function of the seed alone: `build()` is called under it."""
    seeds.set_all(seed, place.INITIAL)
    return build()
