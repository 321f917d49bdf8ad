"""Operators for batches of human loops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pendulum
from botocore.exceptions import ClientError

from a2i.batch.collect import COUNT_NAMES, BatchCollector
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.items import from_json_lines, from_list, unique
from a2i.batch.ledger import Ledger
from a2i.batch.pace import Pace
from a2i.batch.start import BatchStarter, StartRequest
from a2i.compat import AwsBaseOperator, aws_template_fields
from a2i.exceptions import A2IUserError
from a2i.failures import error_code, one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import parse_s3_uri
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.mixins import A2ITaskMixin, whole_number
from a2i.naming import batch_id
from a2i.triggers.human_loop_batch import open_store

if TYPE_CHECKING:
    from airflow.sdk import Context

# How far the clocks of a worker and of the service may differ.
_CLOCK_SLACK = pendulum.duration(minutes=15)
_MOST_AT_ONCE = 500


class A2IStartHumanLoopBatchOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Start a human loop for every item of a batch.

    Many requests are under way at once; on throttling, and when the quota of open human loops is used up, they slow
    down instead of failing. The names of the loops are digests of the batch (Dag, run, task, map index and
    ``round``) and the item's id: a retry, a cleared task or a killed worker starts nothing twice. An item that can
    have no loop is logged, written to the ledger with its cause, and left to ``on_failure`` of the sensor.

    :param flow_definition_arn: ARN of the flow definition. (templated)
    :param items: a list of ``{"id": "…", "input": {…}}``, or the ``s3://`` URI of a JSON Lines object with one such
        item a line, which is read while the loops are started. (templated)
    :param ledger_uri: ``s3://`` URI of a folder for the ledger; the batch gets a folder of its own in it. (templated)
    :param round: raise it to send the same items to people again. (templated)
    :param content_classifiers: ``DataAttributes.ContentClassifiers`` of every loop, such as
        ``["FreeOfPersonallyIdentifiableInformation"]``. (templated)
    :param max_concurrency: requests that may be under way at once.
    :param outage_tolerance: seconds without any answer from the service before the task gives up, to go on in a retry.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: what the sensor and the collect operator take as ``batch``, with counts of items.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields(
        "flow_definition_arn", "items", "ledger_uri", "round", "content_classifiers"
    )
    template_fields_renderers = {"items": "json"}
    operator_extra_links = (A2IReviewPortalLink(),)

    def __init__(
        self,
        *,
        flow_definition_arn: str,
        items: list[dict[str, Any]] | str,
        ledger_uri: str,
        round: int | str = 1,  # noqa: A002
        content_classifiers: list[str] | None = None,
        max_concurrency: int = 50,
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flow_definition_arn = flow_definition_arn
        self.items = items
        self.ledger_uri = ledger_uri
        self.round = round
        self.content_classifiers = content_classifiers
        self.max_concurrency = max_concurrency
        self.outage_tolerance = outage_tolerance

    @one_line_failures
    def execute(self, context: Context) -> dict[str, Any]:
        """Start what is not started yet."""
        self.require_aiobotocore()
        whole_number("max_concurrency", self.max_concurrency, 1, _MOST_AT_ONCE)
        parse_s3_uri(self.ledger_uri)
        if isinstance(self.items, str):
            parse_s3_uri(self.items)
        self._require_flow_definition()
        hook = self.hook
        A2IReviewPortalLink.persist(
            context, self, hook.conn_region_name, hook.conn_partition, url=hook.review_url
        )
        batch = asyncio.run(self._start(self._batch_id(context)))
        self.log.info(
            "Batch %s waits for reviewers at %s with %d human loops for %d items",
            batch.batch_id,
            hook.review_url,
            batch.started,
            batch.items,
        )
        return batch.to_dict()

    def _batch_id(self, context: Context) -> str:
        task_instance: Any = context["ti"]
        return batch_id(
            dag_id=task_instance.dag_id,
            run_id=task_instance.run_id,
            task_id=task_instance.task_id,
            map_index=task_instance.map_index,
            round=whole_number("round", self.round, 1, 1_000_000),
        )

    def _require_flow_definition(self) -> None:
        """Ask once, instead of learning it from every item."""
        try:
            self.hook.conn.list_human_loops(FlowDefinitionArn=self.flow_definition_arn, MaxResults=1)
        except ClientError as error:
            if error_code(error) not in ("ResourceNotFoundException", "ValidationException"):
                raise
            raise A2IUserError(
                f"There is no flow definition {self.flow_definition_arn} at {self.hook.place}: correct "
                "flow_definition_arn, or create the flow definition first."
            ) from None

    async def _start(self, batch: str) -> HumanLoopBatch:
        pace = Pace(self.max_concurrency)
        request = StartRequest(
            batch, self.flow_definition_arn, self.content_classifiers or (), self.outage_tolerance
        )
        async with (
            open_store(self.s3_hook()) as store,
            await self.hook.get_batch_conn(self.max_concurrency) as client,
        ):
            ledger = Ledger(store, f"{self.ledger_uri.rstrip('/')}/{batch}")
            first_run = await ledger.open(self._about(batch))
            starter = BatchStarter(client, ledger, request, pace, self.log)
            source = (
                from_json_lines(store, self.items) if isinstance(self.items, str) else from_list(self.items)
            )
            counts = await starter.run(unique(source))
            self.log.info("%s", starter.summary())
        return HumanLoopBatch(
            batch_id=batch,
            flow_definition_arn=self.flow_definition_arn,
            ledger_uri=ledger.folder_uri,
            created_after=first_run["created_after"],
            created_before=(pendulum.now("UTC") + _CLOCK_SLACK).isoformat(),
            items=counts["started"] + counts["failed"],
            started=counts["started"],
            failed=counts["failed"],
        )

    def _about(self, batch: str) -> dict[str, Any]:
        return {
            "batch_id": batch,
            "flow_definition_arn": self.flow_definition_arn,
            "created_after": (pendulum.now("UTC") - _CLOCK_SLACK).isoformat(),
        }


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
