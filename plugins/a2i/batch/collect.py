"""Collecting a batch: from the ledger, by way of the lists and ``output.json``, to the outcome of every item."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from a2i.answers import AnswersError, HumanLoopOutput, parse_output
from a2i.batch.item_outcome import EXPIRED, MISSING, NOT_NEEDED, NOT_STARTED, UNREADABLE, LoopState, Outcome
from a2i.batch.ledger import EndedRow, Ledger, LedgerRow
from a2i.batch.log import Log
from a2i.batch.loop_states import ListedLoop, ListedLoops, read_ended
from a2i.batch.pace import Pace, pause
from a2i.batch.read_ahead import ReadAhead
from a2i.batch.storage import ObjectStore
from a2i.exceptions import A2IServiceError
from a2i.failures import THROTTLING_CODES, error_code, explain, is_passing

_PROGRESS_SECONDS: Final = 5.0
_OPEN: Final = ("InProgress", "Stopping")
# An output.json has a few kilobytes, but may have megabytes: a2i copies the input into it.
_BYTES_AHEAD: Final = 8 * 1024 * 1024

#: Takes the outcomes in the order of the ledger.
Sink = Callable[[Outcome], Awaitable[None]]


class BatchCollector:
    """Finds out what became of every item of a ledger.

    Requests to the service and to S3 overlap; the outcomes are handed on in the order of the ledger. Memory grows
    neither with the number of items nor with the length of their answers.

    :param outage_tolerance: seconds without any answer from the service before the collection gives up; also how
        long the answers of a completed loop may take to appear in S3.
    :param most_at_once: items that may be under way at once; the store's client needs as many connections.
    :param keep_input: whether the outcomes keep what the loops were started with.
    """

    def __init__(
        self,
        client: Any,
        store: ObjectStore,
        pace: Pace,
        outage_tolerance: float,
        log: Log,
        *,
        most_at_once: int = 10,
        keep_input: bool = False,
    ) -> None:
        self._client = client
        self._store = store
        self._pace = pace
        self._outage_tolerance = outage_tolerance
        self._log = log
        self._most_at_once = most_at_once
        self._keep_input = keep_input
        self._ahead = ReadAhead(_BYTES_AHEAD)

    def listed_loops(self, batch: Any) -> ListedLoops:
        """Return the lists of a batch, read with this collector's patience."""
        return ListedLoops(self._client, batch, self._ask)

    async def run(self, ledger: Ledger, sink: Sink, listed_loops: ListedLoops | None = None) -> int:
        """Collect everything.

        :param listed_loops: saves a request for each loop.
        :return: how many items there were.
        :raises A2IServiceError: if the service or the answers of a completed loop stay away for too long.
        """
        reported = time.monotonic()
        window: deque[asyncio.Task[Outcome]] = deque()
        begun = handed_on = 0
        ended = await read_ended(ledger)
        try:
            async for rows in ledger.read_parts():
                for row in rows:
                    name = row.human_loop_name
                    told = ended.pop(name, None) if name is not None else None
                    listed = None
                    if name is not None and told is None and listed_loops is not None:
                        listed = await listed_loops.find(name)
                    if len(window) >= self._most_at_once:
                        await self._hand_on(window, handed_on, sink)
                        handed_on += 1
                    window.append(asyncio.create_task(self._outcome(row, begun, told, listed, listed_loops)))
                    begun += 1
                if time.monotonic() - reported > _PROGRESS_SECONDS:
                    reported = time.monotonic()
                    self._log.info("%d items collected", handed_on)
            while window:
                await self._hand_on(window, handed_on, sink)
                handed_on += 1
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)
        return handed_on

    async def _hand_on(self, window: deque[asyncio.Task[Outcome]], number: int, sink: Sink) -> None:
        await sink(await window[0])
        window.popleft()
        await self._ahead.handed_on(number)

    async def _outcome(
        self,
        row: LedgerRow,
        number: int,
        told: EndedRow | None,
        listed: ListedLoop | None,
        listed_loops: ListedLoops | None,
    ) -> Outcome:
        name = row.human_loop_name
        if name is None:
            return Outcome(row, LoopState(NOT_STARTED if row.error else NOT_NEEDED), error=row.error)
        if told is not None:
            state = _state(told.status, told.output_uri, told.failure_code, told.failure_reason)
            return await self._described_outcome(row, number, state)
        if listed is not None and listed_loops is not None:
            if listed.status in _OPEN:
                return Outcome(row, LoopState(listed.status), error=f"not reviewed: {listed.status}")
            if (outcome := await self._listed_outcome(row, number, listed, listed_loops)) is not None:
                return outcome
        state = await self._describe(name)
        if state.status == MISSING:
            return Outcome(row, state, error="not reviewed: the human loop was deleted")
        if listed is not None and listed_loops is not None and state.output_uri is not None:
            listed_loops.learn(name, listed, state.output_uri)
        return await self._described_outcome(row, number, state)

    async def _listed_outcome(
        self, row: LedgerRow, number: int, listed: ListedLoop, listed_loops: ListedLoops
    ) -> Outcome | None:
        """Read the answers of a completed loop where they should be; None sends the collector to ask for the loop."""
        name = row.human_loop_name or ""
        uri = listed_loops.output_uri(name, listed)
        if listed.status != "Completed" or uri is None:
            return None
        try:
            output = await self._read(uri, number)
        except (AnswersError, ClientError):
            return None
        if output is None or output.human_loop_name != name:
            return None
        return _answered(row, LoopState("Completed", uri), output)

    async def _described_outcome(self, row: LedgerRow, number: int, state: LoopState) -> Outcome:
        if state.status in _OPEN:
            return Outcome(row, LoopState(state.status), error=f"not reviewed: {state.status}")
        try:
            output = await self._output(row, number, state)
        except AnswersError as error:
            uri = state.output_uri
            self._log.error("The answers for %r at %s cannot be read: %s", row.item_id, uri, error)
            unreadable = dataclasses.replace(state, status=UNREADABLE)
            return Outcome(row, unreadable, error=f"the answers at {uri} cannot be read: {error}")
        return _answered(row, state, output)

    async def _describe(self, name: str) -> LoopState:
        try:
            loop = await self._ask(lambda: self._client.describe_human_loop(HumanLoopName=name))
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return LoopState(MISSING)
        return _state(
            loop["HumanLoopStatus"],
            loop.get("HumanLoopOutput", {}).get("OutputS3Uri"),
            loop.get("FailureCode"),
            loop.get("FailureReason"),
        )

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        attempt, since = 0, time.monotonic()
        while True:
            try:
                async with self._pace.slot():
                    answer = await request()
            except Exception as error:
                if error_code(error) in THROTTLING_CODES:
                    self._pace.throttled()
                    since = time.monotonic()
                if not is_passing(error):
                    raise
                await self._ride_out(error, attempt, since)
                attempt += 1
            else:
                return answer

    async def _ride_out(self, error: Exception, attempt: int, since: float) -> None:
        if not is_passing(error) or time.monotonic() - since > self._outage_tolerance:
            raise explain(error) or error from None
        await asyncio.sleep(pause(attempt))

    async def _output(self, row: LedgerRow, number: int, state: LoopState) -> HumanLoopOutput | None:
        """Read a loop's answers. The address is known before the object exists: a completed loop is waited for."""
        if state.output_uri is None:
            return None
        attempt, since = 0, time.monotonic()
        while True:
            if (output := await self._read(state.output_uri, number)) is not None:
                return output
            if state.status != "Completed":
                return None
            if time.monotonic() - since > self._outage_tolerance:
                raise A2IServiceError(
                    f"The review of {row.item_id!r} is completed, but its answers are not at "
                    f"{state.output_uri} yet."
                )
            await asyncio.sleep(pause(attempt))
            attempt += 1

    async def _read(self, uri: str, number: int) -> HumanLoopOutput | None:
        attempt, since = 0, time.monotonic()
        while True:
            try:
                content = await self._store.get(uri, lambda size: self._ahead.admit(number, size))
                break
            except Exception as error:
                if not is_passing(error):
                    raise
                await self._ride_out(error, attempt, since)
                attempt += 1
        if content is None:
            return None
        output = parse_output(content)
        return output if self._keep_input else dataclasses.replace(output, input_content={})


def _state(status: str, output_uri: str | None, code: str | None, reason: str | None) -> LoopState:
    return LoopState(EXPIRED if code == EXPIRED else status, output_uri, code, reason)


def _answered(row: LedgerRow, state: LoopState, output: HumanLoopOutput | None) -> Outcome:
    if output is not None and output.answers:
        return Outcome(row, state, output)
    why = f", {state.failure_reason}" if state.failure_reason else ""
    return Outcome(row, state, output, error=f"not reviewed: {state.status}{why}")
