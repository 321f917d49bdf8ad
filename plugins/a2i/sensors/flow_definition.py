"""Sensor for flow definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from a2i.compat import (
    AwsBaseSensor,
    PokeReturnValue,
    aws_template_fields,
    conf,
    validate_execute_complete_event,
)
from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.failures import explain, is_passing, one_line_failures
from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.mixins import WaitingMixin, attempts_within, require_no_error
from a2i.naming import resource_name
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class A2IFlowDefinitionSensor(WaitingMixin, AwsBaseSensor[A2IControlPlaneHook]):
    """
    Wait until a flow definition is Active.

    While the service does not answer, the sensor goes on waiting until its ``timeout``.

    :param flow_definition_name: name or ARN of the flow definition. (templated)
    :param deferrable: Whether to wait in the triggerer.
    :param poke_interval: seconds between two looks.
    :param timeout: seconds to wait.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the ARN of the flow definition.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields("flow_definition_name")
    operator_extra_links = (A2IFlowDefinitionLink(),)

    def __init__(
        self,
        *,
        flow_definition_name: str,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flow_definition_name = flow_definition_name
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        self.require_aiobotocore()
        if (arn := self._look(context)) is not None:
            return arn
        return self.wait_for(
            A2IFlowDefinitionActiveTrigger,
            flow_definition_name=resource_name(self.flow_definition_name),
            waiter_delay=self.poke_interval,
            waiter_max_attempts=attempts_within(self.timeout, self.poke_interval),
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        arn = self._look(context)
        return PokeReturnValue(is_done=arn is not None, xcom_value=arn)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the ARN after the wait."""
        outcome = validate_execute_complete_event(event)
        if (arn := self._look(context)) is not None:
            return arn
        require_no_error(outcome)
        raise A2ITimeoutError(
            f"Flow definition {resource_name(self.flow_definition_name)!r} is Initializing still after "
            f"{self.timeout:.0f} s."
        )

    def _look(self, context: Context) -> str | None:
        """Return the ARN of the Active flow definition, or None while it is not, or the service does not answer."""
        name = resource_name(self.flow_definition_name)
        try:
            found = self.hook.find_flow_definition(name)
        except Exception as error:
            if not is_passing(error):
                raise
            self.log.warning("%s; the wait goes on", explain(error))
            return None
        if found is None:
            raise A2IUserError(
                f"There is no flow definition {name!r} at {self.hook.place}: correct flow_definition_name, or "
                "create the flow definition first."
            )
        arn, status = str(found["FlowDefinitionArn"]), found["FlowDefinitionStatus"]
        A2IFlowDefinitionLink.store(context, self, A2IHook(**self.hook_arguments).flow_definition_url(arn))
        if status == "Failed":
            reason = found.get("FailureReason") or "no reason given"
            raise A2IUserError(f"Flow definition {name!r} failed: {reason.rstrip('.')}.")
        if status == "Deleting":
            raise A2IServiceError(f"Flow definition {name!r} is being deleted.")
        self.log.info("Flow definition %s is %s", name, status)
        return arn if status == "Active" else None
