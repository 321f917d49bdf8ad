"""What the library's operators and sensors share, and what its triggers share."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from a2i.compat import TaskDeferralTimeout, aiobotocore_is_installed
from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.s3 import A2IS3Hook

if TYPE_CHECKING:
    from airflow.sdk import Context

    from a2i.triggers.base import A2IWaiterTrigger

IfMissing = Literal["fail", "skip"]
IF_MISSING: Final[tuple[IfMissing, ...]] = ("fail", "skip")
# A trigger ends its wait itself; Airflow's own timeout is the safety net behind it.
_TRIGGER_GRACE: Final = timedelta(minutes=5)
_SHORTEST_DELAY_SECONDS: Final = 0.05


class AwsArguments:
    """The four connection parameters, kept together so that none is forgotten on the way to a hook or trigger."""

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None
    botocore_config: dict[str, Any] | None

    @property
    def aws_arguments(self) -> dict[str, Any]:
        """The parameters under the names that operators, sensors and triggers take them by."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }

    @property
    def hook_arguments(self) -> dict[str, Any]:
        """The parameters under the names that hooks take them by."""
        arguments = self.aws_arguments
        arguments["config"] = arguments.pop("botocore_config")
        return arguments

    def s3_hook(self) -> A2IS3Hook:
        """Build the S3 hook on the same connection."""
        return A2IS3Hook(**self.hook_arguments)


class A2ITaskMixin(AwsArguments):
    """An operator or sensor: ends in one line, also when it is resumed."""

    @one_line_failures
    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)  # type: ignore[misc]
        except TaskDeferralTimeout:
            raise A2ITimeoutError("The wait took longer than this task may wait.") from None

    def require_aiobotocore(self) -> None:
        """Fail here rather than in the triggerer.

        :raises A2IUserError: if the provider was installed without its ``aiobotocore`` extra.
        """
        if not aiobotocore_is_installed():
            raise A2IUserError(
                f"{type(self).__name__} needs aiobotocore: install "
                "'apache-airflow-providers-amazon[aiobotocore]' where workers and triggerer run."
            )


class WaitingMixin(A2ITaskMixin):
    """An operator or sensor that waits with a waiter, in the worker or in the triggerer."""

    deferrable: bool
    execution_timeout: timedelta | None

    def wait_for(
        self,
        trigger_class: Callable[..., A2IWaiterTrigger],
        *,
        waiter_delay: float,
        waiter_max_attempts: int,
        **subject: Any,
    ) -> dict[str, Any]:
        """Wait, and return the event that the trigger would resume the task with; or defer.

        Everything a trigger needs to reach the same service goes along here, so that no operator can forget it.

        :param subject: the trigger's own arguments.
        """
        task: Any = self
        attempts = whole_number("waiter_max_attempts", waiter_max_attempts, 1, 100_000_000)
        arguments = {**subject, **self.aws_arguments, "waiter_max_attempts": attempts}
        trigger = trigger_class(waiter_delay=waiter_delay, **arguments)
        if self.deferrable:
            longest = timedelta(seconds=waiter_delay * attempts) + _TRIGGER_GRACE
            timeout = min(longest, self.execution_timeout or longest)
            task.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)
        return trigger.wait_here(task.hook)


def attempts_within(seconds: float, delay: float) -> int:
    """Return how many looks, ``delay`` seconds apart, take at least so long."""
    return math.ceil(seconds / max(delay, _SHORTEST_DELAY_SECONDS)) + 1


def require_no_error(event: dict[str, Any]) -> None:
    """Raise the error of a trigger's event, if it has one with a message of its own.

    :raises A2IServiceError: if it may pass.
    :raises A2IUserError: if it does not.
    """
    if event["status"] == "error":
        raise (A2IServiceError if event.get("retry") else A2IUserError)(event["message"])


def check_if_missing(value: str) -> None:
    """Refuse what ``if_missing`` cannot be.

    :raises ValueError: if it is no such word.
    """
    if value not in IF_MISSING:
        raise ValueError(f"if_missing must be one of {', '.join(IF_MISSING)}, got {value!r}")


def accept_missing(task: Any, what: str) -> None:
    """Go on without what is not there, as far as the task's ``if_missing`` says so.

    :raises A2IUserError: with ``if_missing="fail"``.
    """
    text = f"There is no {what} at {task.hook.place}"
    if task.if_missing == "fail":
        raise A2IUserError(f"{text}. Correct the name, or use if_missing='skip' if that is no error.")
    task.log.info("%s: nothing to do", text)


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """Return a parameter as a number; templates render to text.

    :raises A2IUserError: if it is none, or not between ``least`` and ``most``.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise A2IUserError(f"{name} must be a whole number, got {value!r}.") from None
    if not least <= number <= most:
        raise A2IUserError(f"{name} must be between {least} and {most}, got {number}.")
    return number


def whole_number_or_none(name: str, value: Any, least: int, most: int = 1_000_000_000) -> int | None:
    """Return a parameter as :func:`whole_number` does, or None where it was not given."""
    return None if value is None else whole_number(name, value, least, most)
