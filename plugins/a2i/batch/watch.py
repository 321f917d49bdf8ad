"""Watching a batch until nothing of it is open any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger
from a2i.batch.storage import ObjectStore
from a2i.batch.sweep import OPEN, PROBLEMS_KEPT, Sweep, open_loops
from a2i.exceptions import A2IUserError
from a2i.failures import error_code

_PAGE: Final = 100
MISSING: Final = "Missing"
_DESCRIBES_AT_ONCE: Final = 10


@dataclass(frozen=True)
class Progress:
    """Where a batch is.

    :ivar counts: loops by status; ``Missing`` are those that the service no longer knows.
    :ivar problems: some of the loops that ended without an answer, by name.
    """

    counts: dict[str, int]
    problems: dict[str, str]

    @property
    def is_done(self) -> bool:
        """Whether no loop can change any more."""
        return open_loops(self.counts) == 0

    def __str__(self) -> str:
        total = sum(self.counts.values())
        return (
            f"{total - open_loops(self.counts)} of {total} human loops ended, {open_loops(self.counts)} open"
        )


class BatchWatch:
    """Looks at a batch, again and again. Only reads, so that it may run twice or be killed at any time.

    :param client: an open ``sagemaker-a2i-runtime`` client.
    :param open_store: makes an async context manager with the store of the ledger; entered only if loops are missing
        from the lists.
    :param sweep: what an earlier watch of the batch has counted, to go on from there.
    """

    def __init__(
        self,
        client: Any,
        open_store: Callable[[], AbstractAsyncContextManager[ObjectStore]],
        batch: HumanLoopBatch,
        sweep: Sweep | None = None,
    ) -> None:
        self._client = client
        self._open_store = open_store
        self._batch = batch
        self._sweep = sweep or Sweep(batch.prefix, batch.window[0])
        self._gone: dict[str, str] = {}
        self._last: Progress | None = None
        self._pages = 0

    async def look(self) -> Progress:
        """Sweep once; but where a few loops are all that is open, not before one of them has moved.

        :raises A2IUserError: if the flow definition no longer exists.
        """
        if self._last is None or await self._has_moved():
            self._last = await self._sweep_once()
        return self._last

    async def _has_moved(self) -> bool:
        """Ask for each of the few loops that are open; where a sweep is cheaper, say yes."""
        few = self._sweep.few_open
        if not 0 < len(few) < self._pages:
            return True
        for name, status in few.items():
            try:
                loop = await self._client.describe_human_loop(HumanLoopName=name)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                return True
            if loop["HumanLoopStatus"] != status:
                return True
            self._sweep.see(name, status)
        return False

    async def _sweep_once(self) -> Progress:
        self._pages = 0
        try:
            async for summary in self._summaries():
                self._sweep.feed(summary)
        except ClientError as error:
            self._sweep.abandon()
            if error_code(error) == "ResourceNotFoundException":
                arn = self._batch.flow_definition_arn
                raise A2IUserError(f"The flow definition {arn} does not exist any more.") from None
            raise
        except BaseException:
            self._sweep.abandon()
            raise
        counts = self._sweep.finish()
        if open_loops(counts) == 0 and sum(counts.values()) < self._batch.started:
            counts += await self._not_listed()
        return Progress(dict(counts), dict(self._sweep.problems))

    async def _summaries(self, whole: bool = False) -> AsyncIterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_human_loops").paginate(
            FlowDefinitionArn=self._batch.flow_definition_arn,
            CreationTimeAfter=self._batch.window[0] if whole else self._sweep.list_after,
            CreationTimeBefore=self._batch.window[1],
            SortOrder="Ascending",
            PaginationConfig={"PageSize": _PAGE},
        )
        async for page in pages:
            self._pages += 1
            for summary in page["HumanLoopSummaries"]:
                yield summary

    async def _not_listed(self) -> Counter[str]:
        """Ask one by one for the loops of the ledger that no list shows: new ones, and deleted ones."""
        prefix = self._batch.prefix
        listed = {
            bytes.fromhex(summary["HumanLoopName"].removeprefix(prefix))
            async for summary in self._summaries(whole=True)
            if summary["HumanLoopName"].startswith(prefix)
        }
        counts: Counter[str] = Counter()
        places = asyncio.Semaphore(_DESCRIBES_AT_ONCE)
        async with self._open_store() as store:
            async for rows in Ledger(store, self._batch.ledger_uri).read_parts():
                names = [row.human_loop_name for row in rows if row.human_loop_name is not None]
                absent = [name for name in names if bytes.fromhex(name.removeprefix(prefix)) not in listed]
                counts.update(await asyncio.gather(*(self._status(name, places) for name in absent)))
        return counts

    async def _status(self, name: str, places: asyncio.Semaphore) -> str:
        if name in self._gone:
            return self._gone[name]
        async with places:
            try:
                status = str((await self._client.describe_human_loop(HumanLoopName=name))["HumanLoopStatus"])
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                status = MISSING
        if status not in OPEN:
            self._gone[name] = status
            if status != "Completed" and len(self._sweep.problems) < PROBLEMS_KEPT:
                self._sweep.problems[name] = "deleted" if status == MISSING else status
        return status
