"""Operators for batches of human loops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.stop import stop_batch
from a2i.compat import AwsBaseOperator, aws_template_fields
from a2i.failures import one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.mixins import A2ITaskMixin, whole_number
from a2i.operators.human_loop_batch_start import A2IStartHumanLoopBatchOperator
from a2i.operators.human_loop_results import A2ICollectHumanLoopBatchOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = [
    "A2ICollectHumanLoopBatchOperator",
    "A2IStartHumanLoopBatchOperator",
    "A2IStopHumanLoopBatchOperator",
]

_MOST_AT_ONCE = 500


class A2IStopHumanLoopBatchOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Stop the human loops of a batch that are open; it may be run again.

    A task that a reviewer works on stays open until it is submitted or its time is over, and its answers are kept:
    to wait for that, put an A2IHumanLoopBatchSensor behind this task.

    :param batch: what A2IStartHumanLoopBatchOperator returned. (templated)
    :param max_concurrency: requests that may be under way at once.
    :param outage_tolerance: seconds that a request may go without an answer from the service before the task gives up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: counts of human loops: ``stopped`` (now told to stop), ``already_ended``, ``missing``.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("batch")
    template_fields_renderers = {"batch": "json"}

    def __init__(
        self,
        *,
        batch: dict[str, Any] | str,
        max_concurrency: int = 50,
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self.max_concurrency = max_concurrency
        self.outage_tolerance = outage_tolerance

    @one_line_failures
    def execute(self, context: Context) -> dict[str, int]:
        """Stop what is open."""
        self.require_aiobotocore()
        most = whole_number("max_concurrency", self.max_concurrency, 1, _MOST_AT_ONCE)
        batch = HumanLoopBatch.from_value(self.batch)
        return asyncio.run(
            stop_batch(batch, self.hook, self.s3_hook(), self.outage_tolerance, self.log, most)
        )
