"""Group commit: one transaction for everything that waits to be written at this moment.

A commit waits for the disk, so it costs the same for one row as for fifty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

MOST_AT_ONCE = 100

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Ticket(Generic[Item, Result]):
    item: Item
    done: bool = False
    result: Result | None = None
    error: Exception | None = None


class GroupCommit(Generic[Item, Result]):
    """Hands what several threads want to write to one of them, which writes it all.

    There is no thread of its own: whoever holds the lock writes for everybody who waits for it.

    :param write: writes items in one transaction and returns a result for each, in order. What it raises for
        several items is tried again item by item, so that one bad item spoils nothing for the others.
    """

    def __init__(self, write: Callable[[list[Item]], list[Result]]) -> None:
        self._write = write
        self._waiting: list[_Ticket[Item, Result]] = []
        self._waiting_lock = threading.Lock()
        self._writing = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the item's result once its transaction has committed.

        :raises Exception: what ``write`` raised for this item.
        """
        ticket = _Ticket[Item, Result](item)
        with self._waiting_lock:
            self._waiting.append(ticket)
        with self._writing:
            while not ticket.done:
                self._write_waiting()
        if ticket.error is not None:
            raise ticket.error
        return cast("Result", ticket.result)

    def _write_waiting(self) -> None:
        with self._waiting_lock:
            tickets = self._waiting[:MOST_AT_ONCE]
            del self._waiting[:MOST_AT_ONCE]
        try:
            self._settle(tickets)
        except Exception as error:
            if len(tickets) == 1:
                tickets[0].error, tickets[0].done = error, True
                return
            for ticket in tickets:
                try:
                    self._settle([ticket])
                except Exception as own_error:
                    ticket.error, ticket.done = own_error, True

    def _settle(self, tickets: list[_Ticket[Item, Result]]) -> None:
        results = self._write([ticket.item for ticket in tickets])
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result, ticket.done = result, True
