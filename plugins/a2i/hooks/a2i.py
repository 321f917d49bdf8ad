"""Hooks for Amazon Augmented AI (A2I): the runtime with its human loops, and the control plane in SageMaker."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlencode

from botocore.config import Config
from botocore.exceptions import ClientError

from a2i.compat import AwsBaseHook, BaseAwsLink
from a2i.exceptions import A2IUserError
from a2i.failures import error_code
from a2i.hooks.base import A2IHookMixin
from a2i.naming import resource_name


class A2IHook(A2IHookMixin, AwsBaseHook):
    """
    Interact with human loops of Amazon Augmented AI.

    Provide thin wrapper around
    :external+boto3:py:class:`boto3.client("sagemaker-a2i-runtime") <AugmentedAIRuntime.Client>`.

    Additional arguments (such as ``aws_conn_id``) may be specified and are passed down to the underlying
    AwsBaseHook.

    .. seealso::
        - :class:`airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook`
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sagemaker-a2i-runtime"
        super().__init__(*args, **kwargs)

    async def get_batch_conn(self, max_connections: int) -> Any:
        """Return an aiobotocore client for many requests at once, which leaves every retry to its caller.

        :param max_connections: connections to the service that may be open at once.
        """
        own = Config(
            max_pool_connections=max_connections, retries={"total_max_attempts": 1, "mode": "standard"}
        )

        def build() -> Any:
            return self.get_client_type(
                region_name=self.region_name, config=self.config.merge(own), deferrable=True
            )

        return await asyncio.to_thread(build)

    @property
    def review_url(self) -> str:
        """Where a person looks at the reviews: the console of Amazon A2I, or the portal of Review Desk."""
        return self._console if self.is_amazon else self._portal

    def flow_definition_url(self, flow_definition_arn: str) -> str:
        """Where a person looks at a flow definition's human loops."""
        if self.is_amazon:
            return f"{self._console}#/human-review-workflows/{quote(resource_name(flow_definition_arn))}"
        return f"{self._portal}/#/team/loops?{urlencode({'flow_definition': flow_definition_arn})}"

    def human_loop_url(self, human_loop_name: str, flow_definition_arn: str) -> str:
        """Where a person looks at one human loop."""
        if self.is_amazon:
            return f"{self.flow_definition_url(flow_definition_arn)}/human-loops/{quote(human_loop_name)}"
        query = urlencode({"region": self.conn_region_name})
        return f"{self._portal}/#/team/loops/{quote(human_loop_name)}?{query}"

    @property
    def _console(self) -> str:
        region = self.conn_region_name
        domain = BaseAwsLink.get_aws_domain(self.conn_partition) or "aws.amazon.com"
        return f"https://{region}.console.{domain}/a2i/home?region={region}"

    @property
    def _portal(self) -> str:
        return f"{str(self.conn_client_meta.endpoint_url).rstrip('/')}/portal"

    def find_human_loop(self, name: str) -> dict[str, Any] | None:
        """Return the description of a human loop, or None if there is none of that name."""
        try:
            return dict(self.conn.describe_human_loop(HumanLoopName=name))
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise


class A2IControlPlaneHook(A2IHookMixin, AwsBaseHook):
    """
    Interact with human task UIs, flow definitions and work teams in Amazon SageMaker.

    Provide thin wrapper around :external+boto3:py:class:`boto3.client("sagemaker") <SageMaker.Client>`.

    Additional arguments (such as ``aws_conn_id``) may be specified and are passed down to the underlying
    AwsBaseHook.

    .. seealso::
        - :class:`airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook`
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sagemaker"
        super().__init__(*args, **kwargs)

    def find_human_task_ui(self, name: str) -> dict[str, Any] | None:
        """Return the description of a human task UI, or None if there is none of that name."""
        try:
            return dict(self.conn.describe_human_task_ui(HumanTaskUiName=name))
        except ClientError as error:
            if error_code(error) in ("ResourceNotFound", "ResourceNotFoundException"):
                return None
            raise

    def find_flow_definition(self, name: str) -> dict[str, Any] | None:
        """Return the description of a flow definition, or None if there is none of that name."""
        try:
            return dict(self.conn.describe_flow_definition(FlowDefinitionName=name))
        except ClientError as error:
            if error_code(error) in ("ResourceNotFound", "ResourceNotFoundException"):
                return None
            raise

    def workteam_arn(self, workteam: str) -> str:
        """Return the ARN of a work team given by name; an ARN is returned as it is.

        :raises A2IUserError: if the account has no such work team in the connection's Region.
        """
        if workteam.startswith("arn:"):
            return workteam
        try:
            return str(self.conn.describe_workteam(WorkteamName=workteam)["Workteam"]["WorkteamArn"])
        except ClientError as error:
            # DescribeWorkteam has no modelled error: an unknown name is a ValidationException on AWS.
            if error_code(error) not in (
                "ResourceNotFound",
                "ResourceNotFoundException",
                "ValidationException",
            ):
                raise
            raise A2IUserError(
                f"There is no work team {workteam!r} in the account of {self.place}: create it there "
                "(SageMaker console, 'Labeling workforces', or 'review-desk team create'), or correct its name."
            ) from None
