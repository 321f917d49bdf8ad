"""What the lists of human loops say about a batch. Pure: it is fed with what ``ListHumanLoops`` returned.

A sweep lists from the oldest loop that was still open at the sweep before; what lies earlier is counted once and
for all. So a sweep costs one page for 100 loops that are still of interest, and its memory is a few counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

OPEN: Final = frozenset({"InProgress", "Stopping"})
#: Loops that ended without an answer and are kept by name, to say which they were.
PROBLEMS_KEPT: Final = 10
#: As long as no more loops are open, they are kept by name: asking for each may be cheaper than a sweep.
FEW: Final = 10
_REASON_LENGTH: Final = 300
# Lists may round creation times: ask a little earlier, and leave out what was counted.
_SLACK: Final = timedelta(seconds=2)


class Sweep:
    """Counts the loops of one batch over any number of sweeps.

    :param prefix: what the names of the batch's loops begin with; other batches share the flow definition.
    :param since: creation time before which no loop of the batch lies.
    :param see: told the name and status of every loop that a sweep meets; of an ended one at least once.
    :ivar oldest_open: creation time of the oldest loop that was open at the last whole sweep.
    :ivar few_open: name and status of the loops that were open then; empty where they were more than :data:`FEW`.
    """

    def __init__(
        self, prefix: str, since: datetime, see: Callable[[str, str], None] = lambda name, status: None
    ) -> None:
        self._prefix = prefix
        self._since = since
        self.see = see
        self._settled: Counter[str] = Counter()
        self.problems: dict[str, str] = {}
        self.oldest_open: datetime | None = None
        self.few_open: dict[str, str] = {}
        self._begin()

    def _begin(self) -> None:
        self._counted: Counter[str] = Counter()
        self._before_open: Counter[str] = Counter()
        self._latest: Counter[str] = Counter()
        self._latest_time: datetime | None = None
        self._oldest_open: datetime | None = None
        self._open: dict[str, str] = {}
        self._in_order = True

    @property
    def list_after(self) -> datetime:
        """``CreationTimeAfter`` of the next sweep."""
        return self._since - _SLACK

    def feed(self, summary: Mapping[str, Any]) -> None:
        """Take one of ``HumanLoopSummaries``, which come in ascending order of creation."""
        created: datetime = summary["CreationTime"]
        name: str = summary["HumanLoopName"]
        if not name.startswith(self._prefix) or created < self._since:
            return
        status: str = summary["HumanLoopStatus"]
        self._counted[status] += 1
        self.see(name, status)
        self._note_problem(name, status, summary.get("FailureReason"))
        if self._latest_time is None or created > self._latest_time:
            if self._oldest_open is None:
                self._before_open += self._latest
            self._latest.clear()
            self._latest_time = created
        elif created < self._latest_time:
            self._in_order = False
        self._latest[status] += 1
        if status in OPEN:
            if len(self._open) <= FEW:
                self._open[name] = status
            if self._oldest_open is None or created < self._oldest_open:
                self._oldest_open = created

    def finish(self) -> Counter[str]:
        """End a sweep: return the batch's loops by status, and note where the next sweep begins."""
        total = self._settled + self._counted
        self.oldest_open = self._oldest_open
        self.few_open = self._open if len(self._open) <= FEW else {}
        if self._oldest_open is not None and self._in_order:
            self._settled += self._before_open
            self._since = self._oldest_open
        self._begin()
        return total

    def abandon(self) -> None:
        """Forget a sweep that was broken off."""
        self._begin()

    def _note_problem(self, name: str, status: str, reason: str | None) -> None:
        if status in ("Failed", "Stopped") and len(self.problems) < PROBLEMS_KEPT:
            self.problems[name] = f"{status}: {reason[:_REASON_LENGTH]}" if reason else status


def open_loops(counts: Mapping[str, int]) -> int:
    """Return how many loops people may still answer."""
    return sum(counts.get(status, 0) for status in OPEN)
