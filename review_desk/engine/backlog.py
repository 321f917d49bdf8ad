"""Counts what waits: loops by status, open tasks, deliveries."""

from __future__ import annotations

from sqlalchemy import func, select

from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.tables import human_loop, outbox
from review_desk.metrics import Backlog


def read_backlog(database: Database, clock: Clock) -> Backlog:
    """Count in the database."""
    loops, waiting = human_loop.c, outbox.c
    slots = func.coalesce(func.sum(loops.task_count - loops.answer_count - loops.active_count), 0)
    with database.read() as connection:
        by_status = connection.execute(
            select(loops.status, func.count()).where(loops.deleted_at.is_(None)).group_by(loops.status)
        ).all()
        open_tasks = connection.execute(select(slots).where(loops.open.is_(True))).scalar_one()
        depth, oldest = connection.execute(
            select(func.count(), func.min(waiting.created_at)).where(
                waiting.delivered_at.is_(None), waiting.dead_at.is_(None)
            )
        ).one()
        dead = connection.execute(select(func.count()).where(waiting.dead_at.is_not(None))).scalar_one()
    counted = {str(status): count for status, count in by_status}
    return Backlog(
        loops={str(status): counted.get(str(status), 0) for status in LoopStatus},
        open_tasks=int(open_tasks),
        outbox_depth=depth,
        outbox_age=(clock.now() - oldest).total_seconds() if oldest else 0.0,
        dead_letters=dead,
    )
