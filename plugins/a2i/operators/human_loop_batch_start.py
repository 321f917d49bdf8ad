"""Operator that starts a batch of human loops."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pendulum
from botocore.exceptions import ClientError

from a2i.batch.descriptor import CLOCK_SLACK, HumanLoopBatch, parse_time
from a2i.batch.ledger import Ledger
from a2i.batch.loop_start import StartRequest
from a2i.batch.pace import Pace
from a2i.batch.progress import StartProgress
from a2i.batch.source import ItemSource, read_conditions
from a2i.batch.start import BatchStarter
from a2i.batch.storage import Patience, open_store
from a2i.batch.window import OpenLoops, room_worth_going_on
from a2i.compat import (
    AwsBaseOperator,
    aws_template_fields,
    conf,
    task_state_store,
    validate_execute_complete_event,
)
from a2i.exceptions import A2IUserError
from a2i.failures import error_code, one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.mixins import A2ITaskMixin, require_no_error, whole_number, whole_number_or_none
from a2i.naming import batch_id
from a2i.triggers.human_loop_batch_window import A2IHumanLoopBatchWindowTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

_MOST_AT_ONCE = 500
# Waits for the account's quota, in seconds, and for room without an execution_timeout: as Airflow's sensors.
_SHORTEST_QUOTA_WAIT: Final = 30.0
_LONGEST_QUOTA_WAIT: Final = 600.0
_LONGEST_WAIT: Final = timedelta(days=7)


class A2IStartHumanLoopBatchOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Start a human loop for every item of a batch that needs one.

    Many requests are under way at once; when the service refuses some as too many, they leave just as fast as it
    takes them. The names of the loops are digests of the batch (Dag, run, task, map index and ``round``) and the
    item's id: a retry, a cleared task or a killed worker starts nothing twice. An item that can have no loop is
    logged, written to the ledger with its cause, and left to ``on_failure`` of the sensor.

    An item is ``{"id": "…", "input": {…}}``, and may have a ``prediction``: what a model said of it, as an object with
    a value for each field, or with ``{"value": …, "confidence": …}``. It stands in the ledger and in the results.

    While it runs, the task keeps its progress in Airflow's task state store, where there is one (Airflow 3.3), under
    ``a2i_batch_start``: ``batch_id``, ``items`` (null where unknown), ``settled``, of these ``started``, ``failed`` and
    ``not_needed``, ``rate_per_second``, ``seconds_left``, and what it ``waits_for`` (``window``, ``quota`` or null).

    :param flow_definition_arn: ARN of the flow definition. (templated)
    :param items: a list of items; or the ``s3://`` URI of a JSON Lines object with one item a line, which is read while
        the loops are started; or the ``s3://`` URI of a folder, ending in ``/``: each object below is an item, and its
        id is what its key has below the folder. (templated)
    :param item_input: input of every item of a folder; ``{uri}`` and ``{id}`` in its texts become the object's.
        ``{"taskObject": "{uri}"}`` by default. (templated)
    :param ledger_uri: ``s3://`` URI of a folder for the ledger; the batch gets a folder of its own in it. (templated)
    :param round: raise it to send the same items to people again. (templated)
    :param activation_conditions: which items people have to see, as A2I's activation conditions: a dict, JSON text, or
        the ``s3://`` URI of such text. They are evaluated on ``{"input": …, "prediction": …}``. The other items get no
        loop and stand in the results as the model predicted them. Without conditions people see every item.
        (templated)
    :param max_reviews: how many items people may see at most; of the activated ones those that the model is least sure
        of. The items are read twice then. (templated)
    :param max_open_loops: how many loops of the batch may be open at once; the others are started as people answer,
        when a quarter of the places is free. (templated)
    :param content_classifiers: ``DataAttributes.ContentClassifiers`` of every loop, such as
        ``["FreeOfPersonallyIdentifiableInformation"]``. (templated)
    :param max_concurrency: requests that may be under way at once, 1 to 500.
    :param outage_tolerance: seconds without any answer from the service, or from S3, before the task gives up, to go on
        in a retry; at most 10 while nothing there has ever answered.
    :param waiter_delay: seconds between two looks whether there is room for more loops.
    :param deferrable: Whether to wait in the triggerer while ``max_open_loops``, or the account's quota of open human
        loops, leaves no room; otherwise the task waits in the worker. ``execution_timeout`` bounds each wait.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: what the sensor and the collect operator take as ``batch``, with counts of items.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields(
        "flow_definition_arn",
        "items",
        "item_input",
        "ledger_uri",
        "round",
        "activation_conditions",
        "max_reviews",
        "max_open_loops",
        "content_classifiers",
    )
    template_fields_renderers = {"items": "json", "item_input": "json", "activation_conditions": "json"}
    operator_extra_links = (A2IReviewPortalLink(), A2IFlowDefinitionLink())

    def __init__(
        self,
        *,
        flow_definition_arn: str,
        items: list[dict[str, Any]] | str,
        ledger_uri: str,
        item_input: dict[str, Any] | None = None,
        round: int | str = 1,  # noqa: A002
        activation_conditions: dict[str, Any] | str | None = None,
        max_reviews: int | str | None = None,
        max_open_loops: int | str | None = None,
        content_classifiers: list[str] | None = None,
        max_concurrency: int = 50,
        outage_tolerance: float = 120.0,
        waiter_delay: float = 30,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flow_definition_arn = flow_definition_arn
        self.items = items
        self.ledger_uri = ledger_uri
        self.item_input = item_input
        self.round = round
        self.activation_conditions = activation_conditions
        self.max_reviews = max_reviews
        self.max_open_loops = max_open_loops
        self.content_classifiers = content_classifiers
        self.max_concurrency = max_concurrency
        self.outage_tolerance = outage_tolerance
        self.waiter_delay = waiter_delay
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> dict[str, Any]:
        """Start what is not started yet."""
        self.require_aiobotocore()
        return self._start(context, None)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on when there is room for more loops."""
        outcome = validate_execute_complete_event(event)
        require_no_error(outcome)
        return self._start(context, outcome)

    def _start(self, context: Context, event: dict[str, Any] | None) -> dict[str, Any]:
        """Start what is not started yet; defer where there is no room.

        :param event: of the trigger that this task has waited for; None for a task that begins.
        """
        request, source, hook = self._request(context), self._source(), self.hook
        A2IReviewPortalLink.store(context, self, hook.review_url)
        A2IFlowDefinitionLink.store(context, self, hook.flow_definition_url(self.flow_definition_arn))
        if event is None:
            self._require_flow_definition()
        starter, batch = asyncio.run(self._run(request, source, event, task_state_store(context)))
        if starter.halted is not None:
            self._defer(starter, batch, event)
        self.log.info(
            "Batch %s waits for reviewers at %s with %d human loops for %d items",
            batch.batch_id,
            hook.review_url,
            batch.started,
            batch.items,
        )
        return batch.to_dict()

    def _request(self, context: Context) -> StartRequest:
        whole_number("max_concurrency", self.max_concurrency, 1, _MOST_AT_ONCE)
        return StartRequest(
            batch_id=self._batch_id(context),
            flow_definition_arn=self.flow_definition_arn,
            content_classifiers=self.content_classifiers or (),
            outage_tolerance=self.outage_tolerance,
            max_open_loops=whole_number_or_none("max_open_loops", self.max_open_loops, 1),
            waiter_delay=self.waiter_delay,
            may_halt=self.deferrable,
        )

    def _source(self) -> ItemSource:
        max_reviews = whole_number_or_none("max_reviews", self.max_reviews, 0)
        conditions = read_conditions(self.activation_conditions, self.s3_hook().read_bytes)
        source = ItemSource(self.items, self.item_input, conditions, max_reviews)
        source.check(self.ledger_uri)
        return source

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
        look = partial(
            asyncio.to_thread,
            self.hook.conn.list_human_loops,
            FlowDefinitionArn=self.flow_definition_arn,
            MaxResults=1,
        )
        try:
            asyncio.run(Patience(self.outage_tolerance)(look))
        except ClientError as error:
            if error_code(error) not in ("ResourceNotFoundException", "ValidationException"):
                raise
            raise A2IUserError(
                f"There is no flow definition {self.flow_definition_arn} at {self.hook.place}: correct "
                "flow_definition_arn, or create the flow definition first."
            ) from None

    async def _run(
        self,
        request: StartRequest,
        source: ItemSource,
        event: dict[str, Any] | None,
        state_store: Any,
    ) -> tuple[BatchStarter, HumanLoopBatch]:
        async with (
            open_store(self.s3_hook(), outage_tolerance=self.outage_tolerance) as store,
            await self.hook.get_batch_conn(self.max_concurrency) as client,
        ):
            ledger = Ledger(store, f"{self.ledger_uri.rstrip('/')}/{request.batch_id}")
            about = {
                "batch_id": request.batch_id,
                "flow_definition_arn": self.flow_definition_arn,
                "created_after": (pendulum.now("UTC") - CLOCK_SLACK).isoformat(),
            }
            first_run = await ledger.open(about)
            items, count = await source.routed(store)
            loops = None
            if request.max_open_loops is not None:
                since = event["since"] if event is not None else first_run["created_after"]
                loops = OpenLoops(self.flow_definition_arn, request.batch_id, parse_time(since))
            starter = BatchStarter(
                client,
                ledger,
                request,
                Pace(self.max_concurrency),
                StartProgress(request.batch_id, count, state_store),
                self.log,
                loops=loops,
                first_look=event is None,
            )
            counts = await starter.run(items)
            await starter.progress.publish(starter.halted)
        self.log.info("%s", starter.progress)
        return starter, HumanLoopBatch(
            batch_id=request.batch_id,
            flow_definition_arn=self.flow_definition_arn,
            ledger_uri=ledger.folder_uri,
            created_after=first_run["created_after"],
            created_before=(pendulum.now("UTC") + CLOCK_SLACK).isoformat(),
            items=starter.progress.settled,
            started=counts["started"],
            failed=counts["failed"],
            not_needed=counts["not_needed"],
        )

    def _defer(self, starter: BatchStarter, batch: HumanLoopBatch, event: dict[str, Any] | None) -> NoReturn:
        request, loops = starter.request, starter.loops
        most_open, until, waits = None, None, 0
        if starter.halted == "window" and request.max_open_loops is not None:
            most_open = request.max_open_loops - room_worth_going_on(request.max_open_loops)
            self.log.info("As many human loops are open as may be: going on when %d are", most_open)
        else:
            # Loops of others may use the quota up: look again after a while, whatever becomes of this batch's loops.
            is_idle = event is not None and starter.progress.settled == starter.counts["known"]
            waits = event["waits"] + 1 if event is not None and is_idle else 0
            until = time.time() + min(_LONGEST_QUOTA_WAIT, _SHORTEST_QUOTA_WAIT * 2.0**waits)
            self.log.info("Waiting for the account's quota of open human loops; reviews go on meanwhile")
        since = loops.since.isoformat() if loops is not None else (event or {}).get("since")
        self.defer(
            trigger=A2IHumanLoopBatchWindowTrigger(
                batch_id=batch.batch_id,
                flow_definition_arn=self.flow_definition_arn,
                since=since or batch.created_after,
                most_open=most_open,
                until=until,
                waits=waits,
                waiter_delay=self.waiter_delay,
                **self.aws_arguments,
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout or _LONGEST_WAIT,
        )
