"""What is settled before the first step: whoever takes less time wins, leaves no trace, and a resumed run asks nobody."""

import pytest
import torch
from toys import dataset, learner, mlp

from mapsto.algorithms.update import Descend
from mapsto.core.nouns import Update
from mapsto.core.schedules import Constant
from mapsto.core.state import pack
from mapsto.learner import race
from mapsto.learner.race import Settled, settle

CPU = torch.device("cpu")


class Clocked(Update):
    """Its step takes as long as a table says; the clock is its own."""

    precision = "auto"

    def __init__(self, data, seconds):
        self.data, self.seconds, self.now, self.trials = data, seconds, 0.0, 0

    def step(self, batch, step):
        raise AssertionError("a race takes no step")

    def trial(self, batch):
        self.trials += 1
        self.now += self.seconds[self.data.layout, self.products, torch.get_num_threads()]


@pytest.fixture
def pictures(monkeypatch):
    """Pictures, two threads at hand, and fast bfloat16; settled as before afterwards."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(race, "AVAILABLE", 2)
    monkeypatch.setattr("mapsto.core.devices.has_fast_bfloat16", lambda device: True)
    yield dataset(shape=(1, 8, 8))
    torch.set_num_threads(threads)


def settled(pictures, monkeypatch, seconds, work=1e12, steps=0):
    update = Clocked(pictures, seconds)
    monkeypatch.setattr("time.perf_counter", lambda: update.now)
    return settle(pictures, update, lambda: pictures.train.gather(torch.arange(4)), lambda: work, CPU, steps), update


def times(layout, precision, threads):
    """Each factor's share of a second, by whether it is the one that may be raced to."""
    return {
        (l, p, t): (layout if l == "contiguous" else 1)
        * (precision if p == "bfloat16" else 1)
        * (threads if t == 2 else 1)
        for l in race.LAYOUTS
        for p in race.PRECISIONS
        for t in (1, 2)
    }


@pytest.mark.parametrize("layout", [0.5, 1.5])
@pytest.mark.parametrize("precision", [0.5, 1.5])
@pytest.mark.parametrize("threads", [0.5, 10.0])
def test_the_faster_is_taken_and_the_reason_told(pictures, monkeypatch, layout, precision, threads):
    found, update = settled(pictures, monkeypatch, times(layout, precision, threads))
    assert found.layout == ("contiguous" if layout < 1 else "channels-last") == pictures.layout
    assert found.precision == ("bfloat16" if precision < 1 else "float32") == update.products
    assert found.threads == (2 if threads < 1 else 1) == torch.get_num_threads()
    assert f"{found.layout}, {found.precision}, {found.threads} thread" in found.because
    assert "ms half a batch" in found.because


def test_a_tie_changes_nothing(pictures, monkeypatch):
    found, _ = settled(pictures, monkeypatch, times(0.97, 0.97, 0.97))
    assert found == Settled(2, precision="bfloat16", because=found.because)  # what pictures usually take


@pytest.mark.parametrize(("steps", "raced"), [(100, 1), (200, 1), (300, 2), (400, 3), (1000, 3), (0, 3)])
def test_a_short_run_races_less_and_no_more_than_its_share(pictures, monkeypatch, steps, raced):
    found, update = settled(pictures, monkeypatch, times(0.5, 2.0, 0.5), steps=steps)
    took = 1 + found.because.count(";") + 1
    assert took == 1 + raced
    assert found.threads == 2
    assert found.layout == ("contiguous" if raced == 3 else "channels-last")
    if steps:
        assert update.trials <= max(4, 0.02 * steps)


def test_a_small_step_is_not_raced(pictures, monkeypatch):
    found, update = settled(pictures, monkeypatch, times(0.1, 0.1, 0.1), work=1e6)
    assert (found, update.now) == (Settled(), 0.0)


def test_a_trial_leaves_no_trace():
    run = learner(model=mlp(), update=Descend(0.1, schedule=Constant()))
    before = pack(run.state_dict())
    run.model.train()
    run.algorithm.update.trial(run.algorithm.experience.batch(0))
    assert pack(run.state_dict()) == before


def test_what_an_environment_says_is_taken_and_nonsense_is_not():
    said = {"threads": 2, "layout": "contiguous", "precision": "bfloat16", "because": "of me"}
    assert Settled.of(said) == Settled(2, "contiguous", "bfloat16")
    assert Settled.of({"threads": 2, "layout": "sideways", "precision": ["float8"]}) == Settled(2)
    assert Settled.of(Settled(2, "contiguous").about()) == Settled(2, "contiguous")


def test_a_resumed_run_asks_nobody(monkeypatch):
    monkeypatch.setattr(Descend, "trial", None)
    run = learner(update=Descend(0.1, schedule=Constant(), precision="auto"))
    run.settle(Settled(1, precision="bfloat16"))
    assert run.algorithm.update.products == "bfloat16"
    assert run.algorithm.update.precision == "auto"  # as it was asked for
