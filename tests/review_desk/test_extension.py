"""More time for a task, as WCAG 2.2.1 asks of every time limit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from review_desk_fixtures import Desk

from review_desk.engine.errors import LeaseLostError, NotFoundError, TooLateError
from review_desk.engine.tasks import Task

LIMIT = 600


def claimed(desk: Desk, worker: int) -> Task:
    task = desk.tasks.claim(worker)
    assert isinstance(task, Task)
    return task


def test_the_time_limit_begins_anew(desk: Desk) -> None:
    flow, ann, bob = desk.flow(), desk.worker("ann"), desk.worker("bob")
    desk.start(flow, "one")
    task = claimed(desk, ann)
    desk.clock.advance(LIMIT - 1)
    extended = desk.service.extension.extend(ann, task.id)
    assert extended.lease_expires_at == desk.clock.now() + timedelta(seconds=LIMIT)
    assert (extended.lease_token, extended.accepted_at) == (task.lease_token, task.accepted_at)
    desk.clock.advance(LIMIT - 1)
    assert not isinstance(desk.tasks.claim(bob), Task)
    desk.tasks.submit(ann, task.id, {"a": "b"}, task.lease_token)
    assert desk.status("one") == "Completed"


def test_ten_times_and_no_more(desk: Desk) -> None:
    flow, ann = desk.flow(), desk.worker("ann")
    desk.start(flow, "one")
    task = claimed(desk, ann)
    for _ in range(10):
        desk.service.extension.extend(ann, task.id)
    before = desk.tasks.get(ann, task.id).lease_expires_at
    desk.clock.advance(10)
    with pytest.raises(TooLateError, match="extended 10 times"):
        desk.service.extension.extend(ann, task.id)
    assert desk.tasks.get(ann, task.id).lease_expires_at == before
    # Who takes it a second time begins anew.
    desk.tasks.release(ann, task.id)
    desk.service.extension.extend(ann, claimed(desk, ann).id)


def test_only_a_task_in_hand(desk: Desk) -> None:
    flow, ann, bob = desk.flow(), desk.worker("ann"), desk.worker("bob")
    desk.start(flow, "one")
    task = claimed(desk, ann)
    with pytest.raises(NotFoundError):
        desk.service.extension.extend(bob, task.id)
    desk.clock.advance(LIMIT)
    with pytest.raises(LeaseLostError, match="over"):
        desk.service.extension.extend(ann, task.id)
    desk.tasks.submit(ann, task.id, {"a": "b"}, task.lease_token)
    with pytest.raises(LeaseLostError, match="submitted"):
        desk.service.extension.extend(ann, task.id)


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    desk = Desk(tmp_path, task_time_extensions=0)
    flow, ann = desk.flow(), desk.worker("ann")
    desk.start(flow, "one")
    with pytest.raises(TooLateError, match="cannot be extended"):
        desk.service.extension.extend(ann, claimed(desk, ann).id)
