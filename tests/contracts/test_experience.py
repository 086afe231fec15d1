"""What every experience on the shelf promises. A new file and its line are picked up here with no change."""

import copy
import inspect
import json

import numpy as np
import pytest
import torch
import toys
from toys import TOKENS, dataset, learner

from mapsto.algorithms.experience import Passes, Whole
from mapsto.core import names
from mapsto.core.batch import columns, over
from mapsto.core.errors import FrameError
from mapsto.core.nouns import Experience, Raw
from mapsto.core.state import pack, unpack
from mapsto.data.augment import Mixup, Shift
from mapsto.framing.frame import Frame

EXPERIENCES = sorted(
    name for name in names.listed("experience") if not names.find("experience", name).acts
)  # the others are asked in test_acting.py
SMALL = {"batch_size": 5}  # of those settings, the ones that an experience has


@pytest.fixture(params=EXPERIENCES)
def kind(request) -> str:
    return request.param


@pytest.fixture
def ragged(monkeypatch) -> None:
    """What is started meanwhile learns from ragged examples."""
    monkeypatch.setitem(globals(), "dataset", lambda **more: toys.dataset(**{**more, "shape": TOKENS}))


def started(kind, seed=0, rows=23, augment=(), shape=(6,), **settings) -> Experience:
    known = inspect.signature(names.find("experience", kind)).parameters
    small = {word: value for word, value in SMALL.items() if word in known}
    experience = names.build("experience", {"name": kind, **small, **settings})
    learner(data=dataset(shape=shape, rows=rows, augment=augment), experience=experience, seed=seed)
    return experience


def same(left, right) -> bool:
    left, right = dict(columns(left)), dict(columns(right))
    return left.keys() == right.keys() and all(torch.equal(left[field], right[field]) for field in left)


def test_from_the_same_state_comes_the_same_batch(kind):
    experience = started(kind)
    for step in (0, 3, experience.batches, 4 * experience.batches + 1):
        first = experience.batch(step)
        torch.rand(3)  # what others draw does not matter
        assert same(first, experience.batch(step))


def test_a_batch_does_not_depend_on_those_before(kind):
    whole = started(kind)
    batches = [whole.batch(step) for step in range(12)]
    for step in (11, 5, 0):
        assert same(started(kind).batch(step), batches[step])


def test_drawing_a_batch_leaves_the_generators_and_the_data_alone(kind):
    experience = started(kind, shape=(1, 8, 8), augment=[Shift(2), Mixup(classes=3)])
    torch.manual_seed(4)
    before, data = torch.get_rng_state(), copy.deepcopy(experience.data.train.fields)
    for field in experience.batch(2).values():
        field.zero_()
    assert torch.equal(torch.get_rng_state(), before)
    assert same(experience.data.train.fields, data)


def test_an_epoch_shows_every_example_once(kind):
    for rows in (23, 25, 3):
        experience = started(kind, rows=rows)
        for epoch in range(3):
            steps = range(epoch * experience.batches, (epoch + 1) * experience.batches)
            seen = torch.cat([experience.batch(step)["index"] for step in steps])
            assert sorted(seen.tolist()) == list(range(rows))


def test_fields_of_one_example_stay_together(kind):
    experience = started(kind)
    everything = experience.data.train.fields
    batch = experience.batch(1)
    for field in batch:
        assert torch.equal(batch[field], everything[field][batch["index"]])


def test_its_state_makes_it_go_on_as_it_would_have(kind):
    whole, before = started(kind), started(kind)
    for step in range(7):
        for experience in (whole, before):
            experience.hear(experience.batch(step), {"loss": torch.ones(5)})
    after = started(kind)
    after.load_state_dict(unpack(pack(before.state_dict())))
    for step in range(7, 15):
        assert same(after.batch(step), whole.batch(step))
        for experience in (whole, after):
            experience.hear(experience.batch(step), {"loss": torch.ones(5)})


@pytest.mark.parametrize(
    "promise",
    [
        test_from_the_same_state_comes_the_same_batch,
        test_a_batch_does_not_depend_on_those_before,
        test_an_epoch_shows_every_example_once,
        test_its_state_makes_it_go_on_as_it_would_have,
    ],
)
def test_ragged_examples_keep_the_same_promise(kind, promise, ragged):
    promise(kind)


def test_ragged_examples_come_whole_and_with_their_own_target(kind, ragged):
    experience = started(kind)
    held, targets = (experience.data.train.fields[name] for name in ("input", "target"))
    for step in range(experience.batches):
        batch = experience.batch(step)
        for row, index in enumerate(batch["index"].tolist()):
            tokens, count = batch["input"]["tokens"][row], int(batch["input"]["count"][row])
            start, stop = held["tokens"].offsets[index : index + 2].tolist()
            assert tokens[:count].tolist() == held["tokens"].values[start:stop].tolist()
            assert not tokens[count:].any()
            assert batch["target"][row] == targets[index]


