"""The wait for 10,000 human loops on a simulated clock: how many requests it makes.

The wait is that of the sensor's trigger, unchanged; the service is a list in memory, and time passes only while the
wait sleeps. So hours of reviewing take seconds, and every run counts the same but for the waits' jitter.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import selectors
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.wait import BatchWait, WaitSettings

LOOPS = 10_000
STARTS_PER_SECOND = 400
REVIEWERS = 80
SECONDS_PER_LOOP = 60
POKE_INTERVAL = 60.0
MAX_POKE_INTERVAL = 300.0
STRAGGLER_HOURS = 12
EPOCH = 1_800_000_000.0
PAGE = 100
PREFIX = "0" * 24
LOG = logging.getLogger("quiet")
LOG.setLevel(logging.ERROR)


class SimulatedTime(selectors.DefaultSelector):
    """A selector that does not wait: it lets the clock jump to where the next timer is due."""

    now = EPOCH

    def select(self, timeout: float | None = None) -> Any:
        # A microsecond more: a float of this size cannot tell less, and a timer that is just due would never be.
        self.now += (timeout or 0) + 1e-6
        return super().select(0)


class Service:
    """ListHumanLoops and DescribeHumanLoop over loops that are created and end at given times."""

    def __init__(self, clock: SimulatedTime, ends: list[float]) -> None:
        self._clock = clock
        self._ends = ends
        self._summaries = [
            (_summary(place, "InProgress"), _summary(place, "Completed")) for place in range(LOOPS)
        ]
        self.lists = self.describes = 0

    def get_paginator(self, operation: str) -> Service:
        return self

    async def paginate(self, CreationTimeAfter: Any, **_: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: N803
        after = (CreationTimeAfter.timestamp() - EPOCH) * STARTS_PER_SECOND
        first = max(0, math.ceil(after))
        for begin in range(first, max(first + 1, LOOPS), PAGE):
            self.lists += 1
            places = range(begin, min(begin + PAGE, LOOPS))
            yield {"HumanLoopSummaries": [self._summary(place) for place in places]}

    async def describe_human_loop(self, HumanLoopName: str) -> dict[str, Any]:  # noqa: N803
        self.describes += 1
        return self._summary(int(HumanLoopName.removeprefix(f"{PREFIX}-"), 16))

    def _summary(self, place: int) -> dict[str, Any]:
        return self._summaries[place][self._ends[place] <= self._clock.now - EPOCH]


@dataclass(frozen=True)
class Waited:
    """What one wait cost.

    :ivar per_poll: requests of one Describe for each loop at each of the wait's own looks.
    :ivar per_open_loop: requests of a sensor for each loop, which looks at fixed intervals until its loop has ended.
    """

    looks: int
    calls: int
    per_poll: int
    per_open_loop: int

    @property
    def share(self) -> float:
        return self.calls / self.per_poll

    @property
    def share_of_open(self) -> float:
        return self.calls / self.per_open_loop


def scenarios() -> dict[str, list[float]]:
    """When each loop ends, in seconds after the first one was created, in the order of creation."""
    source = random.Random(7)
    rate = REVIEWERS / SECONDS_PER_LOOP
    oldest_first = [
        LOOPS / STARTS_PER_SECOND + (place + source.uniform(0, REVIEWERS)) / rate for place in range(LOOPS)
    ]
    straggler = [STRAGGLER_HOURS * 3600.0, *oldest_first[1:]]
    return {
        "oldest first": oldest_first,
        "in any order": source.sample(oldest_first, LOOPS),
        "oldest first, one stays open for 12 hours": straggler,
    }


def wait_for(ends: list[float]) -> Waited:
    """Run one wait to its end."""
    clock = SimulatedTime()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign]
    service = Service(clock, ends)
    started = datetime.fromtimestamp(EPOCH, UTC)
    batch = HumanLoopBatch(
        batch_id=PREFIX,
        flow_definition_arn="arn:aws:sagemaker:us-east-1:000000000000:flow-definition/simulated",
        ledger_uri="s3://none/none",
        created_after=started.isoformat(),
        created_before=datetime.fromtimestamp(EPOCH + LOOPS / STARTS_PER_SECOND, UTC).isoformat(),
        items=LOOPS,
        started=LOOPS,
        failed=0,
    )
    wait = BatchWait(service, _no_store, batch, WaitSettings(POKE_INTERVAL, MAX_POKE_INTERVAL), LOG)
    looks = 0
    look = wait.look

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        return await look()

    wait.look = counted  # type: ignore[method-assign]
    clock.now = EPOCH + LOOPS / STARTS_PER_SECOND
    with mock.patch("time.time", side_effect=lambda: clock.now):
        outcome = loop.run_until_complete(wait.run(None, math.inf))
    loop.close()
    if outcome["counts"] != {"Completed": LOOPS}:
        raise RuntimeError(f"the wait ended with {outcome}")
    began = LOOPS / STARTS_PER_SECOND
    return Waited(
        looks=looks,
        calls=service.lists + service.describes,
        per_poll=looks * LOOPS,
        per_open_loop=sum(1 + math.ceil((end - began) / POKE_INTERVAL) for end in ends),
    )


def _summary(place: int, status: str) -> dict[str, Any]:
    return {
        "HumanLoopName": f"{PREFIX}-{place:032x}",
        "HumanLoopStatus": status,
        "CreationTime": datetime.fromtimestamp(EPOCH + place / STARTS_PER_SECOND, UTC),
    }


def _no_store() -> Any:
    raise AssertionError("all loops are listed: the ledger is not needed")
