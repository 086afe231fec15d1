"""The architecture on one page: at each step, draw experience and update. Everything else is a choice of four nouns.

    Data        where examples are, how raw values become tensors and come back, what the exam is
    Model       an nn.Module of plain constructor values
    Objective   what the model should become: losses per example, how its output is read, how it is measured
    Algorithm   how to learn: an Experience (which batch comes at step k) and an Update (what the batch does to the model)

Around them stand the Domain (one kind of value), the Measure (one number about predictions), the Augmentation, the
Optimizer and its Schedule, and Until (when to stop). A class is abstract and lives here, or is final and lives elsewhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from mapsto.core import names
from mapsto.core.batch import Batch, Field, Losses
from mapsto.core.graph import Relation
from mapsto.core.state import Stateful
from mapsto.core.text import clean, clean_lines

Problem = Literal[
    "regression", "classification", "multi-label", "tagging", "translation", "language-model", "fill-in", "generation"
]  # fmt: skip
Shape = tuple[int, ...] | dict[str, list[int]]  # [B, *shape], or what a row is made of: see domains/row.py


class Learner(Protocol):
    """What the nouns see of the one who learns (learner/learner.py): the four components and where they are."""

    data: Data
    model: nn.Module
    objective: Objective
    algorithm: Algorithm
    seed: int
    step: int
    device: torch.device
    horizon: int  # the steps that schedules are spread over
    exam_every: int
    report_every: int

    def predict(self, batch: Batch) -> Tensor:
        """What the model says about a ready batch, in the output domain's encoding; leaves no trace."""


class Domain(ABC):
    """One kind of value: what a raw value looks like, how a column of them becomes tensors and comes back.

    A missing raw value is None (or NaN in a column of numbers). State is plain JSON values; it travels with the model.
    """

    learned: ClassVar[tuple[str, ...]] = ()  # the attributes that `fit` finds out: JSON values
    present: ClassVar[str] = ""  # why a missing value cannot be encoded, where it cannot

    @abstractmethod
    def fit(self, values: Sequence) -> Self:
        """Learn vocabulary, classes, mean and spread, from training values only."""

    @abstractmethod
    def encode(self, values: Sequence) -> Field:
        """N raw values → a tensor [N, …], or a dict of them."""

    @abstractmethod
    def decode(self, encoded: Field) -> list:
        """A batch of encoded values, or of predictions of them → raw values. Undoes `encode`."""

    def ready(self, encoded: Field) -> Field:
        """What a gathered batch becomes on the device just before the model sees it (bytes → normalised floats)."""
        return encoded

    def units(self, encoded: Tensor) -> Tensor:
        """Predictions or targets in the unit that a person measures in (dollars, not spreads from the mean)."""
        return encoded

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """Shape of one ready value as a model input, or of what a model must give: () one number, (10,) ten logits."""

    @property
    def outputs(self) -> int | tuple[int, ...]:
        """How many numbers a model gives for one value of it; for each part of one, where a value has parts. Of a picture, in which
        shape."""
        return math.prod(self.shape)

    @property
    def numbers(self) -> int:
        """How many numbers a model gives for one value of it, or for a part of one."""
        return self.outputs if isinstance(self.outputs, int) else math.prod(self.outputs)

    def single(self, raw: Any) -> bool:
        """Whether `raw` is one raw value, and not several of them, as lists and arrays usually are."""
        return not isinstance(raw, list | tuple | np.ndarray)

    def show(self, value: Any) -> str:
        """One raw value, for a person."""
        return "–" if value is None else str(value)

    def describe(self) -> str:
        """This domain in a few words, for the card: classes, ranges, sizes."""
        return type(self).__name__.lower()

    @classmethod
    def sample(cls) -> Self:
        """An unfitted one that suits `examples`: what the battery of tests is run on."""
        return cls()

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        """[count] raw values, some of them missing where that is allowed; from the same seed, the same values."""
        raise NotImplementedError(f"{cls.__name__} needs `examples` for the battery of tests")

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.learned}

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        for name in self.learned:
            setattr(self, name, state[name])
        return self


