"""The engine: exams and observers watch a run, and change nothing about it."""

import gc
import weakref

import pytest
import torch
from torch import nn
from toys import dataset, inputs, learner, mlp, objective, stopped

from mapsto.algorithms.experience import Whole
from mapsto.algorithms.update import Descend, Solve
from mapsto.core.batch import over
from mapsto.core.errors import FailedRun
from mapsto.core.nouns import Estimate
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.learner.best import Best
from mapsto.learner.learner import initialised
from mapsto.learner.until import Steps
from mapsto.models import DecisionTree


def trained(exam_every=None, observers=(), update=None, **more):
    run = learner(update=update, **more)
    run.exam_every = exam_every or run.exam_every
    return run.fit(observers=observers)


def follows(run):
    """All that the next step follows from: everything but the best weights, and what has been reported."""
    return pack({**run.state_dict(), "best": None, "tally": None, "divergence": None})


# -- exams -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", [{}, {"ema": 0.9}, {"accumulate": 2, "ema": 0.5, "clip": 0.1}])
def test_a_run_with_more_exams_is_the_run_with_fewer(update):
    often, seldom, never = (
        trained(exam_every=n, update=Descend(0.01, schedule=Constant(), **update)) for n in (1, 7, 1000)
    )
    assert follows(often) == follows(seldom) == follows(never)


def test_a_run_without_validation_examples_is_the_same_run():
    with_exams, without = trained(), trained(data=dataset(valid=0))
    assert follows(with_exams) == follows(without)
    assert without.best.step == without.step
    assert without.best.describe()["value"] is None


