"""Trigger of a start of human loops that waits for room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from a2i.batch.descriptor import parse_time
from a2i.batch.window import OpenLoops
from a2i.compat import BaseTrigger, TriggerEvent
from a2i.exceptions import A2IUserError
from a2i.failures import error_code, explain, failed_event, is_passing
from a2i.hooks.a2i import A2IHook
from a2i.mixins import AwsArguments

_LONGEST_PAUSE_SECONDS: Final = 60.0


class A2IHumanLoopBatchWindowTrigger(AwsArguments, BaseTrigger):
    """
    Trigger when people have answered enough for more human loops of a batch to be started.

    One trigger stands for a whole batch, so ``run`` is written by hand: a waiter cannot page through
    ``ListHumanLoops``. It only reads, and may run twice or be killed at any time. A look lists from the oldest loop
    that is still open. While the service does not answer it goes on asking, more and more slowly.

    The event has ``status`` (``success`` or ``error``), ``open`` (loops of the batch), ``since`` (no loop created
    before is open) and ``waits``; an error has ``message`` and says with ``retry`` whether it may pass.

    :param batch_id: id of the batch.
    :param flow_definition_arn: ARN of its flow definition.
    :param since: creation time before which no loop of the batch is open (ISO 8601).
    :param most_open: go on when no more loops than this are open; None for fewer than at the first look.
    :param until: when to go on in any case (Unix time in seconds); None for never.
    :param waits: how many times the batch has waited without a loop started in between; comes back in the event.
    :param waiter_delay: seconds between two looks.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        batch_id: str,
        flow_definition_arn: str,
        since: str,
        most_open: int | None,
        until: float | None,
        waits: int,
        waiter_delay: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_id = batch_id
        self.flow_definition_arn = flow_definition_arn
        self.since = since
        self.most_open = most_open
        self.until = until
        self.waits = waits
        self.waiter_delay = waiter_delay
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize the trigger's arguments and class path."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "batch_id": self.batch_id,
                "flow_definition_arn": self.flow_definition_arn,
                "since": self.since,
                "most_open": self.most_open,
                "until": self.until,
                "waits": self.waits,
                "waiter_delay": self.waiter_delay,
                **self.aws_arguments,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is room."""
        try:
            yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]
        except Exception as error:
            broken_off = f"The start of batch {self.batch_id} broke off while it waited for room"
            yield TriggerEvent(failed_event(error, self.log, broken_off))  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        loops = OpenLoops(self.flow_definition_arn, self.batch_id, parse_time(self.since))
        most_open, seen, failures = self.most_open, None, 0
        async with await A2IHook(**self.hook_arguments).get_async_conn() as client:
            while True:
                delay = self.waiter_delay
                try:
                    count = await loops.look(client)
                except Exception as error:
                    if error_code(error) == "ResourceNotFoundException":
                        arn = self.flow_definition_arn
                        raise A2IUserError(f"The flow definition {arn} does not exist any more.") from None
                    if not is_passing(error):
                        raise
                    failures += 1
                    delay = min(2.0**failures, max(_LONGEST_PAUSE_SECONDS, delay))
                    self.log.warning("%s; the reviews go on, next try in %.0f s", explain(error), delay)
                else:
                    failures = 0
                    most_open = count - 1 if most_open is None else most_open
                    if count != seen:
                        self.log.info("%d human loops of batch %s are open", count, self.batch_id)
                    seen = count
                    if count <= most_open or self._remaining() <= 0:
                        return self._event(loops, count)
                await asyncio.sleep(max(0.0, min(delay, self._remaining())))

    def _remaining(self) -> float:
        return float("inf") if self.until is None else self.until - time.time()

    def _event(self, loops: OpenLoops, count: int) -> dict[str, Any]:
        return {"status": "success", "open": count, "since": loops.since.isoformat(), "waits": self.waits}
