"""Operators for human task UIs (worker task templates)."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from a2i.compat import AwsBaseOperator, aws_template_fields, conf, validate_execute_complete_event
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import error_code, one_line_failures
from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.mixins import (
    A2ITaskMixin,
    IfMissing,
    WaitingMixin,
    accept_missing,
    check_if_missing,
    require_no_error,
)
from a2i.naming import invalid_name, resource_name, versioned_name
from a2i.triggers.human_task_ui import A2IHumanTaskUiDeletedTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

IfExists = Literal["fail", "reuse", "version"]
IF_EXISTS: tuple[IfExists, ...] = ("fail", "reuse", "version")
#: A2I's limit for ``UiTemplate.Content``, in characters.
LONGEST_TEMPLATE = 128_000


class A2ICreateHumanTaskUiOperator(A2ITaskMixin, AwsBaseOperator[A2IControlPlaneHook]):
    """
    Create a human task UI from a worker task template.

    :param human_task_ui_name: name of the human task UI: up to 63 lower-case letters, digits and hyphens.
        (templated)
    :param template: text of the worker task template. Not templated: its Liquid has the same braces as Jinja.
    :param template_file: path of a file with it, instead of ``template``. (templated)
    :param tags: tags of the human task UI.
    :param if_exists: what to do if there is one of this name: ``fail``; ``reuse`` it, if it has the same template;
        or put a digest of the template into the name (``version``), because a human task UI cannot be updated.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the ARN of the human task UI.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields("human_task_ui_name", "template_file", "tags")
    template_fields_renderers = {"tags": "json"}

    def __init__(
        self,
        *,
        human_task_ui_name: str,
        template: str | None = None,
        template_file: str | Path | None = None,
        tags: dict[str, str] | None = None,
        if_exists: IfExists = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (template is None) == (template_file is None):
            raise ValueError("give either template or template_file")
        if if_exists not in IF_EXISTS:
            raise ValueError(f"if_exists must be one of {', '.join(IF_EXISTS)}, got {if_exists!r}")
        self.human_task_ui_name = human_task_ui_name
        self.template = template
        self.template_file = str(template_file) if template_file is not None else None
        self.tags = tags
        self.if_exists = if_exists

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Create the human task UI, or find it."""
        content = read_template(self.template, self.template_file)
        name = self.human_task_ui_name
        if self.if_exists == "version":
            name = versioned_name(name, content)
        if (problem := invalid_name(name)) is not None:
            raise A2IUserError(f"human_task_ui_name: {problem}.")
        if self.if_exists != "fail" and (found := self.hook.find_human_task_ui(name)) is not None:
            return self._reuse(name, content, found)
        return self._create(name, content)

    def _create(self, name: str, content: str) -> str:
        request: dict[str, Any] = {"HumanTaskUiName": name, "UiTemplate": {"Content": content}}
        if self.tags:
            request["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        try:
            arn = str(self.hook.conn.create_human_task_ui(**request)["HumanTaskUiArn"])
        except ClientError as error:
            if error_code(error) != "ResourceInUse":
                raise
            found = self.hook.find_human_task_ui(name) if self.if_exists != "fail" else None
            if found is None:
                raise A2IUserError(
                    f"There is a human task UI {name!r} already: use another name, or if_exists='reuse' or 'version'."
                ) from None
            return self._reuse(name, content, found)
        self.log.info("Created human task UI %s", arn)
        return arn

    def _reuse(self, name: str, content: str, found: dict[str, Any]) -> str:
        if found.get("HumanTaskUiStatus") == "Deleting":
            raise A2IServiceError(
                f"Human task UI {name!r} is being deleted; its name is free again after that."
            )
        there = found.get("UiTemplate", {}).get("ContentSha256")
        digest = hashlib.sha256(content.encode())
        if there is not None and there not in (
            digest.hexdigest(),
            base64.b64encode(digest.digest()).decode(),
        ):
            raise A2IUserError(
                f"Human task UI {name!r} exists with another template (SHA-256 {there}, here "
                f"{digest.hexdigest()}): use another name, or if_exists='version'."
            )
        self.log.info("Human task UI %s is there already", found["HumanTaskUiArn"])
        return str(found["HumanTaskUiArn"])


class A2IDeleteHumanTaskUiOperator(WaitingMixin, AwsBaseOperator[A2IControlPlaneHook]):
    """
    Delete a human task UI and wait until it is gone.

    Flow definitions that use it can start no human loops after that; loops that were started before go on.

    :param human_task_ui_name: name or ARN of the human task UI. (templated)
    :param if_missing: what to do if there is none of this name: ``fail``, or ``skip`` the deletion.
    :param wait_for_completion: Whether to wait until it is gone.
    :param waiter_delay: seconds between two looks.
    :param waiter_max_attempts: looks before giving up.
    :param deferrable: Whether to wait in the triggerer.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: the name of the human task UI.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields("human_task_ui_name")

    def __init__(
        self,
        *,
        human_task_ui_name: str,
        if_missing: IfMissing = "fail",
        wait_for_completion: bool = True,
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_if_missing(if_missing)
        self.human_task_ui_name = human_task_ui_name
        self.if_missing = if_missing
        self.wait_for_completion = wait_for_completion
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable

    @one_line_failures
    def execute(self, context: Context) -> str:
        """Delete the human task UI, and wait."""
        if self.wait_for_completion and self.deferrable:
            self.require_aiobotocore()
        name, hook = resource_name(self.human_task_ui_name), self.hook
        found = hook.find_human_task_ui(name)
        if found is None:
            accept_missing(self, f"human task UI {name!r}")
            return name
        if found.get("HumanTaskUiStatus") != "Deleting":
            hook.conn.delete_human_task_ui(HumanTaskUiName=name)
        if not self.wait_for_completion:
            return name
        event = self.wait_for(
            A2IHumanTaskUiDeletedTrigger,
            human_task_ui_name=name,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
        )
        return self.execute_complete(context, event)

    @one_line_failures
    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the name after the wait."""
        outcome = validate_execute_complete_event(event)
        require_no_error(outcome)
        name = str(outcome["human_task_ui_name"])
        if outcome["status"] == "timeout":
            raise A2IServiceError(f"Human task UI {name!r} is Deleting still.")
        self.log.info("Deleted human task UI %s", name)
        return name


def read_template(template: str | None, template_file: str | None) -> str:
    """Return a worker task template, given as text or as the path of a file.

    :raises A2IUserError: if the file cannot be read, or the template is empty or too long for A2I.
    """
    content, source = template, "template"
    if template_file is not None:
        source = template_file
        try:
            content = Path(template_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise A2IUserError(f"The worker task template {source} cannot be read: {error}") from None
    if not content or not content.strip():
        raise A2IUserError(f"The worker task template ({source}) is empty.")
    if len(content) > LONGEST_TEMPLATE:
        raise A2IUserError(
            f"The worker task template ({source}) has {len(content):,} characters, A2I takes {LONGEST_TEMPLATE:,}."
        )
    return content
