"""Taking an answer back: for whom, how long, and what becomes of the loop."""

from __future__ import annotations

import pytest
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import select

from review_desk.engine.errors import LeaseLostError, NotFoundError, TooLateError
from review_desk.engine.tables import task_event
from review_desk.engine.tasks import NoTask, NoTaskReason, Task


def claim(desk: Desk, worker: int) -> Task:
    task = desk.tasks.claim(worker)
    assert isinstance(task, Task)
    return task


def answer(desk: Desk, worker: int, text: str = "first") -> Task:
    task = claim(desk, worker)
    return desk.tasks.submit(worker, task.id, {"a": text}, task.lease_token)


def test_an_answer_taken_back_is_the_draft_of_its_task(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann, bob = desk.worker("ann"), desk.worker("bob")
    before = claim(desk, ann)
    desk.tasks.save_draft(ann, before.id, {"a": "draft"}, 0)
    submitted = desk.tasks.submit(ann, before.id, {"a": "first"}, before.lease_token)
    assert desk.service.undo.seconds_for(submitted) == 10
    desk.clock.advance(10)
    desk.service.undo.reopen(ann, before.id)

    task = desk.tasks.get(ann, before.id)
    assert (task.state, task.draft, task.draft_version) == ("working", {"a": "first"}, 2)
    assert (task.accepted_at, task.lease_expires_at) == (before.accepted_at, before.lease_expires_at)
    assert desk.tasks.submitted_since(ann, before.accepted_at) == 0
    # The slot is still this worker's: one is left for others, and the loop is complete with two answers.
    answer(desk, bob)
    assert desk.tasks.claim(desk.worker("cleo")) == NoTask(NoTaskReason.HELD, 590)
    assert desk.status("one") == "InProgress"
    desk.tasks.submit(ann, task.id, {"a": "second"}, task.lease_token)
    assert desk.status("one") == "Completed"
    desk.outbox.deliver_due()
    [document] = desk.store.documents.values()
    assert [found["answerContent"]["a"] for found in document["humanAnswers"]] == ["first", "second"]
    with desk.service.database.read() as connection:
        events = select(task_event.c.action).where(task_event.c.worker_id == ann).order_by(task_event.c.id)
        assert connection.execute(events).scalars().all() == [
            "claimed",
            "submitted",
            "reopened",
            "submitted",
        ]


def test_a_repeated_submission_does_not_undo_the_undo(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = answer(desk, ann)
    desk.service.undo.reopen(ann, task.id)
    with pytest.raises(LeaseLostError):
        desk.tasks.submit(ann, task.id, {"a": "first"}, task.lease_token)
    assert desk.tasks.get(ann, task.id).state == "working"


def test_to_take_back_twice_is_to_take_back_once(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = answer(desk, ann)
    desk.service.undo.reopen(ann, task.id)
    token = desk.tasks.get(ann, task.id).lease_token
    desk.service.undo.reopen(ann, task.id)
    assert desk.tasks.get(ann, task.id).lease_token == token


def test_a_complete_loop_stays_complete(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    ann = desk.worker("ann")
    task = answer(desk, ann)
    assert desk.service.undo.seconds_for(task) == 0
    with pytest.raises(TooLateError, match="has ended"):
        desk.service.undo.reopen(ann, task.id)
    assert desk.tasks.get(ann, task.id).state == "submitted"


def test_a_stopped_loop_stays_stopped(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = answer(desk, ann)
    desk.loops.stop(SCOPE, "one")
    with pytest.raises(TooLateError, match="has ended"):
        desk.service.undo.reopen(ann, task.id)


def test_the_moment_passes(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = answer(desk, ann)
    desk.clock.advance(12.001)
    with pytest.raises(TooLateError, match="10 seconds"):
        desk.service.undo.reopen(ann, task.id)


def test_the_time_for_the_task_is_not_made_longer(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = claim(desk, ann)
    desk.clock.advance(595)
    submitted = desk.tasks.submit(ann, task.id, {}, task.lease_token)
    desk.clock.advance(5)
    assert desk.service.undo.seconds_for(submitted) == 0
    with pytest.raises(TooLateError):
        desk.service.undo.reopen(ann, task.id)


def test_what_was_given_back_cannot_be_taken_back(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = claim(desk, ann)
    desk.tasks.release(ann, task.id)
    with pytest.raises(TooLateError, match="not submitted"):
        desk.service.undo.reopen(ann, task.id)


def test_others_take_nothing_back(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann, bob = desk.worker("ann"), desk.worker("bob")
    task = answer(desk, ann)
    with pytest.raises(NotFoundError):
        desk.service.undo.reopen(bob, task.id)
