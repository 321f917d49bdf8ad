"""What a review needs before it can begin: the causes of tasks that would fail later, looked for now."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote

from botocore.exceptions import ClientError

from a2i.exceptions import A2IServiceError
from a2i.failures import error_code, explain
from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.hooks.s3 import A2IS3Hook, parse_s3_uri
from a2i.naming import resource_name

Outcome = Literal["ok", "failed", "unknown"]
#: A2I's limit for ``Task.Input`` of ``RenderUiTemplate``, in characters; that of a human loop is larger.
LONGEST_PREVIEW: Final = 128_000
_REFUSALS: Final = frozenset({"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"})
_ABSENT_BUCKET: Final = frozenset({"404", "NoSuchBucket", "NotFound"})
_SAGEMAKER: Final = "sagemaker.amazonaws.com"


@dataclass(frozen=True)
class Check:
    """What came of one check.

    :ivar outcome: ``ok``, ``failed``, or ``unknown`` where it could not be looked at.
    :ivar sentence: what was found, and what to do.
    :ivar may_pass: whether a failure may be gone at another try.
    """

    name: str
    outcome: Outcome
    sentence: str
    may_pass: bool = False


@dataclass(frozen=True)
class ReviewPlan:
    """What a review will use; what is None is not checked.

    :ivar output_path: ``s3://`` URI under which the answers are written.
    :ivar documents_uri: ``s3://`` URI of the documents' bucket or folder.
    :ivar workteam: name or ARN.
    :ivar template: text of the worker task template.
    :ivar task_input: what the template is rendered with.
    """

    output_path: str | None
    documents_uri: str | None
    workteam: str | None
    role_arn: str | None
    human_task_ui_arn: str | None
    template: str | None
    task_input: dict[str, Any]


class Prerequisites:
    """Checks a plan on one connection.

    :param client: makes a boto3 client of another service (``iam``, ``cognito-idp``) on the same connection.
    """

    def __init__(
        self,
        plan: ReviewPlan,
        control_plane: A2IControlPlaneHook,
        s3: A2IS3Hook,
        client: Callable[[str], Any],
    ) -> None:
        self._plan = plan
        self._control_plane = control_plane
        self._s3 = s3
        self._client = client

    def run(self) -> list[Check]:
        """Check everything, whatever fails on the way."""
        return [_guarded(name, check) for name, check in self._checks()]

    def _checks(self) -> Iterator[tuple[str, Callable[[], tuple[Outcome, str]]]]:
        plan, amazon = self._plan, self._control_plane.is_amazon
        yield "service", self._service
        if plan.output_path is not None:
            output = plan.output_path
            yield "output bucket", lambda: self._bucket(output)
            yield "output path", lambda: self._writable(output)
        if plan.documents_uri is not None:
            documents = plan.documents_uri
            yield "documents bucket", lambda: self._bucket(documents)
            if amazon:
                yield "documents CORS", lambda: self._cors(documents)
        if plan.role_arn is not None and amazon:
            role = plan.role_arn
            yield "role trust", lambda: self._trust(role)
            yield "role rights", lambda: self._rights(role)
        if plan.workteam is not None:
            team = plan.workteam
            yield "work team", lambda: self._workteam(team)
        if plan.template is not None or plan.human_task_ui_arn is not None:
            yield "template", self._template

    def _service(self) -> tuple[Outcome, str]:
        self._control_plane.conn.list_flow_definitions(MaxResults=1)
        return "ok", f"The service answers at {self._control_plane.place}."

    def _bucket(self, uri: str) -> tuple[Outcome, str]:
        """Look for a bucket, and at its Region: A2I reads and writes in its own only."""
        bucket = parse_s3_uri(uri).bucket
        try:
            answer = self._s3.conn.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error_code(error) in _ABSENT_BUCKET:
                return (
                    "failed",
                    f"There is no bucket {bucket!r} at {self._s3.place}: create it, or correct {uri}.",
                )
            raise
        if not self._control_plane.is_amazon:
            return "ok", f"The bucket {bucket!r} exists."
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = answer.get("BucketRegion") or headers.get("x-amz-bucket-region")
        wanted = self._control_plane.conn_region_name
        if region is None:
            return "unknown", f"The bucket {bucket!r} exists; its Region is not said."
        if region != wanted:
            return "failed", (
                f"The bucket {bucket!r} is in Region {region}, A2I in {wanted}: use a bucket in {wanted}, or set "
                f"region_name to {region}."
            )
        return "ok", f"The bucket {bucket!r} exists in Region {region}."

    def _writable(self, uri: str) -> tuple[Outcome, str]:
        """Write a small object where answers will be, and delete it."""
        bucket, prefix = parse_s3_uri(uri)
        key = f"{prefix.rstrip('/')}/prerequisites-{uuid.uuid4().hex}".lstrip("/")
        try:
            self._s3.conn.put_object(Bucket=bucket, Key=key, Body=b"")
        except ClientError as error:
            if error_code(error) in _ABSENT_BUCKET:
                return "failed", f"Nothing can be written under {uri}: there is no bucket {bucket!r}."
            # On AWS it is the role that writes the answers, not the connection.
            if error_code(error) in _REFUSALS and not self._control_plane.is_amazon:
                return "failed", f"The connection may not write under {uri}: allow it s3:PutObject there."
            raise
        try:
            self._s3.conn.delete_object(Bucket=bucket, Key=key)
        except ClientError:
            return "ok", f"Objects can be written under {uri}; the trial object {key} could not be deleted."
        return "ok", f"Objects can be written under {uri}."

    def _cors(self, uri: str) -> tuple[Outcome, str]:
        """Look for a rule that lets the pages of A2I's portal read images (AWS guide, "CORS permission")."""
        bucket = parse_s3_uri(uri).bucket
        try:
            rules = self._s3.conn.get_bucket_cors(Bucket=bucket)["CORSRules"]
        except ClientError as error:
            if error_code(error) not in ("NoSuchCORSConfiguration", *_ABSENT_BUCKET):
                raise
            rules = []
        if any(
            "GET" in rule.get("AllowedMethods", ()) and "*" in rule.get("AllowedOrigins", ())
            for rule in rules
        ):
            return "ok", f"The bucket {bucket!r} lets the reviewers' browsers read documents."
        return "failed", (
            f"The bucket {bucket!r} has no CORS rule that allows GET from every origin, so reviewers see no images: "
            'add {"AllowedHeaders": [], "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": []}.'
        )

    def _trust(self, role_arn: str) -> tuple[Outcome, str]:
        try:
            role = self._client("iam").get_role(RoleName=resource_name(role_arn))["Role"]
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                return "failed", f"There is no role {role_arn}: create it, or correct role_arn."
            raise
        if _trusts_sagemaker(role.get("AssumeRolePolicyDocument", {})):
            return "ok", f"SageMaker may assume {role_arn}."
        return "failed", f"SageMaker may not assume {role_arn}: name {_SAGEMAKER} in its trust policy."

    def _rights(self, role_arn: str) -> tuple[Outcome, str]:
        """Ask IAM what the role may do; bucket policies are not part of its answer."""
        denied = []
        for action, uri in (
            ("s3:PutObject", self._plan.output_path),
            ("s3:GetObject", self._plan.documents_uri),
        ):
            if uri is None:
                continue
            bucket, prefix = parse_s3_uri(uri)
            path = f"{prefix.rstrip('/')}/*".lstrip("/")
            partition = role_arn.split(":")[1]
            results = self._client("iam").simulate_principal_policy(
                PolicySourceArn=role_arn,
                ActionNames=[action],
                ResourceArns=[f"arn:{partition}:s3:::{bucket}/{path}"],
            )["EvaluationResults"]
            if any(result["EvalDecision"] != "allowed" for result in results):
                denied.append(f"{action} on s3://{bucket}/{path}")
        if denied:
            return "failed", f"The role {role_arn} lacks {' and '.join(denied)}: add that to its policies."
        return "ok", f"The role {role_arn} may read the documents and write the answers."

    def _workteam(self, workteam: str) -> tuple[Outcome, str]:
        name, hook = resource_name(workteam), self._control_plane
        if ":workteam/" in workteam and ":workteam/private-crowd/" not in workteam:
            return (
                "unknown",
                f"The work team {workteam} is not one of this account; its members cannot be seen.",
            )
        arn = hook.workteam_arn(name)
        if workteam.startswith("arn:") and arn != workteam:
            return "failed", f"The work team {workteam} is not there; {name!r} at {hook.place} is {arn}."
        if not hook.is_amazon:
            return "ok", f"The work team {name!r} exists."
        team = hook.conn.describe_workteam(WorkteamName=name)["Workteam"]
        groups = [
            member["CognitoMemberDefinition"]
            for member in team["MemberDefinitions"]
            if "CognitoMemberDefinition" in member
        ]
        if not groups:
            return (
                "unknown",
                f"The work team {name!r} exists; its members are not seen here: they sign in by OIDC.",
            )
        cognito = self._client("cognito-idp")
        for group in groups:
            users = cognito.list_users_in_group(
                UserPoolId=group["UserPool"], GroupName=group["UserGroup"], Limit=1
            )["Users"]
            if users:
                return "ok", f"The work team {name!r} exists and has members."
        return "failed", f"The work team {name!r} has no members: add workers to it, or nobody can answer."

    def _template(self) -> tuple[Outcome, str]:
        """Render the template as A2I does when a human loop begins."""
        plan = self._plan
        task_input = json.dumps(plan.task_input, ensure_ascii=False)
        if len(task_input) > LONGEST_PREVIEW:
            return "unknown", (
                f"The template is not rendered: task_input has {len(task_input):,} characters, a preview takes "
                f"{LONGEST_PREVIEW:,}."
            )
        if plan.role_arn is None:
            return "unknown", "The template is not rendered: that needs role_arn."
        request: dict[str, Any] = {"Task": {"Input": task_input}, "RoleArn": plan.role_arn}
        if plan.template is not None:
            request["UiTemplate"] = {"Content": plan.template}
        else:
            request["HumanTaskUiArn"] = plan.human_task_ui_arn
        errors = self._control_plane.conn.render_ui_template(**request)["Errors"]
        if errors:
            return (
                "failed",
                f"The template does not render: {'; '.join(error['Message'] for error in errors)}",
            )
        return "ok", "The template renders with task_input."


def _guarded(name: str, check: Callable[[], tuple[Outcome, str]]) -> Check:
    """Run a check; what it may not look at is unknown, and what else goes wrong is its failure."""
    try:
        return Check(name, *check())
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        if error_code(error) in _REFUSALS:
            return Check(
                name, "unknown", f"This could not be checked, the connection may not look: {explained}"
            )
        return Check(name, "failed", str(explained), isinstance(explained, A2IServiceError))


def _trusts_sagemaker(policy: dict[str, Any] | str) -> bool:
    # boto3 hands the policy on as data; other clients leave it as URL-encoded JSON.
    document = json.loads(unquote(policy)) if isinstance(policy, str) else policy
    for statement in _listed(document.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else [principal]
        if statement.get("Effect") == "Allow" and {_SAGEMAKER, "*"} & set(services):
            actions = set(_listed(statement.get("Action", [])))
            if actions & {"sts:AssumeRole", "sts:*", "*"}:
                return True
    return False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
