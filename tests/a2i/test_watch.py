"""Looking at a batch whose last few loops stay open: they are asked for one by one, and a sweep has the last word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.sweep import FEW, Sweep
from a2i.batch.watch import BatchWatch

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOPS = 20 * FEW
PAGE = 10
BATCH_ID = "0" * 24


class Service:
    """Human loops that were created a second after another, listed ten a page."""

    def __init__(self) -> None:
        self.status = {f"{BATCH_ID}-{number:032x}": "Completed" for number in range(LOOPS)}
        self.lists = self.describes = 0

    def get_paginator(self, operation: str) -> Service:
        return self

    async def paginate(self, CreationTimeAfter: Any, **_: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: N803
        rows = [
            {"HumanLoopName": name, "HumanLoopStatus": status, "CreationTime": created}
            for number, (name, status) in enumerate(self.status.items())
            if (created := START + timedelta(seconds=number)) >= CreationTimeAfter
        ]
        for first in range(0, max(1, len(rows)), PAGE):
            self.lists += 1
            yield {"HumanLoopSummaries": rows[first : first + PAGE]}

    async def describe_human_loop(self, HumanLoopName: str) -> dict[str, Any]:  # noqa: N803
        self.describes += 1
        if HumanLoopName not in self.status:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeHumanLoop")
        return {"HumanLoopStatus": self.status[HumanLoopName]}

    def open(self, count: int) -> list[str]:
        names = list(self.status)[:count]
        self.status.update(dict.fromkeys(names, "InProgress"))
        return names


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def seen() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def watch(service: Service, seen: list[tuple[str, str]]) -> BatchWatch:
    batch = HumanLoopBatch(
        batch_id=BATCH_ID,
        flow_definition_arn="arn:aws:sagemaker:us-east-1:000000000000:flow-definition/watched",
        ledger_uri="s3://none/none",
        created_after=START.isoformat(),
        created_before=(START + timedelta(days=1)).isoformat(),
        items=LOOPS,
        started=LOOPS,
        failed=0,
    )

    def no_store() -> Any:
        raise AssertionError("all loops are listed")

    return BatchWatch(
        service, no_store, batch, Sweep(batch.prefix, START, lambda name, status: seen.append((name, status)))
    )


async def test_the_few_that_stay_open_are_asked_for(
    service: Service, watch: BatchWatch, seen: list[tuple[str, str]]
) -> None:
    names = service.open(2)
    first = await watch.look()
    lists = service.lists
    seen.clear()
    assert await watch.look() == first
    assert (service.lists, service.describes) == (lists, 2)
    assert seen == [(name, "InProgress") for name in names]


async def test_one_that_has_moved_is_found_by_a_sweep(service: Service, watch: BatchWatch) -> None:
    one, other = service.open(2)
    await watch.look()
    service.status[one] = "Failed"
    assert (await watch.look()).counts == {"Completed": LOOPS - 2, "Failed": 1, "InProgress": 1}
    service.status[other] = "Stopping"
    assert (await watch.look()).counts == {"Completed": LOOPS - 2, "Failed": 1, "Stopping": 1}
    service.status[other] = "Stopped"
    progress = await watch.look()
    assert progress.is_done
    assert progress.counts == {"Completed": LOOPS - 2, "Failed": 1, "Stopped": 1}


async def test_one_that_was_deleted_is_found_by_a_sweep(service: Service, watch: BatchWatch) -> None:
    one, _ = service.open(2)
    await watch.look()
    lists = service.lists
    del service.status[one]
    assert (await watch.look()).counts["InProgress"] == 1
    assert service.lists > lists


async def test_more_than_a_few_are_listed(service: Service, watch: BatchWatch) -> None:
    service.open(FEW + 1)
    for _ in range(2):
        assert (await watch.look()).counts["InProgress"] == FEW + 1
    assert service.describes == 0
