"""Claim, lease, submit: who gets what, and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import select

from review_desk.engine.errors import LateAnswerError, LeaseLostError, NotFoundError, StaleDraftError
from review_desk.engine.tables import task_event
from review_desk.engine.tasks import NoTask, NoTaskReason, Task


def claim(desk: Desk, worker: int, **wanted: str) -> Task:
    task = desk.tasks.claim(worker, **wanted)
    assert isinstance(task, Task)
    return task


def test_two_workers_never_get_the_same_single_task(desk: Desk) -> None:
    flow = desk.flow()
    desk.start(flow, "one")
    first, second = desk.worker("ann"), desk.worker("bob")
    claim(desk, first)
    assert desk.tasks.claim(second) == NoTask(NoTaskReason.HELD, 600)


def test_many_workers_at_once_take_each_loop_once(desk: Desk) -> None:
    flow = desk.flow(TaskCount=2)
    for number in range(10):
        desk.start(flow, f"loop-{number}")
    workers = [desk.worker(f"worker-{number}") for number in range(6)]

    def work(worker: int) -> list[str]:
        done = []
        while isinstance(task := desk.tasks.claim(worker), Task):
            desk.tasks.submit(worker, task.id, {"by": worker}, task.lease_token)
            done.append(task.human_loop)
        return done

    with ThreadPoolExecutor(len(workers)) as pool:
        taken = list(pool.map(work, workers))
    assert sum(len(loops) for loops in taken) == 20
    assert all(len(loops) == len(set(loops)) for loops in taken)
    desk.outbox.deliver_due()
    assert len(desk.store.documents) == 10
    for document in desk.store.documents.values():
        answers = document["humanAnswers"]
        assert len({answer["workerId"] for answer in answers}) == len(answers) == 2


def test_a_claim_again_returns_the_task_in_hand(desk: Desk) -> None:
    flow = desk.flow()
    desk.start(flow, "one")
    desk.start(flow, "two")
    worker = desk.worker("ann")
    assert claim(desk, worker).id == claim(desk, worker).id


def test_a_claim_can_name_its_loop_or_flow(desk: Desk) -> None:
    flow, other = desk.flow(), desk.flow("other")
    for name in ("one", "two"):
        desk.start(flow, name)
    desk.start(other, "elsewhere")
    worker = desk.worker("ann")
    assert claim(desk, worker, loop_name="two").human_loop == "two"
    assert claim(desk, worker, flow_definition_arn=other).human_loop == "elsewhere"


def test_teams_are_separate(desk: Desk) -> None:
    desk.team("others")
    desk.start(desk.flow(), "one")
    stranger = desk.worker("eve", "others")
    assert desk.tasks.claim(stranger) == NoTask(NoTaskReason.EMPTY)
    assert desk.tasks.claim(stranger, loop_name="one") == NoTask(NoTaskReason.EMPTY)
    assert desk.tasks.queue(stranger) == []
    task = claim(desk, desk.worker("ann"))
    for call in (
        lambda: desk.tasks.get(stranger, task.id),
        lambda: desk.tasks.submit(stranger, task.id, {}, task.lease_token),
        lambda: desk.tasks.release(stranger, task.id),
        lambda: desk.tasks.save_draft(stranger, task.id, {}, 0),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_an_expired_lease_frees_the_loop_without_a_sweeper(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    first, second = desk.worker("ann"), desk.worker("bob")
    claim(desk, first)
    desk.clock.advance(601)
    assert claim(desk, second).human_loop == "one"


def test_a_late_answer_counts_while_its_slot_is_free(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.clock.advance(601)
    desk.tasks.tidy()
    desk.tasks.submit(worker, task.id, {"a": "late but welcome"}, task.lease_token)
    assert desk.status("one") == "Completed"


def test_a_late_answer_is_kept_when_somebody_else_has_the_slot(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    first, second = desk.worker("ann"), desk.worker("bob")
    task = claim(desk, first)
    desk.clock.advance(601)
    other = claim(desk, second)
    for _ in range(2):
        with pytest.raises(LateAnswerError, match="kept"):
            desk.tasks.submit(first, task.id, {"a": "late"}, task.lease_token)
    desk.tasks.submit(second, other.id, {"a": "in time"}, other.lease_token)
    assert desk.status("one") == "Completed"
    desk.outbox.deliver_due()
    [document] = desk.store.documents.values()
    assert [answer["answerContent"] for answer in document["humanAnswers"]] == [{"a": "in time"}]
    with desk.service.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT answer FROM task WHERE state = 'late'").scalar_one()
    assert "late" in str(kept)


def test_a_late_answer_does_not_count_after_the_availability_either(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    first, second = desk.worker("ann"), desk.worker("bob")
    task = claim(desk, first)
    desk.clock.advance(3300)
    other = claim(desk, second)
    desk.clock.advance(301)
    with pytest.raises(LateAnswerError):
        desk.tasks.submit(first, task.id, {"a": "late"}, task.lease_token)
    desk.tasks.submit(second, other.id, {"a": "in time"}, other.lease_token)
    assert desk.status("one") == "Failed"


def test_submitting_again_changes_nothing(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    for answer in ({"a": 1}, {"a": 1}):
        desk.tasks.submit(worker, task.id, answer, task.lease_token)
    second = desk.worker("bob")
    other = claim(desk, second)
    desk.tasks.submit(second, other.id, {"a": 3}, other.lease_token)
    desk.outbox.deliver_due()
    [document] = desk.store.documents.values()
    assert [answer["answerContent"] for answer in document["humanAnswers"]] == [{"a": 1}, {"a": 3}]


def test_released_loops_can_be_taken_again_declined_ones_not(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.tasks.release(worker, task.id)
    again = claim(desk, worker)
    with pytest.raises(LeaseLostError):
        desk.tasks.submit(worker, task.id, {}, task.lease_token)
    desk.tasks.decline(worker, again.id, "not readable")
    assert desk.tasks.claim(worker) == NoTask(NoTaskReason.DONE)
    assert desk.status("one") == "InProgress"
    claim(desk, desk.worker("bob"))


def test_drafts_are_versioned_and_end_with_the_task(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    assert desk.tasks.save_draft(worker, task.id, {"a": "1"}, 0) == 1
    assert desk.tasks.get(worker, task.id).draft == {"a": "1"}
    with pytest.raises(StaleDraftError) as stale:
        desk.tasks.save_draft(worker, task.id, {"a": "other window"}, 0)
    assert (stale.value.draft, stale.value.version) == ({"a": "1"}, 1)
    desk.tasks.submit(worker, task.id, {"a": "2"}, task.lease_token)
    assert desk.tasks.get(worker, task.id).draft is None
    with pytest.raises(LeaseLostError, match="submitted"):
        desk.tasks.save_draft(worker, task.id, {}, 1)


def test_availability_ends_by_itself(desk: Desk) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.tasks.submit(worker, task.id, {"a": 1}, task.lease_token)
    desk.clock.advance(3600)
    assert desk.tasks.claim(desk.worker("bob")) == NoTask(NoTaskReason.EMPTY)
    desk.tasks.tidy()
    loop = desk.loops.describe(SCOPE, "one")
    assert (str(loop.status), loop.failure_code) == ("Failed", "Expired")
    desk.outbox.deliver_due()
    [document] = desk.store.documents.values()
    assert len(document["humanAnswers"]) == 1


def test_stopping_lets_who_works_finish(desk: Desk) -> None:
    flow = desk.flow()
    desk.start(flow, "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.loops.stop(SCOPE, "one")
    assert desk.status("one") == "Stopping"
    desk.tasks.submit(worker, task.id, {"a": 1}, task.lease_token)
    desk.outbox.deliver_due()
    assert len(desk.store.documents) == 1


def test_the_queue_counts_what_this_worker_could_take(desk: Desk) -> None:
    flow = desk.flow(TaskCount=2)
    for name in ("one", "two"):
        desk.start(flow, name)
    worker = desk.worker("ann")
    [entry] = desk.tasks.queue(worker)
    assert (entry.flow_definition, entry.open) == (flow, 2)
    task = claim(desk, worker)
    assert desk.tasks.queue(worker)[0].open == 1
    assert [held.id for held in desk.tasks.working(worker)] == [task.id]
    desk.tasks.submit(worker, task.id, {}, task.lease_token)
    assert desk.tasks.submitted_since(worker, datetime(2026, 1, 1, tzinfo=UTC)) == 1


def test_outputs_wait_for_a_store_that_is_down(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.tasks.submit(worker, task.id, {"a": 1}, task.lease_token)
    desk.store.broken = True
    assert desk.outbox.deliver_due() == 0
    desk.store.broken = False
    assert desk.outbox.deliver_due() == 0, "not before the back-off is over"
    desk.clock.advance(2)
    assert desk.outbox.deliver_due() == 1
    assert list(desk.store.documents) == ["s3://answers/a2i/flow/2026/01/01/12/00/00/one/output.json"]


def test_every_change_is_logged(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    desk.tasks.release(worker, claim(desk, worker).id)
    task = claim(desk, worker)
    desk.clock.advance(601)
    desk.tasks.tidy()
    desk.tasks.submit(worker, task.id, {}, task.lease_token)
    with desk.service.database.read() as connection:
        actions = connection.exec_driver_sql("SELECT action FROM task_event ORDER BY id").scalars().all()
    assert actions == ["claimed", "released", "claimed", "expired", "submitted", "loop-completed"]


def test_who_leaves_the_team_may_finish_what_they_hold(desk: Desk) -> None:
    flow = desk.flow()
    for name in ("held", "open"):
        desk.start(flow, name)
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.service.workers.remove_from_team(SCOPE, "ann", "reviewers")
    assert desk.tasks.claim(worker, loop_name="open") == NoTask(NoTaskReason.EMPTY)
    desk.tasks.submit(worker, task.id, {}, task.lease_token)
    assert desk.status("held") == "Completed"


def test_another_answer_to_an_answered_task_is_refused_and_kept_in_the_log(desk: Desk) -> None:
    desk.start(desk.flow(), "one")
    worker = desk.worker("ann")
    task = claim(desk, worker)
    desk.tasks.submit(worker, task.id, {"a": "first"}, task.lease_token)
    with pytest.raises(LeaseLostError, match="answered"):
        desk.tasks.submit(worker, task.id, {"a": "second"}, task.lease_token)
    desk.tasks.submit(worker, task.id, {"a": "first"}, task.lease_token)
    desk.outbox.deliver_due()
    [document] = desk.store.documents.values()
    assert [answer["answerContent"] for answer in document["humanAnswers"]] == [{"a": "first"}]
    with desk.service.database.read() as connection:
        [detail] = connection.execute(
            select(task_event.c.detail).where(task_event.c.action == "answer-refused")
        ).scalars()
    assert detail == {"answer": {"a": "second"}}
