"""Tasks: what one worker takes, holds under a lease, and submits or gives back.

Every change is one short transaction. A claim reads the expiry of leases itself; the sweeper only tidies. The first
state change wins: an answer that comes too late is kept, but does not count.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Connection, Integer, Row, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
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
from review_desk.engine.flow_definitions import finish_deletions
from review_desk.engine.lifecycle import RECLAIMABLE, LoopStatus, TaskState
from review_desk.engine.named import find
from review_desk.engine.tables import (
    Timestamp,
    constant,
    flow_definition,
    human_loop,
    human_loop_input,
    human_task_ui,
    task,
    worker,
    workteam_member,
)
from review_desk.engine.transitions import LOOP_COLUMNS, log_event, progress_of, save_progress

GIVEN_UP = (TaskState.RELEASED, TaskState.DECLINED, TaskState.REQUEUED)
LEASES_EXPIRED_AT_ONCE = 100
CLAIM_ATTEMPTS = 5
NOT_YOURS = "This task does not exist, or it is not yours."
UNFINISHED = [constant(LoopStatus.IN_PROGRESS), constant(LoopStatus.STOPPING)]
RECLAIMABLE_STATES = [constant(state) for state in RECLAIMABLE]
IS_WORKING = task.c.state == constant(TaskState.WORKING)
AT = bindparam("now", type_=Timestamp)
WORKER = bindparam("worker_id", type_=Integer)


TEAMS = select(workteam_member.c.workteam_id).where(workteam_member.c.worker_id == WORKER)
SITUATION = (
    select(
        exists()
        .where(task.c.worker_id == WORKER, IS_WORKING, task.c.lease_expires_at > AT)
        .label("holds_a_task"),
        exists().where(IS_WORKING, task.c.lease_expires_at <= AT).label("leases_are_due"),
        workteam_member.c.workteam_id,
    )
    .select_from(worker.outerjoin(workteam_member, workteam_member.c.worker_id == worker.c.id))
    .where(worker.c.id == WORKER)
)
"""What a claim begins with, in one exchange with the database: whether the worker holds a task, whether any lease ran
out that nobody has taken back yet, and the worker's teams: one row each, or one with ``None`` if there are none."""

LOCK_WORKER = select(worker.c.id).where(worker.c.id == WORKER).with_for_update(key_share=True)
"""Not part of SITUATION: PostgreSQL would see the tasks there as they were before it waited."""

TAKEN = exists().where(
    task.c.human_loop_id == human_loop.c.id,
    task.c.worker_id == WORKER,
    task.c.state.not_in(RECLAIMABLE_STATES),
)
"""Whether this worker has a task of the loop that bars another one."""

FLOW_COLUMNS = (
    flow_definition.c.name.label("flow_name"),
    flow_definition.c.task_title,
    flow_definition.c.task_description,
    flow_definition.c.task_time_limit_in_seconds,
)
TASKS = select(
    task,
    human_loop.c.name.label("loop_name"),
    human_loop.c.account_id,
    human_loop.c.region,
    human_loop.c.flow_definition_id,
    human_loop.c.status.label("loop_status"),
    *FLOW_COLUMNS,
).select_from(task.join(human_loop).join(flow_definition))
TASK = TASKS.where(task.c.id == bindparam("task_id"))
OWN_TASK = TASK.where(task.c.worker_id == WORKER)
HELD = TASKS.where(task.c.worker_id == WORKER, IS_WORKING, task.c.lease_expires_at > AT).order_by(
    task.c.accepted_at
)

NEXT_BASE: Select[Any] = (
    select(*LOOP_COLUMNS, human_loop.c.priority, *FLOW_COLUMNS)
    .join_from(human_loop, flow_definition)
    .where(human_loop.c.open.is_(True), human_loop.c.available_until > AT, ~TAKEN)
    .order_by(human_loop.c.priority, human_loop.c.id)
    .limit(1)
)
IN_FLOW = human_loop.c.flow_definition_id == bindparam("flow_definition_id")
IN_ANY_OR_FLOW = or_(bindparam("any_flow", type_=Boolean).is_(True), IN_FLOW)
NEXT = {
    "team": NEXT_BASE.where(human_loop.c.workteam_id == bindparam("workteam_id")),
    "flow": NEXT_BASE.where(IN_FLOW, human_loop.c.workteam_id.in_(TEAMS)),
    "name": NEXT_BASE.where(
        human_loop.c.name == bindparam("loop_name"),
        human_loop.c.deleted_at.is_(None),
        human_loop.c.workteam_id.in_(TEAMS),
        IN_ANY_OR_FLOW,
    ),
    "id": NEXT_BASE.where(
        human_loop.c.id == bindparam("loop_id"),
        human_loop.c.workteam_id.in_(TEAMS),
        IN_ANY_OR_FLOW,
    ),
}
"""The next loop that a worker could take, in the order of the index of a team or a flow definition, or this one."""
NEXT_UNLOCKED = {
    order: next_.with_for_update(of=human_loop, skip_locked=True) for order, next_ in NEXT.items()
}
NEXT_WAITING = {order: next_.with_for_update(of=human_loop) for order, next_ in NEXT.items()}

