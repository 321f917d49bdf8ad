"""The outbox: what a loop that ended owes the outside, delivered at least once however often the process dies.

An ended loop has an event, and before it an output if there are answers. Processes share the work: each takes rows
for a while by moving their next attempt, so a row whose process died comes up again by itself.
"""

from __future__ import annotations

import json
import logging
import random
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import BigInteger, BindParameter, Row, and_, bindparam, exists, func, or_, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database, unavailability
from review_desk.engine.errors import NotFoundError
from review_desk.engine.events import status_change_event
from review_desk.engine.lifecycle import TaskState
from review_desk.engine.output import Answer, output_document
from review_desk.engine.owed import EVENT, OUTPUT
from review_desk.engine.tables import (
    Timestamp,
    flow_definition,
    human_loop,
    human_loop_input,
    outbox,
    task,
    task_event,
    worker,
)
from review_desk.receivers import DeliveryError, Receiver
from review_desk.storage import StorageError

FIRST_RETRY_IN_SECONDS = 1.0
LONGEST_RETRY_IN_SECONDS = 60.0
GIVEN_UP_AFTER = timedelta(hours=24)
HELD_FOR = timedelta(seconds=20)
TAKEN_AT_ONCE = 16
SENT_AT_ONCE = 4
NOTED_AFTER_IN_SECONDS = 0.5

EVENT_IDS = uuid.UUID("5b0a3f0e-6d0f-4c39-9a43-0d7f8c1f4a52")
"""Namespace of event ids: an event's id follows from its loop, so every delivery has the same."""

# Made once: to build a statement takes as long as to run it.
LOOP_ID = bindparam("loop_id", type_=BigInteger)
AT = bindparam("now", type_=Timestamp)
LOOP = (
    select(human_loop, flow_definition.c.name.label("flow_name"))
    .join_from(human_loop, flow_definition)
    .where(human_loop.c.id == LOOP_ID)
)
LOOP_WITH_INPUT = LOOP.add_columns(
    flow_definition.c.request.label("flow_request"), human_loop_input.c.content
).join(human_loop_input, human_loop_input.c.human_loop_id == human_loop.c.id)
# Two answers of one millisecond stand in the order of the log, so that each delivery writes the same. One that was
# taken back and given again is in the log twice.
LOGGED_AT = (
    select(func.max(task_event.c.id))
    .where(
        task_event.c.human_loop_id == LOOP_ID,
        task_event.c.task_id == task.c.id,
        task_event.c.action == TaskState.SUBMITTED,
    )
    .scalar_subquery()
)
ANSWERS = (
    select(task, worker.c.sub, worker.c.issuer, worker.c.subject)
    .join_from(task, worker)
    .where(task.c.human_loop_id == LOOP_ID, task.c.state == TaskState.SUBMITTED)
    .order_by(LOGGED_AT)
)
EARLIER = outbox.alias("earlier")
OUTPUT_IS_OWED = exists().where(
    EARLIER.c.human_loop_id == outbox.c.human_loop_id,
    EARLIER.c.kind == OUTPUT,
    EARLIER.c.delivered_at.is_(None),
)
DUE = (
    select(outbox.c.id)
    .where(
        outbox.c.delivered_at.is_(None),
        outbox.c.dead_at.is_(None),
        outbox.c.next_attempt_at <= AT,
        or_(outbox.c.kind == OUTPUT, and_(outbox.c.kind == EVENT, ~OUTPUT_IS_OWED)),
    )
    .order_by(outbox.c.next_attempt_at, outbox.c.id)
    .limit(TAKEN_AT_ONCE)
)
ANY_DUE = DUE.limit(1)
DUE_UNLOCKED = DUE.with_for_update(skip_locked=True)
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
HOLD = (
    update(outbox)
    .where(outbox.c.id.in_(IDS))
    .values(next_attempt_at=bindparam("held_until", type_=Timestamp))
)
TAKEN = select(outbox).where(outbox.c.id.in_(IDS)).order_by(outbox.c.id)
MARK_DELIVERED = (
    update(outbox)
    .where(outbox.c.id.in_(IDS), outbox.c.delivered_at.is_(None))
    .values(attempts=outbox.c.attempts + 1, delivered_at=AT, last_error=None)
)

