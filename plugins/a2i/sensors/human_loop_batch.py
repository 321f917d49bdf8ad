"""Sensor for batches of human loops."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger
from a2i.batch.sweep import PROBLEMS_KEPT, Sweep, open_loops
from a2i.batch.watch import MISSING, Progress
from a2i.compat import (
    AwsBaseSensor,
    PokeReturnValue,
    aws_template_fields,
    conf,
    validate_execute_complete_event,
)
from a2i.exceptions import A2IError, A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.failures import explain, is_passing, one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.mixins import A2ITaskMixin
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger, open_store, open_watch

if TYPE_CHECKING:
    from airflow.sdk import Context

OnFailure = Literal["fail", "continue"]
# The trigger ends the wait itself, with counts; Airflow's own timeout is the safety net behind it.
_TRIGGER_GRACE = timedelta(minutes=5)


class A2IHumanLoopBatchSensor(A2ITaskMixin, AwsBaseSensor[A2IHook]):
    """
    Wait until no human loop of a batch is open any more.

    A look costs one request for 100 loops that are still of interest. While the service does not answer, the sensor
    goes on waiting until its ``timeout``.

    :param batch: what A2IStartHumanLoopBatchOperator returned. (templated)
    :param on_failure: what to do about items without an answer (failed, expired, stopped or deleted loops, and items
        for which none could be started): ``fail`` the task and name them, or ``continue`` with what there is.
    :param poke_interval: seconds between two looks.
    :param timeout: seconds to wait for people; Airflow's default is seven days.
    :param deferrable: Whether to wait in the triggerer, with one trigger for the whole batch.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: counts: ``items``, ``completed``, ``failed`` (expired ones included), ``stopped``, ``missing``,
        ``not_started``.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("batch")
    template_fields_renderers = {"batch": "json"}
    operator_extra_links = (A2IReviewPortalLink(), A2IFlowDefinitionLink())

    def __init__(
        self,
        *,
        batch: dict[str, Any] | str,
        on_failure: OnFailure = "fail",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_failure not in ("fail", "continue"):
            raise ValueError(f"on_failure must be 'fail' or 'continue', got {on_failure!r}")
        self.batch = batch
        self.on_failure = on_failure
        self.deferrable = deferrable
        self._sweep: Sweep | None = None

    @one_line_failures
    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        self.require_aiobotocore()
        batch = HumanLoopBatch.from_value(self.batch)
        hook = self.hook
        A2IReviewPortalLink.persist(
            context, self, hook.conn_region_name, hook.conn_partition, url=hook.review_url
        )
        A2IFlowDefinitionLink.store(context, self, hook.flow_definition_url(batch.flow_definition_arn))
        if batch.started == 0:
            return self._finish(batch, Progress({}, {}))
        if self.deferrable:
            self._defer(batch)
        return super().execute(context)

    def _defer(self, batch: HumanLoopBatch) -> NoReturn:
        self.log.info(
            "Waiting for %d human loops; reviewers find them at %s", batch.started, self.hook.review_url
        )
        self.defer(
            trigger=A2IHumanLoopBatchTrigger(
                batch=batch.to_dict(),
                poke_interval=self.poke_interval,
                deadline=time.time() + self.timeout,
                **self.aws_arguments,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + _TRIGGER_GRACE,
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        batch = HumanLoopBatch.from_value(self.batch)
        try:
            progress = asyncio.run(self._look(batch))
        except A2IError:
            raise
        except Exception as error:
            if not is_passing(error):
                raise
            self.log.warning("%s; the reviews go on", explain(error))
            return PokeReturnValue(is_done=False)
        self.log.info("%s", progress)
        if not progress.is_done:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._finish(batch, progress))

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """End the wait as the trigger's event says."""
        outcome = validate_execute_complete_event(event)
        if outcome["status"] == "error":
            raise (A2IServiceError if outcome["retry"] else A2IUserError)(outcome["message"])
        progress = Progress(outcome["counts"], outcome["problems"])
        if outcome["status"] == "timeout":
            raise A2ITimeoutError(
                f"People did not finish within {self.timeout:.0f} s: "
                + (str(progress) if progress.counts else "the service did not answer in all that time")
            )
        return self._finish(HumanLoopBatch.from_value(self.batch), progress)

    async def _look(self, batch: HumanLoopBatch) -> Progress:
        # Kept from poke to poke; in mode="reschedule" each poke is a new process and counts anew.
        self._sweep = self._sweep or Sweep(batch.prefix, batch.window[0])
        async with open_watch(batch, self.hook_arguments, self._sweep) as watch:
            return await watch.look()

    def _finish(self, batch: HumanLoopBatch, progress: Progress) -> dict[str, int]:
        """Return the counts, or fail, by ``on_failure``."""
        counts = {
            "items": batch.items,
            "completed": progress.counts.get("Completed", 0),
            "failed": progress.counts.get("Failed", 0),
            "stopped": progress.counts.get("Stopped", 0),
            "missing": progress.counts.get(MISSING, 0),
            "not_started": batch.failed,
        }
        without_answer = sum(counts[name] for name in ("failed", "stopped", "missing", "not_started"))
        self.log.info("All human loops ended: %s", counts)
        if without_answer == 0 or open_loops(progress.counts):
            return counts
        causes = asyncio.run(self._causes(batch, progress.problems))
        for cause in causes:
            self.log.warning("No answer for %s", cause)
        if self.on_failure == "fail":
            more = f" and {without_answer - len(causes)} more" if without_answer > len(causes) else ""
            raise A2IUserError(
                f"{without_answer} of {batch.items} items have no answer: {'; '.join(causes)}{more}. "
                "Use on_failure='continue' to go on without them."
            )
        return counts

    async def _causes(self, batch: HumanLoopBatch, problems: dict[str, str]) -> list[str]:
        """Name the items behind some of the loops without an answer, and behind those that were not started."""
        causes: list[str] = []
        async with open_store(self.s3_hook()) as store:
            async for rows in Ledger(store, batch.ledger_uri).read_parts():
                for row in rows:
                    if row.human_loop_name is None:
                        causes.append(f"{row.item_id!r} (not started: {row.error})")
                    elif row.human_loop_name in problems:
                        loop = f"human loop {row.human_loop_name}"
                        causes.append(f"{row.item_id!r} ({loop} {problems[row.human_loop_name]})")
                if len(causes) >= PROBLEMS_KEPT:
                    break
        return causes[:PROBLEMS_KEPT]
