"""Triggers for flow definitions."""

from __future__ import annotations

from typing import Any

from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.triggers.base import A2IWaiterTrigger


class _FlowDefinitionTrigger(A2IWaiterTrigger):
    """What the triggers for flow definitions share."""

    def __init__(
        self, *, flow_definition_name: str, waiter_name: str, failure_message: str, **kwargs: Any
    ) -> None:
        super().__init__(
            serialized_fields={"flow_definition_name": flow_definition_name},
            waiter_name=waiter_name,
            waiter_args={"FlowDefinitionName": flow_definition_name},
            failure_message=failure_message,
            status_message=f"Status of flow definition {flow_definition_name!r}",
            status_queries=["FlowDefinitionStatus", "FailureReason"],
            return_key="flow_definition_name",
            return_value=flow_definition_name,
            **kwargs,
        )

    def hook(self) -> A2IControlPlaneHook:
        """Build the hook on this trigger's connection."""
        return A2IControlPlaneHook(**self.hook_arguments)


class A2IFlowDefinitionActiveTrigger(_FlowDefinitionTrigger):
    """
    Trigger when a flow definition is Active.

    :param flow_definition_name: name of the flow definition.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        flow_definition_name: str,
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            flow_definition_name=flow_definition_name,
            waiter_name="flow_definition_active",
            failure_message=f"Flow definition {flow_definition_name!r} did not become Active",
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            **kwargs,
        )


class A2IFlowDefinitionDeletedTrigger(_FlowDefinitionTrigger):
    """
    Trigger when a flow definition is gone, which is when the last of its human loops has ended.

    :param flow_definition_name: name of the flow definition.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        flow_definition_name: str,
        waiter_delay: int = 10,
        waiter_max_attempts: int = 360,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            flow_definition_name=flow_definition_name,
            waiter_name="flow_definition_deleted",
            failure_message=f"Flow definition {flow_definition_name!r} was not deleted",
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            **kwargs,
        )
