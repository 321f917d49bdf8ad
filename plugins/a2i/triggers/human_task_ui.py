"""Trigger for human task UIs."""

from __future__ import annotations

from typing import Any

from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.triggers.base import A2IWaiterTrigger


class A2IHumanTaskUiDeletedTrigger(A2IWaiterTrigger):
    """
    Trigger when a human task UI is gone.

    :param human_task_ui_name: name of the human task UI.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self, *, human_task_ui_name: str, waiter_delay: int = 2, waiter_max_attempts: int = 60, **kwargs: Any
    ) -> None:
        super().__init__(
            serialized_fields={"human_task_ui_name": human_task_ui_name},
            waiter_name="human_task_ui_deleted",
            waiter_args={"HumanTaskUiName": human_task_ui_name},
            failure_message=f"Human task UI {human_task_ui_name!r} was not deleted",
            status_message=f"Status of human task UI {human_task_ui_name!r}",
            status_queries=["HumanTaskUiStatus"],
            return_key="human_task_ui_name",
            return_value=human_task_ui_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            **kwargs,
        )

    def hook(self) -> A2IControlPlaneHook:
        """Build the hook on this trigger's connection."""
        return A2IControlPlaneHook(**self.hook_arguments)
