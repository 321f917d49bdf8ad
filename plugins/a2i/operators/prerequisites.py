"""Operator that looks for the causes of failures before people are asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from a2i.compat import AwsBaseHook, AwsBaseOperator, aws_template_fields
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.hooks.s3 import parse_s3_uri
from a2i.mixins import A2ITaskMixin
from a2i.operators.human_task_ui import read_template
from a2i.prerequisites import Check, Prerequisites, ReviewPlan

if TYPE_CHECKING:
    from airflow.sdk import Context

_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


class A2ICheckPrerequisitesOperator(A2ITaskMixin, AwsBaseOperator[A2IControlPlaneHook]):
    """
    Check what a review needs: buckets, rights, work team, template.

    What is given is checked, the rest is left out. A check that the connection may not make is reported as
    ``unknown`` and fails nothing. Region, CORS rule and role are matters of Amazon A2I; with Review Desk they are left
    out. A small object is written under ``output_path`` and deleted.

    :param output_path: ``s3://`` URI under which answers are written: the bucket exists, in the service's Region, and
        can be written. (templated)
    :param documents_uri: ``s3://`` URI of the documents' bucket or folder: the bucket exists, in the service's Region,
        and has the CORS rule that A2I's portal needs. (templated)
    :param workteam: name or ARN of the work team: it exists and has members, where those can be seen. (templated)
    :param role_arn: role that A2I takes: SageMaker may assume it, and it may read documents and write answers. Also
        needed to render the template. (templated)
    :param human_task_ui_arn: ARN of a human task UI that renders with ``task_input``. (templated)
    :param template: text of a worker task template to render instead. Not templated: its Liquid has the same braces
        as Jinja.
    :param template_file: path of a file with it. (templated)
    :param task_input: what the template is rendered with, up to 128,000 characters of JSON. (templated)
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :return: a report: for each check its ``outcome`` (``ok`` or ``unknown``) and a ``sentence``. The task fails with
        every problem in one message.
    """

    aws_hook_class = A2IControlPlaneHook
    template_fields = aws_template_fields(
        "output_path",
        "documents_uri",
        "workteam",
        "role_arn",
        "human_task_ui_arn",
        "template_file",
        "task_input",
    )
    template_fields_renderers = {"task_input": "json"}

    def __init__(
        self,
        *,
        output_path: str | None = None,
        documents_uri: str | None = None,
        workteam: str | None = None,
        role_arn: str | None = None,
        human_task_ui_arn: str | None = None,
        template: str | None = None,
        template_file: str | Path | None = None,
        task_input: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sum(value is not None for value in (human_task_ui_arn, template, template_file)) > 1:
            raise ValueError("give only one of human_task_ui_arn, template and template_file")
        self.output_path = output_path
        self.documents_uri = documents_uri
        self.workteam = workteam
        self.role_arn = role_arn
        self.human_task_ui_arn = human_task_ui_arn
        self.template = template
        self.template_file = str(template_file) if template_file is not None else None
        self.task_input = task_input or {}

    @one_line_failures
    def execute(self, context: Context) -> dict[str, dict[str, str]]:
        """Check, and report."""
        for uri in (self.output_path, self.documents_uri):
            if uri is not None:
                parse_s3_uri(uri)
        if self.role_arn is not None and not _ROLE_ARN.fullmatch(self.role_arn):
            raise A2IUserError(f"role_arn must be the ARN of an IAM role, got {self.role_arn!r}.")
        checks = Prerequisites(self._plan(), self.hook, self.s3_hook(), self._client).run()
        for check in checks:
            log = self.log.info if check.outcome == "ok" else self.log.warning
            log("%s: %s: %s", check.name, check.outcome, check.sentence)
        failed = [check for check in checks if check.outcome == "failed"]
        if failed:
            raise _failure(failed, len(checks))
        return {check.name: {"outcome": check.outcome, "sentence": check.sentence} for check in checks}

    def _plan(self) -> ReviewPlan:
        template = self.template
        if template is not None or self.template_file is not None:
            template = read_template(template, self.template_file)
        return ReviewPlan(
            output_path=self.output_path,
            documents_uri=self.documents_uri,
            workteam=self.workteam,
            role_arn=self.role_arn,
            human_task_ui_arn=self.human_task_ui_arn,
            template=template,
            task_input=self.task_input,
        )

    def _client(self, service: str) -> Any:
        return AwsBaseHook(client_type=service, **self.hook_arguments).conn


def _failure(failed: list[Check], total: int) -> A2IUserError | A2IServiceError:
    problems = " ".join(
        f"({number}) {check.name}: {check.sentence}" for number, check in enumerate(failed, start=1)
    )
    kind = A2IServiceError if all(check.may_pass for check in failed) else A2IUserError
    return kind(f"{len(failed)} of {total} checks failed. {problems}")
