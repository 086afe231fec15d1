"""What of a model is changed, and how fast: frozen parts, rates by distance, unfreezing one after another, adapters."""

import copy

import pytest
import torch
from torch import nn
from toys import learner, stopped

from mapsto.algorithms.optimizers import SGD, Adam, AdamW
from mapsto.algorithms.update import Descend
from mapsto.algorithms.update.flat import Flat
from mapsto.algorithms.update.parts import distances, freeze, parts_of
from mapsto.core.errors import FrameError
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack


class Stack(nn.Module):
    """Three parts and an answer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third = nn.Linear(6, 8), nn.Sequential(nn.Linear(8, 8)), nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, input):
        for layer in (self.first, self.second, self.third):
            input = layer(input).tanh()
        return self.head(input)


class Told(Stack):
    def parts(self):
        return [self.first, self.second, self.third, self.head]


def trained(steps=20, **how):
    update = Descend(0.02, how.pop("optimizer", AdamW()), Constant(), **how)
    return learner(model=Told(), update=update).fit(steps)


def moved(model):
    """Which parts are not as they were."""
    before = Told().state_dict()
    now = model.state_dict()
    return {name.split(".")[0] for name, tensor in before.items() if not torch.equal(now[name], tensor)}


def test_parts_are_as_a_model_says_or_its_children():
    told, plain = Told(), Stack()
    assert parts_of(told) == [told.first, told.second, told.third, told.head]
    assert parts_of(plain) == [plain.first, plain.second, plain.third, plain.head]
    far = distances(told)
    assert far[told.head.weight] == 0 and far[told.first.bias] == 3


def test_frozen_parts_do_not_move():
    assert moved(trained().model) == {"first", "second", "third", "head"}
    assert moved(trained(trained=1).model) == {"head"}
    assert moved(trained(trained=2).model) == {"third", "head"}


def test_more_parts_than_there_are_cannot_be_trained():
    with pytest.raises(FrameError, match="Told has 4 parts, of which the last 5 are to be trained"):
        trained(trained=5)
    with pytest.raises(FrameError, match="4 parts"):
        freeze(Told(), 0)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (SGD(momentum=0.9, nesterov=False, weight_decay=0.1), lambda g: torch.optim.SGD(g, 0.02, momentum=0.9)),
        (Adam(), lambda g: torch.optim.Adam(g, 0.02)),
        (AdamW(weight_decay=0.1), lambda g: torch.optim.AdamW(g, 0.02)),
    ],
    ids=lambda made: type(made).__name__,
)
def test_rates_by_distance_are_those_of_torch_by_groups(mine, theirs):
    model = Told()
    other = copy.deepcopy(model)
    flat = Flat(model, mine, distances(model))
    flat.shares = [0.5**d for d in flat.distances]
    far = distances(other)
    groups = [
        {
            "params": [p for p in far if far[p] == d and (p.ndim > 1) == matrix],
            "lr": 0.02 * 0.5**d,
            "weight_decay": mine.weight_decay if matrix else 0.0,
        }
        for d in range(4)
        for matrix in (True, False)
    ]
    optimizer = theirs(groups)
    for step in range(10):
        x = torch.randn(5, 6, generator=torch.Generator().manual_seed(step))
        flat.forget()
        model(x).square().mean().backward()
        flat.step(0.02)
        optimizer.zero_grad()
        other(x).square().mean().backward()
        optimizer.step()
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


def test_a_rate_of_its_own_moves_each_part_less_the_farther_it_lies():
    def far(model):
        before = Told().state_dict()
        return [
            max(float((t - before[n]).abs().max()) for n, t in model.state_dict().items() if n.startswith(part))
            for part in ("first", "second", "third", "head")
        ]

    made = far(trained(1, layer_rate=0.1, optimizer=AdamW(weight_decay=0.0)).model)  # a step of Adam's is one rate
    assert made == pytest.approx([2e-5, 2e-4, 2e-3, 2e-2], rel=0.02)


def test_parts_begin_one_after_another():
    made = learner(model=Told(), update=Descend(0.02, AdamW(), Constant(), unfreeze=1.0))
    epoch = made.algorithm.experience.batches
    reached = []
    for part in range(1, 5):
        made.fit(part * epoch)
        reached.append(moved(made.model))
    assert reached == [
        {"head"},
        {"head", "third"},
        {"head", "third", "second"},
        {"head", "third", "second", "first"},
    ]


HOW = {
    "frozen": {"trained": 2},
    "by-distance": {"layer_rate": 0.5},
    "unfreezing": {"unfreeze": 1.5, "layer_rate": 0.8, "ema": 0.9},
    "adapters": {"adapters": 2},
}


@pytest.mark.parametrize("how", HOW)
def test_resumed_it_is_the_same_run(how):
    def made():
        return learner(model=Told(), update=Descend(0.02, AdamW(), Constant(), **HOW[how]))

    whole, begun, again = made().fit(14), stopped(made(), 5), made()
    again.load_state_dict(unpack(pack(begun.state_dict())))
    assert pack(again.fit(14).state_dict()) == pack(whole.state_dict())


def test_with_adapters_matrices_stay_and_the_head_is_learned():
    made = trained(adapters=2, optimizer=AdamW(weight_decay=0.1))
    now, before = made.model.state_dict(), Told().state_dict()
    assert {name for name, tensor in before.items() if not torch.equal(now[name], tensor)} == {
        "head.weight",
        "head.bias",
    }
    assert now["second.0.rank_up"].any() and now["first.rank_up"].any()


def test_impossible_settings_are_refused():
    for how in ({"layer_rate": -0.1}, {"layer_rate": 1.1}, {"unfreeze": -1.0}, {"adapters": -1}, {"trained": 0}):
        with pytest.raises(FrameError, match="layer_rate is a share"):
            Descend(0.1, **how)
