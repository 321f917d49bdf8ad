"""Collecting a batch: from the ledger, by way of ``DescribeHumanLoop`` and ``output.json``, to rows of results."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from a2i.answers import AnswersError, HumanLoopOutput, parse_output
from a2i.batch.ledger import Ledger, LedgerRow
from a2i.batch.log import Log
from a2i.batch.pace import Pace, pause
from a2i.batch.start import first_error
from a2i.batch.storage import JsonLinesWriter, ObjectStore
from a2i.exceptions import A2IServiceError
from a2i.failures import THROTTLING_CODES, error_code, explain, is_passing

NOT_STARTED: Final = "NotStarted"
MISSING: Final = "Missing"
EXPIRED: Final = "Expired"
UNREADABLE: Final = "Unreadable"
#: Keys of the counts, by the status in a result row.
COUNT_NAMES: Final[Mapping[str, str]] = {
    "Completed": "completed",
    "Failed": "failed",
    EXPIRED: "expired",
    "Stopped": "stopped",
    MISSING: "missing",
    NOT_STARTED: "not_started",
    UNREADABLE: "unreadable",
    "InProgress": "open",
    "Stopping": "open",
}
_PROGRESS_SECONDS: Final = 5.0


class BatchCollector:
    """Writes one result row for every row of a ledger, in its order.

    A row: ``item_id``, ``human_loop_name``, ``status`` (a human loop status, ``Expired`` for a loop that failed
    because nobody answered in time, ``Missing`` for a deleted one, ``NotStarted``, or ``Unreadable`` for answers
    that are not of A2I's form), ``failure_reason``, ``output_uri`` and ``answers``.

    :param outage_tolerance: seconds without any answer from the service before the collection gives up; also how
        long the answers of a completed loop may take to appear in S3.
    """

    def __init__(
        self, client: Any, store: ObjectStore, pace: Pace, outage_tolerance: float, log: Log
    ) -> None:
        self._client = client
        self._store = store
        self._pace = pace
        self._outage_tolerance = outage_tolerance
        self._log = log
        self.counts: Counter[str] = Counter()

    async def run(self, ledger: Ledger, writer: JsonLinesWriter) -> Counter[str]:
        """Collect everything.

        :return: counts by the names of :data:`COUNT_NAMES`, ``items`` and ``answers``.
        :raises A2IServiceError: if the service or the answers of a completed loop stay away for too long.
        """
        reported = time.monotonic()
        async for rows in ledger.read_parts():
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._row(row)) for row in rows]
            except BaseExceptionGroup as errors:
                raise first_error(errors) from None
            for task in tasks:
                await self._write(writer, task.result())
            if time.monotonic() - reported > _PROGRESS_SECONDS:
                reported = time.monotonic()
                self._log.info("%d items collected", self.counts["items"])
        return self.counts

    async def _write(self, writer: JsonLinesWriter, row: dict[str, Any]) -> None:
        self.counts["items"] += 1
        self.counts[COUNT_NAMES.get(row["status"], "open")] += 1
        self.counts["answers"] += len(row["answers"])
        await writer.write(row)

    async def _row(self, row: LedgerRow) -> dict[str, Any]:
        result: dict[str, Any] = {
            "item_id": row.item_id,
            "human_loop_name": row.human_loop_name,
            "status": NOT_STARTED,
            "failure_reason": row.error,
            "output_uri": None,
            "answers": [],
        }
        if row.human_loop_name is None:
            return result
        async with self._pace.slot():
            loop = await self._describe(row.human_loop_name)
            if loop is None:
                return result | {"status": MISSING, "failure_reason": "the human loop was deleted"}
            status = EXPIRED if loop.get("FailureCode") == EXPIRED else loop["HumanLoopStatus"]
            uri = loop.get("HumanLoopOutput", {}).get("OutputS3Uri")
            result |= {"status": status, "failure_reason": loop.get("FailureReason"), "output_uri": uri}
            try:
                output = await self._output(row, status, uri)
            except AnswersError as error:
                self._log.error("The answers for %r at %s cannot be read: %s", row.item_id, uri, error)
                return result | {"status": UNREADABLE, "failure_reason": str(error)}
        return result | {"answers": [answer.to_dict() for answer in output.answers] if output else []}

    async def _describe(self, name: str) -> dict[str, Any] | None:
        attempt, since = 0, time.monotonic()
        while True:
            try:
                return dict(await self._client.describe_human_loop(HumanLoopName=name))
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                if error_code(error) in THROTTLING_CODES:
                    self._pace.throttled()
                    since = time.monotonic()
                await self._ride_out(error, attempt, since)
            attempt += 1

    async def _ride_out(self, error: Exception, attempt: int, since: float) -> None:
        if not is_passing(error) or time.monotonic() - since > self._outage_tolerance:
            raise explain(error) or error from None
        await asyncio.sleep(pause(attempt))

    async def _output(self, row: LedgerRow, status: str, uri: str | None) -> HumanLoopOutput | None:
        """Read a loop's answers. The address is known before the object exists: a completed loop is waited for."""
        if uri is None or status in ("InProgress", "Stopping"):
            return None
        attempt, since = 0, time.monotonic()
        while True:
            try:
                if (content := await self._store.get(uri)) is not None:
                    return parse_output(content)
            except ClientError as error:
                await self._ride_out(error, attempt, since)
            if status != "Completed":
                return None
            if time.monotonic() - since > self._outage_tolerance:
                raise A2IServiceError(
                    f"The review of {row.item_id!r} is completed, but its answers are not at {uri} yet."
                )
            await asyncio.sleep(pause(attempt))
            attempt += 1
