"""Starting one human loop exactly once, through all that may pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from a2i.batch.items import Item
from a2i.batch.log import Log
from a2i.batch.pace import Pace, pause, quota_pause
from a2i.exceptions import A2IServiceError
from a2i.failures import THROTTLING_CODES, error_code, error_text, explain, is_passing

_CONFLICTS: Final = 5
#: A quota that is used up may be free again in a moment; a deferral costs more than that.
QUOTA_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class StartRequest:
    """What every loop of a batch is started with, and how.

    :ivar content_classifiers: ``DataAttributes.ContentClassifiers``; empty for none.
    :ivar outage_tolerance: seconds without any answer from the service before the start gives up.
    :ivar max_open_loops: loops of the batch that may be open at once; None for any number.
    :ivar waiter_delay: seconds between two looks for room.
    :ivar may_halt: whether to stop where there is no room for more loops, instead of waiting for it.
    """

    batch_id: str
    flow_definition_arn: str
    content_classifiers: Sequence[str] = ()
    outage_tolerance: float = 120.0
    max_open_loops: int | None = None
    waiter_delay: float = 30.0
    may_halt: bool = False


class QuotaFullError(Exception):
    """The account's quota of open human loops is used up, and not for a moment only."""


class LoopStarter:
    """Starts human loops, any number at once; they share what is known of the service's state."""

    def __init__(self, client: Any, request: StartRequest, pace: Pace, log: Log) -> None:
        self._client = client
        self._request = request
        self._pace = pace
        self._log = log
        self._answered_at = time.monotonic()
        self._quota_since: float | None = None

    async def start(self, name: str, item: Item) -> str | None:
        """Start one loop and return None, or why this item can have none.

        :raises QuotaFullError: where ``may_halt`` is set and the quota stays used up.
        """
        arguments = self._arguments(name, item)
        attempt = 0
        while True:
            try:
                async with self._pace.slot():
                    await self._client.start_human_loop(**arguments)
            except ClientError as error:
                self._answered(error)
                code = error_code(error)
                if code in THROTTLING_CODES:
                    self._pace.throttled()
                    # The pace says when it may go out again; an item that waits much longer would hold its place idly.
                    await asyncio.sleep(pause(0))
                elif code == "ServiceQuotaExceededException":
                    await self._wait_for_quota(attempt)
                elif is_passing(error):
                    await self._ride_out(error, attempt)
                elif code in ("ConflictException", "ValidationException"):
                    if await self._exists(name, item, code):
                        return None
                    # A conflict with a loop that is not there: it is just being deleted, and its name free again soon.
                    if code == "ValidationException" or attempt >= _CONFLICTS:
                        return error_text(error)
                    await asyncio.sleep(pause(attempt))
                else:
                    raise explain(error) or error from None
            except Exception as error:
                await self._ride_out(error, attempt)
            else:
                self._answered(None)
                self._quota_since = None
                return None
            attempt += 1

    def _arguments(self, name: str, item: Item) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "HumanLoopName": name,
            "FlowDefinitionArn": self._request.flow_definition_arn,
            "HumanLoopInput": {"InputContent": item.content},
        }
        if self._request.content_classifiers:
            arguments["DataAttributes"] = {"ContentClassifiers": list(self._request.content_classifiers)}
        return arguments

    async def _exists(self, name: str, item: Item, code: str) -> bool:
        """Look again: a conflict, and the refusal of a finished loop's name, both mean that the loop is there."""
        attempt = 0
        while True:
            try:
                async with self._pace.slot():
                    await self._client.describe_human_loop(HumanLoopName=name)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return False
                if isinstance(error, ClientError):
                    self._answered(error)
                if error_code(error) in THROTTLING_CODES:
                    self._pace.throttled()
                await self._ride_out(error, attempt)
            else:
                self._answered(None)
                if code == "ConflictException":
                    self._log.warning(
                        "%r (%s) has a human loop with another input from an earlier run; that one is kept. "
                        "Raise 'round' to send it to people again.",
                        item.id,
                        item.where,
                    )
                return True
            attempt += 1

    async def _wait_for_quota(self, attempt: int) -> None:
        if self._pace.quota_answers == 0:
            self._log.warning(
                "The account's quota of open human loops is used up; the start goes on as reviews are finished."
            )
        self._pace.quota_answers += 1
        now = time.monotonic()
        if self._quota_since is None:
            self._quota_since = now
        if self._request.may_halt and now - self._quota_since > QUOTA_PATIENCE_SECONDS:
            raise QuotaFullError
        await asyncio.sleep(quota_pause(attempt))

    async def _ride_out(self, error: Exception, attempt: int) -> None:
        """Wait before another attempt after an error that may pass; raise what does not, or has lasted too long."""
        if not is_passing(error):
            raise explain(error) or error from None
        silent = time.monotonic() - self._answered_at
        if silent > self._request.outage_tolerance:
            raise A2IServiceError(f"No human loop could be started for {silent:.0f} s: {explain(error)}")
        await asyncio.sleep(pause(attempt))

    def _answered(self, error: ClientError | None) -> None:
        if error is None or not is_passing(error) or error_code(error) in THROTTLING_CODES:
            self._answered_at = time.monotonic()
