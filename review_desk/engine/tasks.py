"""Tasks: what one worker takes, holds under a lease, and submits or gives back.

Every change is one short transaction. A claim reads the expiry of leases itself; the sweeper only tidies. The first
state change wins: an answer that comes too late is kept, but does not count.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, select, update
from sqlalchemy.sql import Select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import (
    InvalidError,
    LateAnswerError,
    LeaseLostError,
    NotFoundError,
    StaleDraftError,
)
from review_desk.engine.lifecycle import RECLAIMABLE, LoopStatus, TaskState
from review_desk.engine.tables import (
    flow_definition,
    human_loop,
    human_loop_input,
    human_task_ui,
    task,
    workteam_member,
)
from review_desk.engine.transitions import log_event, progress_of, save_progress

GIVEN_UP = (TaskState.RELEASED, TaskState.DECLINED, TaskState.REQUEUED)
LEASES_EXPIRED_AT_ONCE = 100
CLAIM_ATTEMPTS = 5


class NoTaskReason(StrEnum):
    """Why a claim found nothing."""

    EMPTY = "empty"
    HELD = "held"
    DONE = "done"


@dataclass(frozen=True)
class NoTask:
    """A claim found nothing; ``retry_after`` is in seconds, known when others hold what is open."""

    reason: NoTaskReason
    retry_after: int | None = None


@dataclass(frozen=True)
class Task:
    """A worker's task.

    :param flow_definition: ARN.
    :param time_limit: seconds from acceptance to the end of the lease.
    :param loop_status: status of the human loop it belongs to.
    """

    id: str
    worker_id: int
    human_loop: str
    flow_definition: str
    title: str
    description: str
    state: TaskState
    accepted_at: datetime
    lease_token: str
    lease_expires_at: datetime
    time_limit: int
    draft: dict[str, Any] | None
    draft_version: int
    loop_status: LoopStatus


@dataclass(frozen=True)
class QueueEntry:
    """What a worker could take of one flow definition."""

    flow_definition: str
    name: str
    title: str
    description: str
    open: int


class TaskStore:
    """The portal's door to tasks; every call acts for one worker.

    :param lease_expired: told of each lease that ran out.
    """

    def __init__(
        self, database: Database, clock: Clock, lease_expired: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._clock = clock
        self._lease_expired = lease_expired

    def queue(self, worker_id: int) -> list[QueueEntry]:
        """Return the flow definitions of the worker's teams, with the number of loops open to this worker."""
        now = self._clock.now()
        available = (
            select(human_loop.c.flow_definition_id, func.count().label("open"))
            .where(*_open_to(worker_id, now))
            .group_by(human_loop.c.flow_definition_id)
            .subquery()
        )
        with self._database.read() as connection:
            rows = connection.execute(
                select(flow_definition, func.coalesce(available.c.open, 0).label("open"))
                .join_from(
                    flow_definition,
                    available,
                    available.c.flow_definition_id == flow_definition.c.id,
                    isouter=True,
                )
                .where(
                    flow_definition.c.workteam_id.in_(_teams(worker_id)),
                    flow_definition.c.deleted_at.is_(None),
                )
                .order_by(flow_definition.c.created_at, flow_definition.c.id)
            ).all()
        return [
            QueueEntry(
                flow_definition=_scope(row).arn("flow-definition", row.name),
                name=row.name,
                title=row.task_title,
                description=row.task_description,
                open=row.open,
            )
            for row in rows
        ]

    def working(self, worker_id: int) -> list[Task]:
        """Return the tasks that the worker holds now, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                _task_rows()
                .where(
                    task.c.worker_id == worker_id,
                    task.c.state == TaskState.WORKING,
                    task.c.lease_expires_at > self._clock.now(),
                )
                .order_by(task.c.accepted_at)
            ).all()
        return [_task(row) for row in rows]

    def submitted_since(self, worker_id: int, moment: datetime) -> int:
        """Count the worker's answers since ``moment``."""
        with self._database.read() as connection:
            return connection.execute(
                select(func.count()).where(
                    task.c.worker_id == worker_id,
                    task.c.state == TaskState.SUBMITTED,
                    task.c.submitted_at >= moment,
                )
            ).scalar_one()

    def claim(
        self, worker_id: int, flow_definition_arn: str | None = None, loop_name: str | None = None
    ) -> Task | NoTask:
        """Take the next loop for the worker, or return the task that the worker holds already.

        :param flow_definition_arn: only loops of this flow definition.
        :param loop_name: only this loop.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            wanted = _wanted(flow_definition_arn, loop_name)
            held = connection.execute(
                _task_rows()
                .where(
                    task.c.worker_id == worker_id,
                    task.c.state == TaskState.WORKING,
                    task.c.lease_expires_at > now,
                    *wanted,
                )
                .order_by(task.c.accepted_at)
                .limit(1)
            ).one_or_none()
            if held is not None:
                return _task(held)
            self._expire_leases(connection, now)
            loop = _next_open(connection, worker_id, wanted, now)
            if loop is None:
                return _why_nothing(connection, worker_id, wanted, now)
            task_id = _take(connection, loop, worker_id, now)
            save_progress(connection, loop, progress_of(loop).claimed(), now)
            return _task(connection.execute(_task_rows().where(task.c.id == task_id)).one())

    def get(self, worker_id: int, task_id: str) -> Task:
        """Return a task of the worker's own.

        :raises NotFoundError: no such task, or somebody else's.
        """
        with self._database.read() as connection:
            return _task(_own(connection, worker_id, task_id))

    def is_held(self, task_id: str) -> bool:
        """Whether a worker holds the task now: nobody sees its page or its documents at any other time."""
        with self._database.read() as connection:
            held = connection.execute(
                select(task.c.id).where(
                    task.c.id == task_id,
                    task.c.state == TaskState.WORKING,
                    task.c.lease_expires_at > self._clock.now(),
                )
            ).first()
        return held is not None

    def material(self, task_id: str) -> tuple[str, dict[str, Any], Task]:
        """Return what a task's page is rendered from: the template, the loop's input, and the task."""
        with self._database.read() as connection:
            row = connection.execute(
                _task_rows()
                .add_columns(
                    human_task_ui.c.content.label("template"), human_loop_input.c.content.label("input")
                )
                .join(human_task_ui, human_task_ui.c.id == flow_definition.c.human_task_ui_id)
                .join(human_loop_input, human_loop_input.c.human_loop_id == human_loop.c.id)
                .where(task.c.id == task_id)
            ).one_or_none()
        if row is None:
            raise NotFoundError("This task does not exist.")
        return row.template, json.loads(row.input), _task(row)

    def save_draft(self, worker_id: int, task_id: str, answer: dict[str, Any], version: int) -> int:
        """Keep an unfinished answer and return its new version.

        :param version: the version that this draft was made from; 0 for the first.
        :raises StaleDraftError: another window saved one since.
        :raises LeaseLostError: the task is no longer being worked on.
        """
        with self._database.write() as connection:
            row = _own(connection, worker_id, task_id)
            if row.state != TaskState.WORKING:
                raise LeaseLostError(_not_working(row.state))
            if row.draft_version != version:
                raise StaleDraftError(
                    "A newer draft was saved in another window: reload the task to go on from it.",
                    row.draft,
                    row.draft_version,
                )
            connection.execute(
                update(task).where(task.c.id == task_id).values(draft=answer, draft_version=version + 1)
            )
        return version + 1

    def heartbeat(self, worker_id: int, task_id: str) -> Task:
        """Return the task while its lease is in force.

        :raises LeaseLostError: it is not, any more.
        """
        found = self.get(worker_id, task_id)
        if found.state is not TaskState.WORKING:
            raise LeaseLostError(_not_working(found.state))
        if found.lease_expires_at <= self._clock.now():
            raise LeaseLostError("The time for this task is over.")
        return found

    def submit(self, worker_id: int, task_id: str, answer: dict[str, Any], lease_token: str) -> Task:
        """Submit an answer; the loop completes in the same transaction if it was the last one wanted.

        Submitting the same task again with the same lease token changes nothing and succeeds, so a client whose
        connection broke may repeat it. After the lease ended the answer still counts if its slot is free.

        :raises LeaseLostError: the task was given up or taken again in another window.
        :raises LateAnswerError: the loop needs no more answers; this one is kept with the task.
        """
        now = self._clock.now()
        late: str | None = None
        with self._database.write() as connection:
            row = _own(connection, worker_id, task_id)
            loop = _locked_loop(connection, row.human_loop_id)
            row = _own(connection, worker_id, task_id)
            if row.lease_token != lease_token or row.state in GIVEN_UP:
                log_event(connection, now, "answer-refused", loop.id, task_id, worker_id, {"answer": answer})
                late = "lost"
            elif row.state not in (TaskState.SUBMITTED, TaskState.LATE):
                progress = progress_of(loop)
                lease_held = row.state == TaskState.WORKING
                if not lease_held and (not progress.is_open or progress.available_until <= now):
                    late = "late"
                state = TaskState.LATE if late else TaskState.SUBMITTED
                connection.execute(
                    update(task)
                    .where(task.c.id == task_id)
                    .values(state=state, answer=answer, submitted_at=now, draft=None)
                )
                log_event(connection, now, str(state), loop.id, task_id, worker_id)
                if not late:
                    save_progress(connection, loop, progress.answered(now, lease_held=lease_held), now)
            elif row.state == TaskState.LATE:
                late = "late"
            submitted = _task(connection.execute(_task_rows().where(task.c.id == task_id)).one())
        if late == "lost":
            if submitted.state is TaskState.REQUEUED:
                raise LeaseLostError(f"{_not_working(submitted.state)} Your answer was not counted.")
            raise LeaseLostError(
                "This task was given back or opened again in another window, so the answer was not counted."
            )
        if late:
            raise LateAnswerError(
                "The time for this task was over and its human loop no longer needs an answer. "
                "Yours is kept, but does not count."
            )
        return submitted

    def release(self, worker_id: int, task_id: str) -> None:
        """Give a task back; its draft is dropped and anybody may take the loop again.

        :raises LeaseLostError: the task is no longer being worked on.
        """
        self._give_up(worker_id, task_id, TaskState.RELEASED, None)

    def decline(self, worker_id: int, task_id: str, reason: str) -> None:
        """Give a task back for good: this worker will not see the loop again.

        :raises LeaseLostError: the task is no longer being worked on.
        """
        self._give_up(worker_id, task_id, TaskState.DECLINED, reason)

    def tidy(self) -> int:
        """End leases and availabilities that have run out; return how many loops were looked at."""
        now = self._clock.now()
        with self._database.write() as connection:
            expired = self._expire_leases(connection, now)
            loops = connection.execute(
                select(human_loop)
                .where(
                    human_loop.c.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING)),
                    human_loop.c.available_until <= now,
                    human_loop.c.active_count == 0,
                )
                .limit(LEASES_EXPIRED_AT_ONCE)
                .with_for_update(skip_locked=True)
            ).all()
            for loop in loops:
                save_progress(connection, loop, progress_of(loop).settled(now), now)
        return expired + len(loops)

    def _expire_leases(self, connection: Connection, now: datetime) -> int:
        """Take back tasks whose lease ran out; drafts stay for a worker who comes back."""
        due = connection.execute(
            select(task.c.id, task.c.worker_id, task.c.human_loop_id)
            .where(task.c.state == TaskState.WORKING, task.c.lease_expires_at <= now)
            .order_by(task.c.lease_expires_at)
            .limit(LEASES_EXPIRED_AT_ONCE)
        ).all()
        for row in due:
            loop = connection.execute(
                select(human_loop)
                .where(human_loop.c.id == row.human_loop_id)
                .with_for_update(skip_locked=True)
            ).one_or_none()
            if loop is None:
                continue
            changed = connection.execute(
                update(task)
                .where(
                    and_(
                        task.c.id == row.id, task.c.state == TaskState.WORKING, task.c.lease_expires_at <= now
                    )
                )
                .values(state=TaskState.EXPIRED)
            ).rowcount
            if changed:
                log_event(connection, now, "expired", loop.id, row.id, row.worker_id)
                save_progress(connection, loop, progress_of(loop).given_up(now), now)
                self._lease_expired()
        return len(due)

    def _give_up(self, worker_id: int, task_id: str, state: TaskState, reason: str | None) -> None:
        now = self._clock.now()
        with self._database.write() as connection:
            loop = _locked_loop(connection, _own(connection, worker_id, task_id).human_loop_id)
            row = _own(connection, worker_id, task_id)
            if row.state != TaskState.WORKING:
                raise LeaseLostError(_not_working(row.state))
            connection.execute(update(task).where(task.c.id == task_id).values(state=state, draft=None))
            detail = {"reason": reason} if reason else None
            log_event(connection, now, str(state), loop.id, task_id, worker_id, detail)
            save_progress(connection, loop, progress_of(loop).given_up(now), now)


def _scope(row: Row[Any]) -> Scope:
    return Scope(row.account_id, row.region)


def _teams(worker_id: int) -> Select[Any]:
    return select(workteam_member.c.workteam_id).where(workteam_member.c.worker_id == worker_id)


def _open_to(worker_id: int, now: datetime) -> list[Any]:
    """Conditions of a loop that this worker could take now."""
    taken = exists().where(
        task.c.human_loop_id == human_loop.c.id,
        task.c.worker_id == worker_id,
        task.c.state.not_in(RECLAIMABLE),
    )
    return [
        human_loop.c.open.is_(True),
        human_loop.c.workteam_id.in_(_teams(worker_id)),
        human_loop.c.available_until > now,
        ~taken,
    ]


def _next_open(connection: Connection, worker_id: int, wanted: list[Any], now: datetime) -> Row[Any] | None:
    """Lock the next loop that this worker could take.

    Loops that another claim holds this very moment are passed over. Only if there is nothing else it waits for them,
    since such a loop may turn out to be open still; each wait ends with that other claim's short transaction.
    """
    statement = (
        select(human_loop, flow_definition.c.task_time_limit_in_seconds)
        .join_from(human_loop, flow_definition)
        .where(*_open_to(worker_id, now), *wanted)
        .order_by(human_loop.c.priority, human_loop.c.id)
        .limit(1)
    )
    for _ in range(CLAIM_ATTEMPTS):
        for wait in (False, True):
            loop = connection.execute(
                statement.with_for_update(of=human_loop, skip_locked=not wait)
            ).one_or_none()
            if loop is not None:
                return loop
        if connection.execute(statement).one_or_none() is None:
            return None
    return None


def _wanted(flow_definition_arn: str | None, loop_name: str | None) -> list[Any]:
    conditions: list[Any] = []
    if flow_definition_arn:
        parts = flow_definition_arn.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("flow-definition/"):
            raise InvalidError("`flow_definition` must be the ARN of a flow definition.")
        conditions += [
            flow_definition.c.region == parts[3],
            flow_definition.c.account_id == parts[4],
            flow_definition.c.name == parts[5].removeprefix("flow-definition/"),
        ]
    if loop_name:
        conditions += [human_loop.c.name == loop_name, human_loop.c.deleted_at.is_(None)]
    return conditions


def _task_rows() -> Select[Any]:
    return select(
        task,
        human_loop.c.name.label("loop_name"),
        human_loop.c.account_id,
        human_loop.c.region,
        human_loop.c.status.label("loop_status"),
        flow_definition.c.name.label("flow_name"),
        flow_definition.c.task_title,
        flow_definition.c.task_description,
        flow_definition.c.task_time_limit_in_seconds,
    ).select_from(task.join(human_loop).join(flow_definition))


def _own(connection: Connection, worker_id: int, task_id: str) -> Row[Any]:
    row = connection.execute(
        _task_rows().where(task.c.id == task_id, task.c.worker_id == worker_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("This task does not exist, or it is not yours.")
    return row


def _locked_loop(connection: Connection, loop_id: int) -> Row[Any]:
    return connection.execute(select(human_loop).where(human_loop.c.id == loop_id).with_for_update()).one()


def _take(connection: Connection, loop: Row[Any], worker_id: int, now: datetime) -> str:
    """Write the worker's task of a loop: a new one, or the one that the worker gave up before."""
    values = {
        "state": TaskState.WORKING,
        "lease_token": secrets.token_urlsafe(16),
        "lease_expires_at": now + timedelta(seconds=loop.task_time_limit_in_seconds),
        "accepted_at": now,
        "submitted_at": None,
        "answer": None,
    }
    task_id = connection.execute(
        update(task)
        .where(task.c.human_loop_id == loop.id, task.c.worker_id == worker_id)
        .values(values)
        .returning(task.c.id)
    ).scalar_one_or_none()
    if task_id is None:
        task_id = str(uuid.uuid4())
        connection.execute(
            insert(task).values(
                id=task_id, human_loop_id=loop.id, worker_id=worker_id, draft=None, draft_version=0, **values
            )
        )
    log_event(connection, now, "claimed", loop.id, task_id, worker_id)
    return str(task_id)


