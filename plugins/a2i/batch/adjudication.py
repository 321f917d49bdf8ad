"""A second look at what reviewers did not agree on: disputed items out, and the decisions back in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from a2i.batch.results import LOOP_NAMES
from a2i.batch.storage import ObjectStore
from a2i.exceptions import A2IUserError

Row = Mapping[str, Any]


def disputed_item(row: Row) -> dict[str, Any]:
    """Return the item that adjudicators see of a disputed row, as A2IStartHumanLoopBatchOperator takes it.

    Its input is that of the first review, with ``answers`` (what each reviewer submitted; not who) and
    ``disputedFields``.
    """
    item = {
        "id": row["item_id"],
        "input": {
            **(row["input"] or {}),
            "answers": [answer["content"] for answer in row["answers"]],
            "disputedFields": row["disputed_fields"],
        },
    }
    return item if row["prediction"] is None else {**item, "prediction": row["prediction"]}


def adjudicated(row: Row, decision: Row) -> dict[str, Any]:
    """Put an adjudicator's decision into a row of the first review.

    Only the disputed fields are decided anew. Those that the adjudicators dispute as well, or that nobody looked at,
    stay disputed.
    """
    decided = decision["fields"] if decision["reviewed"] else {}
    open_fields = [
        name
        for name in row["disputed_fields"]
        if name not in (decided or {}) or name in decision["disputed_fields"]
    ]
    settled = [name for name in row["disputed_fields"] if name not in open_fields]
    return {
        **row,
        "source": "adjudication" if settled else row["source"],
        "fields": {**(row["fields"] or {}), **{name: decided[name] for name in settled}},
        "disputed_fields": open_fields,
        "answers": [*row["answers"], *({**answer, "adjudicator": True} for answer in decision["answers"])],
        "adjudication": {name: decision[name] for name in LOOP_NAMES},
        "error": decision["error"] and f"adjudication: {decision['error']}",
    }


async def read_rows(store: ObjectStore, uri: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows of earlier results.

    :raises A2IUserError: if there are none at the URI, or something else is.
    """
    number = 0
    async for line in store.lines(uri):
        number += 1
        try:
            row = json.loads(line or b"")
        except ValueError:
            row = None
        if not isinstance(row, dict) or "item_id" not in row or "disputed_fields" not in row:
            raise A2IUserError(
                f"{uri}, line {number} is no row of results: adjudicates must be the results_uri of the "
                "A2ICollectHumanLoopBatchOperator whose disputed items were sent to the adjudicators."
            )
        yield row


class Adjudication:
    """Writes the rows of a first review again, with the decisions of a second one, which come in the same order.

    :param first: the rows of the first review.
    :param uri: where they are, for messages.
    :param write: takes the joined rows.
    """

    def __init__(
        self, first: AsyncIterator[dict[str, Any]], uri: str, write: Callable[[Row], Awaitable[None]]
    ) -> None:
        self._first = first
        self._uri = uri
        self._write = write

    async def take(self, decision: Row) -> None:
        """Take one row of the adjudication."""
        async for row in self._first:
            if row["item_id"] == decision["item_id"] and row["disputed_fields"]:
                await self._write(adjudicated(row, decision))
                return
            await self._write(row)
        raise A2IUserError(
            f"Item {decision['item_id']!r} of the adjudicating batch is no disputed item of {self._uri}, or stands in "
            "another order there: start the batch with the disputed_uri that was written beside these results."
        )

    async def finish(self) -> None:
        """Write the rows after the last disputed one."""
        async for row in self._first:
            await self._write(row)
