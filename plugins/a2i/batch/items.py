"""The items of a batch: out of a list, or of a JSON Lines object as it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from a2i.batch.storage import ObjectStore

#: A2I's limit for ``HumanLoopInput.InputContent``, in characters.
LONGEST_INPUT: Final = 3_145_728
LONGEST_ID: Final = 1_024


@dataclass(frozen=True)
class Item:
    """An item that people shall see.

    :ivar where: its place in what was given, such as ``line 7``, for messages.
    :ivar content: the input as JSON text.
    """

    where: str
    id: str
    content: str


@dataclass(frozen=True)
class BadItem:
    """An item for which no human loop can be started, and why."""

    where: str
    id: str | None
    error: str


class _RefusedError(ValueError):
    pass


def parse_item(value: Any, where: str) -> Item | BadItem:
    """Check one ``{"id": …, "input": {…}}``."""
    if not isinstance(value, dict):
        return BadItem(where, None, 'not an object with "id" and "input"')
    item_id = value.get("id")
    if not isinstance(item_id, str) or not 0 < len(item_id) <= LONGEST_ID:
        given = "no id" if "id" not in value else f"id {str(item_id)[:80]!r}"
        return BadItem(
            where, None, f"{given}: every item needs an id, a text of 1 to {LONGEST_ID} characters"
        )
    if not isinstance(value.get("input"), dict):
        return BadItem(where, item_id, "input is missing or not a JSON object")
    try:
        content = json.dumps(value["input"], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        return BadItem(where, item_id, f"input is not JSON: {error}")
    if len(content) > LONGEST_INPUT:
        size = f"input has {len(content):,} characters, A2I takes {LONGEST_INPUT:,}"
        return BadItem(where, item_id, f"{size}: leave documents in S3 and put their s3:// address here")
    return Item(where, item_id, content)


def parse_line(line: bytes | None, where: str) -> Item | BadItem:
    """Check one line of a JSON Lines object; None stands for a line too long to be kept."""
    if line is None:
        return BadItem(where, None, f"the line is too long; an input may have {LONGEST_INPUT:,} characters")
    try:
        value = json.loads(line, parse_constant=_refuse)
    except _RefusedError as error:
        return BadItem(where, None, f"not JSON: {error}")
    except ValueError as error:
        return BadItem(where, None, f"not JSON: {error}")
    return parse_item(value, where)


def _refuse(constant: str) -> NoReturn:
    raise _RefusedError(f"{constant} is no JSON number")


async def from_list(values: Iterable[Any]) -> AsyncIterator[Item | BadItem]:
    """Yield the items of a list."""
    for number, value in enumerate(values, start=1):
        yield parse_item(value, f"item {number}")


async def from_json_lines(store: ObjectStore, uri: str) -> AsyncIterator[Item | BadItem]:
    """Yield the items of a JSON Lines object while it is read; blank lines are passed over."""
    number = 0
    async for line in store.lines(uri):
        number += 1
        if line is None or line.strip():
            yield parse_line(line, f"line {number}")


async def unique(items: AsyncIterator[Item | BadItem]) -> AsyncIterator[Item | BadItem]:
    """Refuse an id that came before: its human loop would have the same name."""
    seen: set[bytes] = set()
    async for item in items:
        if isinstance(item, Item):
            # Half the digest: a set of the ids of a large batch stays small.
            key = hashlib.sha256(item.id.encode()).digest()[:16]
            if key in seen:
                yield BadItem(item.where, item.id, "duplicate id: an earlier item has it")
                continue
            seen.add(key)
        yield item
