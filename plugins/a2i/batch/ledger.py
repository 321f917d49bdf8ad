"""The ledger of a batch: JSON Lines in S3, in parts, one row an item.

``<ledger>/batch.json`` is written before the first loop is started and never again. A part is written when all of
its items are settled; its name carries a digest of its items and its counts, so that one listing tells a second
run what is done, and a part whose items have changed is done again. A start that waits for room writes its last part
short, and completes it when it goes on. ::

    batch.json
    started/part-000000.<digest>.<started>.<failed>[.<not needed>].jsonl
    ended/part-<digest>.jsonl

What events told of loops that ended stands in ``ended``: only some of the loops, some of them twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from a2i.batch.storage import ObjectStore

_PART_NAME: Final = re.compile(r"part-(\d{6})\.([0-9a-f]{16})\.(\d+)\.(\d+)(?:\.(\d+))?\.jsonl")
_DIGEST_DIGITS: Final = 16


@dataclass(frozen=True)
class LedgerRow:
    """What became of an item at the start.

    :ivar human_loop_name: its loop, None where there is none.
    :ivar error: why there can be none, with the item's place in what was given. An item with neither a loop nor an
        error needs nobody.
    :ivar prediction: what a model said of the item, as it was given.
    :ivar reasons: why the item was routed as it was.
    """

    item_id: str | None
    human_loop_name: str | None
    error: str | None = None
    prediction: dict[str, Any] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_not_needed(self) -> bool:
        """Whether nobody has to look at the item."""
        return self.human_loop_name is None and self.error is None

    @classmethod
    def from_json(cls, line: bytes) -> LedgerRow:
        """Read a row; parts of earlier versions have no ``prediction`` and no ``reasons``."""
        data = json.loads(line)
        return cls(**{**data, "reasons": tuple(data.get("reasons", ()))})

    def to_json(self) -> bytes:
        """Return the row as a line, without the fields that say nothing."""
        data: dict[str, Any] = {
            "item_id": self.item_id,
            "human_loop_name": self.human_loop_name,
            "error": self.error,
        }
        if self.prediction is not None:
            data["prediction"] = self.prediction
        if self.reasons:
            data["reasons"] = self.reasons
        return json.dumps(data, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class EndedRow:
    """What an event told of a loop that ended: for good, so that two rows of one loop say the same.

    :ivar status: ``Completed``, ``Failed`` or ``Stopped``.
    :ivar failure_code: such as ``Expired``; lists of human loops do not have it.
    """

    human_loop_name: str
    status: str
    output_uri: str | None = None
    failure_code: str | None = None
    failure_reason: str | None = None


@dataclass(frozen=True)
class LedgerPart:
    """A written part, as its name says."""

    number: int
    digest: str
    started: int
    failed: int
    not_needed: int = 0

    @property
    def name(self) -> str:
        """Name of the part's object."""
        not_needed = f".{self.not_needed}" if self.not_needed else ""
        return f"part-{self.number:06}.{self.digest}.{self.started}.{self.failed}{not_needed}.jsonl"

    @property
    def items(self) -> int:
        """Items in the part."""
        return self.started + self.failed + self.not_needed


def part_digest(texts: Iterable[str]) -> str:
    """Return a digest of a part's items, each given as one or more texts."""
    total = hashlib.sha256()
    for text in texts:
        data = text.encode()
        total.update(len(data).to_bytes(8) + data)
    return total.hexdigest()[:_DIGEST_DIGITS]


class Ledger:
    """The ledger of one batch.

    :param folder_uri: ``s3://`` folder of this batch alone.
    """

    def __init__(self, store: ObjectStore, folder_uri: str) -> None:
        self._store = store
        self.folder_uri = folder_uri.rstrip("/")

    async def open(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``batch.json`` says, writing ``about`` there if this is the first run."""
        uri = f"{self.folder_uri}/batch.json"
        if (content := await self._store.get(uri)) is not None:
            return dict(json.loads(content))
        await self._store.put(uri, json.dumps(about, indent=1).encode())
        return dict(about)

    async def parts(self) -> list[LedgerPart]:
        """Return the written parts in order."""
        names = await self._store.names(f"{self.folder_uri}/started")
        matches = filter(None, map(_PART_NAME.fullmatch, names))
        return [LedgerPart(int(m[1]), m[2], int(m[3]), int(m[4]), int(m[5] or 0)) for m in matches]

    async def write(self, part: LedgerPart, rows: Sequence[LedgerRow]) -> None:
        """Write a part."""
        await self._store.put(self._uri(part), b"".join(row.to_json() for row in rows))

    async def remove(self, part: LedgerPart) -> None:
        """Remove a part whose items are no longer those of the batch."""
        await self._store.delete(self._uri(part))

    async def read(self, part: LedgerPart) -> list[LedgerRow]:
        """Return the rows of one part."""
        content = await self._store.get(self._uri(part)) or b""
        return [LedgerRow.from_json(line) for line in content.splitlines()]

    async def read_parts(self) -> AsyncIterator[list[LedgerRow]]:
        """Yield the rows of one part after the other."""
        for part in await self.parts():
            yield await self.read(part)

    async def write_ended(self, rows: Iterable[EndedRow]) -> None:
        """Write what events told; the same rows, in any order, are the same part."""
        lines = sorted(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
        uri = f"{self.folder_uri}/ended/part-{part_digest(lines)}.jsonl"
        await self._store.put(uri, b"".join(line.encode() + b"\n" for line in lines))

    async def read_ended(self) -> AsyncIterator[list[EndedRow]]:
        """Yield what events told, one part after the other; a loop may stand in several."""
        for name in await self._store.names(f"{self.folder_uri}/ended"):
            content = await self._store.get(f"{self.folder_uri}/ended/{name}") or b""
            yield [EndedRow(**json.loads(line)) for line in content.splitlines()]

    def _uri(self, part: LedgerPart) -> str:
        return f"{self.folder_uri}/started/{part.name}"
