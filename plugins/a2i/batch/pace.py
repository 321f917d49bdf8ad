"""How fast requests go out: as many at once as the service takes, fewer when it says it is too much."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_SLOWER: Final = 0.7
_ONE_SLOWDOWN_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 20.0
_LONGEST_QUOTA_PAUSE_SECONDS: Final = 60.0


class Pace:
    """A limit on the requests under way that follows the service: additive increase, multiplicative decrease.

    :param most: requests that may ever be under way at once.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._limit = float(most)
        self._clock = clock
        self._slowed_at = -_ONE_SLOWDOWN_SECONDS
        self._under_way = 0
        self._free = asyncio.Condition()
        self.throttled_answers = 0
        self.quota_answers = 0

    @property
    def limit(self) -> int:
        """Requests that may be under way at once now."""
        return max(1, int(self._limit))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places for a request."""
        async with self._free:
            await self._free.wait_for(lambda: self._under_way < self.limit)
            self._under_way += 1
        try:
            yield
        finally:
            async with self._free:
                self._under_way -= 1
                self._free.notify_all() if self._under_way + 1 < self.limit else self._free.notify()

    def succeeded(self) -> None:
        """Note a request that was taken: one place more for each round of them."""
        self._limit = min(float(self._most), self._limit + 1.0 / self._limit)

    def throttled(self) -> None:
        """Note a request that was refused as too much; a burst of refusals counts once."""
        self.throttled_answers += 1
        now = self._clock()
        if now - self._slowed_at >= _ONE_SLOWDOWN_SECONDS:
            self._slowed_at = now
            self._limit = max(1.0, self._limit * _SLOWER)


def pause(attempt: int, longest: float = _LONGEST_PAUSE_SECONDS) -> float:
    """Return the seconds to wait before another attempt: doubling from 0.2, spread so that not all come at once."""
    return float(min(longest, 0.2 * 2 ** min(attempt, 12)) * random.uniform(0.5, 1.0))  # noqa: S311


def quota_pause(attempt: int) -> float:
    """Return the seconds to wait when the account's quota of open human loops is used up: people are slow."""
    return pause(attempt + 4, _LONGEST_QUOTA_PAUSE_SECONDS)
