"""The service's own work: delivering the outbox and ending what ran out of time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from review_desk.engine.database import unavailability

log = logging.getLogger(__name__)


class BackgroundJob:
    """Calls ``work`` again and again in a thread: when woken or while there is work, else each interval.

    :param work: does one round and returns how much it did.
    :param interval: seconds between rounds that find nothing to do.
    :param batch: the most that one round does; the next one follows at once.
    :param gathering: seconds before a round in which more may come together, unless the one before was a whole batch.
    """

    def __init__(
        self, name: str, work: Callable[[], int], interval: float, *, batch: int = 1, gathering: float = 0.0
    ) -> None:
        self._name = name
        self._work = work
        self._interval = interval
        self._batch = batch
        self._gathering = gathering
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the round at hand end, for at most ``timeout`` seconds."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                done = self._work()
            except Exception as error:
                reason = unavailability(error)
                if reason:
                    log.warning(
                        "%s: the database does not serve: %s; next try in %.0f s",
                        self._name,
                        reason,
                        self._interval,
                    )
                else:
                    log.exception("%s failed; it goes on in %.0f s", self._name, self._interval)
                done = 0
            if not done:
                self._wake.wait(self._interval)
            if done < self._batch:
                self._stop.wait(self._gathering)
