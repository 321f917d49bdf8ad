"""The limit on requests under way."""

from __future__ import annotations

import asyncio

from a2i.batch.pace import Pace, pause, quota_pause


def test_it_slows_down_once_for_a_burst_of_refusals_and_speeds_up_again() -> None:
    now = 0.0
    pace = Pace(50, clock=lambda: now)
    for _ in range(20):
        pace.throttled()
    assert pace.limit == 35
    now = 1.0
    pace.throttled()
    assert pace.limit == 24
    for _ in range(10_000):
        pace.succeeded()
    assert pace.limit == 50


def test_it_never_stops_altogether() -> None:
    now = 0.0
    pace = Pace(4, clock=lambda: now)
    for _ in range(50):
        now += 1
        pace.throttled()
    assert pace.limit == 1


def test_no_more_than_the_limit_is_under_way() -> None:
    async def run() -> int:
        pace = Pace(7)
        under_way = most = 0

        async def request() -> None:
            nonlocal under_way, most
            async with pace.slot():
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0.001)
                under_way -= 1
                pace.succeeded()

        await asyncio.gather(*(request() for _ in range(100)))
        return most

    assert asyncio.run(run()) == 7


def test_pauses_grow_and_stay_bounded() -> None:
    assert 0.1 <= pause(0) <= 0.2
    assert pause(100) <= 20
    assert quota_pause(0) > pause(0)
    assert quota_pause(100) <= 60
