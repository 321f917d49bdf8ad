"""How much is read before its turn."""

from __future__ import annotations

import asyncio


class ReadAhead:
    """Bounds the bytes that are read but not yet handed on, in the order of their numbers.

    What is next to be handed on is always let in: so a long answer waits for nobody, and nobody waits for ever.

    :param most: bytes that may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._sizes: dict[int, int] = {}
        self._changed = asyncio.Condition()

    @property
    def held(self) -> int:
        """Bytes that are held now."""
        return sum(self._sizes.values())

    async def admit(self, number: int, size: int) -> None:
        """Wait until ``size`` bytes more may be read. A second reading of the same number replaces the first."""
        async with self._changed:
            self._sizes.pop(number, None)
            await self._changed.wait_for(lambda: number == self._next or self.held + size <= self._most)
            self._sizes[number] = size

    async def handed_on(self, number: int) -> None:
        """Note that a number and all before it are handed on."""
        async with self._changed:
            self._next = number + 1
            self._sizes.pop(number, None)
            self._changed.notify_all()
