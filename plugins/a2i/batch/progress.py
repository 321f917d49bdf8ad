"""How far the start of a batch is: for the log, and for whoever looks from outside while it runs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

#: Where the progress stands in Airflow's task state store.
STATE_KEY: Final = "a2i_batch_start"
_MEASURED: Final = 6


class StartProgress:
    """Counts of items, and how fast they are settled.

    :param items: items of the batch, None where only the end of the source tells.
    :param store: Airflow's task state store, which gets :meth:`to_dict` now and then; None where there is none.
    :ivar counts: items ``started``, ``failed`` and ``not_needed``, and those of them ``known`` from an earlier run.
    """

    def __init__(
        self,
        batch_id: str,
        items: int | None = None,
        store: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.batch_id = batch_id
        self.items = items
        self.counts: Counter[str] = Counter()
        self._store = store
        self._clock = clock
        self._measured: deque[tuple[float, int]] = deque([(clock(), 0)], maxlen=_MEASURED)
        self.rate = 0.0

    @property
    def settled(self) -> int:
        """Items that are done with."""
        return self.counts["started"] + self.counts["failed"] + self.counts["not_needed"]

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes at the present rate, where that can be known."""
        if self.items is None or self.rate <= 0:
            return None
        return max(0, self.items - self.settled) / self.rate

    def measure(self) -> None:
        """Take the rate anew, over the last few measurements; items of an earlier run do not count."""
        self._measured.append((self._clock(), self.settled - self.counts["known"]))
        (before, then), (now, here) = self._measured[0], self._measured[-1]
        self.rate = (here - then) / (now - before) if now > before else 0.0

    async def publish(self, waits_for: str | None = None) -> None:
        """Hand the progress to the store. What goes wrong there goes wrong once, and stops nothing."""
        if self._store is None:
            return
        try:
            await asyncio.to_thread(self._store.set, STATE_KEY, self.to_dict(waits_for))
        except Exception:
            self._store = None

    def to_dict(self, waits_for: str | None = None) -> dict[str, Any]:
        """Return the progress as small JSON.

        ``batch_id``, ``items`` (null where unknown), ``settled``, of these ``started``, ``failed`` and ``not_needed``;
        ``rate_per_second``, ``seconds_left`` (null where unknown), and what the start ``waits_for``: ``window`` (room
        under ``max_open_loops``), ``quota`` (of the account), or null.
        """
        left = self.seconds_left
        return {
            "batch_id": self.batch_id,
            "items": self.items,
            "settled": self.settled,
            **{name: self.counts[name] for name in ("started", "failed", "not_needed")},
            "rate_per_second": round(self.rate, 1),
            "seconds_left": None if left is None else round(left),
            "waits_for": waits_for,
        }

    def __str__(self) -> str:
        counts = self.counts
        done = f"{self.settled:,} of {self.items:,}" if self.items is not None else f"{self.settled:,}"
        parts = [f"{counts['started']:,} human loops started"]
        if counts["not_needed"]:
            parts.append(f"{counts['not_needed']:,} need nobody")
        if counts["failed"]:
            parts.append(f"{counts['failed']:,} can have none")
        text = f"Items done: {done} ({', '.join(parts)})"
        if counts["known"]:
            text += f", {counts['known']:,} of them earlier"
        if self.rate > 0:
            text += f"; {self.rate:,.0f} a second"
        if (left := self.seconds_left) is not None:
            text += f", about {_duration(left)} to go"
        return text


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