def test_its_spec_builds_it_again(kind):
    experience = started(kind)
    written = json.loads(json.dumps(names.spec(experience), allow_nan=False))
    assert written["name"] == kind
    assert names.spec(names.build("experience", written)) == written
    assert names.summary("experience", kind)


@pytest.mark.parametrize(("kind", "settings"), [("passes", {}), ("whole", {"at_most": 10})])
def test_another_seed_draws_others(kind, settings):
    one, same_again, other = (started(kind, seed=seed, **settings).batch(0)["index"] for seed in (0, 0, 1))
    assert torch.equal(one, same_again)
    assert one.tolist() != other.tolist()


def test_another_epoch_has_another_order():
    passes = started("passes")
    first, second = (torch.cat([passes.batch(e * 5 + k)["index"] for k in range(5)]) for e in (0, 1))
    assert first.tolist() != second.tolist()


def test_the_last_short_batch_is_kept():
    passes = started("passes", rows=23)
    assert passes.batches == 5
    assert [len(passes.batch(step)["index"]) for step in range(5)] == [5, 5, 5, 5, 3]


def test_a_part_of_the_whole_is_fixed_and_in_order():
    whole = started("whole", at_most=10)
    index = whole.batch(0)["index"]
    assert len(index) == 10
    assert index.tolist() == sorted(set(index.tolist()))
    assert torch.equal(whole.batch(9)["index"], index)


def test_training_batches_are_augmented_anew_at_every_step_and_alike_when_asked_again():
    plain = started("passes", shape=(1, 8, 8))
    moved = started("passes", shape=(1, 8, 8), augment=[Shift(2)])
    assert torch.equal(moved.batch(0)["index"], plain.batch(0)["index"])
    assert not torch.equal(moved.batch(0)["input"], plain.batch(0)["input"])
    again = started("passes", shape=(1, 8, 8), augment=[Shift(2)])
    assert torch.equal(moved.batch(0)["input"], again.batch(0)["input"])
    same_example = [b["input"][b["index"] == 0] for step in range(15) if 0 in (b := moved.batch(step))["index"]]
    assert len(same_example) == 3
    assert not torch.equal(same_example[0], same_example[1])


def test_an_exact_solution_sees_the_examples_as_they_are():
    whole = started("whole", shape=(1, 8, 8), augment=[Shift(2)])
    assert torch.equal(whole.batch(0)["input"], whole.data.train.fields["input"])


def test_a_batch_of_no_example_is_refused():
    with pytest.raises(FrameError, match="at least one example, but batch_size is 0"):
        Passes(0)


def table(rows=60) -> Raw:
    draw = np.random.default_rng(0)
    return Raw("made-up", {name: draw.normal(size=rows) for name in "aby"}, target="y")


def test_the_split_has_a_seed_of_its_own():
    """The split's seed deals out rows and the run's seed orders batches: neither says anything about the other."""

    def dealt(split, seed):
        frame = Frame(table(), data={"split": {"seed": split}}, seed=seed, device="cpu")
        return frame.prepared.parts, frame.learner().algorithm.experience.plan(0)

    parts, plan = dealt(0, 0)
    other_split, same_plan = dealt(1, 0)
    same_split, other_plan = dealt(0, 1)
    assert all(np.array_equal(parts[part], same_split[part]) for part in parts)
    assert not np.array_equal(parts["test"], other_split["test"])
    assert len(parts["train"]) == len(other_split["train"])
    assert [block.index.tolist() for block in plan] == [block.index.tolist() for block in same_plan]
    assert [block.index.tolist() for block in plan] != [block.index.tolist() for block in other_plan]


class Drawing(Whole):
    """Draws from the generator that everybody draws from, and forgets a row."""

    def batch(self, step):
        index = torch.randperm(22)[:10]
        return over(self.data.train.fields, lambda t: t[index])


def test_this_battery_can_fail(monkeypatch):
    monkeypatch.setattr(names, "find", lambda kind, name: Drawing)
    for test in (
        test_from_the_same_state_comes_the_same_batch,
        test_a_batch_does_not_depend_on_those_before,
        test_an_epoch_shows_every_example_once,
        test_its_state_makes_it_go_on_as_it_would_have,
        test_drawing_a_batch_leaves_the_generators_and_the_data_alone,
    ):
        with pytest.raises(AssertionError):
            test("whole")


def test_whoever_has_a_batch_may_change_it(kind):
    experience, fresh = started(kind), started(kind)
    for step in range(8):
        experience.batch(step)["input"].fill_(9.0)
        assert same(experience.batch(step), fresh.batch(step))
