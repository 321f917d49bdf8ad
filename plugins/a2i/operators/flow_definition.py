"""Operators for flow definitions (human review workflows)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2i.compat import AwsBaseOperator, aws_template_fields, conf, validate_execute_complete_event
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import error_code, one_line_failures
from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.mixins import IfMissing, WaitingMixin, accept_missing, check_if_missing, require_no_error
from a2i.naming import invalid_name, resource_name, versioned_name
from a2i.operators.human_task_ui import IF_EXISTS, IfExists
from a2i.shapes import ShapeError, coerce, comparable, differences
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger, A2IFlowDefinitionDeletedTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class A2ICreateFlowDefinitionOperator(WaitingMixin, AwsBaseOperator[A2IControlPlaneHook]):
    """
    Create a flow definition and wait until it is Active.

    Numbers may be given as text, as templates render them: they become what the API wants.

    :param flow_definition_name: up to 63 lower-case letters, digits and hyphens. (templated)
    :param workteam: name or ARN of the work team. A name is looked up on the same connection, so that a Dag need not
        know the account and Region that it runs in. (templated)
    :param human_task_ui_arn: ARN of the human task UI. (templated)
    :param task_title: what reviewers see in their list, up to 128 characters. (templated)
    :param task_description: up to 255 characters. (templated)
    :param output_path: ``s3://`` URI under which A2I writes the answers. (templated)
    :param role_arn: role that A2I takes to read documents and write answers. (templated)
    :param task_count: reviewers for each item, 1 to 3. (templated)
    :param human_loop_config: more members of ``HumanLoopConfig``, such as ``TaskTimeLimitInSeconds``. (templated)
    :param create_flow_definition_kwargs: more members of the request, such as ``HumanLoopRequestSource``,
        ``HumanLoopActivationConfig`` or ``Tags``. (templated)
    :param if_exists: what to do if there is one of this name: ``fail``; ``reuse`` it, if it has the same
        configuration, and otherwise fail with the differences; or put a digest of the configuration into the name
        (``version``), because a flow definition cannot be updated.
    :param wait_for_completion: Whether to wait until it is Active.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param deferrable: Whether to wait in the triggerer.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the ARN of the flow definition.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields(
        "flow_definition_name",
        "workteam",
        "human_task_ui_arn",
        "task_title",
        "task_description",
        "output_path",
        "role_arn",
        "task_count",
        "human_loop_config",
        "create_flow_definition_kwargs",
    )
    template_fields_renderers = {"human_loop_config": "json", "create_flow_definition_kwargs": "json"}
    operator_extra_links = (A2IFlowDefinitionLink(),)

    def __init__(
        self,
        *,
        flow_definition_name: str,
        workteam: str,
        human_task_ui_arn: str,
        task_title: str,
        task_description: str,
        output_path: str,
        role_arn: str,
        task_count: int | str = 1,
        human_loop_config: dict[str, Any] | None = None,
        create_flow_definition_kwargs: dict[str, Any] | None = None,
        if_exists: IfExists = "fail",
        wait_for_completion: bool = True,
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if if_exists not in IF_EXISTS:
            raise ValueError(f"if_exists must be one of {', '.join(IF_EXISTS)}, got {if_exists!r}")
        self.flow_definition_name = flow_definition_name
        self.workteam = workteam
        self.human_task_ui_arn = human_task_ui_arn
        self.task_title = task_title
        self.task_description = task_description
        self.output_path = output_path
        self.role_arn = role_arn
        self.task_count = task_count
        self.human_loop_config = human_loop_config or {}
        self.create_flow_definition_kwargs = create_flow_definition_kwargs or {}
        self.if_exists = if_exists
        self.wait_for_completion = wait_for_completion
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Create the flow definition, or find it, and wait."""
        if self.deferrable:
            self.require_aiobotocore()
        configuration = self._configuration()
        name = self.flow_definition_name
        if self.if_exists == "version":
            name = versioned_name(name, configuration)
        if (problem := invalid_name(name)) is not None:
            raise A2IUserError(f"flow_definition_name: {problem}.")
        arn = self._create_or_reuse(name, configuration)
        A2IFlowDefinitionLink.store(context, self, A2IHook(**self.hook_arguments).flow_definition_url(arn))
        if not self.wait_for_completion:
            return arn
        event = self.wait_for(
            A2IFlowDefinitionActiveTrigger,
            flow_definition_name=name,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
        )
        return self.execute_complete(context, event)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the ARN after the wait."""
        outcome = validate_execute_complete_event(event)
        name = str(outcome["flow_definition_name"])
        if outcome["status"] != "success":
            raise self._not_active(name, outcome)
        return str(self.hook.conn.describe_flow_definition(FlowDefinitionName=name)["FlowDefinitionArn"])

    def _configuration(self) -> dict[str, Any]:
        """Build the request without the name."""
        request = {
            "HumanLoopConfig": {
                "WorkteamArn": self.hook.workteam_arn(self.workteam),
                "HumanTaskUiArn": self.human_task_ui_arn,
                "TaskTitle": self.task_title,
                "TaskDescription": self.task_description,
                "TaskCount": self.task_count,
                **self.human_loop_config,
            },
            "OutputConfig": {"S3OutputPath": self.output_path},
            "RoleArn": self.role_arn,
            **self.create_flow_definition_kwargs,
        }
        shape = self.hook.conn.meta.service_model.operation_model("CreateFlowDefinition").input_shape
        try:
            return dict(coerce(shape, request))
        except ShapeError as error:
            raise A2IUserError(f"{error}.") from None

    def _create_or_reuse(self, name: str, configuration: dict[str, Any]) -> str:
        if self.if_exists != "fail" and (found := self.hook.find_flow_definition(name)) is not None:
            return self._reuse(name, configuration, found)
        try:
            answer = self.hook.conn.create_flow_definition(FlowDefinitionName=name, **configuration)
        except ClientError as error:
            if error_code(error) != "ResourceInUse":
                raise
            again = self.hook.find_flow_definition(name) if self.if_exists != "fail" else None
            if again is None:
                raise A2IUserError(
                    f"There is a flow definition {name!r} already: use another name, or if_exists='reuse' or "
                    "'version'."
                ) from None
            return self._reuse(name, configuration, again)
        self.log.info("Created flow definition %s", answer["FlowDefinitionArn"])
        return str(answer["FlowDefinitionArn"])

    def _reuse(self, name: str, configuration: dict[str, Any], found: dict[str, Any]) -> str:
        if found["FlowDefinitionStatus"] == "Deleting":
            raise A2IServiceError(
                f"Flow definition {name!r} is being deleted; its name is free again after that."
            )
        wanted = {key: value for key, value in configuration.items() if key != "Tags"}
        changes = differences(comparable(wanted), comparable(found))
        if changes:
            raise A2IUserError(
                f"Flow definition {name!r} exists with another configuration: {'; '.join(changes)}. Use another "
                "name, or if_exists='version'."
            )
        self.log.info("Flow definition %s is there already", found["FlowDefinitionArn"])
        return str(found["FlowDefinitionArn"])

    def _not_active(self, name: str, event: dict[str, Any]) -> A2IUserError | A2IServiceError:
        """Say why a flow definition is not Active."""
        found = self.hook.find_flow_definition(name) or {}
        status, reason = found.get("FlowDefinitionStatus", "gone"), found.get("FailureReason")
        if status == "Failed":
            return A2IUserError(
                f"Flow definition {name!r} failed: {(reason or 'no reason given').rstrip('.')}."
            )
        said = event.get("message", "the wait is over.")
        return A2IServiceError(f"Flow definition {name!r} is {status}, not Active: {said}")


class A2IDeleteFlowDefinitionOperator(WaitingMixin, AwsBaseOperator[A2IControlPlaneHook]):
    """
    Delete a flow definition and wait until it is gone.

    Human loops that nobody has begun are stopped; the flow definition is Deleting until the reviewers who are at one
    have ended. Its name is free again after that, and answers in S3 stay.

    :param flow_definition_name: name or ARN of the flow definition. (templated)
    :param if_missing: what to do if there is none of this name: ``fail``, or ``skip`` the deletion.
    :param wait_for_completion: Whether to wait until it is gone.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up; with the default delay, an hour.
    :param deferrable: Whether to wait in the triggerer.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the name of the flow definition.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields("flow_definition_name")

    def __init__(
        self,
        *,
        flow_definition_name: str,
        if_missing: IfMissing = "fail",
        wait_for_completion: bool = True,
        waiter_delay: int = 10,
        waiter_max_attempts: int = 360,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_if_missing(if_missing)
        self.flow_definition_name = flow_definition_name
        self.if_missing = if_missing
        self.wait_for_completion = wait_for_completion
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Delete the flow definition, and wait."""
        if self.wait_for_completion and self.deferrable:
            self.require_aiobotocore()
        name, hook = resource_name(self.flow_definition_name), self.hook
        found = hook.find_flow_definition(name)
        if found is None:
            accept_missing(self, f"flow definition {name!r}")
            return name
        if found["FlowDefinitionStatus"] != "Deleting":
            hook.conn.delete_flow_definition(FlowDefinitionName=name)
        if not self.wait_for_completion:
            return name
        event = self.wait_for(
            A2IFlowDefinitionDeletedTrigger,
            flow_definition_name=name,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
        )
        return self.execute_complete(context, event)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the name after the wait."""
        outcome = validate_execute_complete_event(event)
        require_no_error(outcome)
        name = str(outcome["flow_definition_name"])
        if outcome["status"] == "timeout":
            raise A2IServiceError(
                f"Flow definition {name!r} is Deleting still: reviewers are at its human loops."
            )
        self.log.info("Deleted flow definition %s", name)
        return name
