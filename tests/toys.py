"""Small made-up things that tests share: inputs of every shape, a data set, a learner, a game of two players."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import mapsto
from mapsto.algorithms.experience import Passes
from mapsto.algorithms.update import Descend
from mapsto.core.batch import Batch, Field, Losses, Mean, gathered, over
from mapsto.core.nouns import Algorithm, Domain, Experience, Measure, Objective, Problem, Shape, Until, Update
from mapsto.core.ragged import mask
from mapsto.core.schedules import Constant
from mapsto.data.dataset import Dataset
from mapsto.domains import Categories, Category, Number, Tags, Text
from mapsto.domains.tokenizer import END, START
from mapsto.learner.learner import Learner, initialised
from mapsto.learner.until import Steps
from mapsto.measures import MAE
from mapsto.models import MLP
from mapsto.objectives import BinaryCrossEntropy, CrossEntropy, SquaredError, Tagging

OUTPUTS: dict[Problem, int] = {"classification": 3, "multi-label": 2, "regression": 1}
DRAWS = {  # objective → the model it is for
    "variational": "vae",
    "adversarial": "gan",
    "reconstruction": "autoencoder",
    "denoising": "u-net",
}


class Plain(Domain):
    """Values that are tensors already."""

    def __init__(self, shape: Shape = (6,)):
        self._shape = shape

    def fit(self, values: Sequence) -> Plain:
        return self

    def encode(self, values: Field) -> Field:
        return values

    def decode(self, encoded: Field) -> list:
        return list(encoded)

    @property
    def shape(self) -> Shape:
        return self._shape


TOKENS = {"tokens": [11]}  # the shape of ragged examples: of each token, there are 11 kinds


def inputs(shape: Shape, rows: int, seed: int = 0) -> Field:
    """`rows` ready examples of that shape, all different; ragged ones of TOKENS, 1 to 39 long, as they are before a batch."""
    g = torch.Generator().manual_seed(seed)
    if shape == TOKENS:
        lengths = torch.randint(1, 40, (rows,), generator=g)
        lengths[: rows // 9] = 0
        return {"tokens": mapsto.Ragged.of([torch.randint(1, 11, (n,), generator=g) for n in lengths.tolist()])}
    if isinstance(shape, dict):
        places = [torch.randint(0, size, (rows,), generator=g) for size in shape["category"]]
        return {"number": torch.randn(rows, sum(shape["number"]), generator=g), "category": torch.stack(places, 1)}
    return torch.randn(rows, *shape, generator=g)


def targets(problem: Problem, input: Field, seed: int = 0) -> Tensor:
    """Something that follows from the input, in the encoding of the problem's target domain."""
    flat = (input["number"] if "number" in input else told_of(input["tokens"])) if isinstance(input, dict) else input
    flat = flat.flatten(1)
    weight = torch.randn(flat.shape[1], OUTPUTS[problem], generator=torch.Generator().manual_seed(seed + 99))
    score = flat @ weight / flat.shape[1] ** 0.5
    if problem == "classification":
        return score.argmax(1)
    return (score > 0).float() if problem == "multi-label" else score[:, 0]


def told_of(tokens: mapsto.Ragged) -> Tensor:
    """Which share of each example every kind of token has, [N, 11]."""
    rows = torch.repeat_interleave(torch.arange(len(tokens)), tokens.lengths)
    share = torch.zeros(len(tokens), 11).index_put_((rows, tokens.values), torch.tensor(1.0), accumulate=True)
    return share / tokens.lengths[:, None].clamp(min=1)


def batch(problem: Problem = "classification", shape: Shape = (6,), rows: int = 24, seed: int = 0) -> Batch:
    """`index` says which row is which."""
    if problem == "tagging":
        return tagged(rows, seed)
    if problem == "translation":
        return translated(rows, seed)
    input = inputs(shape, rows, seed)
    return {"input": input, "target": targets(problem, input), "index": torch.arange(rows)}


def pictures(rows: int = 24, seed: int = 0) -> Batch:
    """Pictures of 8 × 8 pixels, each of one of three classes, which says how bright it is."""
    g = torch.Generator().manual_seed(seed)
    of = torch.randint(0, 3, (rows,), generator=g)
    bright = torch.randint(0, 86, (rows, 1, 8, 8), generator=g) + 85 * of[:, None, None, None]
    return {"input": of, "target": bright.byte(), "index": torch.arange(rows)}


def tagged(rows: int, seed: int = 0) -> Batch:
    """Sentences padded to 40 tokens, and for each token one of three tags: what is left of its number divided by 3."""
    tokens = inputs(TOKENS, rows, seed)["tokens"]
    ragged = {"input": {"tokens": tokens}, "target": mapsto.Ragged(tokens.values % 3, tokens.offsets, pad=-1)}
    index = torch.arange(rows)
    batch = gathered(ragged, index, iter([40, 40]))
    return {"input": batch["input"], "target": batch["target"], "index": index}


