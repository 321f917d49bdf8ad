"""Every import that moved between the versions of Airflow and its Amazon provider, in one place.

Supported: Airflow 3.2.1 with provider 9.25 up to the present ones. ``airflow.providers.common.compat.sdk`` follows
the moves of Airflow itself; what it does not know stands below.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowPlugin,
    AirflowSensorTimeout,
    Asset,
    AssetAlias,
    BaseHook,
    PokeReturnValue,
    TaskGroup,
    conf,
    get_current_context,
)
from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

try:
    from airflow.triggers.shared_stream import SharedStreamProducer, reject_shared_stream_event

    #: Whether the triggerer confirms the events of event triggers once they are stored.
    SHARED_STREAMS = True
except ImportError:
    SHARED_STREAMS = False
    SharedStreamProducer = object  # type: ignore[misc,assignment]

    def reject_shared_stream_event() -> None:
        """Do nothing: without shared streams there is nothing to reject."""


try:
    from airflow.sdk.exceptions import TaskDeferralTimeout
except ImportError:
    from airflow.exceptions import TaskDeferralTimeout  # type: ignore[no-redef]

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = [
    "SHARED_STREAMS",
    "TRIGGERS_LEARN_OF_KILLS",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowPlugin",
    "AirflowSensorTimeout",
    "Asset",
    "AssetAlias",
    "AwsBaseHook",
    "AwsBaseOperator",
    "AwsBaseSensor",
    "AwsBaseWaiterTrigger",
    "BaseAwsLink",
    "BaseEventTrigger",
    "BaseHook",
    "BaseTrigger",
    "PokeReturnValue",
    "S3Hook",
    "SharedStreamProducer",
    "SqsHook",
    "TaskDeferralTimeout",
    "TaskGroup",
    "TriggerEvent",
    "aiobotocore_is_installed",
    "aws_template_fields",
    "conf",
    "forbid_retry",
    "reject_shared_stream_event",
    "running_context",
    "task_state_store",
    "validate_execute_complete_event",
]


#: Whether a trigger is told that a user has ended its task: from Airflow 3.3 on.
TRIGGERS_LEARN_OF_KILLS: Final = hasattr(BaseTrigger, "on_kill")


def aiobotocore_is_installed() -> bool:
    """Tell whether the provider's ``aiobotocore`` extra is there; it is not in a default installation."""
    return find_spec("aiobotocore") is not None


def running_context() -> Context | None:
    """Return the context of the task that Airflow's task runner is running here, or None outside of one."""
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        context = get_current_context()
    except (ImportError, RuntimeError):
        return None
    return context if isinstance(context.get("ti"), RuntimeTaskInstance) else None


def forbid_retry(context: Context, exception: type[BaseException]) -> None:
    """Let the running try be the last one when it ends with ``exception``, whatever ``retries`` says.

    Airflow 3.3 has retry policies for this. Before that the task runner asks what the API server told it.
    """
    task_instance: Any = context["ti"]
    try:
        from airflow.providers.common.compat.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
    except (ImportError, AttributeError):
        if (told := getattr(task_instance, "_ti_context_from_server", None)) is not None:
            told.should_retry = False
        return
    rule = RetryRule(exception=exception, action=RetryAction.FAIL, reason="a retry would meet the same error")
    task_instance.task.retry_policy = ExceptionRetryPolicy(rules=[rule])


def task_state_store(context: Context) -> Any | None:
    """Return the store of the running task's state, or None before Airflow 3.3 and outside of a task runner.

    It has ``get(key, default)`` and ``set(key, value)`` for JSON values of up to 64 KiB, which last from try to try.
    """
    return context.get("task_state_store")
