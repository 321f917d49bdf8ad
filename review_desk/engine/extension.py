"""Gives a worker more time for a task, as WCAG 2.2.1 asks of every time limit."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import LeaseLostError, TooLateError
from review_desk.engine.lifecycle import TaskState
from review_desk.engine.tables import task, task_event
from review_desk.engine.tasks import OWN_TASK, Task, TaskStore
from review_desk.engine.transitions import log_event

EXTENDED = "extended"


class Extension:
    """Extends leases, each by the flow definition's TaskTimeLimitInSeconds from now.

    :param most: how often one task can be extended; WCAG 2.2.1 asks for 10 at least.
    """

    def __init__(self, database: Database, clock: Clock, tasks: TaskStore, most: int) -> None:
        self._database = database
        self._clock = clock
        self._tasks = tasks
        self.most = most

    def extend(self, worker_id: int, task_id: str) -> Task:
        """Return the task with its new lease.

        :raises NotFoundError: no such task, or somebody else's.
        :raises LeaseLostError: its time is over already, or it is no longer being worked on.
        :raises TooLateError: it was extended as often as it can be.
        """
        found = self._tasks.heartbeat(worker_id, task_id)
        now = self._clock.now()
        with self._database.write() as connection:
            is_held = connection.execute(
                update(task)
                .where(
                    task.c.id == task_id,
                    task.c.worker_id == worker_id,
                    task.c.state == TaskState.WORKING,
                    task.c.lease_expires_at > now,
                )
                .values(lease_expires_at=now + timedelta(seconds=found.time_limit))
            ).rowcount
            if not is_held:
                raise LeaseLostError("The time for this task is over.")
            row = connection.execute(OWN_TASK, {"task_id": task_id, "worker_id": worker_id}).one()
            extended = connection.execute(
                select(func.count()).where(
                    task_event.c.human_loop_id == row.human_loop_id,
                    task_event.c.task_id == task_id,
                    task_event.c.action == EXTENDED,
                    task_event.c.at >= row.accepted_at,
                )
            ).scalar_one()
            if extended >= self.most:
                raise TooLateError(
                    f"The time for this task was extended {extended} times, which is as often as it can be."
                    if extended
                    else "The time for a task cannot be extended here."
                )
            log_event(connection, now, EXTENDED, row.human_loop_id, task_id, worker_id)
        return self._tasks.get(worker_id, task_id)
