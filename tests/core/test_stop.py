"""When a signal breaks off what is going on, and when it has to wait."""

import os
import signal
import threading

import pytest

from mapsto.core.errors import Interrupted
from mapsto.core.stop import Stop, at_once

TERM, INT = signal.SIGTERM, signal.SIGINT


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [TERM, INT])
def test_what_is_going_on_is_broken_off(number):
    with pytest.raises(Interrupted, match="There is nothing to continue") as stopped, Stop():
        ask(number)
        pytest.fail("it went on")
    assert stopped.value.exit_code == 128 + number


def test_where_signals_are_held_they_only_set_a_flag():
    with Stop() as stop, stop.held():
        ask(TERM)
        assert stop.asked == TERM
        ask(TERM)


def test_a_second_interrupt_breaks_off_even_there():
    with pytest.raises(Interrupted) as stopped, Stop() as stop, stop.held():
        ask(TERM)
        ask(INT)
        pytest.fail("it went on")
    assert stopped.value.signal == TERM, "what was asked first is what it ends with"


def test_within_what_is_held_some_work_is_broken_off_again():
    reached = []
    with pytest.raises(Interrupted), Stop() as stop, stop.held():
        with at_once():
            reached.append("work")
            try:
                ask(TERM)
            finally:
                reached.append("put away")
        reached.append("went on")
    assert reached == ["work", "put away"]


def test_what_was_asked_while_signals_were_held_breaks_off_before_such_work_begins():
    with pytest.raises(Interrupted), Stop() as stop, stop.held():
        ask(TERM)
        with at_once():
            pytest.fail("it began")


def test_after_such_work_signals_are_held_again():
    with Stop() as stop, stop.held():
        with at_once():
            pass
        ask(TERM)
        assert stop.asked == TERM


def test_no_library_swallows_it():
    with pytest.raises(Interrupted), Stop():
        try:
            ask(TERM)
        except Exception:
            pytest.fail("swallowed")


def test_one_within_another_is_the_outer_one():
    with Stop() as outer, Stop() as inner:
        assert inner is outer
    assert Stop.listening is None


def test_afterwards_signals_are_what_they_were():
    before = {number: signal.getsignal(number) for number in (TERM, INT)}
    with Stop():
        assert signal.getsignal(TERM) != before[TERM]
    assert {number: signal.getsignal(number) for number in (TERM, INT)} == before


def test_it_says_how_the_run_goes_on_that_was_begun(tmp_path):
    with pytest.raises(Interrupted, match=f"mapsto resume {tmp_path}$"), Stop() as stop:
        stop.begun = tmp_path
        ask(TERM)


def test_outside_the_main_thread_nothing_is_heard():
    heard = []

    def work():
        with Stop() as stop, at_once():
            heard.append((stop.asked, Stop.listening))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [(0, None)]


def test_without_a_stop_such_work_is_just_done():
    with pytest.raises(KeyboardInterrupt), at_once():
        ask(INT)
