"""Several tasks of one flow definition at once in one worker's hands, for images that are judged at a glance.

Each stays a task of its own, with its lease, draft, answer and time. Only with TaskCount 1: a second opinion is worth
little if both looked at nine at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from review_desk.engine.arns import Scope
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError
from review_desk.engine.tables import flow_definition, human_task_ui
from review_desk.engine.tasks import TEAMS, NoTask, NoTaskReason, Task, TaskStore

FLOWS: Select[Any] = select(
    flow_definition.c.account_id,
    flow_definition.c.region,
    flow_definition.c.name,
    flow_definition.c.task_count,
    flow_definition.c.human_task_ui_id,
).where(flow_definition.c.workteam_id.in_(TEAMS), flow_definition.c.deleted_at.is_(None))
TEMPLATE = select(human_task_ui.c.content).where(human_task_ui.c.id == bindparam("human_task_ui_id"))


class Grid:
    """Claims as many tasks at once as a worker task template allows.

    :param size_of: reads that number out of a template; ``None`` if it allows no grid.
    """

    def __init__(self, database: Database, tasks: TaskStore, size_of: Callable[[str], int | None]) -> None:
        self._database = database
        self._tasks = tasks
        self._size_of = size_of
        self._sizes: dict[int, int | None] = {}

    def sizes(self, worker_id: int) -> dict[str, int]:
        """Return the flow definitions of the worker's teams that allow a grid, by ARN, with its number of tasks."""
        return {arn: size for arn, size in self._flows(worker_id).items() if size}

    def claim(self, worker_id: int, flow_definition_arn: str) -> list[Task] | NoTask:
        """Take tasks until the grid is full; those that the worker holds already are the first of them.

        One short transaction for each: to hold one loop's lock while waiting for another's could wait for ever.

        :raises InvalidError: the flow definition allows no grid.
        """
        flows = self._flows(worker_id)
        if flow_definition_arn not in flows:
            return NoTask(NoTaskReason.EMPTY)
        size = flows[flow_definition_arn]
        if not size:
            raise InvalidError(
                "This flow definition allows no grid: it needs TaskCount 1, and the number of tasks in its template."
            )
        found: Task | NoTask = NoTask(NoTaskReason.EMPTY)
        for _ in range(size - len(self._held(worker_id, flow_definition_arn))):
            found = self._tasks.claim(worker_id, flow_definition_arn, at_once=size)
            if isinstance(found, NoTask):
                break
        # Read anew, so that two windows that fill the grid together show the same.
        held = self._held(worker_id, flow_definition_arn)[:size]
        if held:
            return held
        return found if isinstance(found, NoTask) else NoTask(NoTaskReason.HELD, 1)

    def _held(self, worker_id: int, flow_definition_arn: str) -> list[Task]:
        tasks = self._tasks.working(worker_id)
        return sorted(
            (task for task in tasks if task.flow_definition == flow_definition_arn),
            key=lambda task: (task.accepted_at, task.human_loop),
        )

    def _flows(self, worker_id: int) -> dict[str, int | None]:
        with self._database.read() as connection:
            rows = connection.execute(FLOWS, {"worker_id": worker_id}).all()
            for ui in {row.human_task_ui_id for row in rows} - self._sizes.keys():
                # A template never changes, so it is read once.
                content = connection.execute(TEMPLATE, {"human_task_ui_id": ui}).scalar_one()
                self._sizes[ui] = self._size_of(content)
        return {_arn(row): self._sizes[row.human_task_ui_id] if row.task_count == 1 else None for row in rows}


def _arn(row: Row[Any]) -> str:
    return Scope(row.account_id, row.region).arn("flow-definition", row.name)
