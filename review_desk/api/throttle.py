"""How many requests an access key may send: a token bucket for each key, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from review_desk.api.errors import ApiError


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """Lets a key send ``rate`` requests a second, and as many at once after a pause.

    :param rate: requests a second for each access key; 0 lets everything through.
    :param clock: seconds from any starting point.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(rate, 1.0)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def admit(self, access_key_id: str) -> None:
        """Count a request.

        :raises ApiError: ThrottlingException, if the key has used up its rate.
        """
        if not self._rate:
            return
        now = self._clock()
        with self._lock:
            bucket = self._buckets.setdefault(access_key_id, _Bucket(self._burst, now))
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
            bucket.filled_at = now
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return
        raise ApiError(
            "ThrottlingException",
            f"Rate exceeded: {self._rate:g} requests a second for an access key. Slow down.",
        )