class Measure(ABC):
    """One number about predictions: told batch by batch on the device, exact over unequal batches and processes.

    `better` is +1 where more is better, −1 where less is. `keep` reduces a batch to what the formula needs, one row an
    example; so an interval can be had by resampling rows, and a merge is a concatenation.
    """

    better: ClassVar[int] = 1
    perfect: ClassVar[float | None] = (
        None  # what nothing is better than; unless it is said, 1, or 0 where less is better
    )
    signature: ClassVar[str] = ""  # how exactly it is counted, where there are several ways under one name

    def __init__(self) -> None:
        self.kept: list[Tensor] = []

    @abstractmethod
    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        """[B, …] predictions and targets → [B, S]."""

    @abstractmethod
    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        """kept [N, S], weight [N] → the measure, a scalar tensor. NaN where it is not defined."""

    def update(self, prediction: Tensor, target: Tensor) -> None:
        self.kept.append(self.keep(prediction, target))

    def merge(self, other: Self) -> None:
        self.kept.extend(other.kept)

    def rows(self) -> Tensor:
        """All that was kept, [N, S]."""
        if len(self.kept) > 1:
            self.kept = [torch.cat(self.kept)]
        return self.kept[0]

    def total(self) -> float:
        rows = self.rows()
        return float(self.formula(rows, torch.ones(len(rows), device=rows.device)))


class Order(Protocol):
    """The rows of one pass over a view, each once. A tensor of row numbers is one."""

    def split(self, size: int) -> Sequence[Tensor]:
        """Its pieces of `size` rows, on the device; the last may be shorter."""


