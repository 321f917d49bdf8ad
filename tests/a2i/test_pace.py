"""How fast requests go out."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field

import pytest

from a2i.batch.pace import Pace, pause, quota_pause


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RateLimit:
    """A service's token bucket."""

    rate: float
    burst: float
    tokens: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def takes(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def served(limit: RateLimit, most: int, seconds: float, latency: float) -> tuple[int, int]:
    """Send for so long, on a clock of its own; return how many requests were taken, and how many refused."""
    clock = Clock()
    pace = Pace(most, clock)
    taken = refused = 0
    # When each of the places is free for its next request.
    places = [0.0] * most
    while places[0] < seconds:
        clock.now = max(clock.now, heapq.heappop(places))
        sent = clock.now + pace.turn()
        clock.now = sent
        if limit.takes(sent):
            taken += 1
            pace.succeeded()
            heapq.heappush(places, sent + latency)
        else:
            refused += 1
            pace.throttled()
            heapq.heappush(places, sent + latency + pause(0))
    return taken, refused


@pytest.mark.parametrize("rate", [5, 50, 100, 800])
@pytest.mark.parametrize("burst", [20, 100])
def test_it_keeps_a_service_with_a_fixed_rate_full_with_few_refusals(rate: float, burst: float) -> None:
    taken, refused = served(RateLimit(rate, burst), most=50, seconds=60, latency=0.02)
    assert taken >= 0.95 * rate * 60
    # Some hundred while it finds the rate, and then a few.
    assert refused <= 500 + 0.05 * taken


def test_a_burst_of_refusals_counts_once() -> None:
    clock = Clock()
    pace = Pace(500, clock)
    pace.throttled()
    first = pace.rate
    assert first is not None
    for _ in range(19):
        pace.throttled()
    assert (pace.throttled_answers, pace.rate) == (20, first)
    clock.now = 1.0
    pace.throttled()
    # Nothing at all was taken since: much slower.
    assert pace.rate == first / 10


def test_it_never_stops_altogether_and_recovers() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    for _ in range(50):
        clock.now += 1
        pace.throttled()
    assert pace.rate == 1
    for _ in range(2_000):
        clock.now += pace.turn()
    assert pace.rate > 100


def test_nothing_waits_for_a_turn_before_the_first_refusal() -> None:
    pace = Pace(4, Clock())
    assert [pace.turn() for _ in range(100)] == [0.0] * 100


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

        await asyncio.gather(*(request() for _ in range(100)))
        return most

    assert asyncio.run(run()) == 7


def test_pauses_grow_and_stay_bounded() -> None:
    assert 0.1 <= pause(0) <= 0.2
    assert pause(100) <= 20
    assert quota_pause(0) > pause(0)
    assert quota_pause(100) <= 60