LOCK_LOOP = select(*LOOP_COLUMNS).where(human_loop.c.id == bindparam("loop_id")).with_for_update()
LOCK_LOOP_OF_TASK = (
    select(*LOOP_COLUMNS)
    .join_from(human_loop, task)
    .where(task.c.id == bindparam("task_id"), task.c.worker_id == WORKER)
    .with_for_update(of=human_loop)
)
LOCK_LOOP_UNLESS_LOCKED = LOCK_LOOP.with_for_update(skip_locked=True)
DUE_LEASES = (
    select(task.c.id, task.c.worker_id, task.c.human_loop_id)
    .where(IS_WORKING, task.c.lease_expires_at <= AT)
    .order_by(task.c.lease_expires_at)
    .limit(LEASES_EXPIRED_AT_ONCE)
)
EXPIRE = (
    update(task)
    .where(task.c.id == bindparam("expired_task"), IS_WORKING, task.c.lease_expires_at <= AT)
    .values(state=TaskState.EXPIRED)
)
TAKEN_COLUMNS = ("state", "lease_token", "lease_expires_at", "accepted_at", "submitted_at", "answer")
KEEP_ANSWER = (
    update(task)
    .where(task.c.id == bindparam("task_id"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "answer", "submitted_at", "draft")})
)

