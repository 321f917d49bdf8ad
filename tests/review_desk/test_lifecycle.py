"""The rules of a loop's life, as properties over every order of things that can happen to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from review_desk.engine.lifecycle import FailureCode, LoopProgress, LoopStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(hours=1)


def new_loop(task_count: int = 1) -> LoopProgress:
    return LoopProgress(LoopStatus.IN_PROGRESS, task_count, 0, 0, START + LIFETIME)


def test_completes_with_the_last_answer() -> None:
    loop = new_loop(2).claimed().claimed()
    assert not loop.is_open
    loop = loop.answered(START)
    assert loop.status is LoopStatus.IN_PROGRESS
    assert loop.answered(START).status is LoopStatus.COMPLETED


def test_stops_at_once_when_nobody_works_on_it() -> None:
    assert new_loop().stopped(START).status is LoopStatus.STOPPED


def test_waits_for_who_works_when_stopped() -> None:
    loop = new_loop(2).claimed().stopped(START)
    assert loop.status is LoopStatus.STOPPING
    assert not loop.is_open
    assert loop.given_up(START).status is LoopStatus.STOPPED
    stopped = loop.answered(START)
    assert (stopped.status, stopped.answer_count) == (LoopStatus.STOPPED, 1)


def test_the_last_answer_completes_a_stopping_loop() -> None:
    assert new_loop().claimed().stopped(START).answered(START).status is LoopStatus.COMPLETED


def test_expires_only_when_nobody_works_on_it() -> None:
    late = START + LIFETIME
    assert new_loop().settled(late).failure_code is FailureCode.EXPIRED
    assert new_loop().claimed().settled(late).status is LoopStatus.IN_PROGRESS
    expired = new_loop(2).claimed().answered(late)
    assert expired.status is LoopStatus.FAILED
    assert expired.failure_reason
    assert expired.failure_reason.startswith("1 of 2 answers")


def test_a_final_state_never_changes() -> None:
    done = new_loop().claimed().answered(START)
    assert done.stopped(START) == done
    assert done.settled(START + 2 * LIFETIME) == done


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from(["claim", "answer", "give_up", "stop", "time"]), st.integers(0, 7200))
    ),
)
def test_counts_stay_within_bounds(task_count: int, steps: list[tuple[str, int]]) -> None:
    loop, now = new_loop(task_count), START
    for step, seconds in steps:
        now += timedelta(seconds=seconds)
        before = loop
        if step == "claim" and loop.is_open and now < loop.available_until:
            loop = loop.claimed()
        elif step == "answer" and loop.active_count:
            loop = loop.answered(now)
        elif step == "give_up" and loop.active_count:
            loop = loop.given_up(now)
        elif step == "stop":
            loop = loop.stopped(now)
        elif step == "time":
            loop = loop.settled(now)
        assert loop.active_count >= 0
        assert loop.active_count + loop.answer_count <= task_count
        assert (loop.status is LoopStatus.COMPLETED) == (loop.answer_count == task_count)
        if before.status.is_final:
            assert loop.status is before.status
        if loop.status.is_final:
            assert loop.active_count == 0