log = logging.getLogger(__name__)


class Writer(Protocol):
    """Where outputs go."""

    def put_json(self, uri: str, document: dict[str, Any], kms_key_id: str | None) -> None: ...


@dataclass(frozen=True)
class DeadLetter:
    """A delivery that was given up."""

    id: int
    kind: str
    human_loop: str
    given_up_at: datetime
    attempts: int
    error: str


class Outbox:
    """Delivers what is due, and knows what was given up.

    :param issuer: who vouches for the identities of workers who sign in with a password: this installation.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        writer: Writer,
        issuer: str,
        receivers: list[Receiver] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._writer = writer
        self._issuer = issuer
        self._receivers = receivers or []
        self._threads = ThreadPoolExecutor(SENT_AT_ONCE, thread_name_prefix="outbox")

    def deliver_due(self) -> int:
        """Deliver what is due now, up to 16 rows; return how many were delivered.

        What went well is noted together, and at once when something else takes long.
        """
        ids = {self._threads.submit(self._deliver, row): row.id for row in self._take_due()}
        pending = set(ids)
        failures: list[BaseException] = []
        count = 0
        while pending:
            ended, pending = wait(pending, timeout=NOTED_AFTER_IN_SECONDS)
            delivered = [ids[attempt] for attempt in ended if _went_well(attempt, failures)]
            self._mark_delivered(delivered)
            count += len(delivered)
        if failures:
            raise failures[0]
        return count

    def dead_letters(self) -> list[DeadLetter]:
        """Return what was given up, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(outbox, human_loop.c.name)
                .join_from(outbox, human_loop)
                .where(outbox.c.dead_at.is_not(None))
                .order_by(outbox.c.id)
            ).all()
        return [
            DeadLetter(row.id, row.kind, row.name, row.dead_at, row.attempts, row.last_error or "")
            for row in rows
        ]

    def requeue(self, dead_letter_id: int | None = None) -> int:
        """Try again what was given up, all of it or one; return how many.

        :raises NotFoundError: no such dead letter.
        """
        now = self._clock.now()
        statement = update(outbox).where(outbox.c.dead_at.is_not(None))
        if dead_letter_id is not None:
            statement = statement.where(outbox.c.id == dead_letter_id)
        with self._database.write() as connection:
            count = connection.execute(
                statement.values(dead_at=None, created_at=now, next_attempt_at=now, attempts=0)
            ).rowcount
            if count:
                which = "all" if dead_letter_id is None else str(dead_letter_id)
                record(connection, now, "RequeueDeadLetter", "dead-letter", which, {"count": count})
        if dead_letter_id is not None and not count:
            raise NotFoundError(f"There is no dead letter {dead_letter_id}.")
        return count

    def _take_due(self) -> list[Row[Any]]:
        now = self._clock.now()
        with self._database.read() as connection:
            if connection.execute(ANY_DUE, {"now": now}).first() is None:
                return []
        with self._database.write() as connection:
            ids = connection.execute(DUE_UNLOCKED, {"now": now}).scalars().all()
            if not ids:
                return []
            connection.execute(HOLD, {"ids": ids, "held_until": now + HELD_FOR})
            return list(connection.execute(TAKEN, {"ids": ids}).all())

    def _deliver(self, row: Row[Any]) -> bool:
        try:
            if row.kind == OUTPUT:
                self._writer.put_json(*self._output(row.human_loop_id))
            else:
                self._send(row)
        except (StorageError, DeliveryError) as error:
            self._put_off(row, str(error))
            return False
        except Exception as error:
            if unavailability(error):
                raise
            # One delivery that cannot be made must not hold up the others.
            self._put_off(row, f"the {row.kind} could not be made: {type(error).__name__}", error)
            return False
        return True

    def _put_off(self, row: Row[Any], error: str, cause: Exception | None = None) -> None:
        now = self._clock.now()
        attempts = row.attempts + 1
        subject = {"human_loop": self._loop(row.human_loop_id).name}
        if now - row.created_at >= GIVEN_UP_AFTER:
            self._mark(row, attempts=attempts, dead_at=now, last_error=error[:1024])
            log.error(
                "%s; given up after %d attempts: see `review-desk dead-letter list`",
                error,
                attempts,
                exc_info=cause,
                extra=subject,
            )
            return
        delay = retry_delay(row.attempts)
        self._mark(
            row, attempts=attempts, next_attempt_at=now + timedelta(seconds=delay), last_error=error[:1024]
        )
        log.warning("%s; attempt %d, next in %.0f s", error, attempts, delay, exc_info=cause, extra=subject)

    def _send(self, row: Row[Any]) -> None:
        """Send an event to the receivers that have not taken it yet."""
        if not self._receivers:
            return
        event = self._event(row)
        taken: list[str] = list(row.delivered_to or [])
        problems = []
        for receiver in self._receivers:
            if receiver.name in taken:
                continue
            try:
                receiver.send(event)
            except DeliveryError as error:
                problems.append(str(error))
            else:
                taken.append(receiver.name)
                self._mark(row, delivered_to=list(taken))
        if problems:
            raise DeliveryError("; ".join(problems))

    def _mark(self, row: Row[Any], **values: int | str | datetime | list[str] | None) -> None:
        """Note what came of a row, unless another process delivered it while this one took longer than it was held."""
        with self._database.write() as connection:
            connection.execute(
                update(outbox).where(outbox.c.id == row.id, outbox.c.delivered_at.is_(None)).values(**values)
            )

    def _mark_delivered(self, ids: list[int]) -> None:
        if not ids:
            return
        with self._database.write() as connection:
            connection.execute(MARK_DELIVERED, {"ids": ids, "now": self._clock.now()})

    def _event(self, row: Row[Any]) -> dict[str, Any]:
        loop = self._loop(row.human_loop_id)
        return status_change_event(
            event_id=str(uuid.uuid5(EVENT_IDS, f"{loop.id}/{loop.name}/{loop.status}")),
            scope=Scope(loop.account_id, loop.region),
            time=loop.ended_at,
            loop_name=loop.name,
            flow_definition_name=loop.flow_name,
            status=loop.status,
            failure_code=loop.failure_code,
            failure_reason=loop.failure_reason,
            created_at=loop.created_at,
            output_uri=loop.output_uri if loop.answer_count else None,
        )

    def _output(self, loop_id: int) -> tuple[str, dict[str, Any], str | None]:
        """Return where a loop's answers are written, the document, and the KMS key it is encrypted with, if any."""
        with self._database.read() as connection:
            loop = connection.execute(LOOP_WITH_INPUT, {"loop_id": loop_id}).one()
            rows = connection.execute(ANSWERS, {"loop_id": loop_id}).all()
        scope = Scope(loop.account_id, loop.region)
        document = output_document(
            flow_definition_arn=scope.arn("flow-definition", loop.flow_name),
            loop_name=loop.name,
            input_content=json.loads(loop.content),
            answers=[_answer(row, self._issuer) for row in rows],
        )
        return loop.output_uri, document, loop.flow_request["OutputConfig"].get("KmsKeyId")

    def _loop(self, loop_id: int) -> Row[Any]:
        with self._database.read() as connection:
            return connection.execute(LOOP, {"loop_id": loop_id}).one()


def _went_well(attempt: Future[bool], failures: list[BaseException]) -> bool:
    """Whether an attempt delivered its row; what it raised is kept."""
    error = attempt.exception()
    if error is not None:
        failures.append(error)
        return False
    return attempt.result()


def _answer(row: Row[Any], own_issuer: str) -> Answer:
    """Read an answer; this installation itself vouches for workers whom no provider vouches for."""
    return Answer(
        worker_sub=row.sub,
        issuer=row.issuer or own_issuer,
        subject=row.subject or row.sub,
        accepted_at=row.accepted_at,
        submitted_at=row.submitted_at,
        content=row.answer,
    )


def retry_delay(attempts: int) -> float:
    """Seconds to wait after a number of failed attempts: doubling from 1 to 60, less up to a quarter of jitter."""
    delay = min(FIRST_RETRY_IN_SECONDS * 2.0 ** min(attempts, 10), LONGEST_RETRY_IN_SECONDS)
    return delay * random.uniform(0.75, 1.0)  # noqa: S311
