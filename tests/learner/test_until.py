"""When a run stops: after steps, epochs or minutes, when exams stop getting better, or at the first of several."""

import json

import pytest
from toys import dataset, learner, stopped

from mapsto.core import names
from mapsto.core.errors import FrameError, UnknownName
from mapsto.core.nouns import Estimate
from mapsto.core.state import pack, unpack
from mapsto.learner import until as untils
from mapsto.learner.until import Either, Epochs, Minutes, Plateau, Steps


def scores(value, loss=0.0):
    return {"accuracy": Estimate(value, value, value, 9), "loss": Estimate(loss, loss, loss, 9)}


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(untils, "time", clock)
    return clock


def test_steps_are_counted():
    assert learner(until=Steps(7)).fit().step == 7


def test_an_epoch_shows_every_example_once():
    run = learner(until=Epochs(3)).fit()  # 26 examples by 10
    assert run.step == 9
    assert run.horizon == 9


def test_a_whole_number_means_so_many_steps_in_all():
    run = learner(until=Steps(20))
    assert run.fit(4).step == 4
    assert run.fit(6).step == 6
    assert run.fit(5).step == 6
    assert run.fit().step == 20


def test_minutes_are_those_of_the_clock(clock):
    until = Minutes(2)
    run = learner(until=until)
    assert not until.reached(1)
    clock.now += 119
    assert not until.reached(2)
    clock.now += 2
    assert until.reached(3)
    assert run.horizon == 0


def test_minutes_spent_before_a_resume_count_and_those_between_do_not(clock):
    first = learner(until=Minutes(1))
    clock.now += 50
    first.algorithm.until.reached(1)
    clock.now += 1e6
    second = learner(until=Minutes(1))
    second.load_state_dict(unpack(pack(first.state_dict())))
    assert not second.algorithm.until.reached(1)
    clock.now += 9
    assert not second.algorithm.until.reached(2)
    clock.now += 2
    assert second.algorithm.until.reached(3)


def test_minutes_count_from_where_training_begins(clock):
    """What is done between composing and training (pricing, a report) is not training."""
    run = learner(until=Minutes(1))
    clock.now += 1e6
    run.fit(stop=None, observers=[lambda report: setattr(clock, "now", clock.now + 10)])
    assert run.step > 3


def test_a_plateau_is_so_many_exams_without_a_better_one():
    until = Plateau("accuracy", patience=2)
    learner(until=until)
    heard = [0.5, 0.6, 0.6, 0.7, 0.7, 0.6]
    assert [(until.hear(i, scores(v)), until.reached(i))[1] for i, v in enumerate(heard)] == [False] * 5 + [True]


def test_a_plateau_of_the_loss_looks_for_less():
    until = Plateau("loss", patience=1)
    learner(until=until)
    heard = [0.5, 0.4, 0.3, 0.35]
    assert [(until.hear(i, scores(0, v)), until.reached(i))[1] for i, v in enumerate(heard)] == [False] * 3 + [True]


def test_an_exam_that_is_not_defined_is_no_better_one():
    until = Plateau("accuracy", patience=2)
    learner(until=until)
    for value in (float("nan"), 0.5, float("nan"), float("nan")):
        assert not until.reached(0)
        until.hear(0, scores(value))
    assert until.reached(0)
    assert until.best == 0.5


def test_a_plateau_ends_a_run():
    run = learner(until=Either([Plateau("accuracy", patience=3), Steps(3000)])).fit()
    assert run.step < 3000
    assert run.algorithm.until.several[0].waited == 3


def test_a_plateau_of_a_measure_that_is_not_taken_is_refused_when_composed():
    with pytest.raises(UnknownName, match=r"(?s)'accurracy'.*Near it: accuracy"):
        learner(until=Plateau("accurracy"))


def test_a_plateau_without_validation_examples_is_refused_when_composed():
    with pytest.raises(FrameError, match="validation"):
        learner(until=Plateau(), data=dataset(valid=0))
    with pytest.raises(FrameError, match="validation"):
        learner(until=Either([Plateau(), Steps(10)]), data=dataset(valid=0))


def test_the_first_of_several_ends_it():
    assert learner(until=Either([Steps(9), Epochs(1)])).fit().step == 3
    assert learner(until=Either([Steps(2), Epochs(1)])).fit().step == 2


def test_or_joins_them():
    joined = Steps(9) | Epochs(1)
    assert joined == Either([Steps(9), Epochs(1)])
    assert learner(until=Minutes(5) | joined).fit().step == 3


def test_the_end_of_several_is_known_if_that_of_one_is(clock):
    assert learner(until=Either([Minutes(1), Steps(50)])).horizon == 50
    assert learner(until=Either([Plateau(), Epochs(5), Steps(50)])).horizon == 15
    assert learner(until=Either([Plateau(), Minutes(1)])).horizon == 0


def test_several_minutes_all_count_by_being_asked(clock):
    until = Either([Steps(1), Minutes(1)])
    learner(until=until)
    clock.now += 61
    until.reached(1)
    assert until.several[1].spent == 61


def test_what_was_waited_for_survives_a_resume():
    def patient():
        return learner(until=Either([Plateau("accuracy", patience=4), Steps(200)]))

    whole, before, after = patient().fit(), stopped(patient(), 25), patient()
    after.load_state_dict(unpack(pack(before.state_dict())))
    assert pack(after.fit().state_dict()) == pack(whole.state_dict())
    assert before.algorithm.until.several[0].waited == 3, "of 4: forgetting it would make the run longer"
    assert whole.step == 27


def test_a_run_that_is_over_makes_no_step_more():
    run = learner(until=Steps(5)).fit()
    before = pack(run.state_dict())
    assert pack(run.fit().state_dict()) == before


@pytest.mark.parametrize(
    "until",
    [
        Steps(3),
        Epochs(2),
        Minutes(0.5),
        Plateau("loss", 2),
        Either([Steps(3), Minutes(1)]),
    ],
)
def test_its_spec_builds_it_again(until):
    written = json.loads(json.dumps(names.spec(until), allow_nan=False))
    assert names.build("until", written) == until
    assert names.summary("until", written["name"])


def test_they_are_all_tried_here():
    assert set(names.listed("until")) == {"steps", "epochs", "minutes", "plateau", "either"}
