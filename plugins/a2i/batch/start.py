"""Starting the human loops of a batch: many at once, each exactly once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from a2i.batch.items import BadItem, Item
from a2i.batch.ledger import Ledger, LedgerPart, LedgerRow, part_digest
from a2i.batch.log import Log
from a2i.batch.pace import Pace, pause, quota_pause
from a2i.exceptions import A2IError, A2IServiceError
from a2i.failures import THROTTLING_CODES, error_code, error_text, explain, is_passing
from a2i.naming import human_loop_name

PART_ITEMS: Final = 1_000
PART_CHARACTERS: Final = 32 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
_PROGRESS_SECONDS: Final = 5.0
_ERRORS_LOGGED: Final = 20
_CONFLICTS: Final = 5


@dataclass(frozen=True)
class StartRequest:
    """What every loop of a batch is started with.

    :ivar content_classifiers: ``DataAttributes.ContentClassifiers``; empty for none.
    :ivar outage_tolerance: seconds without any answer from the service before the start gives up.
    """

    batch_id: str
    flow_definition_arn: str
    content_classifiers: Sequence[str] = ()
    outage_tolerance: float = 120.0


class BatchStarter:
    """Starts one batch; may be run again after any failure, by another worker, without starting a loop twice."""

    def __init__(self, client: Any, ledger: Ledger, request: StartRequest, pace: Pace, log: Log) -> None:
        self._client = client
        self._ledger = ledger
        self._request = request
        self._pace = pace
        self._log = log
        self._answered_at = time.monotonic()
        self.counts: Counter[str] = Counter()

    async def run(self, items: AsyncIterator[Item | BadItem]) -> Counter[str]:
        """Start a human loop for every item that has none yet.

        :return: counts of ``started`` and ``failed`` items, and of items ``known`` from an earlier run.
        :raises A2IServiceError: if the service stays away for longer than the tolerated outage.
        :raises A2IUserError: if it refuses the connection's credentials or rights.
        """
        known = {part.number: part for part in await self._ledger.parts()}
        progress = asyncio.create_task(self._report_progress())
        try:
            async with asyncio.TaskGroup() as group:
                places = asyncio.Semaphore(_PARTS_AT_ONCE)
                number = 0
                async for part in parts_of(items):
                    await places.acquire()
                    task = group.create_task(self._part(number, part, known.pop(number, None)))
                    task.add_done_callback(lambda _: places.release())
                    number += 1
            for stale in known.values():
                await self._remove(stale)
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        finally:
            progress.cancel()
        return self.counts

    async def _part(self, number: int, items: Sequence[Item | BadItem], known: LedgerPart | None) -> None:
        digest = part_digest(text for item in items for text in _texts(item))
        if known is not None and known.digest == digest:
            self.counts.update(started=known.started, failed=known.failed, known=len(items))
            return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._item(item)) for item in items]
        rows = [task.result() for task in tasks]
        started = sum(row.human_loop_name is not None for row in rows)
        await self._ledger.write(LedgerPart(number, digest, started, len(rows) - started), rows)
        if known is not None:
            await self._remove(known)

    async def _remove(self, part: LedgerPart) -> None:
        self._log.warning(
            "The items changed since an earlier run of this task. Loops that it started for items no longer given "
            "(among %d) stay open for the reviewers.",
            part.started,
        )
        await self._ledger.remove(part)

    async def _item(self, item: Item | BadItem) -> LedgerRow:
        if isinstance(item, BadItem):
            return self._failed(item, item.error)
        name = human_loop_name(self._request.batch_id, item.id)
        error = await self._start(name, item)
        if error is not None:
            return self._failed(item, error)
        self.counts["started"] += 1
        return LedgerRow(item.id, name)

    def _failed(self, item: Item | BadItem, error: str) -> LedgerRow:
        label = f"{item.id!r} ({item.where})" if item.id is not None else item.where
        self.counts["failed"] += 1
        if self.counts["failed"] <= _ERRORS_LOGGED:
            self._log.error("No human loop for %s: %s", label, error)
        elif self.counts["failed"] == _ERRORS_LOGGED + 1:
            self._log.error("More items without a human loop: see %s/started", self._ledger.folder_uri)
        return LedgerRow(item.id, None, f"{item.where}: {error}")

    async def _start(self, name: str, item: Item) -> str | None:
        """Start one loop and return None, or why this item can have none."""
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
                    await asyncio.sleep(pause(attempt))
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
                self._pace.succeeded()
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
        self._pace.throttled()
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

    async def _report_progress(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            self._log.info("%s; up to %d requests at once", self.summary(), self._pace.limit)

    def summary(self) -> str:
        """Say how far the start is."""
        text = f"Human loops started: {self.counts['started']}, items that cannot have one: {self.counts['failed']}"
        if self.counts["known"]:
            text += f", of these in an earlier try: {self.counts['known']}"
        if self._pace.throttled_answers:
            text += f", requests refused as too many: {self._pace.throttled_answers}"
        return text


def _texts(item: Item | BadItem) -> tuple[str, str]:
    return (item.id, item.content) if isinstance(item, Item) else (item.id or "", item.error)


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that says most: one of ours if there is one."""
    leaves: list[BaseException] = []
    for error in errors.exceptions:
        leaves.append(first_error(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((leaf for leaf in leaves if isinstance(leaf, A2IError)), leaves[0])


async def parts_of(items: AsyncIterator[Item | BadItem]) -> AsyncIterator[list[Item | BadItem]]:
    """Cut the items into parts of 1,000, or fewer when their inputs are long; the same items give the same parts."""
    part: list[Item | BadItem] = []
    characters = 0
    async for item in items:
        part.append(item)
        characters += len(item.content) if isinstance(item, Item) else 0
        if len(part) >= PART_ITEMS or characters >= PART_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part
