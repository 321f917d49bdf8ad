"""Trigger for batches of human loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.stop import stop_batch
from a2i.batch.wait import WaitSettings, open_wait
from a2i.compat import BaseTrigger, TriggerEvent
from a2i.failures import failed_event
from a2i.hooks.a2i import A2IHook
from a2i.mixins import AwsArguments

# The triggerer gives on_kill 30 seconds by default.
_STOP_TOLERANCE_SECONDS: Final = 10.0


class A2IHumanLoopBatchTrigger(AwsArguments, BaseTrigger):
    """
    Trigger when no human loop of a batch is open any more.

    One trigger stands for a whole batch, so ``run`` is written by hand: a waiter cannot page through
    ``ListHumanLoops``. It may run twice or be killed at any time: all it writes is what it learned, to the batch's
    ledger. While the service does not answer it goes on asking, more and more slowly.

    The event has ``status`` (``success``, ``deadline``, ``timeout`` or ``error``), ``counts`` of loops by status,
    some ``problems``, and ``after_stop`` as given; an error has ``message`` and says with ``retry`` whether it may
    pass.

    :param batch: what A2IStartHumanLoopBatchOperator returned.
    :param poke_interval: seconds between two sweeps while things move.
    :param max_poke_interval: seconds between two sweeps at most.
    :param give_up: when to end in any case (Unix time in seconds).
    :param deadline: when to end with what there is (Unix time in seconds), None for never.
    :param sqs_queue_url: queue with the events of the batch's human loops, None for none.
    :param partial_results: seconds between two writes of partial results, None for none.
    :param cancel_on_kill: Whether to stop the human loops when a user ends or clears the task (Airflow 3.3 and later).
    :param after_stop: Whether the task has told the human loops to stop.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        batch: dict[str, Any],
        poke_interval: float,
        max_poke_interval: float,
        give_up: float,
        deadline: float | None = None,
        sqs_queue_url: str | None = None,
        partial_results: float | None = None,
        cancel_on_kill: bool = False,
        after_stop: bool = False,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.settings = WaitSettings(poke_interval, max_poke_interval, sqs_queue_url, partial_results)
        self.give_up = give_up
        self.deadline = deadline
        self.cancel_on_kill = cancel_on_kill
        self.after_stop = after_stop
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize the trigger's arguments and class path."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "batch": self.batch,
                **self.settings.to_dict(),
                "give_up": self.give_up,
                "deadline": self.deadline,
                "cancel_on_kill": self.cancel_on_kill,
                "after_stop": self.after_stop,
                **self.aws_arguments,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until nothing is open, or the time is over."""
        try:
            batch = HumanLoopBatch.from_value(self.batch)
            async with open_wait(batch, self.hook_arguments, self.settings, self.log) as wait:
                outcome = await wait.run(self.deadline, self.give_up)
        except Exception as error:
            broken_off = f"The wait for batch {self.batch.get('batch_id')} broke off"
            outcome = failed_event(error, self.log, broken_off)
        yield TriggerEvent({**outcome, "after_stop": self.after_stop})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the human loops, if so asked for.

        The triggerer calls this only when a user ends or clears the task, never when it is restarted itself.
        """
        if self.cancel_on_kill:
            batch = HumanLoopBatch.from_value(self.batch)
            hook = A2IHook(**self.hook_arguments)
            await stop_batch(batch, hook, self.s3_hook(), _STOP_TOLERANCE_SECONDS, self.log)
