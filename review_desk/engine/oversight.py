"""What leads see and do: the progress of their teams, their teams' loops, tasks that are stuck. Never content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.sql import Select

from review_desk.engine.arns import Scope
from review_desk.engine.audit import current_actor, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import EngineError, InvalidError, LeaseLostError, NotFoundError
from review_desk.engine.lifecycle import LoopStatus, TaskState
from review_desk.engine.loops import LoopStore
from review_desk.engine.sessions import Session
from review_desk.engine.tables import flow_definition, human_loop, task, task_event, worker
from review_desk.engine.team_progress import TeamProgress, team_progress, visible_to
from review_desk.engine.transitions import log_event, progress_of, save_progress


@dataclass(frozen=True)
class OverseenLoop:
    """A human loop, as a lead sees it."""

    name: str
    flow_definition: str
    status: LoopStatus
    task_count: int
    working: int
    answers: int
    created_at: datetime
    available_until: datetime
    ended_at: datetime | None
    failure_reason: str | None


@dataclass(frozen=True)
class OverseenTask:
    """One worker's task of a loop, as a lead sees it."""

    id: str
    worker: str
    state: TaskState
    accepted_at: datetime
    lease_expires_at: datetime
    submitted_at: datetime | None


@dataclass(frozen=True)
class HistoryEntry:
    """A line of a loop's history."""

    at: datetime
    action: str
    worker: str | None


@dataclass(frozen=True)
class LoopFilter:
    """Which loops are looked for.

    :param flow_definition: ARN.
    :param name: a part of the name.
    """

    flow_definition: str | None = None
    status: LoopStatus | None = None
    name: str | None = None


@dataclass(frozen=True)
class StoppedLoop:
    """What came of stopping one of several loops.

    :param error: why it was not stopped.
    """

    name: str
    status: LoopStatus | None = None
    error: str | None = None


@dataclass(frozen=True)
class RequeuedLoop:
    """What came of requeuing the tasks of one of several loops.

    :param requeued: tasks that were taken away.
    :param error: why one was not.
    """

    name: str
    requeued: int = 0
    error: str | None = None


