"""Two requests at the same moment, where PostgreSQL lets both look before either has written.

Each test stops one of them in the middle of its transaction until the other waits for its lock. SQLite lets one write
after the other, so these tests are about PostgreSQL alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import select, text
from support import wait_until

from review_desk.engine import tasks, transitions
from review_desk.engine.errors import StaleDraftError
from review_desk.engine.tables import flow_definition, human_loop, outbox
from review_desk.engine.tasks import NoTask, Task

pytestmark = pytest.mark.parametrize("desk", ["postgresql"], indirect=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


class Pause:
    """Stops the first thread that calls a function of a module, before the call, until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self._original = getattr(module, name)
        self._reached = threading.Event()
        self._go_on = threading.Event()
        monkeypatch.setattr(module, name, self._call)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        if not self._reached.is_set():
            self._reached.set()
            assert self._go_on.wait(20)
        return self._original(*args, **kwargs)

    def wait(self) -> None:
        assert self._reached.wait(20)

    def end(self) -> None:
        self._go_on.set()


def is_waiting_for_lock(desk: Desk, waiting: int = 1) -> bool:
    """Whether this many connections wait for another's lock."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with desk.service.database.read() as connection:
        return bool(connection.execute(blocked).scalar_one() >= waiting)


def wait_for_lock(desk: Desk, waiting: int = 1) -> None:
    """Wait until this many connections wait for another's lock."""
    wait_until(lambda: is_waiting_for_lock(desk, waiting))


def counts(desk: Desk, name: str) -> tuple[int, int]:
    """Tasks being worked on and answers of a loop, as the loop counts them."""
    with desk.service.database.read() as connection:
        row = connection.execute(select(human_loop).where(human_loop.c.name == name)).one()
    return row.active_count, row.answer_count


def claimed(desk: Desk, worker: int, **wanted: str) -> Task:
    task = desk.tasks.claim(worker, **wanted)
    assert isinstance(task, Task)
    return task


def test_two_windows_of_a_worker_take_a_loop_once(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    pause = Pause(monkeypatch, tasks, "save_progress")
    first = pool.submit(desk.tasks.claim, ann)
    pause.wait()
    second = pool.submit(desk.tasks.claim, ann)
    wait_for_lock(desk)
    pause.end()
    assert first.result() == second.result()
    assert counts(desk, "one") == (1, 0)


def test_two_windows_of_a_worker_take_one_of_several_loops(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, flow = desk.worker("ann"), desk.flow()
    for name in ("loop-1", "loop-2"):
        desk.start(flow, name)
    pause = Pause(monkeypatch, tasks, "_next_open")
    first = pool.submit(claimed, desk, worker)
    pause.wait()
    second = pool.submit(claimed, desk, worker)
    wait_until(lambda: second.done() or is_waiting_for_lock(desk))
    pause.end()
    assert first.result().id == second.result().id
    assert [task.id for task in desk.tasks.working(worker)] == [first.result().id]


def test_a_claim_does_not_take_what_the_worker_answers_at_this_moment(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start(desk.flow(TaskCount=2), "one")
    ann = desk.worker("ann")
    task = claimed(desk, ann)
    desk.clock.advance(600)
    assert desk.tasks.tidy() == 1
    pause = Pause(monkeypatch, tasks, "save_progress")
    answered = pool.submit(desk.tasks.submit, ann, task.id, {"a": 1}, task.lease_token)
    pause.wait()
    found = pool.submit(desk.tasks.claim, ann)
    wait_for_lock(desk)
    pause.end()
    answered.result()
    assert isinstance(found.result(), NoTask)
    assert counts(desk, "one") == (0, 1)
    assert desk.tasks.get(ann, task.id).state == "submitted"


def test_of_two_drafts_from_one_version_one_is_taken(desk: Desk, pool: ThreadPoolExecutor) -> None:
    desk.start(desk.flow(), "one")
    ann = desk.worker("ann")
    task = claimed(desk, ann)
    start = threading.Barrier(4)

    def save(version: int) -> bool:
        start.wait()
        try:
            desk.tasks.save_draft(ann, task.id, {"a": "half"}, version)
        except StaleDraftError:
            return False
        return True

    for version in range(20):
        assert sum(pool.map(save, [version] * 4)) == 1


def test_a_claim_lets_go_of_the_loops_whose_leases_it_ended_before_it_looks_for_one(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two claims could each wait for a loop whose lease the other has just ended."""
    desk.start(desk.flow(), "one")
    claimed(desk, desk.worker("cat"))
    desk.clock.advance(600)
    pause = Pause(monkeypatch, tasks, "_next_open")
    first = pool.submit(desk.tasks.claim, desk.worker("ann"))
    pause.wait()
    second = pool.submit(desk.tasks.claim, desk.worker("bob"))
    try:
        assert isinstance(second.result(timeout=10), Task)
    finally:
        pause.end()
    assert isinstance(first.result(), NoTask)


def test_deleting_a_flow_definition_waits_for_a_claim(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the loop would owe an event though it has not ended."""
    desk.start(desk.flow(), "one")
    ann = desk.worker("ann")
    pause = Pause(monkeypatch, tasks, "save_progress")
    taking = pool.submit(desk.tasks.claim, ann)
    pause.wait()
    deletion = pool.submit(desk.service.flow_definitions.delete, SCOPE, "flow")
    wait_for_lock(desk)
    pause.end()
    task = taking.result()
    deletion.result()
    assert isinstance(task, Task)
    assert owed(desk) == []
    assert desk.status("one") == "Stopping"
    desk.tasks.release(ann, task.id)
    assert owed(desk) == ["event"]


def test_a_flow_definition_goes_though_its_last_loops_end_at_the_same_moment(
    desk: Desk, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = desk.flow()
    workers = [desk.worker(name) for name in ("ann", "bob")]
    for name in ("one", "two"):
        desk.start(flow, name)
    held = [claimed(desk, worker) for worker in workers]
    desk.service.flow_definitions.delete(SCOPE, "flow")
    both_are_ending = threading.Barrier(2)
    finish_deletion = transitions.finish_deletion

    def finish_together(*arguments: Any) -> None:
        finish_deletion(*arguments)
        both_are_ending.wait(20)

    monkeypatch.setattr(transitions, "finish_deletion", finish_together)
    answers = [
        pool.submit(desk.tasks.submit, worker, task.id, {"a": 1}, task.lease_token)
        for worker, task in zip(workers, held, strict=True)
    ]
    for answer in answers:
        answer.result()
    desk.tasks.tidy()
    with desk.service.database.read() as connection:
        assert connection.execute(select(flow_definition.c.deleted_at)).scalar_one() is not None


def owed(desk: Desk) -> list[str]:
    with desk.service.database.read() as connection:
        return list(connection.execute(select(outbox.c.kind).order_by(outbox.c.id)).scalars())
