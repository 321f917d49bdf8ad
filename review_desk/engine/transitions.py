"""Carries a loop's state change into the database: the one place that writes a loop's progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, update

from review_desk.engine.flow_definitions import finish_deletion
from review_desk.engine.lifecycle import FailureCode, LoopProgress, LoopStatus
from review_desk.engine.owed import owe_one
from review_desk.engine.tables import human_loop, task_event

PROGRESS = ("status", "active_count", "answer_count", "failure_code", "failure_reason", "open", "ended_at")
UPDATE_PROGRESS = (
    update(human_loop)
    .where(human_loop.c.id == bindparam("loop_id"))
    .values({name: bindparam(f"new_{name}") for name in PROGRESS})
)
INSERT_EVENT = insert(task_event)
LOOP_COLUMNS = tuple(
    human_loop.c[name]
    for name in (
        "id",
        "account_id",
        "region",
        "name",
        "flow_definition_id",
        "status",
        "task_count",
        "active_count",
        "answer_count",
        "available_until",
        "failure_code",
        "failure_reason",
        "ended_at",
    )
)
"""What a change of a loop's progress needs to know of it: fewer columns make a statement measurably faster."""


def progress_of(row: Row[Any]) -> LoopProgress:
    """Read the progress out of a row of ``human_loop``."""
    return LoopProgress(
        status=LoopStatus(row.status),
        task_count=row.task_count,
        active_count=row.active_count,
        answer_count=row.answer_count,
        available_until=row.available_until,
        failure_code=FailureCode(row.failure_code) if row.failure_code else None,
        failure_reason=row.failure_reason,
    )


def save_progress(connection: Connection, row: Row[Any], progress: LoopProgress, now: datetime) -> None:
    """Write a loop's new progress; when it ends, also what it owes, in the same transaction.

    :param row: the loop as it was read, under lock, in this transaction.
    """
    before = progress_of(row)
    if progress == before:
        return
    ends = progress.status.is_final and not before.status.is_final
    connection.execute(
        UPDATE_PROGRESS,
        {
            "loop_id": row.id,
            "new_status": progress.status,
            "new_active_count": progress.active_count,
            "new_answer_count": progress.answer_count,
            "new_failure_code": progress.failure_code,
            "new_failure_reason": progress.failure_reason,
            "new_open": progress.is_open,
            "new_ended_at": now if ends else row.ended_at,
        },
    )
    if progress.status is not before.status:
        log_event(connection, now, f"loop-{progress.status.lower()}", row.id)
    if ends and before.status is LoopStatus.STOPPING:
        finish_deletion(connection, row.flow_definition_id, now)
    if ends:
        owe_one(connection, row.id, now, has_answers=progress.answer_count > 0)


def log_event(
    connection: Connection,
    now: datetime,
    action: str,
    human_loop_id: int,
    task_id: str | None = None,
    worker_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append who did what, when."""
    connection.execute(
        INSERT_EVENT,
        {
            "at": now,
            "action": action,
            "human_loop_id": human_loop_id,
            "task_id": task_id,
            "worker_id": worker_id,
            "detail": detail,
        },
    )
