"""Starting the human loops of a batch: many at once, each exactly once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal, TypeVar

from a2i.batch.items import BadItem, Item
from a2i.batch.ledger import Ledger, LedgerPart, LedgerRow
from a2i.batch.log import Log
from a2i.batch.loop_start import LoopStarter, QuotaFullError, StartRequest
from a2i.batch.pace import Pace, pause
from a2i.batch.parts import items_digest, parts_of, same_items
from a2i.batch.progress import StartProgress
from a2i.batch.window import OpenLoops, room_worth_going_on
from a2i.exceptions import A2IError, A2IServiceError
from a2i.failures import explain, is_passing
from a2i.naming import human_loop_name

_PARTS_AT_ONCE: Final = 2
_PROGRESS_SECONDS: Final = 5.0
_ERRORS_LOGGED: Final = 20
# How long a list may take to show a loop that was started.
_LIST_LAG_SECONDS: Final = 10.0

T = TypeVar("T")
Halt = Literal["window", "quota"]


class BatchStarter:
    """Starts one batch; may be run again after any failure, by another worker, without starting a loop twice.

    :param loops: the open loops of the batch, if ``max_open_loops`` is set.
    :param first_look: whether loops of an earlier run may be in no part of the ledger.
    :ivar halted: why the start is to be run again later: no room under ``max_open_loops``, or the account's quota of
        open human loops is used up. None for a start that came to its end.
    """

    def __init__(
        self,
        client: Any,
        ledger: Ledger,
        request: StartRequest,
        pace: Pace,
        progress: StartProgress,
        log: Log,
        *,
        loops: OpenLoops | None = None,
        first_look: bool = True,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._pace = pace
        self._log = log
        self._first_look = first_look
        self._existing: set[str] = set()
        self._in_order = asyncio.Lock()
        self._under_way = asyncio.Semaphore(pace.most)
        self._loop_starter = LoopStarter(client, request, pace, log)
        self.request = request
        self.progress = progress
        self.loops = loops
        self.halted: Halt | None = None
        self.counts = progress.counts

    async def run(self, items: AsyncIterator[Item | BadItem]) -> Counter[str]:
        """Start a human loop for every item that needs one and has none yet.

        :return: counts of ``started``, ``failed`` and ``not_needed`` items, and of items ``known`` from an earlier run.
        :raises A2IServiceError: if the service, or the ledger's storage, stays away for longer than is tolerated.
        :raises A2IUserError: if one refuses the connection's credentials or rights.
        """
        known: defaultdict[int, list[LedgerPart]] = defaultdict(list)
        for written in await self._persist(self._ledger.parts, "The ledger cannot be read"):
            known[written.number].append(written)
        if self.loops is not None:
            await self._look(self.loops, self._existing if self._first_look else None)
        reports = asyncio.create_task(self._report_progress())
        try:
            async with asyncio.TaskGroup() as group:
                places = asyncio.Semaphore(_PARTS_AT_ONCE)
                number = 0
                async for part in parts_of(items):
                    await places.acquire()
                    if self.halted:
                        break
                    task = group.create_task(self._part(number, part, known.pop(number, [])))
                    task.add_done_callback(lambda _: places.release())
                    number += 1
            if not self.halted:
                await self._remove([part for parts in known.values() for part in parts])
                if self.progress.settled == 0:
                    self._log.warning("The batch is empty: there are no items where they were looked for.")
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        finally:
            reports.cancel()
        return self.counts

    async def _part(self, number: int, items: Sequence[Item | BadItem], known: Sequence[LedgerPart]) -> None:
        """Settle the items of one part, from where the ledger has it, and write it."""
        same = same_items(items, known)
        stale = [part for part in known if part != same]
        rows: list[LedgerRow] = []
        if same is not None:
            self.counts.update(
                started=same.started, failed=same.failed, not_needed=same.not_needed, known=same.items
            )
            if same.items == len(items):
                await self._remove(stale)
                return
            rows = await self._persist(lambda: self._ledger.read(same), "The ledger cannot be read")
        rows += await self._settle(items[len(rows) :], new=not stale)
        if len(rows) > (same.items if same is not None else 0):
            counts = [_outcome(row) for row in rows]
            part = LedgerPart(
                number,
                items_digest(items[: len(rows)]),
                *(counts.count(name) for name in ("started", "failed", "not_needed")),
            )
            await self._persist(
                lambda: self._ledger.write(part, rows),
                f"Part {number} of the ledger cannot be written to {self._ledger.folder_uri} "
                "(the loops that were started are found again in a retry)",
            )
            if same is not None:
                await self._persist(lambda: self._ledger.remove(same), "The ledger cannot be written")
            await self._remove(stale)

    async def _settle(self, items: Sequence[Item | BadItem], new: bool) -> list[LedgerRow]:
        """Settle items in their order; if the start halts, return the rows up to the first that is not settled.

        :param new: whether a loop that exists can only have been started for the same item.
        """
        outcomes: list[LedgerRow | asyncio.Task[LedgerRow | None]] = []
        async with asyncio.TaskGroup() as group, self._in_order:
            for item in items:
                if isinstance(item, BadItem) or not item.needs_people:
                    outcomes.append(self._without_loop(item))
                    continue
                name = human_loop_name(self.request.batch_id, item.id)
                exists = name in self._existing
                if exists and new:
                    outcomes.append(self._started(item, name))
                    continue
                if not exists and not await self._has_room(name):
                    break
                await self._under_way.acquire()
                if self.halted:
                    break
                task = group.create_task(self._item(item, name))
                task.add_done_callback(lambda _: self._under_way.release())
                outcomes.append(task)
        rows = (outcome if isinstance(outcome, LedgerRow) else outcome.result() for outcome in outcomes)
        return [row for row in itertools.takewhile(lambda row: row is not None, rows) if row is not None]

    async def _has_room(self, name: str) -> bool:
        """Count one more open loop; where there is no room, wait for it, or halt and say no."""
        if self.halted:
            return False
        loops, most = self.loops, self.request.max_open_loops
        if loops is None or most is None:
            return True
        needed = room_worth_going_on(most) if self.request.may_halt else 1
        full_since = time.monotonic()
        while loops.count >= most:
            await self._look(loops)
            if most - loops.count >= needed:
                break
            lists_lag = loops.unlisted and time.monotonic() - full_since < _LIST_LAG_SECONDS
            if self.request.may_halt and not lists_lag:
                self.halted = "window"
                return False
            delay = self.request.waiter_delay
            await asyncio.sleep(min(1.0, delay) if self.request.may_halt else delay)
        loops.add(name)
        return True

    async def _look(self, loops: OpenLoops, names: set[str] | None = None) -> None:
        await self._persist(lambda: loops.look(self._client, names), "The open human loops cannot be listed")

    async def _persist(self, call: Callable[[], Awaitable[T]], problem: str) -> T:
        """Call until it answers, through what may pass, for as long as an outage is tolerated."""
        attempt, since = 0, time.monotonic()
        while True:
            try:
                return await call()
            except Exception as error:
                if not is_passing(error):
                    raise explain(error) or error from None
                if time.monotonic() - since > self.request.outage_tolerance:
                    raise A2IServiceError(f"{problem}: {explain(error)}") from None
            await asyncio.sleep(pause(attempt))
            attempt += 1

    async def _remove(self, stale: Sequence[LedgerPart]) -> None:
        for part in stale:
            self._log.warning(
                "The items changed since an earlier run of this task. Loops that it started for items no longer given "
                "(among %d) stay open for the reviewers.",
                part.started,
            )
            await self._persist(partial(self._ledger.remove, part), "The ledger cannot be written")

    async def _item(self, item: Item, name: str) -> LedgerRow | None:
        """Start an item's loop; None for an item that is not settled because the start halted."""
        try:
            error = await self._loop_starter.start(name, item)
        except QuotaFullError:
            self.halted = self.halted or "quota"
            return None
        if error is None:
            return self._started(item, name)
        if self.loops is not None:
            self.loops.drop(name)
        return self._failed(item, error)

    def _without_loop(self, item: Item | BadItem) -> LedgerRow:
        if isinstance(item, BadItem):
            return self._failed(item, item.error)
        self.counts["not_needed"] += 1
        return LedgerRow(item.id, None, None, _prediction(item), item.reasons)

    def _started(self, item: Item, name: str) -> LedgerRow:
        self.counts["started"] += 1
        return LedgerRow(item.id, name, None, _prediction(item), item.reasons)

    def _failed(self, item: Item | BadItem, error: str) -> LedgerRow:
        label = f"{item.id!r} ({item.where})" if item.id is not None else item.where
        self.counts["failed"] += 1
        if self.counts["failed"] <= _ERRORS_LOGGED:
            self._log.error("No human loop for %s: %s", label, error)
        elif self.counts["failed"] == _ERRORS_LOGGED + 1:
            self._log.error("More items without a human loop: see %s/started", self._ledger.folder_uri)
        row = LedgerRow(item.id, None, f"{item.where}: {error}")
        return (
            replace(row, prediction=_prediction(item), reasons=item.reasons)
            if isinstance(item, Item)
            else row
        )

    async def _report_progress(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            self.progress.measure()
            self._log.info("%s", self.progress)
            if self._pace.throttled_answers:
                self._log.info(
                    "The service refused %d requests as too many; they leave at %.0f a second now",
                    self._pace.throttled_answers,
                    self._pace.rate,
                )
            await self.progress.publish()


def _outcome(row: LedgerRow) -> str:
    if row.human_loop_name is not None:
        return "started"
    return "not_needed" if row.is_not_needed else "failed"


def _prediction(item: Item) -> dict[str, Any] | None:
    return None if item.prediction is None else dict(json.loads(item.prediction))


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that says most: one of ours if there is one."""
    leaves: list[BaseException] = []
    for error in errors.exceptions:
        leaves.append(first_error(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((leaf for leaf in leaves if isinstance(leaf, A2IError)), leaves[0])
