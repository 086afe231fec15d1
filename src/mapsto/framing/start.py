"""What an earlier run hands on: the domain that it reads with, and the body of its model. The head is anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mapsto.algorithms.update.parts import parts_of
from mapsto.core import names
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Domain, Problem, Shape, Solvable
from mapsto.core.text import many
from mapsto.domains.filled import Filled
from mapsto.domains.row import text_in
from mapsto.export import bundle, hugging_face
from mapsto.framing.mistakes import GIVEN

EACH: tuple[Problem, ...] = ("tagging", "fill-in", "language-model")  # problems that ask for an answer at each token


@dataclass(frozen=True)
class Start:
    """A model to go on from, what it reads, and what it said (None where its head is of no use).

    where: the run, model folder or Hugging Face folder that it comes from.
    """

    where: str
    model: nn.Module
    input: Domain
    target: Domain | None

    @classmethod
    def of(cls, where: str) -> Start:
        """BadInput or Damaged where there is no such model; FrameError where there is nothing to go on from."""
        folder = Path(where).expanduser()
        found = hugging_face.load(folder) if hugging_face.is_hugging_face(folder) else bundle.load(folder)
        if isinstance(found.model, Solvable):
            raise FrameError(
                f"{where} holds a {type(found.model).__name__}, which is solved in one step: there is nothing to go on from.",
                "Start from a run whose model was learned step by step.",
                "F004",
            )
        start = cls(where, found.model, found.input, found.target)
        start._cut_to_context()
        return start

    def _cut_to_context(self) -> None:
        """Have texts that are read from now on cut to what the model sees at once, where the run met none that were longer."""
        ends = [end.text if isinstance(end, Filled) else end for end in (self.input, self.target) if end is not None]
        for text in filter(None, map(text_in, ends)):
            text.longest = min(text.longest, self.context or text.longest)

    @property
    def context(self) -> int | None:
        """How many tokens its model sees at once at most; None where there is no bound."""
        return names.spec(self.model).get("context")

    def proposed(self, problem: Problem) -> dict[str, Any]:
        """The settings of a model that the body fits into, for this problem."""
        settings = {word: value for word, value in names.spec(self.model).items() if word not in GIVEN}
        fitting = {"each": problem in EACH}
        if problem != "language-model":  # there the head is the same again
            fitting["tied"] = problem == "fill-in"
        return {**settings, **{word: value for word, value in fitting.items() if word in settings}}

    def told(self, written: dict[str, Any], inputs: Shape, target: Domain) -> str:
        """In words, what of a model like this comes from here, and what is anew. `written`: its settings; inputs: what it reads."""
        ends = {"inputs": inputs, "outputs": target.outputs}
        with torch.device("meta"):
            model = names.build("model", {**written, **ends})
        taken, anew = self._fitting(model, target)
        numbers = sum(tensor.numel() for tensor in taken.values())
        new = (
            f"anew: {', '.join(f'{name} {list(tensor.shape)}' for name, tensor in anew.items())}"
            if anew
            else "nothing is anew"
        )
        return f"its body comes from {self.where}: {numbers:,} numbers of {many(len(taken), 'tensor')} fit; {new}"

    @torch.no_grad()
    def hand_over(self, model: nn.Module, target: Domain) -> nn.Module:
        """The model with the body's weights in it. FrameError where they do not fit."""
        theirs = self.model.state_dict()
        for name, tensor in self._fitting(model, target)[0].items():
            tensor.copy_(theirs[name])
        return model

    def _fitting(self, model: nn.Module, target: Domain) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The model's tensors that are to be those from here, and those that are anew; by name."""
        mine, theirs = model.state_dict(keep_vars=True), self.model.state_dict()
        last = {id(tensor) for tensor in parts_of(model)[-1].state_dict(keep_vars=True).values()}
        head = {name: tensor for name, tensor in mine.items() if id(tensor) in last}
        if self._says(target) and all(_alike(theirs, name, tensor) for name, tensor in head.items()):
            head = {}
        taken = {name: tensor for name, tensor in mine.items() if name not in head}
        odd = [
            f"{name} is {list(theirs[name].shape) if name in theirs else 'not there'}, and here {list(tensor.shape)}"
            for name, tensor in taken.items()
            if not _alike(theirs, name, tensor)
        ]
        if odd:
            raise FrameError(
                f"the body of {self.where} does not fit into this model: {'; '.join(odd[:3])}{' …' if len(odd) > 3 else ''}.",
                "Leave the model's settings as they come from there; dropout and pool may be others.",
                "F004",
            )
        return {name: tensor.data for name, tensor in taken.items()}, head

    def _says(self, target: Domain) -> bool:
        """Whether it already says what is to be said now, so that its head goes on too."""
        if type(self.target) is not type(target):
            return False
        return names.spec(self.target) == names.spec(target) and self.target.state_dict() == target.state_dict()


def _alike(theirs: dict[str, torch.Tensor], name: str, mine: torch.Tensor) -> bool:
    """Whether there is a tensor of that name there, and of that shape."""
    return name in theirs and theirs[name].shape == mine.shape
