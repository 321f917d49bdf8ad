"""Events of human loops that ended, from an SQS queue: they make a wait short, and never end it by themselves.

The body of a message is the event as Amazon EventBridge hands it on (``detail-type`` "SageMaker A2I HumanLoop
Status Change"), sent by Amazon A2I or by Review Desk. Events may be lost, come twice, late or in any order.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from a2i.batch.ledger import EndedRow
from a2i.batch.log import Log
from a2i.events import EventError, parse_event
from a2i.failures import explain
from a2i.hooks.sqs import MOST_MESSAGES, poll_seconds

#: Rows of one part of the ledger, and seconds that the first of them waits for the others.
PART_ROWS: Final = 1_000
PART_SECONDS: Final = 30.0
# A message that was taken and not deleted comes back after this: another trigger goes on where one was killed.
_HIDDEN_SECONDS: Final = 120
_LONGEST_GIVEN_BACK_SECONDS: Final = 60
_DEAF_SECONDS: Final = 0.5
_BATCH_NAME: Final = re.compile(r"[0-9a-f]{32}")


def parse_row(body: str, prefix: str) -> EndedRow | None:
    """Read the body of a message.

    :param prefix: what the names of the batch's human loops begin with.
    :return: None for an event of another batch.
    :raises EventError: if it is no event of a human loop that ended.
    """
    event = parse_event(body)
    name = event.human_loop_name
    if not name.startswith(prefix):
        return None
    if not _BATCH_NAME.fullmatch(name.removeprefix(prefix)):
        raise EventError(f"detail.humanLoopName {name[:80]!r} is no name that this library gives")
    return EndedRow(
        human_loop_name=name,
        status=event.status,
        output_uri=event.output_uri,
        failure_code=event.failure_code,
        failure_reason=event.failure_reason,
    )


@dataclass
class _Pending:
    """Messages that are not deleted yet, and what they said."""

    rows: dict[str, EndedRow] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    since: float = 0.0


class EventQueue:
    """Takes the events of one batch from a queue, and gives those of others back.

    What they say is in the ledger before the messages are deleted. So a trigger that is killed in between, or two that
    listen at once, lose nothing: the messages come again, and the same rows are written again.

    :param client: an open ``sqs`` client.
    :param prefix: what the names of the batch's human loops begin with.
    :param write: writes rows to the ledger.
    """

    def __init__(
        self,
        client: Any,
        queue_url: str,
        prefix: str,
        write: Callable[[Sequence[EndedRow]], Awaitable[None]],
        log: Log,
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._prefix = prefix
        self._write = write
        self._log = log
        self._pending = _Pending()
        self._failing = False
        self._warned_of_message = False

    async def receive(self, seconds: float) -> set[str] | None:
        """Wait for events and return the names of the batch's loops that ended.

        Returns early with what has come, and after ``seconds`` with nothing.

        :return: None if the queue does not answer, or refuses; this is logged once.
        """
        began = time.monotonic()
        try:
            messages = await self._messages(seconds)
            names = await self._take(messages)
            if self._is_due():
                await self.flush()
        except Exception as error:
            self._failed(error)
            return None
        if self._failing:
            self._failing = False
            self._log.info("The queue %s can be used again", self._queue_url)
        waited = time.monotonic() - began
        if not names and (messages or waited < _DEAF_SECONDS):
            # Leaves others' messages to them, and waits where SQS did not: it takes whole seconds only.
            await asyncio.sleep(max(0.0, min(seconds - waited, _DEAF_SECONDS)))
        return names

    async def settle(self) -> None:
        """End well: write and delete what is known. What fails is logged; those messages come again."""
        try:
            await self.flush()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._log.warning(
                "The queue %s cannot be used: %s. The batch is looked at without it.",
                self._queue_url,
                explain(error) or f"{type(error).__name__}: {error}",
            )

    async def flush(self) -> None:
        """Write what is known to the ledger, and only then delete the messages."""
        pending = self._pending
        if not pending.receipts:
            return
        await self._write(list(pending.rows.values()))
        self._pending = _Pending()
        # A message that could not be deleted comes again, and is deleted then.
        await asyncio.gather(
            *(
                self._delete(pending.receipts[start : start + MOST_MESSAGES])
                for start in range(0, len(pending.receipts), MOST_MESSAGES)
            )
        )

    async def _delete(self, receipts: Sequence[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        await self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)

    def _is_due(self) -> bool:
        pending = self._pending
        return bool(pending.receipts) and (
            len(pending.receipts) >= PART_ROWS or time.monotonic() - pending.since >= PART_SECONDS
        )

    async def _messages(self, seconds: float) -> list[dict[str, Any]]:
        poll = poll_seconds(self._client, seconds)
        if self._pending.receipts:
            poll = min(poll, max(0.0, self._pending.since + PART_SECONDS - time.monotonic()))
        answer = await self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=MOST_MESSAGES,
            WaitTimeSeconds=int(poll),
            VisibilityTimeout=_HIDDEN_SECONDS,
            AttributeNames=["ApproximateReceiveCount"],
        )
        return list(answer.get("Messages", ()))

    async def _take(self, messages: Sequence[Mapping[str, Any]]) -> set[str]:
        names: set[str] = set()
        others: list[Mapping[str, Any]] = []
        for message in messages:
            row = self._parse(message)
            if row is None:
                others.append(message)
                continue
            if not self._pending.receipts:
                self._pending.since = time.monotonic()
            self._pending.rows[row.human_loop_name] = row
            self._pending.receipts.append(message["ReceiptHandle"])
            names.add(row.human_loop_name)
        if others:
            await self._give_back(others)
        return names

    def _parse(self, message: Mapping[str, Any]) -> EndedRow | None:
        try:
            return parse_row(str(message.get("Body", "")), self._prefix)
        except EventError as error:
            if not self._warned_of_message:
                self._warned_of_message = True
                self._log.warning(
                    "Message %s in the queue %s is left there: %s. Give a batch, or a flow definition, a queue of its "
                    "own. Further messages of this kind are not logged.",
                    message.get("MessageId"),
                    self._queue_url,
                    error,
                )
            return None

    async def _give_back(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Show messages to others again: soon at first, later when nobody has wanted them so far."""
        entries = [
            {
                "Id": str(number),
                "ReceiptHandle": message["ReceiptHandle"],
                "VisibilityTimeout": _given_back_seconds(message),
            }
            for number, message in enumerate(messages)
        ]
        await self._client.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)


def _given_back_seconds(message: Mapping[str, Any]) -> int:
    received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return int(min(2 ** min(received, 12), _LONGEST_GIVEN_BACK_SECONDS))
