"""The wait for a batch: look, rest, look again, until nothing is open or the time is over.

Sensor and trigger run this one wait; they differ in who keeps its state and in how the end is told.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from a2i.batch.backoff import outage_delay, poke_delay
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.events import EventQueue
from a2i.batch.ledger import EndedRow, Ledger
from a2i.batch.log import Log
from a2i.batch.partial import PartialResults
from a2i.batch.storage import ObjectStore, open_store
from a2i.batch.sweep import OPEN, Sweep, open_loops
from a2i.batch.watch import BatchWatch, Progress
from a2i.exceptions import A2IError
from a2i.failures import explain, is_passing
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.hooks.sqs import A2ISqsHook

# A look that events ask for comes this long after the one before, and twice as long when that one was in vain.
_EVENT_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class WaitSettings:
    """How a batch is waited for.

    :ivar poke_interval: seconds between two looks while things move.
    :ivar max_poke_interval: seconds between two looks at most.
    :ivar sqs_queue_url: queue with the events of the batch's loops, None for none.
    :ivar partial_results: seconds between two writes of partial results, None for none.
    """

    poke_interval: float
    max_poke_interval: float
    sqs_queue_url: str | None = None
    partial_results: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a trigger takes them."""
        return asdict(self)


class BatchWait:
    """Waits for one batch. Nothing that it knows is needed to go on: it only makes the next look cheaper.

    It reads, and writes only to the batch's ledger, so it may run twice or be killed at any time.

    :param client: an open ``sagemaker-a2i-runtime`` client.
    :param open_store: makes an async context manager with the store of the ledger.
    :param sqs: an open ``sqs`` client if there is a queue.
    :param report: told what a look saw, when it is news; called in a thread.
    """

    def __init__(
        self,
        client: Any,
        open_store: Callable[[], AbstractAsyncContextManager[ObjectStore]],
        batch: HumanLoopBatch,
        settings: WaitSettings,
        log: Log,
        sqs: Any = None,
        report: Callable[[Progress], None] | None = None,
    ) -> None:
        self._batch = batch
        self._settings = settings
        self._open_store = open_store
        self._log = log
        self._report = report
        self._sweep = Sweep(batch.prefix, batch.window[0], self._see)
        self._watch = BatchWatch(client, open_store, batch, self._sweep)
        self._queue: EventQueue | None = None
        if settings.sqs_queue_url is not None:
            self._queue = EventQueue(sqs, settings.sqs_queue_url, batch.prefix, self._write_ended, log)
        self._results: PartialResults | None = None
        if settings.partial_results is not None:
            self._results = PartialResults(client, open_store, batch, settings.partial_results, log)
        self._writing: asyncio.Task[None] | None = None
        self._progress: Progress | None = None
        self._changed_at: float | None = None
        self._failures = 0
        # Loops that ended, as events say, and that no look has seen ended so far.
        self._announced: set[str] = set()
        self._still_open: set[str] = set()
        self._looks_in_vain = 0

    async def run(self, deadline: float | None, give_up: float) -> dict[str, Any]:
        """Wait until nothing is open any more.

        :param deadline: when to end with what there is (Unix time); not before a look that was answered.
        :param give_up: when to end in any case (Unix time).
        :return: ``status`` (``success``, ``deadline`` or ``timeout``), ``counts`` of loops by status, ``problems``.
        """
        while True:
            progress = await self.look()
            if progress is not None and progress.is_done:
                return await self._end("success")
            now = time.time()
            if progress is not None and deadline is not None and now >= deadline:
                return await self._end("deadline")
            if now >= give_up:
                return await self._end("timeout")
            ends = [give_up] if deadline is None or deadline <= now else [deadline, give_up]
            await self._rest(min(self.delay, min(ends) - now))

    async def look(self) -> Progress | None:
        """Look once; None if the service does not answer now."""
        try:
            progress = await self._watch.look()
        except A2IError:
            raise
        except Exception as error:
            if not is_passing(error):
                raise
            self._failures += 1
            self._still_open = set()
            self._log.warning("%s; the reviews go on, next try in %.0f s", explain(error), self.delay)
            return None
        self._failures = 0
        self._looks_in_vain = self._looks_in_vain + 1 if self._still_open else 0
        self._announced, self._still_open = self._still_open, set()
        if self._progress is None or progress.counts != self._progress.counts:
            if self._progress is not None:
                self._changed_at = time.time()
            self._log.info("%s", progress)
            if self._report is not None:
                # In a thread: Airflow may not be asked for anything from the thread of a running event loop.
                await asyncio.to_thread(self._report, progress)
        self._progress = progress
        self._write_results(progress)
        return progress

    @property
    def delay(self) -> float:
        """Seconds until the next look."""
        settings = self._settings
        if self._failures:
            return outage_delay(self._failures, settings.poke_interval)
        oldest = self._sweep.oldest_open
        known = [at for at in (oldest.timestamp() if oldest else None, self._changed_at) if at is not None]
        quiet = max(0.0, time.time() - max(known)) if known else 0.0
        return poke_delay(settings.poke_interval, settings.max_poke_interval, quiet)

    async def finish_writing(self) -> None:
        """Wait until partial results that are being written are written."""
        if self._writing is not None:
            await self._writing

    async def close(self) -> None:
        """Break off what is being written."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing

    def _see(self, name: str, status: str) -> None:
        if status in OPEN:
            if name in self._announced:
                self._still_open.add(name)
        elif self._results is not None:
            self._results.note_ended(name)

    def _write_results(self, progress: Progress) -> None:
        # Beside the wait: the first write of a large batch takes minutes, and the end of the wait does not wait for it.
        if (
            self._results is not None
            and self._results.is_due
            and (self._writing is None or self._writing.done())
        ):
            self._writing = asyncio.create_task(self._results.write(progress))

    async def _write_ended(self, rows: Sequence[EndedRow]) -> None:
        async with self._open_store() as store:
            await Ledger(store, self._batch.ledger_uri).write_ended(rows)

    async def _rest(self, seconds: float) -> None:
        """Let the time until the next look pass, or less of it if events say that the last open loop has ended."""
        if self._queue is None or self._failures:
            await asyncio.sleep(max(0.0, seconds))
            return
        began = time.monotonic()
        end = began + min(seconds, self._event_delay)
        while (remaining := end - time.monotonic()) > 0:
            names = await self._queue.receive(remaining)
            if names is None:
                await asyncio.sleep(max(0.0, end - time.monotonic()))
            elif names:
                self._announced |= names
                self._changed_at = time.time()
                end = min(end, began + min(self._settings.poke_interval, self._event_delay))

    @property
    def _event_delay(self) -> float:
        """Seconds until the look that events ask for, when they say that nothing is open any more."""
        still_open = open_loops(self._progress.counts) if self._progress is not None else 0
        if not self._announced or len(self._announced) < still_open:
            return math.inf
        # A list may lag behind the events, and an event may be wrong.
        return _EVENT_LOOK_SECONDS * 2.0 ** min(self._looks_in_vain, 12)

    async def _end(self, status: str) -> dict[str, Any]:
        if self._queue is not None:
            await self._queue.settle()
        progress = self._progress or Progress({}, {})
        return {"status": status, "counts": progress.counts, "problems": progress.problems}


@asynccontextmanager
async def open_wait(
    batch: HumanLoopBatch,
    hook_arguments: dict[str, Any],
    settings: WaitSettings,
    log: Log,
    report: Callable[[Progress], None] | None = None,
) -> AsyncIterator[BatchWait]:
    """Open a wait for a batch on clients of its own."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(await A2IHook(**hook_arguments).get_async_conn())
        sqs = store = None

        def store_of_batch() -> AbstractAsyncContextManager[ObjectStore]:
            return open_store(A2IS3Hook(**hook_arguments)) if store is None else nullcontext(store)

        if settings.sqs_queue_url is not None:
            sqs = await stack.enter_async_context(await A2ISqsHook(**hook_arguments).get_async_conn())
            # Opened ahead: what the last event told is written before the Dag goes on.
            store = await stack.enter_async_context(store_of_batch())
        wait = BatchWait(client, store_of_batch, batch, settings, log, sqs, report)
        stack.push_async_callback(wait.close)
        yield wait
