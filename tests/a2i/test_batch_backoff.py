"""The time between two looks follows the age of what is open; waiting costs few requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.batch import wait as wait_module
from a2i.batch.backoff import outage_delay, poke_delay
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.wait import BatchWait, WaitSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOPS = 1_000


@given(st.floats(0.1, 600), st.floats(0, 3600), st.floats(0, 1e7))
def test_the_delay_keeps_its_bounds_and_its_share(shortest: float, more: float, quiet: float) -> None:
    longest = shortest + more
    delay = poke_delay(shortest, longest, quiet)
    assert 0.9 * shortest <= delay <= longest
    assert delay <= max(shortest, quiet / 30)
    assert delay >= 0.9 * min(max(shortest, quiet / 30), longest)


def test_an_outage_is_asked_about_more_and_more_slowly() -> None:
    assert [outage_delay(failures, 10) for failures in (1, 2, 3, 6, 50)] == [2, 4, 8, 60, 60]
    assert outage_delay(50, 90) == 90


class Clock:
    """A time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = START.timestamp() + 60

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Service:
    """As much of the service's client as a wait uses: 1,000 loops that people answer one a minute. Counts requests."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests = 0
        self.polls: list[tuple[float, int]] = []

    def get_paginator(self, operation: str) -> Service:
        assert operation == "list_human_loops"
        return self

    def answered(self) -> int:
        return min(LOOPS, int((self.clock.now - START.timestamp() - 600) / 60))

    async def paginate(self, **request: Any) -> AsyncIterator[Any]:
        size = request["PaginationConfig"]["PageSize"]
        assert size == 100
        answered = self.answered()
        self.polls.append((self.clock.now, LOOPS - max(0, answered)))
        listed = [
            {
                "HumanLoopName": f"{'0' * 24}-{number:032x}",
                "HumanLoopStatus": "Completed" if number < answered else "InProgress",
                "CreationTime": START + timedelta(seconds=number / 20),
            }
            for number in range(LOOPS)
        ]
        listed = [row for row in listed if row["CreationTime"] >= request["CreationTimeAfter"]]
        for first in range(0, len(listed) or 1, size):
            self.requests += 1
            yield {"HumanLoopSummaries": listed[first : first + size]}


@pytest.fixture
def batch() -> HumanLoopBatch:
    return HumanLoopBatch(
        "0" * 24,
        "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/f",
        "s3://answers/ledger",
        (START - timedelta(minutes=15)).isoformat(),
        (START + timedelta(minutes=15)).isoformat(),
        LOOPS,
        LOOPS,
        0,
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(wait_module, "time", clock)
    monkeypatch.setattr(wait_module.asyncio, "sleep", clock.sleep)
    return clock


def waiting(service: Service, batch: HumanLoopBatch, log: Any) -> BatchWait:
    return BatchWait(service, pytest.fail, batch, WaitSettings(60.0, 300.0), log)


async def test_waiting_costs_one_hundredth_of_a_describe_per_loop_and_poll(
    clock: Clock, batch: HumanLoopBatch, silent_log: Any
) -> None:
    service = Service(clock)
    outcome = await waiting(service, batch, silent_log).run(None, clock.now + 1e6)
    assert outcome == {"status": "success", "counts": {"Completed": LOOPS}, "problems": {}}
    assert len(service.polls) > 900
    assert service.requests <= 0.01 * LOOPS * len(service.polls)


async def test_nights_are_quiet_and_mornings_are_not(
    clock: Clock, batch: HumanLoopBatch, silent_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody answers for eight hours; then one loop a minute is.
    clock.now = START.timestamp() + 30
    morning = START.timestamp() + 8 * 3600
    service = Service(clock)
    monkeypatch.setattr(service, "answered", lambda: max(0, min(LOOPS, int((clock.now - morning) / 60))))
    await waiting(service, batch, silent_log).run(morning + 3600, morning + 7200)
    times = [at for at, _ in service.polls]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    night = [
        gap for gap, at in zip(gaps, times, strict=False) if START.timestamp() + 4 * 3600 < at < morning - 300
    ]
    day = [gap for gap, at in zip(gaps, times, strict=False) if morning + 300 < at < morning + 3200]
    assert min(night) >= 270
    assert max(day) <= 60
    assert min(gaps[:-1]) >= 54  # the last one ends at the deadline


async def test_a_new_trigger_knows_the_quiet_from_the_age_of_the_oldest_loop(
    clock: Clock, batch: HumanLoopBatch, silent_log: Any
) -> None:
    clock.now = START.timestamp() + 500
    service = Service(clock)
    wait = waiting(service, batch, silent_log)
    await wait.look()
    assert 54 <= wait.delay <= 60
    clock.now = START.timestamp() + 6000
    service.answered = lambda: 0  # type: ignore[method-assign]
    wait = waiting(service, batch, silent_log)
    await wait.look()
    assert 180 <= wait.delay <= 200
