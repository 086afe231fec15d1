"""Turns of a game: who moves at which step, and that a run goes on in the middle of them."""

import pytest
import torch
from toys import Adversarial, Pair, Plain, learner, objective, pairs, stopped

from mapsto.algorithms.experience import Passes
from mapsto.algorithms.update import Descend
from mapsto.core.errors import FrameError
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.data.dataset import Dataset
from mapsto.learner.learner import initialised
from mapsto.learner.until import Steps


def game(turns, steps=12, **more):
    data = Dataset(pairs(), pairs(seed=1), pairs(seed=2), Plain((2,)), Plain((2,)))
    update = Descend(0.05, schedule=Constant(), turns=turns, **more)
    return learner(
        data=data,
        model=initialised(Pair, 0),
        judged_by=Adversarial(),
        experience=Passes(5),
        update=update,
        until=Steps(steps),
    )


def moved(turns, steps=12):
    """At which steps each player's weights changed."""
    run, found = game(turns, steps), {"critic": [], "generator": []}

    def weights():
        return {p: torch.cat([w.flatten() for w in run.model.get_submodule(p).parameters()]).clone() for p in found}

    for step in range(steps):
        before = weights()
        run.fit(step + 1)
        after = weights()
        for player in found:
            if not torch.equal(before[player], after[player]):
                found[player].append(step)
    return found


def test_without_turns_all_move_at_every_step():
    assert moved(None, 4) == {"critic": [0, 1, 2, 3], "generator": [0, 1, 2, 3]}
    assert moved({"critic": 1}, 3) == {"critic": [0, 1, 2], "generator": [0, 1, 2]}


def test_the_critic_moves_five_times_for_each_move_of_the_generator():
    assert moved({"critic": 5}) == {"critic": list(range(12)), "generator": [4, 9]}
    assert moved({"critic": 4, "generator": 2}, 6) == {"critic": list(range(6)), "generator": [1, 3, 5]}


def test_turns_of_one_are_the_run_without_turns():
    one, other = game(None).fit(), game({"critic": 3, "generator": 3}).fit()
    assert pack(one.state_dict()) == pack(other.state_dict())


@pytest.mark.parametrize("stop", [1, 3, 7])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_stopped_between_turns_goes_on_bit_for_bit(stop, ema):
    whole = game({"critic": 5}, ema=ema).fit()
    first = stopped(game({"critic": 5}, ema=ema), stop)
    assert first.step == stop
    again = game({"critic": 5}, ema=ema)
    again.load_state_dict(unpack(pack(first.state_dict())))
    again.fit()
    assert pack(again.state_dict()) == pack(whole.state_dict())


def test_losses_of_who_does_not_move_are_not_told():
    run, told = game({"critic": 5}), []
    run.report_every = 1
    run.fit(observers=[lambda report: told.append(set(report.losses))])
    assert told[:5] == [{"critic"}] * 4 + [{"critic", "generator"}]


def test_turns_that_are_none_are_refused():
    for turns in ({"critic": 0}, {"critic": 5, "generator": 2}):
        with pytest.raises(FrameError, match="each of which divides the largest"):
            Descend(turns=turns)
    with pytest.raises(FrameError, match="Adversarial has no 'judge'"):
        game({"judge": 2})
    with pytest.raises(FrameError, match="It is no game"):
        learner(update=Descend(0.01, schedule=Constant(), turns={"critic": 2}))
    with pytest.raises(FrameError, match="gear captured is not for this run: its players move at steps of their own"):
        game({"critic": 2}, gear="captured")


def test_a_game_needs_a_model_that_has_its_players():
    with pytest.raises(FrameError, match="a game of critic and generator, but MLP has no part called 'critic'"):
        learner(judged_by=Adversarial())
    assert objective().players == ("",)
