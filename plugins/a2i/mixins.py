"""What the library's operators and sensors share, and what its triggers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from a2i.compat import aiobotocore_is_installed
from a2i.exceptions import A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.s3 import A2IS3Hook

if TYPE_CHECKING:
    from airflow.sdk import Context


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
        return super().resume_execution(next_method, next_kwargs, context)  # type: ignore[misc]

    def require_aiobotocore(self) -> None:
        """Fail here rather than in the triggerer.

        :raises A2IUserError: if the provider was installed without its ``aiobotocore`` extra.
        """
        if not aiobotocore_is_installed():
            raise A2IUserError(
                f"{type(self).__name__} needs aiobotocore: install "
                "'apache-airflow-providers-amazon[aiobotocore]' where workers and triggerer run."
            )


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
