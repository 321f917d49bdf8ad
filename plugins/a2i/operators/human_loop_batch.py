"""Operators for batches of human loops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from a2i.batch.collect import COUNT_NAMES, BatchCollector
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger
from a2i.batch.pace import Pace
from a2i.batch.stop import stop_batch
from a2i.batch.storage import open_store
from a2i.compat import AwsBaseOperator, aws_template_fields
from a2i.failures import one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import parse_s3_uri
from a2i.mixins import A2ITaskMixin, whole_number
from a2i.operators.human_loop_batch_start import A2IStartHumanLoopBatchOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = [
    "A2ICollectHumanLoopBatchOperator",
    "A2IStartHumanLoopBatchOperator",
    "A2IStopHumanLoopBatchOperator",
]

_MOST_AT_ONCE = 500


class A2ICollectHumanLoopBatchOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Collect the answers of a batch as JSON Lines in S3, one row an item in the order of the items.

    A row has ``item_id``, ``human_loop_name``, ``status``, ``failure_reason``, ``output_uri`` and ``answers``, each of
    those with ``worker_id``, ``accepted``, ``submitted``, ``seconds`` and ``content``. ``status`` is the human loop's,
    or ``Expired`` (nobody answered in time), ``Missing`` (deleted), ``NotStarted``, ``Unreadable``.

    :param batch: what A2IStartHumanLoopBatchOperator returned. (templated)
    :param results_uri: ``s3://`` URI for the rows; ``results.jsonl`` beside the ledger by default. (templated)
    :param max_concurrency: requests that may be under way at once.
    :param outage_tolerance: seconds without an answer from the service, or without the answers of a completed loop in
        S3, before the task gives up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: ``results_uri``, ``items``, ``answers`` and counts of the items by status.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("batch", "results_uri")
    template_fields_renderers = {"batch": "json"}

    def __init__(
        self,
        *,
        batch: dict[str, Any] | str,
        results_uri: str | None = None,
        max_concurrency: int = 50,
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self.results_uri = results_uri
        self.max_concurrency = max_concurrency
        self.outage_tolerance = outage_tolerance

    @one_line_failures
    def execute(self, context: Context) -> dict[str, Any]:
        """Read every answer and write the rows."""
        self.require_aiobotocore()
        whole_number("max_concurrency", self.max_concurrency, 1, _MOST_AT_ONCE)
        batch = HumanLoopBatch.from_value(self.batch)
        results_uri = self.results_uri or f"{batch.ledger_uri}/results.jsonl"
        parse_s3_uri(results_uri)
        counts = asyncio.run(self._collect(batch, results_uri))
        self.log.info(
            "Collected %d answers for %d items: %s", counts["answers"], counts["items"], results_uri
        )
        return {"results_uri": results_uri, **counts}

    async def _collect(self, batch: HumanLoopBatch, results_uri: str) -> dict[str, int]:
        async with (
            open_store(self.s3_hook()) as store,
            await self.hook.get_batch_conn(self.max_concurrency) as client,
        ):
            collector = BatchCollector(
                client, store, Pace(self.max_concurrency), self.outage_tolerance, self.log
            )
            async with store.writer(results_uri) as writer:
                counts = await collector.run(Ledger(store, batch.ledger_uri), writer)
        names = ["items", "answers", *dict.fromkeys(COUNT_NAMES.values())]
        return {name: counts[name] for name in names}


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
