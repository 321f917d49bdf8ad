"""Secrets of access keys, remembered for a moment so that not every request reads and decrypts them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REMEMBERED_SECONDS = 1.0
MOST_REMEMBERED = 1000

SecretOf = Callable[[str], str | None]


class RememberedSecrets:
    """Answers like ``secret_of``, at most a second late: a revoked key is refused within that time.

    Unknown keys are not remembered.
    """

    def __init__(self, secret_of: SecretOf, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret_of = secret_of
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, access_key_id: str) -> str | None:
        now = self._clock()
        with self._lock:
            secret, until = self._known.get(access_key_id, ("", 0.0))
        if now < until:
            return secret
        found = self._secret_of(access_key_id)
        with self._lock:
            if found is None:
                self._known.pop(access_key_id, None)
            else:
                if len(self._known) >= MOST_REMEMBERED:
                    self._known.clear()
                self._known[access_key_id] = (found, now + REMEMBERED_SECONDS)
        return found
