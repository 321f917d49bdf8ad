"""Takes a submission back a moment later, while nothing has come of it.

The answer counts at once and nothing waits for the moment to pass. So what ended its human loop stays: a loop that
is complete is on its way to S3 and never changes.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import update

from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import NotFoundError, TooLateError
from review_desk.engine.lifecycle import TaskState
from review_desk.engine.tables import task
from review_desk.engine.tasks import LOCK_LOOP_OF_TASK, NOT_YOURS, OWN_TASK, Task
from review_desk.engine.transitions import log_event, progress_of, save_progress

UNDO_IN_SECONDS = 10
"""How long people are offered it."""

ON_THE_WAY = timedelta(seconds=2)
"""Longer than that by what an answer and a request may take between browser and service."""


class Undo:
    """Reopens a worker's own task that was just submitted."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def seconds_for(self, submitted: Task) -> int:
        """Return for how long a task that was submitted just now can be taken back; 0 if it cannot be."""
        is_possible = not submitted.loop_status.is_final and submitted.lease_expires_at > self._clock.now()
        return UNDO_IN_SECONDS if is_possible else 0

    def reopen(self, worker_id: int, task_id: str) -> None:
        """Give a submitted task back to its worker, with the answer as its draft and the lease that it had.

        The lease's token is a new one, so a late repetition of the submission is refused. A task that is being worked
        on stays as it is: a client whose connection broke may repeat the request.

        :raises TooLateError: the moment has passed, the time for the task is over, or its human loop has ended.
        """
        now = self._clock.now()
        own = {"task_id": task_id, "worker_id": worker_id}
        with self._database.write() as connection:
            loop = connection.execute(LOCK_LOOP_OF_TASK, own).one_or_none()
            if loop is None:
                raise NotFoundError(NOT_YOURS)
            row = connection.execute(OWN_TASK, own).one()
            if row.state == TaskState.WORKING:
                return
            progress = progress_of(loop)
            if row.state != TaskState.SUBMITTED:
                raise TooLateError("This task was not submitted, so there is nothing to take back.")
            if progress.status.is_final:
                raise TooLateError("The human loop of this task has ended, so its answers are final.")
            if not _is_recent(row.submitted_at, now) or row.lease_expires_at <= now:
                raise TooLateError(f"An answer can be taken back for {UNDO_IN_SECONDS} seconds only.")
            connection.execute(
                update(task)
                .where(task.c.id == task_id)
                .values(
                    state=TaskState.WORKING,
                    lease_token=secrets.token_urlsafe(16),
                    submitted_at=None,
                    answer=None,
                    draft=row.answer,
                    draft_version=row.draft_version + 1,
                )
            )
            log_event(connection, now, "reopened", loop.id, task_id, worker_id)
            save_progress(connection, loop, progress.reopened(), now)


def _is_recent(submitted_at: datetime, now: datetime) -> bool:
    return now - submitted_at <= timedelta(seconds=UNDO_IN_SECONDS) + ON_THE_WAY