def _why_nothing(connection: Connection, worker_id: int, wanted: list[Any], now: datetime) -> NoTask:
    """Tell an empty queue from one that others hold, and from one that this worker has finished."""
    own = task.alias("own")
    mine = exists().where(own.c.human_loop_id == human_loop.c.id, own.c.worker_id == worker_id)
    unfinished = [
        human_loop.c.workteam_id.in_(_teams(worker_id)),
        human_loop.c.status == LoopStatus.IN_PROGRESS,
        human_loop.c.available_until > now,
        *wanted,
    ]
    next_free = connection.execute(
        select(func.min(task.c.lease_expires_at))
        .select_from(task.join(human_loop).join(flow_definition))
        .where(*unfinished, ~mine, task.c.state == TaskState.WORKING)
    ).scalar_one()
    if next_free is not None:
        return NoTask(NoTaskReason.HELD, max(1, round((next_free - now).total_seconds())))
    done = connection.execute(
        select(human_loop.c.id).join_from(human_loop, flow_definition).where(*unfinished, mine).limit(1)
    ).first()
    return NoTask(NoTaskReason.DONE if done else NoTaskReason.EMPTY)


def _not_working(state: str) -> str:
    return {
        TaskState.SUBMITTED: "This task was submitted already.",
        TaskState.LATE: "This task was submitted already.",
        TaskState.RELEASED: "You gave this task back.",
        TaskState.DECLINED: "You declined this task.",
        TaskState.REQUEUED: "A lead took this task back for somebody else.",
    }.get(TaskState(state), "The time for this task is over.")


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        worker_id=row.worker_id,
        human_loop=row.loop_name,
        flow_definition=_scope(row).arn("flow-definition", row.flow_name),
        title=row.task_title,
        description=row.task_description,
        state=TaskState(row.state),
        accepted_at=row.accepted_at,
        lease_token=row.lease_token,
        lease_expires_at=row.lease_expires_at,
        time_limit=row.task_time_limit_in_seconds,
        draft=row.draft,
        draft_version=row.draft_version,
        loop_status=LoopStatus(row.loop_status),
    )
