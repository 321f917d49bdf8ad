"""Event trigger for human loops that have ended, for Dags that an asset starts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from a2i.batch.log import Log
from a2i.batch.pace import pause
from a2i.compat import (
    SHARED_STREAMS,
    BaseEventTrigger,
    SharedStreamProducer,
    TriggerEvent,
    reject_shared_stream_event,
)
from a2i.events import EventError, HumanLoopEvent, parse_event
from a2i.failures import explain
from a2i.hooks.sqs import MOST_MESSAGES, A2ISqsHook, poll_seconds
from a2i.mixins import AwsArguments

# A message that was taken and not deleted comes back after this: another triggerer goes on where one was killed.
_HIDDEN_SECONDS: Final = 120
_LONGEST_PAUSE_SECONDS: Final = 60.0
# The triggerer hands the events that it has on to its supervisor, which stores them, about once a second.
_HANDOVER_SECONDS: Final = 5.0

Received = tuple[HumanLoopEvent, str]


class EventQueue:
    """Events of human loops in an SQS queue.

    :param client: an open ``sqs`` client.
    """

    def __init__(self, client: Any, queue_url: str, log: Log) -> None:
        self._client = client
        self._queue_url = queue_url
        self._log = log
        self._refused: set[str] = set()

    async def receive(self) -> AsyncIterator[list[Received]]:
        """Yield what arrives, each event with its message's receipt; while the queue does not answer, wait for it."""
        failures = 0
        while True:
            try:
                answer = await self._client.receive_message(
                    QueueUrl=self._queue_url,
                    MaxNumberOfMessages=MOST_MESSAGES,
                    WaitTimeSeconds=int(poll_seconds(self._client)),
                    VisibilityTimeout=_HIDDEN_SECONDS,
                )
            except Exception as error:
                if (explained := explain(error)) is None:
                    raise
                if failures == 0:
                    self._log.warning("No events from the queue %s: %s", self._queue_url, explained)
                await asyncio.sleep(pause(failures + 3, _LONGEST_PAUSE_SECONDS))
                failures += 1
                continue
            if failures:
                failures = 0
                self._log.info("The queue %s can be used again", self._queue_url)
            if received := [
                found for message in answer.get("Messages", ()) if (found := self._parse(message))
            ]:
                yield received

    def _parse(self, message: dict[str, Any]) -> Received | None:
        try:
            return parse_event(str(message.get("Body", ""))), message["ReceiptHandle"]
        except EventError as error:
            if len(self._refused) < MOST_MESSAGES and message["MessageId"] not in self._refused:
                self._refused.add(message["MessageId"])
                self._log.warning(
                    "Message %s in the queue %s is no event of a human loop and is left there: %s",
                    message["MessageId"],
                    self._queue_url,
                    error,
                )
            return None

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages; one that could not be deleted comes again."""
        for start in range(0, len(receipts), MOST_MESSAGES):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(receipts[start : start + MOST_MESSAGES])
            ]
            try:
                await self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except Exception as error:
                if (explained := explain(error)) is None:
                    raise
                self._log.warning("Some events will come again: %s", explained)


class A2IHumanLoopEventTrigger(AwsArguments, BaseEventTrigger):
    """
    Fire for every human loop that has ended, as an SQS queue with the events of Amazon A2I or Review Desk tells.

    For an ``AssetWatcher``: an event of the asset has ``human_loop_name``, ``status``, ``flow_definition_arn``,
    ``output_uri``, ``failure_code``, ``failure_reason``, ``time`` and ``event_id`` as its payload. ``run`` is
    written by hand, as no waiter receives messages; the queue is asked by long polling.

    A message is deleted after its event was handed over. Where the triggerer confirms that an event is stored
    (Airflow 3.3), that is what is waited for; before, it is deleted some seconds after the event was taken, and an
    event is lost if the triggerer is killed and its database away just then. In either case a message may come twice,
    and a run be started twice: ``event_id`` tells.

    Messages that are no events of a human loop, or of another flow definition, stay in the queue. Give the watcher a
    queue of its own, with a redrive policy.

    :param sqs_queue_url: URL of the queue.
    :param flow_definition_arn: only loops of this flow definition; of all by default.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        sqs_queue_url: str,
        flow_definition_arn: str | None = None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sqs_queue_url = sqs_queue_url
        self.flow_definition_arn = flow_definition_arn
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize the trigger's arguments and class path."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "sqs_queue_url": self.sqs_queue_url,
                "flow_definition_arn": self.flow_definition_arn,
                **self.aws_arguments,
            },
        )

    @asynccontextmanager
    async def open_queue(self) -> AsyncIterator[EventQueue]:
        """Open the queue."""
        async with await A2ISqsHook(**self.hook_arguments).get_async_conn() as client:
            yield EventQueue(client, self.sqs_queue_url, self.log)

    def is_wanted(self, event: HumanLoopEvent) -> bool:
        """Tell whether the trigger fires for an event."""
        return self.flow_definition_arn in (None, event.flow_definition_arn)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire until the trigger is stopped; used where the triggerer does not confirm events."""
        async with self.open_queue() as queue:
            async for received in queue.receive():
                wanted = [(event, receipt) for event, receipt in received if self.is_wanted(event)]
                for event, _ in wanted:
                    yield _fired(event)
                await asyncio.sleep(_HANDOVER_SECONDS)
                await queue.delete([receipt for _, receipt in wanted])

    def shared_stream_key(self) -> Hashable | None:
        """Let all watchers of a queue share its messages, where the triggerer confirms what it has stored."""
        if not SHARED_STREAMS:
            return None
        return (type(self).__qualname__, self.sqs_queue_url, json.dumps(self.aws_arguments, sort_keys=True))

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Return what receives and deletes the messages for all watchers of a queue."""
        return _Messages(cls(**kwargs))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire for the wanted events of those that all watchers of the queue share."""
        async for event in shared_stream:
            if self.is_wanted(event):
                yield _fired(event)
            else:
                reject_shared_stream_event()


class _Messages(SharedStreamProducer):
    """The queue, for a triggerer that confirms events; the broker's payload is a message's receipt."""

    def __init__(self, trigger: A2IHumanLoopEventTrigger) -> None:
        self._trigger = trigger
        self._queue: EventQueue | None = None

    async def open_stream(self) -> AsyncIterator[tuple[HumanLoopEvent, str]]:
        """Yield what arrives."""
        async with self._trigger.open_queue() as self._queue:
            async for received in self._queue.receive():
                for event, receipt in received:
                    yield event, receipt

    async def advance(self, batch: Sequence[Any]) -> None:
        """Delete the messages that a watcher wanted and that none failed to store."""
        stored = [item.broker_payload for item in batch if item.outcome.acked and not item.outcome.failed]
        if self._queue is not None and stored:
            await self._queue.delete(stored)


def _fired(event: HumanLoopEvent) -> TriggerEvent:
    return TriggerEvent(event.to_dict())  # type: ignore[no-untyped-call]
