"""How human loops ended, learnt with as few requests as possible.

``DescribeHumanLoop`` says everything of one loop; ``ListHumanLoops`` says status and creation time of a hundred. The
address of the answers, which only the former gives, follows from the creation time: A2I writes
``<S3OutputPath>/<flow definition>/YYYY/MM/DD/hh/mm/ss/<human loop>/output.json`` in UTC. The first loops that are
described show whether the service keeps to that, and every file is asked for the name of its loop.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import EndedRow, Ledger
from a2i.failures import error_code

_PAGE: Final = 100
# Loops are listed in the order of their creation, which is nearly that of the ledger: so many may be out of order.
_MOST_AHEAD: Final = 10_000
# Other batches of the flow definition may fill the same hours: beyond this share of them, asking one by one is cheaper.
_LISTED_FOR_ONE: Final = 4
_LISTED_AT_LEAST: Final = 1_000
_OUTPUT_KEY: Final = re.compile(r"(s3://.+)/(\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d)/([^/]+)/output\.json")

# What events told is kept of so many loops; the lists know the others.
_ENDED_KEPT: Final = 20_000

#: Makes a request, again and again while the service is in passing trouble.
Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


@dataclass(frozen=True)
class ListedLoop:
    """What a list says of a loop."""

    status: str
    created: datetime


class ListedLoops:
    """Reads ``ListHumanLoops`` side by side with the ledger; memory does not grow with the batch.

    :param ask: makes the requests.
    """

    def __init__(self, client: Any, batch: HumanLoopBatch, ask: Ask) -> None:
        self._client = client
        self._ask = ask
        self._prefix = batch.prefix
        self._request: dict[str, Any] = {
            "FlowDefinitionArn": batch.flow_definition_arn,
            "CreationTimeAfter": batch.window[0],
            "CreationTimeBefore": batch.window[1],
            "SortOrder": "Ascending",
            "MaxResults": _PAGE,
        }
        self._more = batch.started > 0
        self._listed = self._matched = 0
        self._ahead: dict[str, ListedLoop] = {}
        self._folder: str | None = None
        self._is_exact = True

    async def find(self, name: str) -> ListedLoop | None:
        """Return what the lists say of a loop, or None if it has to be asked for itself. To be called in turn."""
        while name not in self._ahead and self._more and len(self._ahead) < _MOST_AHEAD:
            await self._read_page()
        return self._ahead.pop(name, None)

    async def _read_page(self) -> None:
        try:
            page = await self._ask(lambda: self._client.list_human_loops(**self._request))
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            # The flow definition was deleted; its loops are still there.
            self._more = False
            return
        for summary in page["HumanLoopSummaries"]:
            self._listed += 1
            name: str = summary["HumanLoopName"]
            if name.startswith(self._prefix):
                self._matched += 1
                self._ahead[name] = ListedLoop(summary["HumanLoopStatus"], summary["CreationTime"])
        self._request["NextToken"] = page.get("NextToken")
        wasted = self._listed > _LISTED_FOR_ONE * self._matched + _LISTED_AT_LEAST
        self._more = bool(page.get("NextToken")) and not wasted

    def learn(self, name: str, listed: ListedLoop, output_uri: str) -> None:
        """Compare the address that the service gave for a loop with the layout."""
        match = _OUTPUT_KEY.fullmatch(output_uri)
        if match is None or match[2] != _folder_of(listed.created) or match[3] != name:
            self._is_exact = False
        elif self._folder is None:
            self._folder = match[1]

    def output_uri(self, name: str, listed: ListedLoop) -> str | None:
        """Return where the answers of a listed loop are, or None if the layout is not known."""
        if self._folder is None or not self._is_exact:
            return None
        return f"{self._folder}/{_folder_of(listed.created)}/{name}/output.json"


def _folder_of(created: datetime) -> str:
    return created.astimezone(UTC).strftime("%Y/%m/%d/%H/%M/%S")


async def read_ended(ledger: Ledger) -> dict[str, EndedRow]:
    """Return what events told of loops that ended, by name: of these nothing has to be asked.

    Without an address only a failed loop is sure to have no answers.
    """
    ended: dict[str, EndedRow] = {}
    async for rows in ledger.read_ended():
        for row in rows:
            if row.output_uri is not None or row.status == "Failed":
                ended[row.human_loop_name] = row
        if len(ended) >= _ENDED_KEPT:
            break
    return ended
