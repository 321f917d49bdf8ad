"""Sensor for batches of human loops."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.outcome import (
    batch_counts,
    deadline_time,
    failure_text,
    find_causes,
    report_progress,
    without_answer,
)
from a2i.batch.stop import stop_batch
from a2i.batch.storage import open_store
from a2i.batch.wait import WaitSettings, open_wait
from a2i.batch.watch import Progress
from a2i.compat import (
    TRIGGERS_LEARN_OF_KILLS,
    AwsBaseSensor,
    PokeReturnValue,
    aws_template_fields,
    conf,
    validate_execute_complete_event,
)
from a2i.exceptions import A2ITimeoutError, A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.mixins import A2ITaskMixin, require_no_error
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

OnFailure = Literal["fail", "continue"]
OnDeadline = Literal["fail", "continue", "stop"]
# The trigger ends the wait itself, with counts; Airflow's own timeout is the safety net behind it.
_TRIGGER_GRACE: Final = timedelta(minutes=5)
_MAX_POKE_INTERVAL: Final = 300.0
_STOP_TOLERANCE_SECONDS: Final = 120.0
# A worker that is told to end has a minute by default.
_KILL_SECONDS: Final = 30.0


class A2IHumanLoopBatchSensor(A2ITaskMixin, AwsBaseSensor[A2IHook]):
    """
    Wait until no human loop of a batch is open any more.

    A look costs one request for 100 loops that are still of interest; for the last few that are open it costs one
    each, where that is less. The next look comes after 1/30 of the time in which nothing has moved, at most the age of
    the oldest open loop: between ``poke_interval`` and ``max_poke_interval``, and up to a tenth earlier by chance.
    While the service does not answer, the sensor goes on waiting until its ``timeout``.

    :param batch: what A2IStartHumanLoopBatchOperator returned. (templated)
    :param on_failure: what to do about items without an answer (failed, expired, stopped or deleted loops, and items
        for which none could be started): ``fail`` the task and name them, or ``continue`` with what there is.
    :param failure_tolerance: share of the items, 0 to 1, that may have no answer before ``on_failure`` fails the task.
    :param deadline: seconds after the batch's first start began, or a time (ISO 8601), at which people's time is over;
        none by default. (templated)
    :param on_deadline: what to do then: ``fail``; ``continue`` with what there is, and leave the rest open; or
        ``stop`` what is open, wait until it has stopped, and go on. Loops that it stops are no failure.
    :param poke_interval: seconds between two looks while things move.
    :param max_poke_interval: seconds between two looks at most; the larger of 300 and ``poke_interval`` by default.
    :param sqs_queue_url: URL of an SQS queue with the events of the batch's loops, from Amazon EventBridge or Review
        Desk: the Dag goes on within 2 seconds of the last answer. Not with ``mode="reschedule"``. (templated)
    :param partial_results: seconds between two writes of ``partial.jsonl`` and ``progress.json`` beside the ledger;
        not written by default.
    :param cancel_on_kill: Whether to stop the human loops when the task is ended or cleared while it waits. Reviewers'
        minutes are paid, so the reviews go on by default. A deferred task does it from Airflow 3.3 on.
    :param timeout: seconds to wait for people; Airflow's default is seven days.
    :param deferrable: Whether to wait in the triggerer, with one trigger for the whole batch.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: counts: ``items``, ``completed``, ``failed`` (expired ones included), ``stopped``, ``missing``, ``open``
        (after ``on_deadline="continue"``), ``not_started``, ``not_needed``.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("batch", "deadline", "sqs_queue_url")
    template_fields_renderers = {"batch": "json"}
    operator_extra_links = (A2IReviewPortalLink(), A2IFlowDefinitionLink())

    def __init__(
        self,
        *,
        batch: dict[str, Any] | str,
        on_failure: OnFailure = "fail",
        failure_tolerance: float = 0.0,
        deadline: float | str | datetime | timedelta | None = None,
        on_deadline: OnDeadline = "fail",
        max_poke_interval: float | None = None,
        sqs_queue_url: str | None = None,
        partial_results: float | None = None,
        cancel_on_kill: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_failure not in ("fail", "continue"):
            raise ValueError(f"on_failure must be 'fail' or 'continue', got {on_failure!r}")
        if on_deadline not in ("fail", "continue", "stop"):
            raise ValueError(f"on_deadline must be 'fail', 'continue' or 'stop', got {on_deadline!r}")
        if not 0 <= failure_tolerance <= 1:
            raise ValueError(f"failure_tolerance must be between 0 and 1, got {failure_tolerance!r}")
        if max_poke_interval is not None and max_poke_interval < self.poke_interval:
            raise ValueError(
                f"max_poke_interval must be at least poke_interval ({self.poke_interval:g}), got {max_poke_interval!r}"
            )
        if partial_results is not None and partial_results <= 0:
            raise ValueError(f"partial_results must be more than 0 seconds, got {partial_results!r}")
        if sqs_queue_url is not None and self.reschedule and not deferrable:
            raise ValueError(
                "sqs_queue_url needs deferrable=True or mode='poke': nobody listens between two pokes"
            )
        self.batch = batch
        self.on_failure = on_failure
        self.failure_tolerance = failure_tolerance
        self.deadline = deadline
        self.on_deadline = on_deadline
        self.max_poke_interval = max_poke_interval
        self.sqs_queue_url = sqs_queue_url
        self.partial_results = partial_results
        self.cancel_on_kill = cancel_on_kill
        self.deferrable = deferrable
        self._delay = self.poke_interval

    @property
    def settings(self) -> WaitSettings:
        """How the batch is waited for, here or in the triggerer."""
        return WaitSettings(
            poke_interval=self.poke_interval,
            max_poke_interval=self.max_poke_interval or max(_MAX_POKE_INTERVAL, self.poke_interval),
            sqs_queue_url=self.sqs_queue_url or None,
            partial_results=self.partial_results,
        )

    @one_line_failures
    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        self.require_aiobotocore()
        batch = HumanLoopBatch.from_value(self.batch)
        deadline = deadline_time(self.deadline, batch)
        hook = self.hook
        A2IReviewPortalLink.store(context, self, hook.review_url)
        A2IFlowDefinitionLink.store(context, self, hook.flow_definition_url(batch.flow_definition_arn))
        if batch.started == 0:
            return self._finish(batch, Progress({}, {}))
        if self.deferrable:
            self.log.info(
                "Waiting for %d human loops; reviewers find them at %s", batch.started, hook.review_url
            )
            if self.cancel_on_kill and not TRIGGERS_LEARN_OF_KILLS:
                self.log.warning("cancel_on_kill has no effect on a deferred task before Airflow 3.3")
            self._defer(batch, deadline)
        return super().execute(context)

    def _defer(self, batch: HumanLoopBatch, deadline: float | None, *, after_stop: bool = False) -> NoReturn:
        self.defer(
            trigger=A2IHumanLoopBatchTrigger(
                batch=batch.to_dict(),
                **self.settings.to_dict(),
                give_up=time.time() + self.timeout,
                deadline=deadline,
                cancel_on_kill=self.cancel_on_kill,
                after_stop=after_stop,
                **self.aws_arguments,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + _TRIGGER_GRACE,
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Wait to the end as a trigger does; with ``mode="reschedule"`` look once."""
        batch = HumanLoopBatch.from_value(self.batch)
        deadline = deadline_time(self.deadline, batch)
        if self.reschedule:
            return self._poke_once(batch, deadline, context)
        after_stop, give_up = False, time.time() + self.timeout
        while True:
            outcome = asyncio.run(self._wait(batch, None if after_stop else deadline, give_up, context))
            counts = self._conclude(batch, outcome, after_stop=after_stop)
            if counts is not None:
                return PokeReturnValue(is_done=True, xcom_value=counts)
            after_stop = True

    async def _wait(
        self, batch: HumanLoopBatch, deadline: float | None, give_up: float, context: Context
    ) -> dict[str, Any]:
        report = partial(report_progress, context, self.log)
        async with open_wait(batch, self.hook_arguments, self.settings, self.log, report) as wait:
            return await wait.run(deadline, give_up)

    def _poke_once(self, batch: HumanLoopBatch, deadline: float | None, context: Context) -> PokeReturnValue:
        is_late = deadline is not None and time.time() >= deadline
        progress = asyncio.run(self._look(batch, context))
        counts = None
        if progress is not None and (progress.is_done or is_late):
            outcome = {
                "status": "success" if progress.is_done else "deadline",
                "counts": progress.counts,
                "problems": progress.problems,
            }
            # Each poke is a new process: what an earlier one has stopped is not known here, only that it was late.
            counts = self._conclude(batch, outcome, after_stop=is_late and self.on_deadline == "stop")
        return PokeReturnValue(is_done=counts is not None, xcom_value=counts)

    async def _look(self, batch: HumanLoopBatch, context: Context) -> Progress | None:
        report = partial(report_progress, context, self.log)
        async with open_wait(batch, self.hook_arguments, self.settings, self.log, report) as wait:
            progress = await wait.look()
            await wait.finish_writing()
            self._delay = wait.delay
            return progress

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Return what the last look advises, instead of Airflow's fixed or doubling interval."""
        return self._delay

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """End the wait as the trigger's event says."""
        outcome = validate_execute_complete_event(event)
        require_no_error(outcome)
        batch = HumanLoopBatch.from_value(self.batch)
        report_progress(context, self.log, Progress(outcome["counts"], outcome["problems"]))
        counts = self._conclude(batch, outcome, after_stop=outcome["after_stop"])
        if counts is None:
            self._defer(batch, None, after_stop=True)
        return counts

    def _conclude(
        self, batch: HumanLoopBatch, outcome: dict[str, Any], *, after_stop: bool
    ) -> dict[str, int] | None:
        """End the wait, or return None if it has to go on until what is stopped now has ended."""
        progress = Progress(outcome["counts"], outcome["problems"])
        if outcome["status"] == "timeout":
            raise A2ITimeoutError(
                f"People did not finish within {self.timeout:.0f} s: "
                + (str(progress) if progress.counts else "the service did not answer in all that time")
            )
        if outcome["status"] == "deadline":
            if self.on_deadline == "fail":
                raise A2ITimeoutError(
                    f"People did not finish before the deadline ({self.deadline}): {progress}. "
                    "Use on_deadline='continue' or 'stop' to go on with what there is."
                )
            self.log.warning("The deadline (%s) has passed: %s", self.deadline, progress)
            if self.on_deadline == "stop":
                self._stop(batch, _STOP_TOLERANCE_SECONDS)
                return None
        return self._finish(batch, progress, after_stop=after_stop)

    def _finish(
        self, batch: HumanLoopBatch, progress: Progress, *, after_stop: bool = False
    ) -> dict[str, int]:
        """Return the counts, or fail, by ``on_failure``."""
        counts = batch_counts(batch, progress.counts)
        self.log.info("The wait is over: %s", counts)
        missed = without_answer(counts, after_stop=after_stop)
        if missed == 0:
            return counts
        causes = asyncio.run(self._causes(batch, progress.problems, after_stop))
        for cause in causes:
            self.log.warning("No answer for %s", cause)
        if self.on_failure == "fail" and missed > self.failure_tolerance * batch.items:
            raise A2IUserError(failure_text(batch, missed, causes, self.failure_tolerance))
        return counts

    async def _causes(self, batch: HumanLoopBatch, problems: dict[str, str], after_stop: bool) -> list[str]:
        async with open_store(self.s3_hook()) as store:
            return await find_causes(store, batch, problems, after_stop=after_stop)

    def _stop(self, batch: HumanLoopBatch, outage_tolerance: float) -> None:
        asyncio.run(stop_batch(batch, self.hook, self.s3_hook(), outage_tolerance, self.log))

    def on_kill(self) -> None:
        """Stop the human loops if the running task is ended, and ``cancel_on_kill`` asks for it."""
        if not self.cancel_on_kill:
            return
        batch = HumanLoopBatch.from_value(self.batch)
        # Called by a signal's handler, within the event loop of the wait: another loop needs another thread.
        stop = threading.Thread(target=self._stop, args=(batch, _KILL_SECONDS / 2), daemon=True)
        stop.start()
        stop.join(_KILL_SECONDS)
