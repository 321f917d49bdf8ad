"""How many human loops may be unfinished at once in an account and Region."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import QuotaError
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.tables import human_loop

COUNTED_EVERY = timedelta(seconds=1)


@dataclass
class _Count:
    loops: int
    at: datetime


class OpenLoopQuota:
    """Refuses to start a loop while too many are unfinished.

    Loops are counted once a second, and in between the starts of this process are added; so several processes may
    overshoot by what they start within a second.

    :param most: unfinished loops of one account and Region; 0 for no limit.
    """

    def __init__(self, database: Database, clock: Clock, most: int) -> None:
        self._database = database
        self._clock = clock
        self._most = most
        self._counts: dict[Scope, _Count] = {}
        self._lock = threading.Lock()

    def reserve(self, scope: Scope) -> None:
        """Count a loop that is about to start.

        :raises QuotaError: there are as many as there may be.
        """
        if not self._most:
            return
        with self._lock:
            now = self._clock.now()
            count = self._counts.get(scope)
            if count is None or now - count.at >= COUNTED_EVERY:
                count = self._counts[scope] = _Count(self._unfinished(scope), now)
            if count.loops >= self._most:
                raise QuotaError(
                    f"{count.loops} human loops are in progress in {scope.region}, the quota is {self._most}: "
                    "wait until some have ended, stop some, or raise REVIEW_DESK_OPEN_LOOP_QUOTA."
                )
            count.loops += 1

    def give_back(self, scope: Scope) -> None:
        """Uncount a loop that was reserved and did not start."""
        with self._lock:
            count = self._counts.get(scope)
            if count is not None:
                count.loops -= 1

    def _unfinished(self, scope: Scope) -> int:
        with self._database.read() as connection:
            return connection.execute(
                select(func.count()).where(
                    human_loop.c.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING)),
                    human_loop.c.account_id == scope.account_id,
                    human_loop.c.region == scope.region,
                )
            ).scalar_one()
