"""The parts that a batch is started in: the same items always give the same parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from a2i.batch.items import BadItem, Item
from a2i.batch.ledger import LedgerPart, part_digest

PART_ITEMS: Final = 1_000
PART_CHARACTERS: Final = 32 * 1024 * 1024


async def parts_of(items: AsyncIterator[Item | BadItem]) -> AsyncIterator[list[Item | BadItem]]:
    """Cut the items into parts of 1,000, or fewer when their inputs are long; the same items give the same parts."""
    part: list[Item | BadItem] = []
    characters = 0
    async for item in items:
        part.append(item)
        characters += len(item.content) + len(item.prediction or "") if isinstance(item, Item) else 0
        if len(part) >= PART_ITEMS or characters >= PART_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


def items_digest(items: Sequence[Item | BadItem]) -> str:
    """Return a digest of items and of what was decided about them."""
    return part_digest(text for item in items for text in _texts(item))


def _texts(item: Item | BadItem) -> tuple[str, ...]:
    if isinstance(item, BadItem):
        return (item.id or "", item.error)
    texts = [item.id, item.content]
    if item.prediction is not None:
        texts.append(item.prediction)
    if not item.needs_people:
        texts.append("not needed")
    return (*texts, *item.reasons)


def same_items(items: Sequence[Item | BadItem], parts: Sequence[LedgerPart]) -> LedgerPart | None:
    """Return the longest of the parts that holds the first of the items, or all of them."""
    for part in sorted(parts, key=lambda part: part.items, reverse=True):
        if part.items <= len(items) and items_digest(items[: part.items]) == part.digest:
            return part
    return None
