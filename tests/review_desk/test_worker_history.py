"""What a worker finished today."""

from __future__ import annotations

import pytest
from review_desk_fixtures import Desk

from review_desk.engine.errors import InvalidError
from review_desk.engine.tasks import Task


def claim(desk: Desk, worker: int, loop: str) -> Task:
    task = desk.tasks.claim(worker, loop_name=loop)
    assert isinstance(task, Task)
    return task


def submit(desk: Desk, worker: int, loop: str, seconds: float = 1) -> None:
    task = claim(desk, worker, loop)
    desk.clock.advance(seconds)
    desk.tasks.submit(worker, task.id, {}, task.lease_token)


def test_each_end_is_told_with_its_time(desk: Desk) -> None:
    flow = desk.flow(TaskAvailabilityLifetimeInSeconds=864_000)
    names = ("answered", "released", "declined", "expired", "late", "held")
    for name in names:
        desk.start(flow, name)
    ann, bob = desk.worker("ann"), desk.worker("bob")
    submit(desk, ann, "answered", 43.1)
    task = claim(desk, ann, "released")
    desk.clock.advance(2)
    desk.tasks.release(ann, task.id)
    task = claim(desk, ann, "declined")
    desk.clock.advance(3)
    desk.tasks.decline(ann, task.id, "blurred")
    overdue = claim(desk, ann, "late")
    claim(desk, ann, "expired")
    desk.clock.advance(600)
    desk.tasks.tidy()
    submit(desk, bob, "late")
    with pytest.raises(Exception, match="does not count"):
        desk.tasks.submit(ann, overdue.id, {}, overdue.lease_token)
    claim(desk, ann, "held")

    tasks, before = desk.service.worker_history.today(ann, 20)
    assert before is None
    assert [(task.human_loop, str(task.outcome), task.handling_seconds) for task in tasks] == [
        ("late", "late", 601),
        ("expired", "expired", 600),
        ("declined", "declined", 3),
        ("released", "released", 2),
        ("answered", "submitted", 43.1),
    ]
    assert {(task.flow_definition, task.title) for task in tasks} == {(flow, "t")}
    [other], _ = desk.service.worker_history.today(bob, 20)
    assert (other.human_loop, other.outcome) == ("late", "submitted")


def test_yesterday_is_not_told(desk: Desk) -> None:
    flow = desk.flow(TaskAvailabilityLifetimeInSeconds=864_000)
    for name in ("answered", "released", "today"):
        desk.start(flow, name)
    ann = desk.worker("ann")
    submit(desk, ann, "answered")
    desk.tasks.release(ann, claim(desk, ann, "released").id)
    desk.clock.advance(12 * 3600)
    submit(desk, ann, "today")
    tasks, _ = desk.service.worker_history.today(ann, 20)
    assert [task.human_loop for task in tasks] == ["today"]


def test_pages_leave_nothing_out_and_show_nothing_twice(desk: Desk) -> None:
    flow = desk.flow()
    ann = desk.worker("ann")
    for number in range(7):
        desk.start(flow, f"loop-{number}")
        submit(desk, ann, f"loop-{number}", 1 if number % 3 == 0 else 0)
    history = desk.service.worker_history
    shown, before = history.today(ann, 3)
    desk.start(flow, "meanwhile")
    submit(desk, ann, "meanwhile")
    while before:
        page, before = history.today(ann, 3, before)
        shown += page
    assert sorted(task.human_loop for task in shown) == [f"loop-{number}" for number in range(7)]
    assert [task.ended_at for task in shown] == sorted((task.ended_at for task in shown), reverse=True)


@pytest.mark.parametrize("before", ["x", "1-1", "9" * 15 + "-" + "a" * 36, "-" * 60])
def test_a_position_that_no_page_gave_is_refused(desk: Desk, before: str) -> None:
    with pytest.raises(InvalidError, match="before"):
        desk.service.worker_history.today(desk.worker("ann"), 3, before)
