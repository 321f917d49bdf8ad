"""How many human loops of a batch are open, and whether there is room for more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from a2i.batch.sweep import OPEN
from a2i.naming import human_loop_prefix

_PAGE: Final = 100
# Lists may round creation times: ask a little earlier.
_SLACK: Final = timedelta(seconds=2)


class OpenLoops:
    """The loops of one batch that people may still answer: what the lists say, and what they do not show yet.

    A look lists from the oldest loop that was still open at the look before, because ``ListHumanLoops`` cannot be
    asked for open loops alone.

    :param since: creation time before which no loop of the batch is open.
    """

    def __init__(self, flow_definition_arn: str, batch_id: str, since: datetime) -> None:
        self._flow_definition_arn = flow_definition_arn
        self._prefix = human_loop_prefix(batch_id)
        self.since = since
        self.unlisted: set[str] = set()
        self._listed = 0

    @property
    def count(self) -> int:
        """Loops that are open, as of the last look, and all that were added since."""
        return self._listed + len(self.unlisted)

    def add(self, name: str) -> None:
        """Count a loop that is about to be started; until a list shows it, it is taken to be open."""
        self.unlisted.add(name)

    def drop(self, name: str) -> None:
        """Forget a loop that could not be started."""
        self.unlisted.discard(name)

    async def look(self, client: Any, names: set[str] | None = None) -> int:
        """List the loops and return how many are open.

        :param client: an open ``sagemaker-a2i-runtime`` client.
        :param names: takes the names of all loops that are listed.
        """
        listed, oldest, latest = 0, None, self.since
        pages = client.get_paginator("list_human_loops").paginate(
            FlowDefinitionArn=self._flow_definition_arn,
            CreationTimeAfter=self.since - _SLACK,
            SortOrder="Ascending",
            PaginationConfig={"PageSize": _PAGE},
        )
        async for page in pages:
            for summary in page["HumanLoopSummaries"]:
                name, created = summary["HumanLoopName"], summary["CreationTime"]
                if not name.startswith(self._prefix):
                    continue
                if names is not None:
                    names.add(name)
                self.unlisted.discard(name)
                latest = max(latest, created)
                if summary["HumanLoopStatus"] in OPEN:
                    listed += 1
                    oldest = created if oldest is None else min(oldest, created)
        self._listed = listed
        # A loop that no list shows yet may be older than those that one shows.
        if not self.unlisted:
            self.since = oldest or latest
        return self.count


def room_worth_going_on(max_open_loops: int) -> int:
    """Return how many places must be free before a task that waits for room goes on.

    A quarter of them, so that the task does not come back for every single answer.
    """
    return max(1, max_open_loops // 4)
