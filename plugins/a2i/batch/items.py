"""The items of a batch: out of a list, of a JSON Lines object as it is read, or of the objects in a folder of S3."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from a2i.batch.storage import ObjectStore

#: A2I's limit for ``HumanLoopInput.InputContent``, in characters.
LONGEST_INPUT: Final = 3_145_728
LONGEST_ID: Final = 1_024
#: The input of an object in a folder: the name that A2I's own examples give the document.
DEFAULT_ITEM_INPUT: Final[Mapping[str, Any]] = {"taskObject": "{uri}"}
_PLACEHOLDER: Final = re.compile(r"\{(uri|id)\}")


@dataclass(frozen=True)
class Item:
    """An item that people may see.

    :ivar where: its place in what was given, such as ``line 7``, for messages.
    :ivar content: the input as JSON text.
    :ivar prediction: what a model said of it, as JSON text; None where nothing was given.
    :ivar needs_people: whether anybody has to see it.
    :ivar reasons: why it has to be seen, or need not.
    """

    where: str
    id: str
    content: str
    prediction: str | None = None
    needs_people: bool = True
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadItem:
    """An item for which no human loop can be started, and why."""

    where: str
    id: str | None
    error: str


class _RefusedError(ValueError):
    pass


def parse_item(value: Any, where: str) -> Item | BadItem:
    """Check one ``{"id": …, "input": {…}}``, with a ``prediction`` or without."""
    if not isinstance(value, dict):
        return BadItem(where, None, 'not an object with "id" and "input"')
    item_id = value.get("id")
    if not isinstance(item_id, str) or not 0 < len(item_id) <= LONGEST_ID:
        given = "no id" if "id" not in value else f"id {str(item_id)[:80]!r}"
        return BadItem(
            where, None, f"{given}: every item needs an id, a text of 1 to {LONGEST_ID} characters"
        )
    try:
        item_id.encode()
    except UnicodeEncodeError:
        return BadItem(where, None, f"id {item_id[:80]!r} is no text: it has half a surrogate pair")
    try:
        content = _json_text(value, "input")
        prediction = _json_text(value, "prediction") if value.get("prediction") is not None else None
    except _RefusedError as error:
        return BadItem(where, item_id, str(error))
    return Item(where, item_id, content, prediction)


def _json_text(item: Mapping[str, Any], field: str) -> str:
    if not isinstance(item.get(field), dict):
        raise _RefusedError(f"{field} is missing or not a JSON object")
    try:
        text = json.dumps(item[field], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # Half a surrogate pair can stand in JSON text, and can be sent nowhere.
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _RefusedError(f"{field} is not JSON: {error}") from None
    if len(text) > LONGEST_INPUT:
        taker = "A2I" if field == "input" else "the ledger"
        size = f"{field} has {len(text):,} characters, {taker} takes {LONGEST_INPUT:,}"
        raise _RefusedError(f"{size}: leave documents in S3 and put their s3:// address here")
    return text


def parse_line(line: bytes | None, where: str) -> Item | BadItem:
    """Check one line of a JSON Lines object; None stands for a line too long to be kept."""
    if line is None:
        return BadItem(where, None, f"the line is too long; an input may have {LONGEST_INPUT:,} characters")
    try:
        value = json.loads(line, parse_constant=_refuse)
    except _RefusedError as error:
        return BadItem(where, None, f"not JSON: {error}")
    except (ValueError, RecursionError) as error:
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


async def from_folder(
    store: ObjectStore, folder_uri: str, item_input: Mapping[str, Any] = DEFAULT_ITEM_INPUT
) -> AsyncIterator[Item | BadItem]:
    """Yield an item for every object below a folder, in the order of their keys.

    An item's id is what its key has below the folder. Objects that only stand for folders are passed over.

    :param item_input: input of every item; ``{uri}`` and ``{id}`` in its texts become the object's.
    """
    async for uri in store.uris(folder_uri):
        item_id = uri.removeprefix(folder_uri)
        filled = fill_in(item_input, {"uri": uri, "id": item_id})
        yield parse_item({"id": item_id, "input": filled}, f"object {uri}")


def fill_in(template: Any, values: Mapping[str, str]) -> Any:
    """Return a JSON value with ``{uri}`` and ``{id}`` replaced in all its texts; names of fields stay as they are."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda place: values[place[1]], template)
    if isinstance(template, Mapping):
        return {name: fill_in(value, values) for name, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill_in(value, values) for value in template]
    return template


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
