"""What is known of a batch while people are still at it: answers so far and counts, at URIs that can be read."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import pendulum

from a2i.batch.collect import BatchCollector
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger, LedgerRow
from a2i.batch.log import Log
from a2i.batch.pace import Pace
from a2i.batch.results import Decision, result_row
from a2i.batch.storage import ObjectStore
from a2i.batch.sweep import open_loops
from a2i.batch.watch import Progress
from a2i.failures import explain

_AT_ONCE: Final = 10
# The answers of a loop are in S3 a moment after its end; the next write takes what this one does not.
_TOLERANCE_SECONDS: Final = 10.0


class _EndedRows(Ledger):
    """The rows of a ledger whose loops have ended and are not written yet."""

    def __init__(self, store: ObjectStore, folder_uri: str, prefix: str, wanted: set[bytes]) -> None:
        super().__init__(store, folder_uri)
        self._prefix = prefix
        self._wanted = wanted

    async def read_parts(self) -> AsyncIterator[list[LedgerRow]]:
        async for rows in super().read_parts():
            yield [
                row
                for row in rows
                if row.human_loop_name is not None
                and _short_name(row.human_loop_name, self._prefix) in self._wanted
            ]


class PartialResults:
    """Writes ``partial.jsonl`` and ``progress.json`` in the ledger's folder.

    ``partial.jsonl`` has the row of every loop that has ended, as the collect operator writes it. A write copies the
    rows that are there and asks only for those that are not, so it may be broken off at any time; of two writers at
    once, the next write makes good what the other one has overwritten.

    :param client: an open ``sagemaker-a2i-runtime`` client.
    :param seconds: between two writes.
    """

    def __init__(
        self,
        client: Any,
        open_store: Callable[[], AbstractAsyncContextManager[ObjectStore]],
        batch: HumanLoopBatch,
        seconds: float,
        log: Log,
    ) -> None:
        self._client = client
        self._open_store = open_store
        self._batch = batch
        self._seconds = seconds
        self._ended: set[bytes] = set()
        # What is learned beside a write belongs to the next one.
        self._new: set[bytes] = set()
        self._log = log
        self._written_at: float | None = None
        self._first: tuple[float, int] | None = None
        self._rows = 0

    def note_ended(self, human_loop_name: str) -> None:
        """Take a loop that has ended into the next write."""
        name = _short_name(human_loop_name, self._batch.prefix)
        if name not in self._ended:
            self._new.add(name)

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next write."""
        return self._written_at is None or time.monotonic() - self._written_at >= self._seconds

    async def write(self, progress: Progress) -> None:
        """Write both objects; what goes wrong is logged, and left to the next write."""
        if self._written_at is None:
            self._log.info("Partial results: %s/partial.jsonl and progress.json", self._batch.ledger_uri)
        self._written_at = time.monotonic()
        try:
            async with self._open_store() as store:
                await store.put(
                    f"{self._batch.ledger_uri}/progress.json",
                    json.dumps(self._about(progress), indent=1).encode(),
                )
                await self._write_rows(store)
        except Exception as error:
            self._log.warning(
                "The partial results in %s could not be written: %s. The wait goes on.",
                self._batch.ledger_uri,
                explain(error) or f"{type(error).__name__}: {error}",
            )

    async def _write_rows(self, store: ObjectStore) -> None:
        self._ended |= self._new
        self._new.clear()
        wanted = set(self._ended)
        if len(wanted) == self._rows:
            return
        uri = f"{self._batch.ledger_uri}/partial.jsonl"
        async with store.writer(uri) as writer:
            if "partial.jsonl" in await store.names(self._batch.ledger_uri):
                async for line in store.lines(uri):
                    row = json.loads(line or b"null")
                    if row is not None:
                        wanted.discard(_short_name(row["human_loop_name"], self._batch.prefix))
                        await writer.write(row)
            ledger = _EndedRows(store, self._batch.ledger_uri, self._batch.prefix, wanted)
            collector = BatchCollector(self._client, store, Pace(_AT_ONCE), _TOLERANCE_SECONDS, self._log)
            decision = Decision()
            items = await collector.run(
                ledger, lambda outcome: writer.write({**result_row(outcome, decision), "input": None})
            )
        self._rows = len(self._ended) if items == len(wanted) else 0

    def _about(self, progress: Progress) -> dict[str, Any]:
        still_open = open_loops(progress.counts)
        ended = sum(progress.counts.values()) - still_open
        now = time.monotonic()
        self._first = self._first or (now, ended)
        since, before = self._first
        return {
            "batch_id": self._batch.batch_id,
            "time": pendulum.now("UTC").isoformat(),
            "items": self._batch.items,
            "not_started": self._batch.failed,
            "ended": ended,
            "open": still_open,
            "counts": progress.counts,
            "ended_per_hour": round(3600 * (ended - before) / (now - since), 1) if now > since else None,
        }


def _short_name(human_loop_name: str, prefix: str) -> bytes:
    """Return what tells a loop from the others of its batch, in 16 bytes: a set of them stays small."""
    return bytes.fromhex(human_loop_name.removeprefix(prefix))