UNFINISHED_HERE = (
    human_loop.c.status.in_(UNFINISHED),
    human_loop.c.status == constant(LoopStatus.IN_PROGRESS),
    human_loop.c.workteam_id.in_(TEAMS),
    human_loop.c.available_until > AT,
    IN_ANY_OR_FLOW,
    or_(bindparam("any_name", type_=Boolean).is_(True), human_loop.c.name == bindparam("loop_name")),
)
OWN = task.alias("own")
MINE = exists().where(OWN.c.human_loop_id == human_loop.c.id, OWN.c.worker_id == WORKER)
NEXT_FREE = (
    select(func.min(task.c.lease_expires_at))
    .select_from(task.join(human_loop))
    .where(*UNFINISHED_HERE, ~MINE, IS_WORKING)
)
DONE_ALREADY = select(human_loop.c.id).where(*UNFINISHED_HERE, MINE).limit(1)


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
    human_loop_id: int
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
        insert = sqlite.insert if database.is_sqlite else postgresql.insert
        new = insert(task)
        self._take_task = new.on_conflict_do_update(
            index_elements=["human_loop_id", "worker_id"],
            set_={name: new.excluded[name] for name in TAKEN_COLUMNS},
            where=task.c.state.in_(RECLAIMABLE_STATES),
        ).returning(task.c.id, task.c.draft, task.c.draft_version)

    def queue(self, worker_id: int) -> list[QueueEntry]:
        """Return the flow definitions of the worker's teams, with the number of loops open to this worker."""
        now = self._clock.now()
        available = (
            select(human_loop.c.flow_definition_id, func.count().label("open"))
            .where(
                human_loop.c.open.is_(True),
                human_loop.c.workteam_id.in_(_teams(worker_id)),
                human_loop.c.available_until > now,
                ~TAKEN,
            )
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
                .order_by(flow_definition.c.created_at, flow_definition.c.id),
                {"worker_id": worker_id},
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
            rows = connection.execute(HELD, {"worker_id": worker_id, "now": self._clock.now()}).all()
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
        self,
        worker_id: int,
        flow_definition_arn: str | None = None,
        loop_name: str | None = None,
        *,
        at_once: int = 1,
        rather: int | None = None,
    ) -> Task | NoTask:
        """Take the next loop for the worker, or return the task that the worker holds already.

        :param flow_definition_arn: only loops of this flow definition.
        :param loop_name: only this loop.
        :param at_once: how many such tasks the worker may hold; with as many the oldest is returned.
        :param rather: id of a loop that is taken before all others, if the worker may still have it.
        """
        now = self._clock.now()
        leases_may_be_due = True
        for _ in range(CLAIM_ATTEMPTS):
            with self._database.write() as connection:
                wanted = replace(wanted_of(connection, flow_definition_arn, loop_name), rather=rather)
                # Two claims of one worker, from two windows, go one after the other: each would find no task held.
                connection.execute(LOCK_WORKER, {"worker_id": worker_id})
                situation = connection.execute(SITUATION, {"worker_id": worker_id, "now": now}).all()
                if any(row.holds_a_task for row in situation):
                    rows = connection.execute(HELD, {"worker_id": worker_id, "now": now})
                    held = [row for row in rows if wanted.admits(row)]
                    if len(held) >= at_once:
                        return _task(held[0])
                leases_are_due = any(row.leases_are_due for row in situation)
                if leases_may_be_due and leases_are_due and self._expire_leases(connection, now):
                    # Commit first: two claims that each wait for a loop which the other expired would wait for ever.
                    leases_may_be_due = False
                    continue
                teams = [row.workteam_id for row in situation if row.workteam_id is not None]
                loop = _next_open(connection, worker_id, teams, wanted, now)
                if loop is None:
                    return _why_nothing(connection, worker_id, wanted, now)
                taken = self.take(connection, loop, worker_id, now)
                if taken is not None:
                    save_progress(connection, loop, progress_of(loop).claimed(), now)
                    return taken
        return NoTask(NoTaskReason.HELD, 1)

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
                TASK.add_columns(
                    human_task_ui.c.content.label("template"), human_loop_input.c.content.label("input")
                )
                .join(human_task_ui, human_task_ui.c.id == flow_definition.c.human_task_ui_id)
                .join(human_loop_input, human_loop_input.c.human_loop_id == human_loop.c.id),
                {"task_id": task_id},
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
            saved = connection.execute(
                update(task)
                .where(
                    task.c.id == task_id,
                    task.c.worker_id == worker_id,
                    task.c.state == TaskState.WORKING,
                    task.c.draft_version == version,
                )
                .values(draft=answer, draft_version=version + 1)
            ).rowcount
            if saved:
                return version + 1
            row = _own(connection, worker_id, task_id)
            if row.state != TaskState.WORKING:
                raise LeaseLostError(_not_working(row.state))
            raise StaleDraftError(
                "A newer draft was saved in another window: reload the task to go on from it.",
                row.draft,
                row.draft_version,
            )

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

        Submitting the same answer again with the same lease token changes nothing and succeeds, so a client whose
        connection broke may repeat it. After the lease ended the answer still counts if its slot is free.

        :raises LeaseLostError: the task was given up, taken again or answered otherwise in another window; this
            answer is kept in the log.
        :raises LateAnswerError: the loop needs no more answers; this one is kept with the task.
        """
        now = self._clock.now()
        late: str | None = None
        with self._database.write() as connection:
            loop = _locked_loop(connection, worker_id, task_id)
            row = _own(connection, worker_id, task_id)
            submitted = _task(row)
            is_answered = row.state in (TaskState.SUBMITTED, TaskState.LATE)
            if (
                row.lease_token != lease_token
                or row.state in GIVEN_UP
                or (is_answered and row.answer != answer)
            ):
                log_event(connection, now, "answer-refused", loop.id, task_id, worker_id, {"answer": answer})
                late = "lost"
            elif not is_answered:
                progress = progress_of(loop)
                lease_held = row.state == TaskState.WORKING
                if not lease_held and (not progress.is_open or progress.available_until <= now):
                    late = "late"
                state = TaskState.LATE if late else TaskState.SUBMITTED
                connection.execute(
                    KEEP_ANSWER,
                    {
                        "task_id": task_id,
                        "new_state": state,
                        "new_answer": answer,
                        "new_submitted_at": now,
                        "new_draft": None,
                    },
                )
                log_event(connection, now, str(state), loop.id, task_id, worker_id)
                submitted = replace(submitted, state=state, draft=None)
                if not late:
                    answered = progress.answered(now, lease_held=lease_held)
                    save_progress(connection, loop, answered, now)
                    submitted = replace(submitted, loop_status=answered.status)
            elif row.state == TaskState.LATE:
                late = "late"
        if late == "lost":
            if submitted.state is TaskState.REQUEUED:
                raise LeaseLostError(f"{_not_working(submitted.state)} Your answer was not counted.")
            raise LeaseLostError(
                "This task was given back, answered or opened again in another window, so this answer was not counted."
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
        """End what has run out: leases, availabilities, flow definitions being deleted; return how many loops ended."""
        now = self._clock.now()
        with self._database.write() as connection:
            expired = self._expire_leases(connection, now)
            loops = connection.execute(
                select(human_loop)
                .where(
                    human_loop.c.status.in_(UNFINISHED),
                    human_loop.c.available_until <= now,
                    human_loop.c.active_count == 0,
                )
                .limit(LEASES_EXPIRED_AT_ONCE)
                .with_for_update(skip_locked=True)
            ).all()
            for loop in loops:
                save_progress(connection, loop, progress_of(loop).settled(now), now)
            finish_deletions(connection, now)
        return expired + len(loops)

    def _expire_leases(self, connection: Connection, now: datetime) -> int:
        """Take back tasks whose lease ran out, and return how many; drafts stay for a worker who comes back."""
        expired = 0
        due = connection.execute(DUE_LEASES, {"now": now}).all()
        for row in due:
            loop = connection.execute(LOCK_LOOP_UNLESS_LOCKED, {"loop_id": row.human_loop_id}).one_or_none()
            if loop is None:
                continue
            changed = connection.execute(EXPIRE, {"expired_task": row.id, "now": now}).rowcount
            if changed:
                log_event(connection, now, "expired", loop.id, row.id, row.worker_id)
                save_progress(connection, loop, progress_of(loop).given_up(now), now)
                self._lease_expired()
                expired += 1
        return expired

    def _give_up(self, worker_id: int, task_id: str, state: TaskState, reason: str | None) -> None:
        now = self._clock.now()
        with self._database.write() as connection:
            loop = _locked_loop(connection, worker_id, task_id)
            row = _own(connection, worker_id, task_id)
            if row.state != TaskState.WORKING:
                raise LeaseLostError(_not_working(row.state))
            connection.execute(update(task).where(task.c.id == task_id).values(state=state, draft=None))
            detail = {"reason": reason} if reason else None
            log_event(connection, now, str(state), loop.id, task_id, worker_id, detail)
            save_progress(connection, loop, progress_of(loop).given_up(now), now)

    def take(self, connection: Connection, loop: Row[Any], worker_id: int, now: datetime) -> Task | None:
        """Write the worker's task of a locked loop: a new one, or the one that the worker gave up before.

        :return: ``None`` if the worker took or answered it in another window since the loop was looked for. PostgreSQL
            looks at the loop again when it has waited for its lock, but not at the tasks.
        """
        values = {
            "id": str(uuid.uuid4()),
            "human_loop_id": loop.id,
            "worker_id": worker_id,
            "state": TaskState.WORKING,
            "lease_token": secrets.token_urlsafe(16),
            "lease_expires_at": now + timedelta(seconds=loop.task_time_limit_in_seconds),
            "accepted_at": now,
            "submitted_at": None,
            "answer": None,
            "draft": None,
            "draft_version": 0,
        }
        row = connection.execute(self._take_task, values).one_or_none()
        if row is None:
            return None
        log_event(connection, now, "claimed", loop.id, row.id, worker_id)
        return Task(
            id=row.id,
            worker_id=worker_id,
            human_loop_id=loop.id,
            human_loop=loop.name,
            flow_definition=_scope(loop).arn("flow-definition", loop.flow_name),
            title=loop.task_title,
            description=loop.task_description,
            state=TaskState.WORKING,
            accepted_at=now,
            lease_token=values["lease_token"],
            lease_expires_at=values["lease_expires_at"],
            time_limit=loop.task_time_limit_in_seconds,
            draft=row.draft,
            draft_version=row.draft_version,
            loop_status=LoopStatus(loop.status),
        )


def _scope(row: Row[Any]) -> Scope:
    return Scope(row.account_id, row.region)


def _teams(worker_id: int) -> Select[Any]:
    return select(workteam_member.c.workteam_id).where(workteam_member.c.worker_id == worker_id)


@dataclass(frozen=True)
class Wanted:
    """What a claim is limited to.

    :param flow_definition_id: ``-1`` if the named flow definition does not exist.
    :param rather: id of the loop that is looked for first.
    """

    flow_definition_id: int | None
    loop_name: str | None
    rather: int | None = None

    def admits(self, row: Row[Any]) -> bool:
        """Whether a task that is held already is what is wanted."""
        return self.flow_definition_id in (None, row.flow_definition_id) and self.loop_name in (
            None,
            row.loop_name,
        )


def wanted_of(connection: Connection, flow_definition_arn: str | None, loop_name: str | None) -> Wanted:
    if not flow_definition_arn:
        return Wanted(None, loop_name)
    parts = flow_definition_arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("flow-definition/"):
        raise InvalidError("`flow_definition` must be the ARN of a flow definition.")
    scope, name = Scope(parts[4], parts[3]), parts[5].removeprefix("flow-definition/")
    found = find(connection, flow_definition, scope, name)
    return Wanted(found.id if found else -1, loop_name)


def _next_open(
    connection: Connection, worker_id: int, teams: list[int], wanted: Wanted, now: datetime
) -> Row[Any] | None:
    """Lock the next loop that this worker could take.

    Loops that another claim holds this very moment are passed over. Only if there is nothing else it waits for them,
    since such a loop may turn out to be open still; each wait ends with that other claim's short transaction.
    """
    values = {"worker_id": worker_id, "now": now, "loop_name": wanted.loop_name}
    if wanted.rather is not None:
        flow_id = wanted.flow_definition_id
        this = {"loop_id": wanted.rather, "any_flow": flow_id is None, "flow_definition_id": flow_id or 0}
        loop = connection.execute(NEXT_UNLOCKED["id"], values | this).one_or_none()
        if loop is not None:
            return loop
    queues = queues_of(connection, teams, wanted, values)
    for _ in range(CLAIM_ATTEMPTS):
        for statements in (NEXT_UNLOCKED, NEXT_WAITING):
            for queue in queues:
                loop = connection.execute(statements[queue.order], values | queue.values).one_or_none()
                if loop is not None:
                    return loop
        if all(
            connection.execute(NEXT[queue.order], values | queue.values).first() is None for queue in queues
        ):
            return None
    return None


@dataclass(frozen=True)
class Queue:
    """Open loops in the order of one index."""

    order: str
    values: dict[str, int]


def queues_of(
    connection: Connection, teams: list[int], wanted: Wanted, values: dict[str, Any]
) -> list[Queue]:
    """Return where to look for a loop, the queue with the first loop first."""
    if wanted.loop_name:
        flow_id = wanted.flow_definition_id
        return [Queue("name", {"any_flow": flow_id is None, "flow_definition_id": flow_id or 0})]
    if wanted.flow_definition_id is not None:
        return [Queue("flow", {"flow_definition_id": wanted.flow_definition_id})]
    queues = [Queue("team", {"workteam_id": team}) for team in teams]
    if len(queues) < 2:
        return queues
    heads = [(connection.execute(NEXT["team"], values | queue.values).first(), queue) for queue in queues]
    return [
        queue
        for _, queue in sorted(
            [((h.priority, h.id), queue) for h, queue in heads if h is not None], key=itemgetter(0)
        )
    ]


def _own(connection: Connection, worker_id: int, task_id: str) -> Row[Any]:
    row = connection.execute(OWN_TASK, {"task_id": task_id, "worker_id": worker_id}).one_or_none()
    if row is None:
        raise NotFoundError(NOT_YOURS)
    return row


def _locked_loop(connection: Connection, worker_id: int, task_id: str) -> Row[Any]:
    """Lock the loop of a worker's own task."""
    row = connection.execute(LOCK_LOOP_OF_TASK, {"task_id": task_id, "worker_id": worker_id}).one_or_none()
    if row is None:
        raise NotFoundError(NOT_YOURS)
    return row


def _why_nothing(connection: Connection, worker_id: int, wanted: Wanted, now: datetime) -> NoTask:
    """Tell an empty queue from one that others hold, and from one that this worker has finished."""
    values = {
        "worker_id": worker_id,
        "now": now,
        "any_flow": wanted.flow_definition_id is None,
        "flow_definition_id": wanted.flow_definition_id or 0,
        "any_name": wanted.loop_name is None,
        "loop_name": wanted.loop_name or "",
    }
    next_free = connection.execute(NEXT_FREE, values).scalar_one()
    if next_free is not None:
        return NoTask(NoTaskReason.HELD, max(1, round((next_free - now).total_seconds())))
    done = connection.execute(DONE_ALREADY, values).first()
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
        human_loop_id=row.human_loop_id,
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
