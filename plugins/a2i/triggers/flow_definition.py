"""Trigger for flow definitions."""

from __future__ import annotations

from typing import Any

from a2i.compat import AwsBaseWaiterTrigger
from a2i.hooks.a2i import A2IControlPlaneHook


class A2IFlowDefinitionActiveTrigger(AwsBaseWaiterTrigger):
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

    aws_hook_class = A2IControlPlaneHook

    def __init__(
        self,
        *,
        flow_definition_name: str,
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            serialized_fields={"flow_definition_name": flow_definition_name},
            waiter_name="flow_definition_active",
            waiter_args={"FlowDefinitionName": flow_definition_name},
            failure_message=f"Flow definition {flow_definition_name!r} did not become Active",
            status_message=f"Status of flow definition {flow_definition_name!r}",
            status_queries=["FlowDefinitionStatus", "FailureReason"],
            return_key="flow_definition_name",
            return_value=flow_definition_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            botocore_config=botocore_config,
        )

    def hook(self) -> A2IControlPlaneHook:
        """Build the hook; the provider does it by itself from 9.37 only."""
        return A2IControlPlaneHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )
