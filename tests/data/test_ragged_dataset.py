"""Learning from ragged examples: the same run stopped and resumed, the same exam with buckets and without, little memory."""

import pytest
import torch
from toys import TOKENS, dataset, learner, stopped

import mapsto
from mapsto.algorithms.experience import Passes
from mapsto.algorithms.update import Descend
from mapsto.core.buckets import Block
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.data import dataset as module
from mapsto.data.dataset import Examples
from mapsto.framing.price import price
from mapsto.learner.until import Steps


def ragged(rows=300, valid=200, **more):
    return learner(data=dataset(shape=TOKENS, rows=rows, valid=valid), **more)


def same(left, right) -> bool:
    left, right = pack(left), pack(right)
    return left == right


@pytest.mark.parametrize("step", [1, 17, 33])
@pytest.mark.parametrize("tokens", [None, 200])
def test_a_resumed_run_on_ragged_data_is_the_same_run(step, tokens):
    whole, before, after = (ragged(experience=Passes(16, tokens), until=Steps(40)) for _ in range(3))
    after.load_state_dict(unpack(pack(stopped(before, step).state_dict())))
    assert same(whole.fit().state_dict(), after.fit().state_dict())


def test_ragged_examples_can_be_learned():
    found = ragged(2000, update=Descend(0.03, schedule=Constant()), experience=Passes(32), until=Steps(600)).fit()
    scores = found.evaluate("valid")
    assert scores["accuracy"].value > 0.8


@pytest.mark.parametrize("at_most", [0, 77])
def test_an_exam_by_length_is_the_exam_in_order(at_most, monkeypatch):
    found = ragged(valid=500).fit()
    view = found.data.valid
    monkeypatch.setattr(module, "EXAM_TOKENS", 400)  # many blocks
    by_length = found.evaluate("valid", at_most=at_most), found.data.predictions(found, "valid")
    blocks = found.data.blocks("valid", at_most)
    assert len(blocks) > 3
    chosen, longest = torch.cat([block.index for block in blocks]).sort().values, int(view.lengths.max())
    plain = [Block(part, (longest,)) for part in chosen.split(1024)]
    monkeypatch.setattr(found.data, "blocks", lambda split, at_most=0: plain)
    slow = found.evaluate("valid", at_most=at_most), found.data.predictions(found, "valid")
    for name, score in slow[0].items():
        other = by_length[0][name]
        assert other.n == score.n == (at_most or 500)
        for of in ("value", "low", "high"):
            assert getattr(other, of) == pytest.approx(
                getattr(score, of), abs=1e-6
            )  # the interval too: rows are in order
    if not at_most:
        assert torch.allclose(by_length[1], slow[1], atol=1e-6)


def test_what_is_said_of_a_row_does_not_depend_on_its_neighbours():
    found = ragged().fit()
    everything = found.data.predictions(found, "valid")
    for row in (0, 30, 199):
        alone = found.predict(found.data.ready(found.data.valid.gather(torch.tensor([row]))))
        assert torch.allclose(alone[0], everything[row], atol=1e-6)


def test_an_enormous_example_does_not_blow_up_its_batch_nor_the_exam_nor_the_trial_before():
    data = dataset(shape=TOKENS, rows=300, valid=10)
    tokens, target = data.train.fields["input"]["tokens"], data.train.fields["target"]
    values = torch.cat([torch.ones(10**6, dtype=torch.long), tokens.values])
    offsets = torch.cat([torch.tensor([0]), tokens.offsets + 10**6])
    data.train = Examples({"input": {"tokens": mapsto.Ragged(values, offsets)}, "target": target[[0, *range(300)]]})
    seen = []
    gather = Examples.gather
    data.train.gather = lambda *given: seen.append(gather(data.train, *given)) or seen[-1]
    found = learner(data=data, experience=Passes(64), until=Steps(7)).fit()
    found.evaluate("train")
    sizes = [batch["input"]["tokens"].numel() for batch in seen]
    assert sizes.count(10**6) == 2  # in its batch, and in the exam
    assert sorted(sizes)[-3] < 10**5


def test_dense_plans_are_blocks_of_one_permutation():
    from mapsto.core import seeds

    passes = learner(seed=5).algorithm.experience
    order = seeds.shuffled(26, 5, 3, 1)
    assert torch.equal(torch.cat([block.index for block in passes.plan(3)]), order)
    assert [(len(block.index), block.pad_to) for block in passes.plan(3)] == [(10, ()), (10, ()), (6, ())]
    assert passes.padding == ""


def test_batches_of_ragged_data_are_as_many_as_its_lengths_say_and_come_in_another_order_every_epoch():
    passes = ragged(3000, experience=Passes(64)).algorithm.experience
    plans = [[(len(block.index), block.pad_to) for block in passes.plan(epoch)] for epoch in range(3)]
    assert plans[0] != plans[1]
    assert sorted(plans[0]) == sorted(plans[1]) == sorted(plans[2])
    assert [len(plan) for plan in plans] == [passes.batches] * 3


def test_memory_that_does_not_suffice_for_a_ragged_batch_is_made_do_with():
    """Halves of a batch are padded like the whole: the gradient is the same."""
    whole, halved = (ragged(update=Descend(0.01, schedule=Constant(), accumulate=a)) for a in (1, 2))
    for one in (whole, halved):
        for module_ in one.model.modules():
            if isinstance(module_, torch.nn.Dropout):
                module_.p = 0.0
        one.fit(5)
    for left, right in zip(whole.model.parameters(), halved.model.parameters(), strict=True):
        assert torch.allclose(left, right, atol=1e-6)


def test_the_price_of_a_run_tells_its_padding():
    one = ragged(3000, experience=Passes(64))
    told = one.algorithm.experience.padding
    assert told.startswith("padding ")
    assert str(price(one, [one.data.train])).endswith(f"; {told}")
    dense = learner()
    assert "padding" not in str(price(dense, [dense.data.train]))


@pytest.mark.parametrize(
    ("settings", "said"), [({"tokens": 0}, "one token, but tokens is 0"), ({"tokens": -5}, "is -5")]
)
def test_a_batch_of_no_token_is_refused(settings, said):
    with pytest.raises(mapsto.BadInput, match=said):
        Passes(**settings)
