"""From the outcomes of a batch to its objects in S3: results, disputed items, Parquet."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from a2i.batch.adjudication import Adjudication, disputed_item, read_rows
from a2i.batch.item_outcome import COUNT_NAMES, Outcome
from a2i.batch.labels import Labels, Spool
from a2i.batch.parquet import ParquetResults
from a2i.batch.results import Decision, decided_fields, estimated, result_row
from a2i.batch.storage import JsonLinesWriter, ObjectStore


@dataclass(frozen=True)
class Wanted:
    """What a collection shall write.

    :ivar estimates: whether the fields are estimated by Dawid-Skene; for that the rows wait on the local disk.
    :ivar adjudicates: the results of a first review, whose disputes the batch settles.
    """

    results_uri: str
    decision: Decision
    estimates: bool = False
    parquet_uri: str | None = None
    disputed_uri: str | None = None
    adjudicates: str | None = None
    include_input: bool = False

    @property
    def agreement_uri(self) -> str | None:
        """Where the measures of agreement are written; adjudicators answer alone, and have none."""
        return None if self.adjudicates else f"{self.results_uri.removesuffix('.jsonl')}.agreement.json"

    @property
    def needs_input(self) -> bool:
        """Whether anything is made of the items' input."""
        return self.include_input or self.disputed_uri is not None


class ResultsRun:
    """Takes the outcomes of a batch and writes what is wanted.

    All objects appear when the ``async with`` block ends well, and none when it does not.

    :ivar counts: ``items``, ``answers``, ``reviewed``, ``disputed`` items, and the items by status.
    :ivar agreement: by field how far the reviewers agree, after :meth:`finish`.
    """

    def __init__(self, store: ObjectStore, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._stack = AsyncExitStack()
        self._disputed: JsonLinesWriter | None = None
        self._adjudication: Adjudication | None = None
        self._labels = Labels(wanted.decision.normalisers)
        self._waiting = Spool() if wanted.estimates else None
        self._number = 0
        self.counts: Counter[str] = Counter()
        self.agreement: dict[str, dict[str, Any]] = {}

    async def __aenter__(self) -> Self:
        wanted = self._wanted
        self._results = await self._stack.enter_async_context(self._store.writer(wanted.results_uri))
        self._parquet = (
            await self._stack.enter_async_context(ParquetResults(self._store, wanted.parquet_uri))
            if wanted.parquet_uri
            else None
        )
        if wanted.disputed_uri:
            self._disputed = await self._stack.enter_async_context(self._store.writer(wanted.disputed_uri))
        if wanted.adjudicates:
            first = read_rows(self._store, wanted.adjudicates)
            self._adjudication = Adjudication(first, wanted.adjudicates, self._write)
        return self

    async def take(self, outcome: Outcome) -> None:
        """Take the next outcome."""
        decision = self._wanted.decision
        row: Mapping[str, Any] = result_row(outcome, decision)
        # One answer agrees with nobody; but it shows how its reviewer answers.
        if len(row["answers"]) > (0 if self._wanted.estimates else 1):
            self._labels.add(self._number, row["answers"], decided_fields(row, decision))
        self._number += 1
        if self._waiting is not None:
            self._waiting.add(row)
        else:
            await self._hand_on(row)

    async def finish(self) -> None:
        """Write what comes after the last outcome."""
        if self._waiting is not None:
            estimates = await asyncio.to_thread(self._labels.estimate)
            for number, row in enumerate(self._waiting):
                await self._hand_on(estimated(row, number, estimates))
        if self._adjudication:
            await self._adjudication.finish()
        if (uri := self._wanted.agreement_uri) is not None:
            self.agreement = await asyncio.to_thread(self._labels.agreement)
            await self._store.put(uri, json.dumps(self.agreement, indent=1, ensure_ascii=False).encode())

    async def _hand_on(self, row: Mapping[str, Any]) -> None:
        await (self._adjudication.take(row) if self._adjudication else self._write(row))

    async def _write(self, row: Mapping[str, Any]) -> None:
        self.counts.update(
            {
                "items": 1,
                "answers": len(row["answers"]),
                "reviewed": int(row["reviewed"]),
                "disputed": int(bool(row["disputed_fields"])),
                COUNT_NAMES.get(row["status"], "open"): 1,
            }
        )
        if self._disputed and row["disputed_fields"]:
            await self._disputed.write(disputed_item(row))
        if not self._wanted.include_input:
            row = {**row, "input": None}
        await self._results.write(row)
        if self._parquet:
            await self._parquet.write(row)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._labels.close()
        if self._waiting is not None:
            self._waiting.close()
        await self._stack.__aexit__(kind, error, trace)
