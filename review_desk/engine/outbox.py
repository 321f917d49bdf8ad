"""The outbox: what a finished loop owes the outside, delivered at least once however often the process dies."""

from __future__ import annotations

import json
import logging
import random
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Row, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.lifecycle import TaskState
from review_desk.engine.output import Answer, output_document
from review_desk.engine.tables import flow_definition, human_loop, human_loop_input, outbox, task, worker
from review_desk.storage import StorageError

FIRST_RETRY_IN_SECONDS = 1.0
LONGEST_RETRY_IN_SECONDS = 60.0
DELIVERED_AT_ONCE = 50

log = logging.getLogger(__name__)


class Writer(Protocol):
    """Where outputs go."""

    def put_json(self, uri: str, document: dict[str, Any]) -> None: ...


class Outbox:
    """Delivers what is due. Repeating a delivery writes the same object again."""

    def __init__(self, database: Database, clock: Clock, writer: Writer, issuer: str) -> None:
        self._database = database
        self._clock = clock
        self._writer = writer
        self._issuer = issuer

    def deliver_due(self) -> int:
        """Deliver everything that is due now; return how many were delivered."""
        with self._database.read() as connection:
            due = connection.execute(
                select(outbox)
                .where(outbox.c.delivered_at.is_(None), outbox.c.next_attempt_at <= self._clock.now())
                .order_by(outbox.c.next_attempt_at)
                .limit(DELIVERED_AT_ONCE)
            ).all()
        return sum(self._deliver(row) for row in due)

    def _deliver(self, row: Row[Any]) -> bool:
        try:
            self._writer.put_json(*self._output(row.human_loop_id))
        except (StorageError, ValueError) as error:
            now = self._clock.now()
            retry_at = now + timedelta(seconds=retry_delay(row.attempts))
            self._mark(row, attempts=row.attempts + 1, next_attempt_at=retry_at, last_error=str(error)[:1024])
            log.error(
                "%s; attempt %d, next in %.0f s", error, row.attempts + 1, (retry_at - now).total_seconds()
            )
            return False
        self._mark(row, attempts=row.attempts + 1, delivered_at=self._clock.now(), last_error=None)
        return True

    def _mark(self, row: Row[Any], **values: int | str | datetime | None) -> None:
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))

    def _output(self, loop_id: int) -> tuple[str, dict[str, Any]]:
        with self._database.read() as connection:
            loop = connection.execute(
                select(human_loop, human_loop_input.c.content, flow_definition.c.name.label("flow_name"))
                .join_from(human_loop, flow_definition)
                .join(human_loop_input, human_loop_input.c.human_loop_id == human_loop.c.id)
                .where(human_loop.c.id == loop_id)
            ).one()
            rows = connection.execute(
                select(task, worker.c.sub)
                .join_from(task, worker)
                .where(task.c.human_loop_id == loop_id, task.c.state == TaskState.SUBMITTED)
            ).all()
        scope = Scope(loop.account_id, loop.region)
        return loop.output_uri, output_document(
            flow_definition_arn=scope.arn("flow-definition", loop.flow_name),
            loop_name=loop.name,
            input_content=json.loads(loop.content),
            answers=[Answer(row.sub, row.accepted_at, row.submitted_at, row.answer) for row in rows],
            issuer=self._issuer,
        )


def retry_delay(attempts: int) -> float:
    """Seconds to wait after a number of failed attempts: doubling from 1 to 60, with up to a quarter of jitter."""
    delay = min(FIRST_RETRY_IN_SECONDS * 2.0 ** min(attempts, 10), LONGEST_RETRY_IN_SECONDS)
    return delay * random.uniform(0.75, 1.0)  # noqa: S311
