"""Stopping what is open of a batch: many at once, as fast as the service takes it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger
from a2i.batch.log import Log
from a2i.batch.pace import Pace, pause
from a2i.batch.start import first_error
from a2i.batch.storage import ObjectStore, open_store
from a2i.failures import THROTTLING_CODES, error_code, explain, is_passing
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import A2IS3Hook

_PAGE: Final = 100
#: Counts of a stop.
COUNTS: Final = ("stopped", "already_ended", "missing")


async def stop_batch(
    batch: HumanLoopBatch,
    hook: A2IHook,
    s3_hook: A2IS3Hook,
    outage_tolerance: float,
    log: Log,
    max_concurrency: int = 20,
) -> dict[str, int]:
    """Stop what is open of a batch, on clients of its own; see :class:`BatchStopper`."""
    async with await hook.get_batch_conn(max_concurrency) as client:
        stopper = BatchStopper(
            client,
            lambda: open_store(s3_hook, outage_tolerance=outage_tolerance),
            batch,
            Pace(max_concurrency),
            outage_tolerance,
        )
        counts = await stopper.run()
    log.info("Human loops told to stop: %d, ended already: %d", counts["stopped"], counts["already_ended"])
    return {name: counts[name] for name in COUNTS}


class BatchStopper:
    """Stops the human loops of a batch that are open; may be run again, and twice at once.

    A task that a reviewer works on stays open until it is submitted or its time is over; its loop is ``Stopping``
    until then, and its answers are kept (A2I Developer Guide, "Stop and delete a human loop").

    :param client: an open ``sagemaker-a2i-runtime`` client.
    :param open_store: makes an async context manager with the store of the ledger; entered only if loops are missing
        from the lists.
    :param outage_tolerance: seconds that one request may go without an answer before the stop gives up.
    """

    def __init__(
        self,
        client: Any,
        open_store: Callable[[], AbstractAsyncContextManager[ObjectStore]],
        batch: HumanLoopBatch,
        pace: Pace,
        outage_tolerance: float,
    ) -> None:
        self._client = client
        self._open_store = open_store
        self._batch = batch
        self._pace = pace
        self._outage_tolerance = outage_tolerance

    async def run(self) -> Counter[str]:
        """Stop everything.

        :return: counts of loops: ``stopped`` (now told to stop), ``already_ended`` (``Stopping`` ones included) and
            ``missing``.
        :raises A2IServiceError: if the service stays away for longer than the tolerated outage.
        """
        counts: Counter[str] = Counter()
        listed: set[bytes] = set()
        prefix = self._batch.prefix
        async for page in self._pages():
            mine = {
                summary["HumanLoopName"]: summary["HumanLoopStatus"]
                for summary in page
                if summary["HumanLoopName"].startswith(prefix)
            }
            listed.update(bytes.fromhex(name.removeprefix(prefix)) for name in mine)
            running = [name for name, status in mine.items() if status == "InProgress"]
            counts["already_ended"] += len(mine) - len(running)
            counts.update(await self._stop_all(running))
        if len(listed) < self._batch.started:
            async with self._open_store() as store:
                async for rows in Ledger(store, self._batch.ledger_uri).read_parts():
                    names = [row.human_loop_name for row in rows if row.human_loop_name is not None]
                    absent = [
                        name for name in names if bytes.fromhex(name.removeprefix(prefix)) not in listed
                    ]
                    counts.update(await self._stop_all(absent))
        return counts

    async def _pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        after, before = self._batch.window
        token: dict[str, str] = {}
        while True:
            page = await self._ask(
                self._client.list_human_loops,
                FlowDefinitionArn=self._batch.flow_definition_arn,
                CreationTimeAfter=after,
                CreationTimeBefore=before,
                SortOrder="Ascending",
                MaxResults=_PAGE,
                **token,
            )
            yield page["HumanLoopSummaries"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    async def _stop_all(self, names: list[str]) -> Counter[str]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._stop(name)) for name in names]
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        return Counter(task.result() for task in tasks)

    async def _stop(self, name: str) -> str:
        try:
            await self._ask(self._client.stop_human_loop, HumanLoopName=name)
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return "missing"
            # A2I does not say how it refuses to stop a loop that has just ended: look again.
            if error_code(error) not in ("ValidationException", "ConflictException"):
                raise explain(error) or error from None
            described = await self._ask(self._client.describe_human_loop, HumanLoopName=name)
            if described["HumanLoopStatus"] == "InProgress":
                raise explain(error) or error from None
            return "already_ended"
        return "stopped"

    async def _ask(self, request: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
        attempt, since = 0, time.monotonic()
        while True:
            try:
                async with self._pace.slot():
                    answer: dict[str, Any] = await request(**arguments)
            except Exception as error:
                if not is_passing(error):
                    raise
                if error_code(error) in THROTTLING_CODES:
                    self._pace.throttled()
                    since = time.monotonic()
                elif time.monotonic() - since > self._outage_tolerance:
                    raise explain(error) or error from None
                await asyncio.sleep(pause(attempt))
            else:
                self._pace.succeeded()
                return answer
            attempt += 1
