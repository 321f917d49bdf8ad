"""BatchCollector: how much is under way at once, and how much of it is in memory."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from a2i.batch import loop_states
from a2i.batch.collect import BatchCollector
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.item_outcome import Outcome
from a2i.batch.ledger import EndedRow, LedgerRow
from a2i.batch.pace import Pace

PREFIX = "0" * 24
LOG = logging.getLogger(__name__)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Batch:
    """A completed batch: its ledger, the service and S3, all in memory.

    ``gate`` is waited for before an answer is given out: it may hold back some of them.
    """

    def __init__(self, items: int, size: int = 200) -> None:
        self.items = items
        self.size = size
        self.describes = self.lists = self.reading = self.read = 0
        self.gate: Callable[[int], Awaitable[None]] | None = None

    @staticmethod
    def name(number: int) -> str:
        return f"{PREFIX}-{number:032x}"

    @staticmethod
    def uri(number: int) -> str:
        folder = (BEGAN + timedelta(seconds=number)).strftime("%Y/%m/%d/%H/%M/%S")
        return f"s3://answers/flow/{folder}/{Batch.name(number)}/output.json"

    async def read_ended(self) -> AsyncIterator[list[EndedRow]]:
        for rows in ():
            yield rows

    async def read_parts(self) -> AsyncIterator[list[LedgerRow]]:
        for start in range(0, self.items, 1000):
            await asyncio.sleep(0)
            numbers = range(start, min(start + 1000, self.items))
            yield [LedgerRow(str(number), self.name(number)) for number in numbers]

    async def describe_human_loop(self, HumanLoopName: str) -> dict[str, Any]:  # noqa: N803
        self.describes += 1
        await asyncio.sleep(0)
        number = int(HumanLoopName.rpartition("-")[2], 16)
        return {
            "HumanLoopStatus": "Completed",
            "HumanLoopOutput": {"OutputS3Uri": self.uri(number)},
        }

    async def list_human_loops(self, **request: Any) -> dict[str, Any]:
        self.lists += 1
        start = int(request.get("NextToken", "0"))
        end = min(start + 100, self.items)
        return {
            "HumanLoopSummaries": [
                {
                    "HumanLoopName": self.name(number),
                    "HumanLoopStatus": "Completed",
                    "CreationTime": BEGAN + timedelta(seconds=number),
                }
                for number in range(start, end)
            ],
            **({"NextToken": str(end)} if end < self.items else {}),
        }

    async def get(self, uri: str, before_read: Callable[[int], Awaitable[None]]) -> bytes:
        name = uri.rsplit("/", 2)[1]
        self.reading += 1
        await before_read(self.size)
        if self.gate is not None:
            await self.gate(int(name.rpartition("-")[2], 16))
        await asyncio.sleep(0)
        self.read += 1
        answer = {"workerId": "w", "answerContent": {"text": "x" * self.size}}
        return json.dumps({"humanLoopName": name, "humanAnswers": [answer]}).encode()

    def collector(self, most_at_once: int) -> BatchCollector:
        store: Any = self
        return BatchCollector(self, store, Pace(most_at_once), 1.0, LOG, most_at_once=most_at_once)

    @property
    def descriptor(self) -> HumanLoopBatch:
        times = {
            "created_after": BEGAN.isoformat(),
            "created_before": (BEGAN + timedelta(days=9)).isoformat(),
        }
        return HumanLoopBatch(PREFIX, "arn", "s3://b/l", **times, items=1, started=1, failed=0)


class Rows:
    """Takes outcomes, and remembers no more of them than the order."""

    def __init__(self) -> None:
        self.ids: list[str | None] = []
        self.most_tasks = 0

    async def take(self, outcome: Outcome) -> None:
        assert outcome.output is not None
        self.ids.append(outcome.row.item_id)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))


async def test_asking_and_reading_overlap_and_the_order_is_kept() -> None:
    """The first answer is only given out when many later ones have been."""
    batch, rows = Batch(50), Rows()
    others: set[int] = set()
    later = asyncio.Event()

    async def gate(number: int) -> None:
        if number == 0:
            await later.wait()
        others.add(number)
        if len(others) >= 15:
            later.set()

    batch.gate = gate
    ledger: Any = batch
    async with asyncio.timeout(20):
        assert await batch.collector(20).run(ledger, rows.take) == 50
    assert rows.ids == [str(number) for number in range(50)]
    assert batch.describes == 50


async def test_the_number_of_tasks_does_not_grow_with_the_batch() -> None:
    batch, rows = Batch(5_000), Rows()
    ledger: Any = batch
    collector = batch.collector(20)
    await collector.run(ledger, rows.take, collector.listed_loops(batch.descriptor))
    assert len(rows.ids) == 5_000
    assert rows.most_tasks <= 22
    assert batch.lists == 50
    assert batch.describes <= 20


async def test_long_answers_do_not_pile_up_behind_a_slow_one() -> None:
    """While the first of 40 answers of 1 MiB is slow, 8 MiB are read ahead and no more."""
    batch, rows = Batch(40, 1024 * 1024), Rows()
    released = asyncio.Event()

    async def gate(number: int) -> None:
        if number == 0:
            await released.wait()

    batch.gate = gate
    ledger: Any = batch
    collecting = asyncio.create_task(batch.collector(20).run(ledger, rows.take))
    async with asyncio.timeout(20):
        while batch.reading < 20:  # noqa: ASYNC110
            await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (batch.read, rows.ids) == (7, [])
    released.set()
    async with asyncio.timeout(60):
        assert await collecting == 40
    assert rows.ids == [str(number) for number in range(40)]


async def test_one_answer_longer_than_what_may_be_held_is_read_all_the_same() -> None:
    batch, rows = Batch(3, 9 * 1024 * 1024), Rows()
    ledger: Any = batch
    async with asyncio.timeout(60):
        assert await batch.collector(5).run(ledger, rows.take) == 3


async def test_lists_full_of_other_batches_are_given_up() -> None:
    batch, rows = Batch(30), Rows()
    pages = 0

    async def others(**request: Any) -> dict[str, Any]:
        nonlocal pages
        pages += 1
        summary = {"HumanLoopName": "other", "HumanLoopStatus": "Completed", "CreationTime": BEGAN}
        return {"HumanLoopSummaries": [summary] * 100, "NextToken": "more"}

    batch.list_human_loops = others  # type: ignore[method-assign]
    ledger: Any = batch
    collector = batch.collector(5)
    await collector.run(ledger, rows.take, collector.listed_loops(batch.descriptor))
    assert len(rows.ids) == batch.describes == 30
    assert pages == loop_states._LISTED_AT_LEAST // 100 + 1


async def test_what_goes_wrong_ends_the_collection_and_what_is_under_way() -> None:
    batch = Batch(100)
    ledger: Any = batch

    async def refuse(outcome: Outcome) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        await batch.collector(10).run(ledger, refuse)
    assert asyncio.all_tasks() == {asyncio.current_task()}
