"""Brings flow definitions from Initializing to Active or Failed, by asking for the bucket that they write to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update

from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.output import output_bucket
from review_desk.engine.tables import flow_definition
from review_desk.storage import StorageError, StoreUnreachableError

INITIALIZING = "Initializing"
ACTIVE = "Active"
FAILED = "Failed"

GIVEN_UP_AFTER = timedelta(seconds=60)
LONGEST_PROBLEM = 700
"""Characters of a store's words, so that what to do still fits into a FailureReason of 1,024."""

CheckBucket = Callable[[str], None]
"""Asks for a bucket; raises a StorageError, of the unreachable kind if asking again may help."""

log = logging.getLogger(__name__)


class Initialization:
    """Decides about flow definitions that are Initializing, at their creation and as often as it takes after it.

    A bucket that is missing or forbidden fails them at once. A store that does not answer is asked for 60 seconds:
    from the creation, or from the start of this process if that was later, so that a flow definition does not fail
    because service and store were started together.

    :param check_bucket: is called outside of any transaction.
    """

    def __init__(self, database: Database, clock: Clock, check_bucket: CheckBucket) -> None:
        self._database = database
        self._clock = clock
        self._check_bucket = check_bucket
        self._watching_since = clock.now()

    def check(self, *which: ColumnElement[bool]) -> int:
        """Ask for the buckets of the flow definitions that are Initializing; return how many are so no more.

        :param which: conditions on the flow definitions; without any, all are looked at.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                select(flow_definition).where(
                    flow_definition.c.status == INITIALIZING, flow_definition.c.deleted_at.is_(None), *which
                )
            ).all()
        problems: dict[str, StorageError | None] = {}
        for bucket in {output_bucket(row.output_path) for row in rows}:
            problems[bucket] = self._problem(bucket)
        return sum(self._settle(row, problems[output_bucket(row.output_path)]) for row in rows)

    def _problem(self, bucket: str) -> StorageError | None:
        try:
            self._check_bucket(bucket)
        except StorageError as error:
            return error
        return None

    def _settle(self, row: Row[Any], problem: StorageError | None) -> bool:
        if problem is None:
            return self._become(row, ACTIVE, None)
        waited = self._clock.now() - max(row.created_at, self._watching_since)
        if isinstance(problem, StoreUnreachableError) and waited < GIVEN_UP_AFTER:
            log.info("The flow definition %s stays Initializing: %s", row.name, problem)
            return False
        reason = (
            f"{str(problem)[:LONGEST_PROBLEM]}. Check OutputConfig.S3OutputPath ({output_bucket(row.output_path)}), "
            "REVIEW_DESK_S3_ENDPOINT_URL and the AWS_* variables of the service; then delete this flow definition "
            "and create it again."
        )
        log.warning("The flow definition %s failed: %s", row.name, reason)
        return self._become(row, FAILED, reason)

    def _become(self, row: Row[Any], status: str, reason: str | None) -> bool:
        with self._database.write() as connection:
            changed = connection.execute(
                update(flow_definition)
                .where(flow_definition.c.id == row.id, flow_definition.c.status == INITIALIZING)
                .values(status=status, failure_reason=reason)
            )
        return changed.rowcount > 0