class Restless(nn.Module):
    """Draws at random in exams too, and counts how often it is asked."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(6, 3)

    def forward(self, input):
        return self.output(input + torch.randn_like(input))


def test_an_exam_leaves_the_generators_as_it_found_them():
    run = learner(model=Restless())
    torch.manual_seed(7)
    before = torch.get_rng_state()
    for split in ("train", "valid", "test"):
        run.evaluate(split)
        run.data.predictions(run, split)
        run.predict(run.data.ready(run.data.valid.gather(torch.arange(3))))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_exam_that_draws_is_the_same_exam_again():
    run = learner(model=Restless())
    torch.manual_seed(1)
    first = run.evaluate("valid")
    torch.manual_seed(2)
    assert run.evaluate("valid") == first


@pytest.mark.parametrize("training", [True, False])
def test_an_exam_leaves_mode_weights_and_statistics_as_it_found_them(training):
    run = learner()
    run.model.train(training)
    before = pack(run.state_dict())
    run.evaluate("test")
    run.judge(run.data.train.gather(torch.arange(4)))
    assert run.model.training is training
    assert all(module.training is training for module in run.model.modules())
    assert pack(run.state_dict()) == before
    assert all(p.grad is None or not p.grad.any() for p in run.model.parameters())


def test_an_exam_leaves_a_part_that_rests_at_rest():
    run = learner()
    run.model.train()
    run.model.hidden.eval()
    run.evaluate("valid")
    assert run.model.training
    assert not any(module.training for module in run.model.hidden.modules())


def test_an_exam_that_fails_leaves_train_mode_too():
    run = learner()
    run.model.train()
    with pytest.raises(RuntimeError):
        run.predict({"input": torch.randn(3, 2)})
    assert run.model.training


def test_masks_are_silent_in_an_exam():
    run = learner()
    asked = {"input": inputs((6,), 5)}
    assert torch.equal(run.predict(asked), run.predict(asked))


def test_the_exam_sees_the_average_and_the_run_keeps_the_weights():
    run = learner(update=Descend(0.1, ema=0.9, schedule=Constant()))
    seen = []
    exam = run.evaluate

    def watched(*arguments, **more):
        seen.append(run.model.output.bias.detach().clone())
        return exam(*arguments, **more)

    run.evaluate = watched
    run.fit(6)
    (average,) = run.algorithm.update.averages.values()
    assert any(torch.equal(seen[-1], part) for vector in average for part in vector.split(3))
    assert not torch.equal(seen[-1], run.model.output.bias)


def test_the_last_step_is_always_examined():
    reports = []
    for steps in (1, 7, 9, 20):
        run = learner(until=Steps(steps))
        run.fit(observers=[reports.append])
        assert reports[-1].step == steps
        assert reports[-1].scores is not None


def test_the_last_step_of_a_run_by_the_clock_is_examined_too(monkeypatch):
    """However the clock stands between the two times that it is asked about one step."""
    from mapsto.learner import until as untils

    ticks = iter(range(1000))
    monkeypatch.setattr(untils, "time", type("Clock", (), {"monotonic": lambda: next(ticks)}))
    for seconds in range(5, 15):
        reports = []
        run = learner(until=untils.Minutes(seconds / 60))
        run.exam_every = 1000
        run.fit(observers=[reports.append])
        assert reports[-1].step == run.step
        assert reports[-1].scores is not None


# -- observers ---------------------------------------------------------------------------------------------------------


def test_no_observer_can_change_a_run():
    told = []
    run = learner()

    def meddler(report):
        torch.manual_seed(report.step)
        torch.rand(100)
        report.losses.clear()
        if report.scores is not None:
            report.scores.clear()
        run.evaluate("test")
        run.predict({"input": inputs((6,), 3)})

    run.fit(observers=[meddler, told.append])
    quiet, heard = learner(), []
    quiet.fit(observers=[heard.append])
    assert pack(run.state_dict()) == pack(quiet.state_dict())
    assert told == heard, "each observer gets copies of its own"


def test_observers_are_told_the_mean_since_the_last_report():
    run, reports = learner(), []
    run.report_every = 4
    run.exam_every = 1000
    seen = []
    step = run.algorithm.update.step

    def noted(batch, k):
        losses = step(batch, k)
        seen.append(losses["cross-entropy"])
        return losses

    run.algorithm.update.step = noted
    run.fit(8, observers=[reports.append])
    assert [r.step for r in reports] == [4, 8]
    assert [r.epoch for r in reports] == [4 / 3, 8 / 3]
    for report, losses in zip(reports, (seen[:4], seen[4:]), strict=True):
        assert report.losses["cross-entropy"] == pytest.approx(float(torch.cat(losses).mean()))  # over unequal batches


def test_what_was_not_yet_reported_survives_a_stop():
    def reported(run):
        run.report_every, run.exam_every = 6, 1000
        reports = []
        return run, reports

    whole, heard = reported(learner())
    whole.fit(12, observers=[heard.append])
    (before, early), (after, late) = reported(stopped(learner(), 8)), reported(learner())
    after.load_state_dict(unpack(pack(before.state_dict())))
    after.fit(12, observers=[late.append])
    assert early == []
    assert late[-1].losses == heard[-1].losses


# -- the loop ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_run_whatever_was_drawn_before():
    first = trained(seed=3)
    torch.rand(10)
    assert pack(trained(seed=3).state_dict()) == pack(first.state_dict())
    assert pack(trained(seed=4).state_dict()) != pack(first.state_dict())


def test_first_weights_follow_from_the_seed_alone():
    first = initialised(mlp, 5).state_dict()
    torch.rand(10)
    assert all(torch.equal(tensor, first[name]) for name, tensor in initialised(mlp, 5).state_dict().items())
    assert not torch.equal(initialised(mlp, 6).state_dict()["output.weight"], first["output.weight"])


def test_it_learns():
    run = learner(model=nn.Linear(6, 3))
    before = run.evaluate("train")["loss"].value
    assert run.fit().evaluate("train")["loss"].value < before


def test_somebody_who_asks_to_stop_is_heard_after_the_step():
    assert stopped(learner(), 5).step == 5
    assert stopped(learner(), 0).step == 0


def test_weights_that_run_away_end_the_run_with_a_remedy():
    with pytest.raises(FailedRun, match=r"step \d+: .* not finite(.|\n)*algorithm.lr"):
        learner("regression", update=Descend(1e30, schedule=Constant()), model=nn.Linear(6, 1)).fit()


def test_garbage_is_collected_again_afterwards():
    learner().fit(2)
    assert gc.isenabled()
    with pytest.raises(FailedRun):
        learner("regression", update=Descend(1e30, schedule=Constant()), model=nn.Linear(6, 1)).fit()
    assert gc.isenabled()


@pytest.mark.parametrize("update", [{}, {"ema": 0.9, "accumulate": 2, "clip": 0.1}])
def test_a_learner_that_nobody_holds_is_gone_without_a_collection(update):
    """`fit` collects no garbage before it begins: two learners, one after the other, must not need the memory of both."""
    gc.collect()
    gc.disable()
    try:
        run = trained(exam_every=3, update=Descend(0.01, **update))
        held = [weakref.ref(part) for part in (run, run.model, run.data, run.best, *vars(run.algorithm).values())]
        del run
        assert [part() for part in held if part() is not None] == []
    finally:
        gc.enable()


def test_an_exact_solution_ends_after_its_one_step_and_is_examined():
    run = learner(model=DecisionTree((6,), 3, leaf=1), update=Solve(), experience=Whole(), until=Steps(1))
    reports = []
    run.fit(observers=[reports.append])
    assert run.step == 1
    assert run.best.step == 1
    assert reports[0].scores["accuracy"].value > 0.4
    assert run.evaluate("train")["accuracy"].value == 1


def test_it_stands_where_its_data_stand():
    data = dataset()
    run = learner(data=data)
    assert run.device == data.device
    assert next(run.model.parameters()).device == data.device


# -- the best weights --------------------------------------------------------------------------------------------------


def scores(value, loss=0.0):
    return {"accuracy": Estimate(value, value, value, 9), "loss": Estimate(loss, loss, loss, 9)}


def heard(exams, better=1):
    """The step whose weights are kept after exams at steps 1, 2, 3 …"""
    best, model = Best("accuracy", better), nn.Linear(1, 1)
    for step, (value, loss) in enumerate(exams, 1):
        nn.init.constant_(model.weight, step)
        best.hear(step, scores(value, loss), model)
    assert best.weights["weight"].item() == best.step
    return best.step


def test_the_best_exam_is_kept():
    assert heard([(0.5, 1), (0.9, 1), (0.7, 1)]) == 2
    assert heard([(0.5, 1), (0.9, 1), (0.3, 1)], better=-1) == 3


def test_ties_go_to_the_lower_loss_then_to_the_earlier_step():
    assert heard([(0.9, 0.5), (0.9, 0.3), (0.9, 0.4)]) == 2
    assert heard([(0.9, 0.3), (0.9, 0.3), (0.9, 0.3)]) == 1
    assert heard([(0.9, 0.5), (0.8, 0.1)]) == 1


def test_an_exam_that_is_not_defined_is_the_worst_of_all():
    nan = float("nan")
    assert heard([(nan, 0.5), (0.1, 0.9), (nan, 0.1)]) == 2
    assert heard([(nan, 0.5), (nan, 0.3), (nan, 0.4)]) == 2, "only the loss can tell them apart"
    assert heard([(0.5, nan), (0.5, 0.3)]) == 2
    assert heard([(0.5, 0.3), (0.5, nan)]) == 1


def test_kept_weights_do_not_follow_the_model():
    best, model = Best("accuracy", 1), nn.Linear(1, 1)
    best.hear(1, scores(0.5), model)
    kept = best.weights["weight"].clone()
    nn.init.constant_(model.weight, 9)
    assert torch.equal(best.weights["weight"], kept)


def test_taking_the_best_puts_them_into_the_model():
    run = learner(update=Descend(0.3, schedule=Constant())).fit()
    assert run.best.step < run.step
    last = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    value = run.best.describe()["value"]
    run.take_best()
    assert run.evaluate("valid", intervals=False)["accuracy"].value == value
    assert not torch.equal(run.model.state_dict()["output.weight"], last["output.weight"])


def test_where_there_was_no_exam_the_average_is_what_was_learned():
    run = learner(update=Descend(0.1, ema=0.9, schedule=Constant()), data=dataset(valid=0)).fit()
    with run.algorithm.update.judged():
        average = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    run.take_best()
    assert all(torch.equal(tensor, average[name]) for name, tensor in run.model.state_dict().items())


def test_weights_of_examples_are_those_of_the_exam():
    data = dataset()
    weight = (torch.arange(26) < 13).float()
    data.train.fields["weight"] = weight
    half = dataset()
    half.train.fields = over(half.train.fields, lambda t: t[:13])
    model = nn.Linear(6, 3)
    whole, part = (learner(data=d, model=model).evaluate("train", intervals=False)["loss"].value for d in (data, half))
    assert objective().problem == "classification"
    assert whole == pytest.approx(part)


def test_an_exam_asks_the_model_once_a_batch_and_leaves_it_as_it_was():
    run, asked = learner(), []
    hook = run.model.output.register_forward_hook(lambda *_: asked.append(1))
    batch = run.data.ready(run.data.valid.gather(torch.arange(4)))
    prediction, judged = run.judge(batch)
    hook.remove()
    assert len(asked) == 1
    assert "forward" not in vars(run.model)
    torch.testing.assert_close(prediction, run.predict(batch))
    run.model.eval()
    (loss,) = run.objective.losses(run.model, batch, "").values()
    torch.testing.assert_close(judged["cross-entropy"][0], loss.sum().double(), check_dtype=False)
