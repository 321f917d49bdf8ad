"""Work that strangers can ask for, kept to few threads of its own so that it takes none from the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from review_desk.portal.errors import PortalError

T = TypeVar("T")


class Gate:
    """Lets in a few at once, has some wait, and turns the rest away at once.

    :param at_once: threads.
    :param waiting: requests that may wait for one.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._limiter = CapacityLimiter(at_once)
        self._most = at_once + waiting
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread.

        :raises PortalError: too many wait already.
        """
        # Counted here and not by the limiter, which knows of a request only some turns of the event loop later.
        if self._inside >= self._most:
            message = "Too many people are signing in at this moment. Try again in a few seconds."
            raise PortalError(429, "Busy", message, {"Retry-After": "2"})
        self._inside += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._inside -= 1
