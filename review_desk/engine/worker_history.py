"""What a worker has finished: tasks answered, given back, or lost when their time ran out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal, select, tuple_, union_all
from sqlalchemy.sql import Select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError
from review_desk.engine.lifecycle import TaskState
from review_desk.engine.tables import Timestamp, constant, flow_definition, human_loop, task, task_event

ENDED_OTHERWISE = (
    TaskState.LATE,
    TaskState.RELEASED,
    TaskState.DECLINED,
    TaskState.REQUEUED,
    TaskState.EXPIRED,
)
POSITION = re.compile(r"([0-9]{1,15})-([0-9a-f-]{36})", re.ASCII)


@dataclass(frozen=True)
class FinishedTask:
    """A task that a worker no longer works on.

    :param flow_definition: ARN.
    :param outcome: the state it ended in.
    :param ended_at: when it was submitted or given up.
    """

    id: str
    human_loop: str
    flow_definition: str
    title: str
    outcome: TaskState
    accepted_at: datetime
    ended_at: datetime

    @property
    def handling_seconds(self) -> float:
        """From acceptance to the end, as ``timeSpentInSeconds`` of output.json."""
        return round((self.ended_at - self.accepted_at).total_seconds(), 3)


class WorkerHistory:
    """A worker's own finished tasks; each task once, as it ended last."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def today(
        self, worker_id: int, limit: int, before: str | None = None
    ) -> tuple[list[FinishedTask], str | None]:
        """Return what the worker finished since midnight, UTC, the last one first.

        :param before: what the page before returned.
        :return: the tasks, and where the next page begins if there is one.
        :raises InvalidError: ``before`` is nothing that a page returned.
        """
        midnight = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        # Answers by the index of recent answers; other ends have their time in the loop's log alone.
        answered = _finished(worker_id, task.c.submitted_at).where(
            task.c.state == constant(TaskState.SUBMITTED), task.c.submitted_at >= midnight
        )
        logged_at = (
            select(func.max(task_event.c.at))
            .where(
                task_event.c.human_loop_id == task.c.human_loop_id,
                task_event.c.task_id == task.c.id,
                task_event.c.action == task.c.state,
            )
            .scalar_subquery()
        )
        others = _finished(worker_id, logged_at).where(
            task.c.state.in_(ENDED_OTHERWISE), logged_at >= midnight
        )
        found = union_all(answered, others).subquery().c
        statement = select(*found).order_by(found.ended_at.desc(), found.id.desc()).limit(limit + 1)
        if before:
            ended_at, task_id = _position(before)
            position = tuple_(literal(ended_at, Timestamp), literal(task_id))
            statement = statement.where(tuple_(found.ended_at, found.id) < position)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        tasks = [_task(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return tasks, None
        return tasks, f"{round(tasks[-1].ended_at.timestamp() * 1000)}-{tasks[-1].id}"


def _finished(worker_id: int, ended_at: ColumnElement[datetime]) -> Select[Any]:
    return (
        select(
            task.c.id,
            task.c.state,
            task.c.accepted_at,
            ended_at.label("ended_at"),
            human_loop.c.name.label("loop_name"),
            human_loop.c.account_id,
            human_loop.c.region,
            flow_definition.c.name.label("flow_name"),
            flow_definition.c.task_title,
        )
        .select_from(task.join(human_loop).join(flow_definition))
        .where(task.c.worker_id == worker_id)
    )


def _position(before: str) -> tuple[datetime, str]:
    found = POSITION.fullmatch(before)
    try:
        if found:
            return datetime.fromtimestamp(int(found[1]) / 1000, UTC), found[2]
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidError("`before` is not one that this list returned.")


def _task(row: Row[Any]) -> FinishedTask:
    return FinishedTask(
        id=row.id,
        human_loop=row.loop_name,
        flow_definition=Scope(row.account_id, row.region).arn("flow-definition", row.flow_name),
        title=row.task_title,
        outcome=TaskState(row.state),
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
    )
