"""Gives a task that somebody holds to another member of the team."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, select, update
from sqlalchemy.sql import Select

from review_desk.engine.arns import Scope
from review_desk.engine.audit import current_actor, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError, LeaseLostError, NotFoundError
from review_desk.engine.lifecycle import RECLAIMABLE, LoopStatus, TaskState
from review_desk.engine.sessions import Session
from review_desk.engine.tables import flow_definition, human_loop, task, worker, workteam_member
from review_desk.engine.tasks import FLOW_COLUMNS, TaskStore
from review_desk.engine.team_progress import visible_to
from review_desk.engine.transitions import LOOP_COLUMNS, log_event

MOST_CANDIDATES = 500


class Reassignment:
    """Takes a task from the worker who holds it and gives it to one whom a lead names, with a lease of its own."""

    def __init__(self, database: Database, clock: Clock, tasks: TaskStore) -> None:
        self._database = database
        self._clock = clock
        self._tasks = tasks

    def candidates(self, viewer: Session, loop_name: str, region: str | None = None) -> list[str]:
        """Return the user names of who could be given a task of a human loop, by name.

        They are members of its team, are not disabled and have not had the loop for good.
        """
        loop = select(human_loop.c.id, human_loop.c.workteam_id).where(
            human_loop.c.name == loop_name,
            human_loop.c.deleted_at.is_(None),
            visible_to(viewer, human_loop.c.workteam_id),
        )
        if region:
            loop = loop.where(human_loop.c.region == region)
        found = loop.subquery()
        with self._database.read() as connection:
            return list(
                connection.execute(
                    select(worker.c.username)
                    .join_from(worker, workteam_member)
                    .join(found, found.c.workteam_id == workteam_member.c.workteam_id)
                    .where(worker.c.disabled_at.is_(None), ~_has_had(found.c.id))
                    .order_by(worker.c.username)
                    .limit(MOST_CANDIDATES)
                ).scalars()
            )

    def reassign(self, viewer: Session, task_id: str, username: str) -> None:
        """Give a task to a member of its team who holds nothing now.

        The worker before is told when they next do anything with it, and is not offered the loop again. The new one
        begins without a draft, and finds the task among those that they hold.

        :raises NotFoundError: no such task, or of somebody else's team.
        :raises LeaseLostError: nobody is working on it any more.
        :raises InvalidError: the named worker cannot have it, or nobody new may begin with the human loop.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            whole: Select[Any] = (
                select(*LOOP_COLUMNS, human_loop.c.workteam_id, *FLOW_COLUMNS)
                .select_from(task.join(human_loop).join(flow_definition))
                .where(task.c.id == task_id, visible_to(viewer, human_loop.c.workteam_id))
                .with_for_update(of=human_loop)
            )
            loop = connection.execute(whole).one_or_none()
            if loop is None:
                raise NotFoundError("This task does not exist, or it is of another team.")
            holder = connection.execute(
                select(worker.c.id, worker.c.username)
                .join_from(task, worker)
                .where(task.c.id == task_id, task.c.state == TaskState.WORKING)
            ).one_or_none()
            if holder is None:
                raise LeaseLostError("Nobody is working on this task any more.")
            if loop.status != LoopStatus.IN_PROGRESS or loop.available_until <= now:
                raise InvalidError(f"Nobody new may begin with the human loop {loop.name!r}: it is ending.")
            chosen = self._chosen(connection, loop, holder.username, username)
            connection.execute(
                update(task).where(task.c.id == task_id).values(state=TaskState.REQUEUED, draft=None)
            )
            by = {"by": current_actor().name}
            log_event(connection, now, TaskState.REQUEUED, loop.id, task_id, holder.id, by)
            # The slot passes from one to the other, so the loop's counts stay as they are.
            if self._tasks.take(connection, loop, chosen, now) is None:
                raise InvalidError(f"{username} has had this human loop already.")
            detail = {
                "human_loop": Scope(loop.account_id, loop.region).arn("human-loop", loop.name),
                "from": holder.username,
                "to": username,
            }
            record(connection, now, "ReassignTask", "task", task_id, detail)

    def _chosen(self, connection: Connection, loop: Row[Any], holder: str, username: str) -> int:
        """Return the id of the worker who is to have the task."""
        if username == holder:
            raise InvalidError(f"{username} holds this task already.")
        now = self._clock.now()
        row = connection.execute(
            select(
                worker.c.id,
                worker.c.disabled_at,
                _has_had(loop.id).label("has_had_it"),
                exists()
                .where(
                    task.c.worker_id == worker.c.id,
                    task.c.state == TaskState.WORKING,
                    task.c.lease_expires_at > now,
                )
                .label("is_working"),
            )
            .join_from(worker, workteam_member)
            .where(worker.c.username == username, workteam_member.c.workteam_id == loop.workteam_id)
        ).one_or_none()
        if row is None:
            raise InvalidError(f"{username} is no member of this task's team.")
        if row.disabled_at is not None:
            raise InvalidError(f"{username} is disabled.")
        if row.has_had_it:
            raise InvalidError(f"{username} has had this human loop already.")
        if row.is_working:
            raise InvalidError(f"{username} is working on another task now.")
        chosen: int = row.id
        return chosen


def _has_had(loop_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Condition: the worker has a task of the loop that bars another one."""
    return exists().where(
        task.c.human_loop_id == loop_id,
        task.c.worker_id == worker.c.id,
        task.c.state.not_in(RECLAIMABLE),
    )