def translated(rows: int, seed: int = 0) -> Batch:
    """Sentences padded to 40 tokens, and the first three tokens of each in other tokens, with what begins and ends an answer."""
    tokens = inputs(TOKENS, rows, seed)["tokens"]
    answers = [
        [START, *(6 + t % 5 for t in row[:3].tolist()), END] for row in tokens.values.split(tokens.lengths.tolist())
    ]
    ragged = {"input": {"tokens": tokens}, "target": {"tokens": mapsto.Ragged.of(answers)}}
    index = torch.arange(rows)
    return {**gathered(ragged, index, iter([40, 6])), "index": index}


def dataset(
    problem: Problem = "classification", shape: Shape = (6,), rows: int = 26, valid: int = 9, **more
) -> Dataset:
    """Training, validation and test examples; more: of Dataset."""
    kinds = {"classification": Category, "multi-label": Categories, "regression": Number, "tagging": Tags}
    target = Text("byte-pairs", ends=True) if problem == "translation" else kinds[problem]()
    some = {"multi-label": [["a"], ["b"]], "regression": [-1.0, 1.0], "tagging": [["a", "b", "c"]]}
    target.fit(some.get(problem, ["a", "b", "c"]))
    held = batch(problem, shape, max(valid, 1), seed=1)
    exam = over(held, lambda t: t[:valid])
    return Dataset(batch(problem, shape, rows), exam, exam, Plain(shape), target, **more)


def objective(problem: Problem = "classification") -> Objective:
    made = {"multi-label": BinaryCrossEntropy, "regression": SquaredError, "tagging": Tagging}
    return made.get(problem, CrossEntropy)()


class Pooled(nn.Module):
    """The mean of the real tokens' vectors, and a linear map."""

    def __init__(self, kinds: int, outputs: int):
        super().__init__()
        self.embedding, self.head = nn.Embedding(kinds, 8), nn.Linear(8, outputs)
        self.drop = nn.Dropout(0.2)

    def forward(self, input: dict[str, Tensor]) -> Tensor:
        tokens, count = input["tokens"], input["count"]
        real = mask(count, tokens.shape[1])
        mean = (self.embedding(tokens) * real[..., None]).sum(dim=1) / count.clamp(min=1)[:, None]
        return self.head(self.drop(mean))


def mlp(problem: Problem = "classification", shape: Shape = (6,)) -> nn.Module:
    """With all that makes resuming hard: drawn masks, and statistics that are no parameters."""
    if shape == TOKENS:
        return Pooled(11, OUTPUTS[problem])
    return MLP(shape, OUTPUTS[problem], width=8, dropout=0.2, norm="batch")


def learner(
    problem: Problem = "classification",
    update: Update | None = None,
    until: Until | None = None,
    experience: Experience | None = None,
    data: Dataset | None = None,
    model: nn.Module | None = None,
    judged_by: Objective | None = None,
    seed: int = 0,
    weights: int = 0,
) -> Learner:
    """A small one, whose every part may be another. seed: of the run; weights: of the first weights."""
    data = data or dataset(problem)
    model = model or initialised(lambda: mlp(problem, data.input.shape), weights)
    algorithm = Algorithm(experience or Passes(10), update or Descend(0.01, schedule=Constant()), until or Steps(20))
    return Learner(data, model, judged_by or objective(problem), algorithm, seed, device="cpu")


class StopAt:
    """Somebody who asks a learner to stop once it has made so many steps: between exams and reports too."""

    def __init__(self, learner: Learner, step: int):
        self.learner, self.step = learner, step

    @property
    def asked(self) -> int:
        return 15 if self.learner.step >= self.step else 0


def stopped(learner: Learner, step: int) -> Learner:
    return learner.fit(stop=StopAt(learner, step))


class Pair(nn.Module):
    """A critic and a generator of numbers [B, 2]."""

    def __init__(self, width: int = 5):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
        self.generator = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, input: Tensor) -> Tensor:
        return self.generator(input)


@dataclass
class Adversarial(Objective):
    """The critic tells real ones from what is made, the generator wants to pass (Mao et al. 2016, arXiv:1611.04076)."""

    players = ("critic", "generator")

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        opinion = model.critic(model(batch["input"]))[:, 0]
        if player == "critic":
            return {"critic": (model.critic(batch["real"])[:, 0] - 1) ** 2 + opinion**2}
        return {"generator": (opinion - 1) ** 2}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        return model.critic(model(batch["input"]))[:, 0]

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"mae": MAE()}


def pairs(rows: int = 24, seed: int = 0) -> Batch:
    """Noise, and the real ones to be imitated, [B, 2] each; the exam is that the critic takes what is made for real."""
    g = torch.Generator().manual_seed(seed)
    return {
        "input": torch.randn(rows, 2, generator=g),
        "real": torch.randn(rows, 2, generator=g) * 0.5 + 1,
        "target": torch.ones(rows),
    }


@dataclass
class Ragged(Objective):
    """Squared error over the first `count` numbers of each example as a Mean, beside one loss an example."""

    problem = "regression"

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        error = model(batch["input"]) - batch["input"]  # [B, N]
        real = torch.arange(error.shape[1]) < batch["count"][:, None]
        return {"entries": Mean((error**2 * real).sum(), real.sum().float()), "first": error[:, 0].abs()}

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        return model(batch["input"])

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"mae": MAE()}
