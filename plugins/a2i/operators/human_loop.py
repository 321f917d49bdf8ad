"""Operators for single human loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2i.compat import AwsBaseOperator, aws_template_fields, conf, validate_execute_complete_event
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import error_code, error_text, explain, one_line_failures
from a2i.hooks.a2i import A2IHook
from a2i.human_loop import (
    ENDED,
    LINKS,
    Answers,
    HumanLoopMixin,
    OnStopped,
    check_on_stopped,
    input_content,
    own_name,
)
from a2i.mixins import (
    A2ITaskMixin,
    IfMissing,
    WaitingMixin,
    accept_missing,
    check_if_missing,
    require_no_error,
)
from a2i.naming import invalid_name
from a2i.triggers.human_loop import A2IHumanLoopCompletedTrigger, A2IHumanLoopStoppedTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class A2IStartHumanLoopOperator(HumanLoopMixin, AwsBaseOperator[A2IHook]):
    """
    Start one human loop, and wait for its answers if asked to.

    The loop's name is by default a digest of Dag, run, task, map index and ``round``: a retry, a cleared task or a
    killed worker finds the loop that is there, and starts nothing twice. Such a loop is kept as it is, whatever its
    input. Use ``expand()`` for a few items, and A2IStartHumanLoopBatchOperator for many.

    :param flow_definition_arn: ARN of the flow definition. (templated)
    :param human_loop_input: ``task.input`` of the worker task template: a dict, or JSON text of one. (templated)
    :param human_loop_name: a name of your own instead of the digest: up to 63 lower-case letters, digits and
        hyphens, unique in account and Region. (templated)
    :param round: raise it to send the same item to people again; without effect on a name of your own. (templated)
    :param content_classifiers: ``DataAttributes.ContentClassifiers``, such as
        ``["FreeOfPersonallyIdentifiableInformation"]``. (templated)
    :param wait_for_completion: Whether to wait until people have answered.
    :param on_stopped: what to do about a loop that was stopped: ``fail`` the task, or ``continue`` with the answers
        that there are.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up; with the default delay, seven days.
    :param deferrable: Whether to wait in the triggerer.
    :param cancel_on_kill: Whether to stop the human loop when the task is killed. Off by default, because what
        reviewers have done already would be lost. While the task is deferred this needs Airflow 3.3.
    :param outage_tolerance: seconds that the answers of a completed loop may take to appear in S3.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the name of the human loop; with ``wait_for_completion`` its answers, a list with ``worker_id``,
        ``accepted``, ``submitted``, ``seconds`` and ``content`` of each.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields(
        "flow_definition_arn", "human_loop_input", "human_loop_name", "round", "content_classifiers"
    )
    template_fields_renderers = {"human_loop_input": "json"}
    operator_extra_links = LINKS

    def __init__(
        self,
        *,
        flow_definition_arn: str,
        human_loop_input: dict[str, Any] | str,
        human_loop_name: str | None = None,
        round: int | str = 1,  # noqa: A002
        content_classifiers: list[str] | None = None,
        wait_for_completion: bool = False,
        on_stopped: OnStopped = "fail",
        waiter_delay: int = 30,
        waiter_max_attempts: int = 20_160,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        cancel_on_kill: bool = False,
        outage_tolerance: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_on_stopped(on_stopped)
        self.flow_definition_arn = flow_definition_arn
        self.human_loop_input = human_loop_input
        self.human_loop_name = human_loop_name
        self.round = round
        self.content_classifiers = content_classifiers
        self.wait_for_completion = wait_for_completion
        self.on_stopped = on_stopped
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable
        self.cancel_on_kill = cancel_on_kill
        self.outage_tolerance = outage_tolerance
        self._started_name: str | None = None

    @one_line_failures
    def execute(self, context: Context) -> str | Answers:
        """Start the human loop, or find it, and wait."""
        if self.wait_for_completion and self.deferrable:
            self.require_aiobotocore()
        name, content = self._name(context), input_content(self.human_loop_input)
        self.store_links(context, {"HumanLoopName": name, "FlowDefinitionArn": self.flow_definition_arn})
        self._started_name = name
        self._start(name, content)
        if not self.wait_for_completion:
            return name
        if (loop := self.hook.find_human_loop(name)) is not None:
            self.store_links(context, loop)
        event = self.wait_for(
            A2IHumanLoopCompletedTrigger,
            human_loop_name=name,
            cancel_on_kill=self.cancel_on_kill,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
        )
        return self.execute_complete(context, event)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Answers:
        """Return the answers after the wait."""
        outcome = validate_execute_complete_event(event)
        return self.finish(str(outcome["human_loop_name"]), outcome)

    def on_kill(self) -> None:
        """Stop the human loop, if ``cancel_on_kill`` says so."""
        if not self.cancel_on_kill or self._started_name is None:
            return
        self.log.info("Stopping human loop %s", self._started_name)
        try:
            self.hook.conn.stop_human_loop(HumanLoopName=self._started_name)
        except Exception as error:
            self.log.warning("Human loop %s is not stopped: %s", self._started_name, explain(error) or error)

    def _name(self, context: Context) -> str:
        if not self.human_loop_name:
            return own_name(context, self.round)
        if (problem := invalid_name(self.human_loop_name)) is not None:
            raise A2IUserError(f"human_loop_name: {problem}.")
        return self.human_loop_name

    def _start(self, name: str, content: str) -> None:
        if self._is_there(name):
            return
        request: dict[str, Any] = {
            "HumanLoopName": name,
            "FlowDefinitionArn": self.flow_definition_arn,
            "HumanLoopInput": {"InputContent": content},
        }
        if self.content_classifiers:
            request["DataAttributes"] = {"ContentClassifiers": self.content_classifiers}
        try:
            self.hook.conn.start_human_loop(**request)
        except ClientError as error:
            # Both codes may mean that the loop is there by now: that of another try, or one that has ended.
            code = error_code(error)
            if code in ("ConflictException", "ValidationException") and self._is_there(name):
                return
            if code in ("ConflictException", "ServiceQuotaExceededException"):
                raise A2IServiceError(f"StartHumanLoop failed: {error_text(error)} ({code})") from None
            raise
        self.log.info("Started human loop %s", name)

    def _is_there(self, name: str) -> bool:
        loop = self.hook.find_human_loop(name)
        if loop is None:
            return False
        if loop["FlowDefinitionArn"] != self.flow_definition_arn:
            raise A2IUserError(
                f"There is a human loop {name!r} of another flow definition, {loop['FlowDefinitionArn']}: use "
                "another human_loop_name, or raise 'round'."
            )
        self.log.info("Human loop %s is there already (%s)", name, loop["HumanLoopStatus"])
        return True


class A2IStopHumanLoopOperator(WaitingMixin, AwsBaseOperator[A2IHook]):
    """
    Stop one human loop; one that has ended stays as it is.

    :param human_loop_name: name of the human loop. (templated)
    :param if_missing: what to do if there is none of this name: ``fail``, or ``skip`` the stop.
    :param wait_for_completion: Whether to wait until it has ended: a reviewer who is at it may finish.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up; with the default delay, an hour.
    :param deferrable: Whether to wait in the triggerer.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the name of the human loop.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("human_loop_name")

    def __init__(
        self,
        *,
        human_loop_name: str,
        if_missing: IfMissing = "fail",
        wait_for_completion: bool = False,
        waiter_delay: int = 5,
        waiter_max_attempts: int = 720,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_if_missing(if_missing)
        self.human_loop_name = human_loop_name
        self.if_missing = if_missing
        self.wait_for_completion = wait_for_completion
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Stop the human loop, and wait for its end."""
        if self.wait_for_completion and self.deferrable:
            self.require_aiobotocore()
        name, hook = self.human_loop_name, self.hook
        if (loop := hook.find_human_loop(name)) is None:
            accept_missing(self, f"human loop {name!r}")
            return name
        if (status := loop["HumanLoopStatus"]) in ENDED:
            self.log.info("Human loop %s has ended already (%s)", name, status)
            return name
        hook.conn.stop_human_loop(HumanLoopName=name)
        self.log.info("Stopped human loop %s", name)
        if not self.wait_for_completion:
            return name
        event = self.wait_for(
            A2IHumanLoopStoppedTrigger,
            human_loop_name=name,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
        )
        return self.execute_complete(context, event)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the name after the wait."""
        outcome = validate_execute_complete_event(event)
        require_no_error(outcome)
        name = str(outcome["human_loop_name"])
        if outcome["status"] == "timeout":
            raise A2IServiceError(f"Human loop {name!r} is Stopping still: a reviewer is at it.")
        return name


class A2IDeleteHumanLoopOperator(A2ITaskMixin, AwsBaseOperator[A2IHook]):
    """
    Delete one human loop that has ended; its answers in S3 stay.

    :param human_loop_name: name of the human loop. (templated)
    :param if_missing: what to do if there is none of this name: ``fail``, or ``skip`` the deletion.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the name of the human loop.
    """

    aws_hook_class = A2IHook
    template_fields = aws_template_fields("human_loop_name")

    def __init__(self, *, human_loop_name: str, if_missing: IfMissing = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_if_missing(if_missing)
        self.human_loop_name = human_loop_name
        self.if_missing = if_missing

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Delete the human loop."""
        name, hook = self.human_loop_name, self.hook
        if (loop := hook.find_human_loop(name)) is None:
            accept_missing(self, f"human loop {name!r}")
            return name
        if loop["HumanLoopStatus"] not in ENDED:
            raise A2IUserError(
                f"Human loop {name!r} is {loop['HumanLoopStatus']}: stop it first, with A2IStopHumanLoopOperator."
            )
        hook.conn.delete_human_loop(HumanLoopName=name)
        self.log.info("Deleted human loop %s", name)
        return name
