"""The measurement of speed: who counts, what a ratio is, what is promised, and a page that says no more than the rows do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.speed import contests, gates, measure, pairs, quiet, record, report
from benchmarks.speed.contest import Arm, Contest
from benchmarks.speed.parts import Clock
from benchmarks.speed.task import Enough, Task, Watch

ARMS = (
    Arm("mapsto", "mapsto", "", "mapsto", "mapsto"),
    Arm("hand", "by hand", "", "loop", "PyTorch"),
    Arm("slow", "Slow", "", "defaults", "Slow"),
    Arm("slow-tuned", "Slow, tuned", "", "tuned", "Slow"),
)
CONTEST = Contest("small", "A small step", "small", "Rows.", "", ARMS)
SECONDS = {"mapsto": 1.0, "hand": 0.9, "slow": 8.0, "slow-tuned": 3.0}


def rows(rounds: int = 5, others: float = 0.0, canary: float = 10.0, **scores: float) -> list[pairs.Row]:
    drift = np.linspace(1.0, 1.5, rounds).tolist()  # the machine slows down: within a round all alike
    return [
        {
            "round": turn,
            "arm": arm,
            "fit": seconds * drift[turn],
            "fit_processor": seconds,
            "score": scores.get(arm, 0.9),
            "others": others,
            "canary": canary,
        }
        for turn in range(rounds)
        for arm, seconds in SECONDS.items()
    ]


def test_ratio_is_taken_within_a_round_so_that_a_drifting_machine_does_not_show():
    ratio = pairs.ratio(rows(), "slow", "mapsto")
    assert (ratio.value, ratio.low, ratio.high, ratio.rounds) == pytest.approx((8.0, 8.0, 8.0, 5))


def test_rounds_that_only_one_of_two_ran_in_do_not_count():
    kept = [row for row in rows() if row["arm"] != "slow" or row["round"] < 2]
    assert pairs.ratio(kept, "slow", "mapsto").rounds == 2
    assert pairs.ratio(kept, "nobody", "mapsto") is None


def test_interval_covers_the_median_about_as_often_as_it_says():
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        low, high = pairs.interval(draw.normal(size=25).tolist())
        covered += low <= 0 <= high
    assert 46 <= covered <= 60  # 90 % of 60 is 54


def test_order_of_a_round_is_drawn_and_can_be_drawn_again():
    names = list("abcdefgh")
    orders = [pairs.order(names, turn) for turn in range(10)]
    assert orders == [pairs.order(names, turn) for turn in range(10)]
    assert all(sorted(order) == names for order in orders)
    assert len({tuple(order) for order in orders}) == 10


def test_round_with_a_busy_neighbour_is_left_out_as_a_whole():
    kept = rows()
    kept[0]["others"] = 0.5  # round 0
    kept[-1]["canary"] = 20.0  # the last
    assert {row["round"] for row in quiet.counted(kept)} == {1, 2, 3}


def test_contest_without_enough_quiet_rounds_shows_all_and_is_marked():
    kept, mark = report.rows_of({"rows": rows(others=1.0)})
    assert len(kept) == len(rows())
    assert mark
    assert report.rows_of({"rows": rows()})[1] == ""


def test_others_are_what_is_busy_beyond_the_measured_process():
    before = quiet.Moment(0.0, busy=100.0, stolen=0.0, mine=5.0)
    after = quiet.Moment(10.0, busy=118.0, stolen=1.0, mine=15.0)
    assert quiet.others(before, after) == pytest.approx(0.9)


def verdict(rule, bound, **more) -> bool | None:
    return gates.verdict(gates.Gate("small", rule, bound, **more), CONTEST, rows()).held


def test_promise_is_held_against_the_fastest_arm_of_the_other():
    assert verdict("times", 3.0, family="Slow") is True
    assert verdict("times", 3.1, family="Slow") is False
    assert verdict("times", 7.9, family="Slow", kinds=gates.DEFAULTS) is True
    assert verdict("times", 2.0, family="Nobody") is None


def test_promise_of_parity_fails_where_the_loop_by_hand_is_faster():
    assert verdict("near", 1.02, family="PyTorch", kinds=gates.LOOPS) is False
    assert verdict("near", 1.12, family="PyTorch", kinds=gates.LOOPS) is True
    assert verdict("at most", 1.1, name="hand") is False
    assert verdict("at most", 1.12, name="hand") is True


def test_the_worse_end_of_the_interval_decides():
    noisy = rows(9)
    for row in noisy:
        if row["arm"] == "slow" and row["round"] < 4:
            row["fit"] *= 0.5
    gate = gates.Gate("small", "times", 7.0, family="Slow", kinds=gates.DEFAULTS)
    ratio = pairs.ratio(noisy, "slow", "mapsto")
    assert ratio.value > 7.0 > ratio.low
    assert gates.verdict(gate, CONTEST, noisy).held is False


def test_every_gate_speaks_of_a_contest_and_of_arms_that_there_are():
    for gate in gates.GATES:
        contest = contests.contest(gate.contest)
        assert any(arm.name == gate.who for arm in contest.arms), gate
        if gate.rule != "share":
            assert any(gates._meant(gate, arm) for arm in contest.arms), gate


def test_contests_and_their_arms_have_names_of_their_own():
    everything = [*contests.ALL, *contests.ON_GPU]
    assert len({c.name for c in everything}) == len(everything)
    for contest in everything:
        assert len({arm.name for arm in contest.arms}) == len(contest.arms)
        assert contest.reference() in contest.arms


def test_workload_stands_for_its_contests():
    assert [c.name for c in contests.chosen(["digits"])] == ["digits-sgd", "digits-adamw", "digits-whole"]
    with pytest.raises(SystemExit, match="no contest nothing"):
        contests.chosen(["nothing"])


def test_arm_that_runs_seldom_runs_in_the_first_round_and_in_its_share():
    arm = dataclasses.replace(ARMS[0], fewer=0.34)
    turns = [turn for turn in range(15) if measure._runs(arm, turn)]
    assert turns[0] == 0
    assert 5 <= len(turns) <= 6


def test_page_is_a_function_of_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "ALL", (CONTEST,))
    path = tmp_path / "speed.json"
    record.keep(CONTEST, {"checked": {}, "rows": rows(slow=0.5), "failed": {}, "warm": {}}, "a command", path)
    before = record.read(path)
    page = report.page(before, {}, {}, {})
    assert page == report.page(before, {}, {}, {})
    assert "| Slow | 10 | 8.00 [8.00, 8.00] |" in page
    assert "0.5000 ‡" in page  # not the same result, and said so
    assert "| by hand | 1.12 | 0.90 [0.90, 0.90] |" in page
    assert "not measured" in page


def test_more_rounds_stand_behind_those_before_and_only_beside_their_like(tmp_path, monkeypatch):
    path, found = tmp_path / "speed.json", {"checked": {}, "failed": {}, "warm": {}}
    record.keep(CONTEST, {**found, "rows": rows(2)}, "first", path)
    record.keep(CONTEST, {**found, "rows": rows(3)}, "second", path, more=True)
    kept = record.read(path)[CONTEST.name]
    assert sorted({row["round"] for row in kept["rows"]}) == [0, 1, 2, 3, 4]
    assert kept["command"] == "first; second" and len(kept["rows"]) == 5 * len(ARMS)
    with pytest.raises(SystemExit, match="another machine"):
        record.keep(CONTEST, {**found, "rows": rows(1)}, "third", path, machine="elsewhere", more=True)
    assert record.read(path)[CONTEST.name] == kept


def test_where_the_time_goes_is_told_in_shares_beside_the_loop(monkeypatch):
    monkeypatch.setattr(report, "ALL", (CONTEST,))
    turn = {"before the first step": 0.2, "forward": 0.8, "the rest": 1.0, "mapsto": 2.0, "beside": 2.5}
    about = {"date": "a day", "machine": "a machine", "commit": "a commit", "beside": CONTEST.arms[-1].name}
    told = report.where_it_goes({CONTEST.name: {**about, "rounds": [turn] * 3}})
    assert "| before the first step | forward | the rest |" in told
    assert "| 2.00 | 10.0 % | 40.0 % | 50.0 % | 0.80 [0.80, 0.80]" in told
    assert "Not measured" in report.where_it_goes({})


def test_parts_of_a_run_are_timed_once_where_one_is_inside_another():
    clock = Clock()
    inner = clock._timed(lambda: 5, "inner")
    assert clock._timed(inner, "outer")() == 5
    assert list(clock.seconds) == ["outer"]
    inner()
    assert list(clock.seconds) == ["outer", "inner"]


def test_what_writing_takes_is_told_with_the_promise_and_marked_where_it_was_loud():
    def told(others):
        took = [("mapsto", 0.5), ("transformers", 2.6)]
        ran = [
            {"round": turn, "arm": arm, "fit": seconds, "others": others, "canary": 10.0, "load": 1.0}
            for turn in range(5)
            for arm, seconds in took
        ]
        about = {"date": "", "command": "a command", "machine": "", "python": "", "commit": ""}
        versions = {"torch": "1", "transformers": "2"}
        return report.writing({"generation": {**about, "versions": versions, "tokens": 100, "rows": ran}})

    assert "| transformers, `generate` | 38 [38, 38] | 5.20 [5.20, 5.20] | held |" in told(0.0)
    assert "| **mapsto** | 200 [200, 200] | 1.00 | |" in told(0.0)
    assert "| held † |" in told(1.0) and "0 of 5 rounds were quiet" in told(1.0)
    assert "Not measured" in report.writing({})


def test_measuring_one_contest_leaves_the_others_as_they_were(tmp_path):
    path = tmp_path / "speed.json"
    found = {"checked": {}, "rows": rows(), "failed": {}, "warm": {}}
    record.keep(CONTEST, found, "first", path)
    record.keep(dataclasses.replace(CONTEST, name="another"), found, "second", path)
    record.keep(CONTEST, {**found, "rows": rows(2)}, "third", path)
    kept = record.read(path)
    assert kept["another"]["command"] == "second"
    assert (kept["small"]["command"], len(kept["small"]["rows"])) == ("third", 8)


TASK = Task("", np.zeros((70, 2), np.float32), np.zeros(70), np.zeros((2, 2)), np.array([0, 1]), 32, 10, "sgd", 0.1)


def test_batches_keep_the_last_short_one():
    assert (TASK.batches, TASK.steps) == (3, 30)
    assert TASK.shorter().steps == 6
    once = dataclasses.replace(TASK, x=np.zeros((330, 2)), y=np.zeros(330), epochs=1)  # 11 batches, the last of 10 rows
    assert len(once.shorter().x) == 32 + 10
    assert len(once.shorter().shorter().x) == 10
    assert TASK.in_one_batch(3).steps == 3


def test_scores_are_accuracy_variance_explained_and_nats():
    assert TASK.score(np.array([[1.0, 0.0], [1.0, 0.0]])) == 0.5
    squared = dataclasses.replace(TASK, loss="squared", y_test=np.array([0.0, 2.0]))
    assert squared.score(np.array([0.0, 1.0])) == 0.5
    token = dataclasses.replace(TASK, loss="next-token", y_test=np.array([[1]]))
    assert token.score(np.zeros((1, 1, 4))) == pytest.approx(np.log(4))


def test_watch_ends_a_run_at_the_first_look_that_reaches_the_target():
    watch = Watch(TASK, 0.9)
    watch(lambda x: np.array([[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(Enough):
        watch(lambda x: np.eye(2))
    assert [score for _, score in watch.curve] == [0.5, 1.0]