class Oversight:
    """The leads' door to loops and tasks: a lead's teams are all there is, an admin's are all teams."""

    def __init__(self, database: Database, clock: Clock, loops: LoopStore) -> None:
        self._database = database
        self._clock = clock
        self._loops = loops

    def teams(self, viewer: Session) -> list[TeamProgress]:
        """Return how the viewer's teams stand, by name."""
        with self._database.read() as connection:
            return team_progress(connection, viewer, self._clock.now())

    def loops(
        self, viewer: Session, wanted: LoopFilter, limit: int, before_id: int | None = None
    ) -> tuple[list[OverseenLoop], int | None]:
        """Return one page of the loops of the viewer's teams, newest first, and where the next page starts.

        :param before_id: where the page before said that this one starts.
        :raises InvalidError: no ARN of a flow definition.
        """
        statement = _loop_rows(viewer).order_by(human_loop.c.id.desc()).limit(limit + 1)
        if before_id is not None:
            statement = statement.where(human_loop.c.id < before_id)
        if wanted.flow_definition:
            flow_scope, name = _flow_of(wanted.flow_definition)
            statement = statement.where(
                flow_definition.c.account_id == flow_scope.account_id,
                flow_definition.c.region == flow_scope.region,
                flow_definition.c.name == name,
            )
        if wanted.status:
            statement = statement.where(human_loop.c.status == wanted.status)
        if wanted.name:
            statement = statement.where(human_loop.c.name.contains(wanted.name, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        page = rows[:limit]
        return [_overseen(row) for row in page], page[-1].id if len(rows) > limit else None

    def loop(
        self, viewer: Session, name: str, region: str | None = None
    ) -> tuple[OverseenLoop, list[OverseenTask], list[HistoryEntry]]:
        """Return a loop, its tasks and its history.

        :param region: needed only when loops of several Regions have this name.
        :raises NotFoundError: no such loop, or of somebody else's team.
        :raises InvalidError: there are several.
        """
        with self._database.read() as connection:
            row = _find_loop(connection, viewer, name, region)
            tasks = connection.execute(
                select(task, worker.c.username)
                .join_from(task, worker)
                .where(task.c.human_loop_id == row.id)
                .order_by(task.c.accepted_at)
            ).all()
            history = connection.execute(
                select(task_event.c.at, task_event.c.action, worker.c.username)
                .join_from(task_event, worker, worker.c.id == task_event.c.worker_id, isouter=True)
                .where(task_event.c.human_loop_id == row.id)
                .order_by(task_event.c.id)
            ).all()
        entries = [HistoryEntry(event.at, event.action, event.username) for event in history]
        return _overseen(row), [_overseen_task(found) for found in tasks], entries

    def stop_loop(self, viewer: Session, name: str, region: str | None = None) -> LoopStatus:
        """Stop a loop as StopHumanLoop does, and return its status.

        :raises NotFoundError: no such loop, or of somebody else's team.
        :raises InvalidError: loops of several Regions have this name.
        """
        with self._database.read() as connection:
            row = _find_loop(connection, viewer, name, region)
        scope = Scope(row.account_id, row.region)
        self._loops.stop(scope, name)
        return self._loops.describe(scope, name).status

    def stop_loops(
        self, viewer: Session, names: Sequence[str], region: str | None = None
    ) -> list[StoppedLoop]:
        """Stop loops one by one; what is refused for one keeps no other from being stopped."""
        results = []
        for name in dict.fromkeys(names):
            try:
                results.append(StoppedLoop(name, self.stop_loop(viewer, name, region)))
            except EngineError as error:
                results.append(StoppedLoop(name, error=str(error)))
        return results

    def requeue_loops(
        self, viewer: Session, names: Sequence[str], region: str | None = None
    ) -> list[RequeuedLoop]:
        """Take away all tasks that workers hold of these loops, one by one."""
        results = []
        for name in dict.fromkeys(names):
            try:
                with self._database.read() as connection:
                    row = _find_loop(connection, viewer, name, region)
                    held = connection.execute(
                        select(task.c.id).where(
                            task.c.human_loop_id == row.id, task.c.state == TaskState.WORKING
                        )
                    ).scalars()
                    task_ids = list(held)
            except EngineError as error:
                results.append(RequeuedLoop(name, error=str(error)))
                continue
            refusals = [refusal for _, refusal in self.requeue_tasks(viewer, task_ids) if refusal]
            error_text = refusals[0] if refusals else None if task_ids else "Nobody is working on it."
            results.append(RequeuedLoop(name, len(task_ids) - len(refusals), error_text))
        return results

    def requeue_tasks(self, viewer: Session, task_ids: Sequence[str]) -> list[tuple[str, str | None]]:
        """Requeue tasks one by one; return each with the reason if it was refused."""
        results: list[tuple[str, str | None]] = []
        for task_id in dict.fromkeys(task_ids):
            try:
                self.requeue(viewer, task_id)
                results.append((task_id, None))
            except EngineError as error:
                results.append((task_id, str(error)))
        return results

    def requeue(self, viewer: Session, task_id: str) -> None:
        """Take a task away from the worker who holds it, so that somebody else can do it.

        The worker is told when they next do anything with it, and is not offered the loop again.

        :raises NotFoundError: no such task, or of somebody else's team.
        :raises LeaseLostError: nobody is working on it any more.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            loop = connection.execute(
                select(human_loop)
                .join_from(human_loop, task)
                .where(task.c.id == task_id, visible_to(viewer, human_loop.c.workteam_id))
                .with_for_update(of=human_loop)
            ).one_or_none()
            if loop is None:
                raise NotFoundError("This task does not exist, or it is of another team.")
            holder = connection.execute(
                update(task)
                .where(task.c.id == task_id, task.c.state == TaskState.WORKING)
                .values(state=TaskState.REQUEUED, draft=None)
                .returning(task.c.worker_id)
            ).scalar_one_or_none()
            if holder is None:
                raise LeaseLostError("Nobody is working on this task any more.")
            log_event(
                connection, now, TaskState.REQUEUED, loop.id, task_id, holder, {"by": current_actor().name}
            )
            save_progress(connection, loop, progress_of(loop).given_up(now), now)
            detail = {"human_loop": Scope(loop.account_id, loop.region).arn("human-loop", loop.name)}
            record(connection, now, "RequeueTask", "task", task_id, detail)


def _loop_rows(viewer: Session) -> Select[Any]:
    return (
        select(human_loop, flow_definition.c.name.label("flow_name"))
        .join_from(human_loop, flow_definition)
        .where(human_loop.c.deleted_at.is_(None), visible_to(viewer, human_loop.c.workteam_id))
    )


def _find_loop(connection: Connection, viewer: Session, name: str, region: str | None) -> Row[Any]:
    statement = _loop_rows(viewer).where(human_loop.c.name == name)
    if region:
        statement = statement.where(human_loop.c.region == region)
    rows = connection.execute(statement.limit(2)).all()
    if not rows:
        raise NotFoundError(f"The human loop {name!r} does not exist, or it is of another team.")
    if len(rows) > 1:
        raise InvalidError(f"There are human loops {name!r} in several Regions: name one with ?region=.")
    return rows[0]


def _flow_of(arn: str) -> tuple[Scope, str]:
    parts = arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("flow-definition/"):
        raise InvalidError("`flow_definition` must be the ARN of a flow definition.")
    return Scope(parts[4], parts[3]), parts[5].removeprefix("flow-definition/")


def _overseen(row: Row[Any]) -> OverseenLoop:
    return OverseenLoop(
        name=row.name,
        flow_definition=Scope(row.account_id, row.region).arn("flow-definition", row.flow_name),
        status=LoopStatus(row.status),
        task_count=row.task_count,
        working=row.active_count,
        answers=row.answer_count,
        created_at=row.created_at,
        available_until=row.available_until,
        ended_at=row.ended_at,
        failure_reason=row.failure_reason,
    )


def _overseen_task(row: Row[Any]) -> OverseenTask:
    return OverseenTask(
        id=row.id,
        worker=row.username,
        state=TaskState(row.state),
        accepted_at=row.accepted_at,
        lease_expires_at=row.lease_expires_at,
        submitted_at=row.submitted_at,
    )
