"""Bringing the collected answers back to the items they belong to. Pure: rows in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def join_results(
    rows: Iterable[Mapping[str, Any]], results: Iterable[Mapping[str, Any]], key: str = "item_id"
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Yield every row with its result, or None where the row was not sent to people.

    Both are read once and side by side, so that memory does not grow with them: the results must stand in the order
    of the rows, as the collect operator writes them.

    :raises ValueError: if a result belongs to no row, or the order differs.
    """
    waiting = iter(results)
    result = next(waiting, None)
    for row in rows:
        if result is not None and result[key] == row[key]:
            yield row, result
            result = next(waiting, None)
        else:
            yield row, None
    if result is not None:
        raise ValueError(
            f"the result of {result[key]!r} belongs to no row, or stands in another order than the rows"
        )
