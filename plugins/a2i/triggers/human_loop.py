"""Triggers for single human loops."""

from __future__ import annotations

from typing import Any

from a2i.failures import error_code, explain
from a2i.hooks.a2i import A2IHook
from a2i.triggers.base import A2IWaiterTrigger


class _HumanLoopTrigger(A2IWaiterTrigger):
    """What the triggers for human loops share."""

    def __init__(
        self,
        *,
        human_loop_name: str,
        waiter_name: str,
        failure_message: str,
        serialized_fields: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            serialized_fields={"human_loop_name": human_loop_name, **(serialized_fields or {})},
            waiter_name=waiter_name,
            waiter_args={"HumanLoopName": human_loop_name},
            failure_message=failure_message,
            status_message=f"Status of human loop {human_loop_name!r}",
            status_queries=["HumanLoopStatus", "FailureCode", "FailureReason"],
            return_key="human_loop_name",
            return_value=human_loop_name,
            **kwargs,
        )

    def hook(self) -> A2IHook:
        """Build the hook on this trigger's connection."""
        return A2IHook(**self.hook_arguments)


class A2IHumanLoopCompletedTrigger(_HumanLoopTrigger):
    """
    Trigger when people have answered a human loop.

    :param human_loop_name: name of the human loop.
    :param cancel_on_kill: Whether to stop the human loop when a user clears the waiting task or marks it as failed
        or successful. Without effect before Airflow 3.3, where triggers are not told.
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
        human_loop_name: str,
        cancel_on_kill: bool = False,
        waiter_delay: int = 30,
        waiter_max_attempts: int = 20_160,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            human_loop_name=human_loop_name,
            waiter_name="human_loop_complete",
            failure_message=f"Human loop {human_loop_name!r} was not completed",
            serialized_fields={"cancel_on_kill": cancel_on_kill},
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            **kwargs,
        )
        self.human_loop_name = human_loop_name
        self.cancel_on_kill = cancel_on_kill

    async def on_kill(self) -> None:
        """Stop the human loop.

        Airflow calls this on a user's action only, never when a triggerer restarts: stopping is safe here.
        """
        if not self.cancel_on_kill:
            return
        try:
            async with await self.hook().get_async_conn() as client:
                await client.stop_human_loop(HumanLoopName=self.human_loop_name)
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                said = explain(error) or error
                self.log.warning("Human loop %s is not stopped: %s", self.human_loop_name, said)
        else:
            self.log.info("Stopped human loop %s", self.human_loop_name)


class A2IHumanLoopStoppedTrigger(_HumanLoopTrigger):
    """
    Trigger when a human loop that was stopped is no longer open.

    A reviewer who is at it may finish: it ends when they have sent their answer, or their time is over.

    :param human_loop_name: name of the human loop.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self, *, human_loop_name: str, waiter_delay: int = 5, waiter_max_attempts: int = 720, **kwargs: Any
    ) -> None:
        super().__init__(
            human_loop_name=human_loop_name,
            waiter_name="human_loop_stopped",
            failure_message=f"Human loop {human_loop_name!r} did not end",
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            **kwargs,
        )