class View(ABC):
    """One split of a data set: its examples, in a fixed order.

    lengths: [N, R] of each example in its R ragged columns, on the CPU, where plans are made; None where none is ragged.
    window: how many entries examples have that are windows, one at every place (core/windows.py); 1 where none overlap.
    indexed: where it wants the index of a batch: on its device, or on the CPU, if it is the host that reads the rows.
    whole: whether a look at one example is a look at all of them, as at nodes of one graph (core/graph.py).
    """

    lengths: Tensor | None = None
    window: int = 1
    indexed: torch.device = torch.device("cpu")
    whole: bool = False

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def epoch(self) -> int:
        """How many examples are one pass over the data: all of them, or as many windows as lie side by side."""
        return max(min(1, len(self)), len(self) // self.window)

    def typical(self, count: int) -> Tensor:
        """Which examples stand for all in a trial, `count` of them, on the CPU: of ragged ones, those of medium length."""
        if self.lengths is None:
            return torch.arange(min(count, len(self)))
        middle = max(0, len(self) - count) // 2
        return self.lengths.sum(dim=1).argsort()[middle : middle + count]

    def longest(self, index: Tensor) -> list[int]:
        """To how many entries each ragged column of the examples at `index` [B] is padded, where nobody has planned it."""
        return [] if self.lengths is None else self.lengths[index.cpu()].clamp(min=1).amax(dim=0).tolist()

    @abstractmethod
    def gather(self, index: Tensor, pad_to: Sequence[int] = ()) -> Batch:
        """The examples at `index` [B], encoded, on the device: one indexed copy a column.

        pad_to: to how many entries each ragged column is padded, as core/buckets.py plans it; where nobody planned, to the
        longest, for which somebody has to look at `index`.
        """

    @abstractmethod
    def order(self, seed: tuple[int, ...], then: tuple[int, ...] = ()) -> Order:
        """A random order of the rows of one pass that this view reads well: a function of the words of
        `seed`, and of nothing else.

        then: the words of the order that will follow, for a view that reads ahead.
        """


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval over n examples."""

    value: float
    low: float
    high: float
    n: int


Scores = dict[str, Estimate]  # measure's name → estimate


class Data(ABC):
    """Where examples are and what the exam is. A dataset has views; a world one acts in has `reset` and `step`."""

    train: View
    valid: View
    test: View
    input: Domain
    target: Domain
    augment: Sequence[Augmentation] = ()  # what changes training batches as they are made ready
    layout: str = "channels-last"  # of ready pictures in memory, or "contiguous"
    device: torch.device

    @abstractmethod
    def ready(self, batch: Batch, generator: torch.Generator | None = None) -> Batch:
        """What a gathered batch becomes before the model sees it; augmented where a generator is given."""

    @abstractmethod
    def exam(self, learner: Learner, split: str, intervals: bool = True, at_most: int = 0) -> Scores:
        """How well the learner's function does on one split: train, valid or test; on a part of it where `at_most` > 0.

        Leaves no trace on the learner.
        """


class Objective(ABC):
    """What the model should become (losses), what its output means (predict), how it is measured.

    A player is a submodule that minimises its own losses. Supervised learning is the game with one player, the whole
    model (""); a GAN is the game with two.
    """

    players: ClassVar[tuple[str, ...]] = ("",)
    problem: ClassVar[Problem | None] = None
    coupled: ClassVar[str] = ""  # why one example's loss depends on the others of its batch, where it does
    looks_at: ClassVar[int] = 20_000  # training rows that an exam looks at, at most: fewer where an answer takes long
    large: ClassVar[str] = (
        ""  # why what it predicts of all examples is not kept beside each other, where it is too much
    )

    @abstractmethod
    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        """Term → one loss per example, [B]: no reduction, no device, no step count."""

    @abstractmethod
    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """What the output means, in the output domain's encoding: probabilities [B, C], or numbers [B]."""

    def told(self, model: nn.Module, batch: Batch) -> Tensor:
        """What measures are told of a batch in an exam, [B, …]: the prediction, unless it is something else that is measured, such
        as a bound on how likely the target is."""
        return self.predict(model, batch)

    def slope(self, output: Tensor, batch: Batch) -> tuple[Losses, Tensor] | None:
        """For the only player, given what the model gives: `losses`, and the derivative of their mean by `output`, [B, C], by
        formula. None where there is none: autograd finds it."""
        return None

    @abstractmethod
    def measures(self, target: Domain) -> dict[str, Measure]:
        """How it is measured; the first one is what the run is judged and stopped by."""

    def settle(self, model: nn.Module) -> None:
        """After every update: here an EMA teacher or a target network follows the model."""


class Experience(Stateful, ABC):
    """Where batch number `step` comes from: a dataset, a replay buffer, or acting in the world."""

    ahead: ClassVar[bool] = False  # whether batches may be drawn before the steps in between: it neither acts nor hears

    def start(self, learner: Learner) -> None:
        self.data, self.seed = learner.data, learner.seed

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """From the same state, the same batch."""

    @property
    @abstractmethod
    def batches(self) -> int:
        """Batches an epoch."""

    @property
    def padding(self) -> str:
        """How much of its batches is padding, for a person; "" where nothing is padded."""
        return ""

    def hear(self, batch: Batch, losses: Losses) -> None:
        """Told the losses per example: prioritised replay, hard examples, curricula."""


class Update(Stateful, ABC):
    """What one batch does to the model."""

    finished: bool = False  # an exact solution says so after its one step
    precision: str = "float32"  # in which products are to be taken; "auto" leaves it to a race before the first step
    products: str = "float32"  # in which they are taken

    def start(self, learner: Learner) -> None:
        self.model, self.objective = learner.model, learner.objective

    @property
    def stride(self) -> int:
        """How many steps it would now take in one call."""
        return 1

    @abstractmethod
    def step(self, batch: Batch, step: int) -> Losses:
        """Losses per example, detached."""

    def steps(self, batches: list[Batch], step: int) -> list[Losses]:
        """`step` for each of some batches in a row, the first of them at `step`."""
        return [self.step(batch, step + k) for k, batch in enumerate(batches)]

    def arrange(self, layout: str) -> None:
        """Lay weights out like the pictures that come: see `Data.layout`."""

    def trial(self, batch: Batch) -> None:
        """The work of a step without a trace of it: what is raced before the first."""

    def news(self) -> list[str]:
        """What a person should hear about since it was last asked: turns left out, memory that did not suffice."""
        return []

    def judged(self) -> AbstractContextManager:
        """While it lasts, the model holds the weights that an exam should see (an average of them, say)."""
        return nullcontext()


class Until(Stateful, ABC):
    """When to stop, and which weights were best. `until | other` stops at whichever comes first."""

    def start(self, learner: Learner) -> None: ...

    @abstractmethod
    def reached(self, step: int) -> bool: ...

    def hear(self, step: int, scores: Scores) -> None:
        """Told every exam on the validation split."""

    def __or__(self, other: Until) -> Until:
        return names.find("until", "either")([self, other])

    def steps(self, batches: int) -> int | None:
        """The step at which it will surely have stopped, given the batches an epoch; None when nobody knows."""
        return None


@dataclass
class Algorithm:
    """How to learn: what to experience next, what to make of it, and when to stop."""

    experience: Experience
    update: Update
    until: Until


class Optimizer(ABC):
    """How one vector of parameters follows its gradient. Final ones are dataclasses of plain values."""

    @abstractmethod
    def moments(self, parameter: Tensor) -> dict[str, Tensor]:
        """What it remembers of a parameter vector [P]: zeros of its size to begin with."""

    @abstractmethod
    def step(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float | Tensor,
        decay: float,
        count: int | Tensor,
    ) -> None:
        """Change `parameter` [P] in place, as the formula reads. `rate` is the learning rate now, `decay` the weight decay of
        these parameters, `count` ≥ 1 the number of this update; rate and count are scalar tensors, float64, where a graph or a
        compiled step is to be told them anew each time."""

    def quick(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float,
        decay: float,
        count: int,
        allowed: Tensor | None = None,
    ) -> None:
        """The same by one fused kernel, where there is one. allowed: [] bool, a flag without which nothing is to change."""
        self.masked(parameter, gradient, moments, rate, decay, count, allowed)

    def masked(
        self,
        parameter: Tensor,
        gradient: Tensor,
        moments: dict[str, Tensor],
        rate: float | Tensor,
        decay: float,
        count: int | Tensor,
        allowed: Tensor | None,
    ) -> None:
        """`step`, taken back where it is not allowed."""
        changing = [] if allowed is None else [parameter, *moments.values()]
        kept = [tensor.clone() for tensor in changing]
        self.step(parameter, gradient, moments, rate, decay, count)
        for now, before in zip(changing, kept, strict=True):
            now.copy_(torch.where(allowed, now, before))


class Schedule(ABC):
    """The learning rate over a run, as a multiple of its peak."""

    @abstractmethod
    def at(self, step: int, steps: int) -> float:
        """Step 0 … steps − 1 of `steps` → a multiple in [0, 1]."""


class Augmentation(ABC):
    """A change that an example could have come with and keep its meaning; made for a whole batch on its device."""

    @abstractmethod
    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch: ...


class Solvable(nn.Module, ABC):
    """A model that one look at all examples fits exactly (a `Solve` update): trees, ridge, neighbours.

    A buffer whose size only `solve` can know is made by the constructor as an empty one of the right dtype.
    """

    @abstractmethod
    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        """Fit all of `batch` (input ready for the model, target as its objective reads it, perhaps weight)."""

    def odd(self) -> str:
        """What keeps its buffers from being what `solve` leaves: places beyond what they point into; "" where nothing does."""
        return ""

    def shaped(self, shapes: dict[str, list[int]]) -> Self:
        """Its buffers, zeroed, in these shapes and in their own dtypes: ready for `load_state_dict`."""
        for path, buffer in list(self.named_buffers()):
            if path in shapes:
                owner, _, name = path.rpartition(".")
                setattr(self.get_submodule(owner), name, buffer.new_zeros(shapes[path]))
        return self


@runtime_checkable
class Chain(Protocol):
    """A model that may be a plain stack of linear maps."""

    def chain(self) -> list[nn.Linear]:
        """The maps that, with a ReLU between each two, are all there is to it on an input [B, …] laid flat; [] where it is more."""


@runtime_checkable
class Writer(Protocol):
    """A model that can go on with a text."""

    def reading(self) -> Callable[[Tensor], Tensor]:
        """A step function (layers/decoding.py): called with the next tokens [B, T], it gives logits [B, V] of the one after
        them, and remembers what it has read."""


@runtime_checkable
class Coder(Protocol):
    """A model that reads a picture as a code and draws one from a code; pictures are [B, C, H, W] in [−1, 1]. `input` is what is
    given of each of them (layers/given.py)."""

    def code(self, picture: Tensor, input: Field) -> Tensor:
        """The code of each, [B, L]: the likeliest, where there are several."""

    def drawn(self, code: Tensor, input: Field) -> Tensor:
        """Codes [B, L] → pictures."""


@runtime_checkable
class Layered(Protocol):
    """A model that says which of its parts are near its answer, and which are near its input."""

    def parts(self) -> list[nn.Module]:
        """From the input to the answer; the last is the head, which is new where a body goes on to another task."""


Level = Literal["error", "repair", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something noticed about the data, with a stable code: what, how many, where, and what was or should be done.

    An error stops training; a repair has been done; a warning and a note leave everything as it is. docs/codes.md lists codes.
    """

    code: str
    level: Level
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()
    remedy: str = ""

    def __post_init__(self) -> None:
        for word in ("message", "remedy"):  # they may quote data
            object.__setattr__(self, word, clean_lines(getattr(self, word)))
        object.__setattr__(self, "examples", tuple(map(clean, self.examples)))

    def __str__(self) -> str:
        shown = (
            f" ({', '.join(self.examples)}{' …' if self.count > len(self.examples) else ''})" if self.examples else ""
        )
        return f"{self.code} {self.message}{shown}"


@dataclass
class Raw:
    """What a source gives: named columns of raw values, all of one length, from which nothing has been learned yet.

    A column is a NumPy array: numbers, bool, datetime64, objects (str, None, lists, pictures as uint8 [H, W] or
    [H, W, C]), or pictures of one size as uint8 [N, H, W] or [N, H, W, C], or vectors [N, D].
    `split` is "train", "valid" or "test" for each row where the source says so itself; `labels` names each row for a
    person (a file name, a line number). `kinds` names the domain of a column that the source is sure of.
    `formats` says how the source took numbers and dates that can be written in several ways: column → "day-first",
    "month-first", "decimal-comma" or "decimal-point".
    `words` keeps the words in columns of text that were taken as missing (NA, null …): column → row → word.
    `shards` is the folder of encoded examples that these rows are a sample of, where there is one (data/shards.py).
    `relation` says which rows are joined, where they are nodes of a graph.
    """

    name: str
    columns: dict[str, np.ndarray]
    target: str | None = None
    split: np.ndarray | None = None
    labels: np.ndarray | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[int, str]] = field(default_factory=dict)
    shards: Any = None
    relation: Relation | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


class Source(ABC):
    """A way of reading: what it can read, and reading it."""

    @abstractmethod
    def accepts(self, where: Any) -> bool:
        """Whether this is something for this source; looks at names and first bytes only."""

    @abstractmethod
    def read(self, where: Any) -> Raw:
        """Everything that is there, or a DataError that says what to do."""
