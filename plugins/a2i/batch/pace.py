"""How fast requests go out: many at once, and no faster than the service was seen to take them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_ONE_SLOWDOWN_SECONDS: Final = 0.5
_SLOWER: Final = 0.95
_MUCH_SLOWER: Final = 0.1
_GROWTH_PER_SECOND: Final = 0.05
_MOST_GROWTH_PER_SECOND: Final = 1.0
_LONGEST_GROWTH_SECONDS: Final = 1.0
_SLOWEST_RATE: Final = 1.0
_FASTEST_RATE: Final = 10_000.0
_LONGEST_PAUSE_SECONDS: Final = 20.0
_LONGEST_QUOTA_PAUSE_SECONDS: Final = 60.0


class Pace:
    """A limit on the requests under way, and on their rate once the service has refused some as too many.

    Until a request is refused only ``most`` counts. From then on requests leave at even distances, a little slower
    after a refusal, and a little faster all the time, more so the longer nothing is refused. When more requests are
    refused than taken, the rate becomes the one that the service was seen to take. So a service with a fixed rate is
    kept just about full, at the price of a few refusals.

    :param most: requests that may ever be under way at once.
    :param clock: seconds, from any beginning.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._places = asyncio.Semaphore(most)
        self._rate: float | None = None
        self._grown_at = self._next_at = 0.0
        self._slowed_at: float | None = None
        # Since the last slowdown, or since the first request.
        self._counted_from: float | None = None
        self._taken = self._refused = 0
        self.throttled_answers = 0
        self.quota_answers = 0

    @property
    def rate(self) -> float | None:
        """Requests that may leave in a second; None while the service has refused none."""
        return self._rate

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places for a request; one that ends without an exception was taken."""
        async with self._places:
            if (delay := self.turn()) > 0:
                await asyncio.sleep(delay)
            yield
            self.succeeded()

    def turn(self) -> float:
        """Take the next turn and return the seconds until then."""
        now = self._clock()
        if self._counted_from is None:
            self._counted_from = now
        if self._rate is None or self._slowed_at is None:
            return 0.0
        # A pause in the work is no sign that the service takes more.
        elapsed = min(now - self._grown_at, _LONGEST_GROWTH_SECONDS)
        growth = min(_MOST_GROWTH_PER_SECOND, _GROWTH_PER_SECOND * 2 ** min(10.0, now - self._slowed_at))
        self._rate = min(_FASTEST_RATE, self._rate * (1 + growth * elapsed))
        self._grown_at = now
        at = max(now, self._next_at)
        self._next_at = at + 1 / self._rate
        return at - now

    def succeeded(self) -> None:
        """Note a request that was taken."""
        self._taken += 1

    def throttled(self) -> None:
        """Note a request that was refused as too much; a burst of refusals counts once."""
        self.throttled_answers += 1
        self._refused += 1
        now = self._clock()
        if self._slowed_at is not None and now - self._slowed_at < _ONE_SLOWDOWN_SECONDS:
            return
        since = now if self._counted_from is None else self._counted_from
        taken_rate = self._taken / max(now - since, 0.1)
        before = self._rate if self._rate is not None else max(taken_rate, float(self.most))
        if self._refused > self._taken:
            self._rate = max(_SLOWEST_RATE, _MUCH_SLOWER * before, min(taken_rate, _SLOWER * before))
        else:
            self._rate = max(_SLOWEST_RATE, _SLOWER * before)
        self._slowed_at = self._grown_at = self._counted_from = now
        self._taken = self._refused = 0


def pause(attempt: int, longest: float = _LONGEST_PAUSE_SECONDS) -> float:
    """Return the seconds to wait before another attempt: doubling from 0.2, spread so that not all come at once."""
    return float(min(longest, 0.2 * 2 ** min(attempt, 12)) * random.uniform(0.5, 1.0))  # noqa: S311


def quota_pause(attempt: int) -> float:
    """Return the seconds to wait when the account's quota of open human loops is used up: people are slow."""
    return pause(attempt + 4, _LONGEST_QUOTA_PAUSE_SECONDS)
