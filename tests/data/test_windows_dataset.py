"""Learning from windows on a text: a pass shows every token once, a resumed run is the same run, an exam looks at all."""

import pytest
import torch
from toys import learner, stopped

from mapsto.algorithms.experience import Passes, Whole
from mapsto.core.state import pack, unpack
from mapsto.data import dataset as module
from mapsto.data.dataset import Dataset
from mapsto.domains import Text
from mapsto.framing.language import at_every_place, domain_of, side_by_side, tokens_of
from mapsto.framing.price import price
from mapsto.learner.learner import initialised
from mapsto.learner.until import Steps
from mapsto.models import GPT
from mapsto.objectives import NextToken

WINDOW = 8


def rhymes(lines: int, first: int = 0) -> str:
    words = ("one", "two", "three", "four", "five", "six")
    return "".join(f"{words[k % 6]} and {words[(k * k + 1) % 6]}\n" for k in range(first, first + lines))


def data(lines: int = 60) -> Dataset:
    domain = domain_of([rhymes(lines)], {})
    other = Text("characters").load_state_dict(domain.state_dict())
    train = at_every_place(tokens_of(domain, [rhymes(lines)]), WINDOW)
    exam = side_by_side(tokens_of(domain, [rhymes(15, 1000)]), WINDOW)
    return Dataset(train, exam, exam, domain, other)


def writer(**more):
    rhyming = more.pop("data", None) or data()
    shape = rhyming.input.shape
    gpt = initialised(
        lambda: GPT(shape, shape["tokens"][0], width=16, depth=1, heads=2, context=WINDOW, dropout=0.1), 0
    )
    return learner(data=rhyming, model=gpt, judged_by=NextToken(), **more)


def started(batch_size: int = 7) -> Passes:
    return writer(experience=Passes(batch_size)).algorithm.experience


def test_a_pass_shows_every_place_of_the_text_at_most_once_and_nearly_all():
    passes = started()
    long = len(passes.data.train)
    assert passes.batches == -(-(long // WINDOW) // 7)
    for epoch in range(3):
        steps = range(epoch * passes.batches, (epoch + 1) * passes.batches)
        first = torch.cat([passes.batch(step)["index"] for step in steps])
        shown = (first[:, None] + torch.arange(WINDOW)).flatten()
        assert len(shown.unique()) == len(shown)
        assert len(shown) > long - 2 * WINDOW
        assert int(first.min()) >= 0 and int(first.max()) < long


def test_each_pass_has_another_first_place_and_another_order():
    passes = started()
    orders = [torch.cat([block.index for block in passes.plan(epoch)]) for epoch in range(6)]
    assert len({int(order.min()) % WINDOW for order in orders}) > 2
    assert orders[0].tolist() != sorted(orders[0].tolist())


def test_a_text_of_one_window_and_a_token_can_be_learned_from():
    domain = domain_of([rhymes(60)], {})
    tokens = tokens_of(domain, [rhymes(60)])[: WINDOW + 1]
    few = at_every_place(tokens, WINDOW)
    short = Dataset(
        few, side_by_side(tokens, WINDOW), few, domain, Text("characters").load_state_dict(domain.state_dict())
    )
    assert len(short.train) == short.train.epoch == 1
    assert writer(data=short, experience=Passes(4)).fit(3).step == 3


@pytest.mark.parametrize("step", [1, 17, 33])
def test_a_resumed_run_is_the_same_run(step):
    whole, before, after = (writer(until=Steps(40)) for _ in range(3))
    after.load_state_dict(unpack(pack(stopped(before, step).state_dict())))
    assert pack(whole.fit().state_dict()) == pack(after.fit().state_dict())


def test_it_learns_the_text():
    untaught, taught = writer(until=Steps(1)), writer(until=Steps(250), experience=Passes(16))
    before, after = (w.fit().evaluate("valid")["nats-per-token"] for w in (untaught, taught))
    assert after.high < before.low
    assert after.value < 1.8


def test_an_exam_looks_at_every_token_once_however_it_is_cut(monkeypatch):
    found = writer().fit()
    whole = found.evaluate("valid")
    monkeypatch.setattr(module, "EXAM_TOKENS", 20)
    parts = found.evaluate("valid")
    tokens = len(found.data.valid.fields["target"].values)
    assert whole["nats-per-token"].n == -(-tokens // WINDOW)
    for name, score in whole.items():
        for of in ("value", "low", "high"):
            assert getattr(parts[name], of) == pytest.approx(getattr(score, of), rel=1e-5), name
    assert whole["loss"].value == pytest.approx(whole["nats-per-token"].value, rel=1e-5)


def test_an_exam_on_training_text_looks_at_so_many_tokens_evenly_spread():
    found = writer().fit()
    index = torch.cat([block.index for block in found.data.blocks("train", at_most=5 * WINDOW)])
    assert len(index) == 5
    assert index.diff().min() > WINDOW
    assert found.evaluate("train", at_most=5 * WINDOW)["nats-per-token"].n == 5
    assert found.evaluate("train")["nats-per-token"].n == found.data.train.epoch


def test_what_is_said_of_all_tokens_is_not_kept():
    found = writer()
    assert not len(found.data.predictions(found, "valid"))


def test_the_whole_text_is_windows_side_by_side():
    whole = writer(experience=Whole()).algorithm.experience
    index = whole.batch(0)["index"]
    assert index.tolist() == list(range(0, WINDOW * len(index), WINDOW))
    assert len(index) == whole.data.train.epoch


def test_windows_cost_what_the_text_takes():
    found = writer()
    asked = price(found, [found.data.train])
    assert asked.data == 2 * 4 * len(found.data.train.fields["target"].values)
