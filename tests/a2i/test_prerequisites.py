"""A2ICheckPrerequisitesOperator: against Review Desk, and as it would be against AWS."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from botocore.exceptions import ClientError
from support import ACCOUNT_ID, REGION, ROLE_ARN, ReviewDesk

from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.operators.prerequisites import A2ICheckPrerequisitesOperator

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"
BROKEN = "<crowd-form>{{ task.input.text | no_such_filter }}</crowd-form>"
TRUST = {
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["sagemaker.amazonaws.com"]}}
    ]
}
CORS = [{"AllowedHeaders": [], "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": []}]

pytestmark = pytest.mark.usefixtures("aws", "s3")


def check(**arguments: Any) -> dict[str, Any]:
    return A2ICheckPrerequisitesOperator(task_id="check", **arguments).execute(task_context())


def problems(**arguments: Any) -> str:
    with pytest.raises(A2IUserError) as caught:
        check(**arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {name: entry["outcome"] for name, entry in report.items()}


def test_all_is_well_with_review_desk(s3: Any, tmp_path: Any) -> None:
    path = tmp_path / "form.liquid.html"
    path.write_text(TEMPLATE)
    report = check(
        output_path="s3://answers/checked",
        documents_uri="s3://documents/in",
        workteam="reviewers",
        role_arn=ROLE_ARN,
        template_file=path,
        task_input={"text": "Tea"},
    )
    assert set(outcomes(report).values()) == {"ok"}
    assert list(report) == [
        "service",
        "output bucket",
        "output path",
        "documents bucket",
        "work team",
        "template",
    ]
    assert not s3.list_objects_v2(Bucket="answers", Prefix="checked/").get("Contents")


def test_every_problem_is_in_one_message() -> None:
    text = problems(
        output_path="s3://no-such-bucket/a2i",
        documents_uri="s3://no-such-documents/in",
        workteam="nobody",
        role_arn=ROLE_ARN,
        template=BROKEN,
    )
    assert text.startswith("5 of 6 checks failed. (1) output bucket: There is no bucket 'no-such-bucket' at ")
    for part in (
        "(2) output path: Nothing can be written under s3://no-such-bucket/a2i",
        "(3) documents bucket: There is no bucket 'no-such-documents'",
        "(4) work team: There is no work team 'nobody'",
        "(5) template: The template does not render: ",
        "no_such_filter",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"output_path": "/tmp/answers"}, "'/tmp/answers' is not an S3 URI"),
        ({"template": " "}, "The worker task template (template) is empty."),
        ({"role_arn": "a2i-execution"}, "role_arn must be the ARN of an IAM role, got 'a2i-execution'."),
        ({"human_task_ui_arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:human-task-ui/gone"}, "template: "),
    ],
)
def test_mistakes_are_one_line(arguments: dict[str, Any], complaint: str) -> None:
    assert complaint in problems(**{"role_arn": ROLE_ARN, **arguments})


def test_one_template_only() -> None:
    with pytest.raises(ValueError, match="give only one of human_task_ui_arn, template and template_file"):
        check(template=TEMPLATE, template_file="form.html")


def test_what_is_not_given_is_not_checked() -> None:
    assert outcomes(check()) == {"service": "ok"}


def test_a_template_of_the_service(review_desk_server: ReviewDesk) -> None:
    ui = review_desk_server.client("sagemaker").create_human_task_ui(
        HumanTaskUiName="checked", UiTemplate={"Content": TEMPLATE}
    )["HumanTaskUiArn"]
    assert outcomes(check(human_task_ui_arn=ui, role_arn=ROLE_ARN))["template"] == "ok"
    assert outcomes(check(human_task_ui_arn=ui))["template"] == "unknown"
    long = check(human_task_ui_arn=ui, role_arn=ROLE_ARN, task_input={"text": "x" * 128_000})["template"]
    assert long["outcome"] == "unknown"
    assert "a preview takes 128,000" in long["sentence"]


def test_a_service_that_is_down_is_worth_a_retry(aws: FaultProxy) -> None:
    aws.faults = lambda method, path: (503, "ServiceUnavailable", "down")
    with pytest.raises(A2IServiceError, match=r"^2 of 2 checks failed. \(1\) service: .* failed: down"):
        check(workteam="reviewers")
    with pytest.raises(A2IUserError, match="4 of 4 checks failed"):
        check(workteam="reviewers", output_path="s3://no-such-bucket/a2i")


def test_what_may_not_be_looked_at_is_unknown(aws: FaultProxy) -> None:
    aws.faults = lambda method, path: (400, "AccessDeniedException", "not for you")
    report = check(workteam="reviewers")
    assert outcomes(report) == {"service": "unknown", "work team": "unknown"}
    assert "the connection may not look" in report["work team"]["sentence"]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "Operation")


class FakeIam:
    """IAM as far as it is asked; ``allowed`` are the actions that the role may take."""

    def __init__(
        self, trust: Any = TRUST, allowed: tuple[str, ...] = ("s3:GetObject", "s3:PutObject")
    ) -> None:
        self.trust = trust
        self.allowed = allowed
        self.asked: list[tuple[str, str]] = []

    def get_role(self, **arguments: str) -> dict[str, Any]:
        if isinstance(self.trust, Exception):
            raise self.trust
        assert arguments == {"RoleName": ROLE_ARN.split("/")[1]}
        return {"Role": {"AssumeRolePolicyDocument": self.trust}}

    def simulate_principal_policy(self, **arguments: Any) -> dict[str, Any]:
        if isinstance(self.trust, Exception):
            raise self.trust
        assert arguments["PolicySourceArn"] == ROLE_ARN
        (action,), (resource,) = arguments["ActionNames"], arguments["ResourceArns"]
        self.asked.append((action, resource))
        decision = "allowed" if action in self.allowed else "implicitDeny"
        return {"EvaluationResults": [{"EvalDecision": decision}]}


class FakeCognito:
    def __init__(self, users: list[str]) -> None:
        self.users = users

    def list_users_in_group(self, **arguments: Any) -> dict[str, Any]:
        assert arguments == {"UserPoolId": "us-east-1_pool", "GroupName": "group", "Limit": 1}
        return {"Users": self.users}


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The checks as they are against AWS, with IAM and Cognito replaced."""
    services = SimpleNamespace(iam=FakeIam(), cognito=FakeCognito(["someone"]))
    monkeypatch.setattr(A2IControlPlaneHook, "is_amazon", True)
    clients = {"iam": lambda: services.iam, "cognito-idp": lambda: services.cognito}
    monkeypatch.setattr(A2ICheckPrerequisitesOperator, "_client", lambda self, name: clients[name]())
    return services


def test_the_role_on_aws(amazon: SimpleNamespace) -> None:
    arguments = {"output_path": "s3://answers/a2i/", "documents_uri": "s3://documents", "role_arn": ROLE_ARN}
    text = problems(**arguments)
    assert text.startswith(
        "1 of 7 checks failed. (1) documents CORS: The bucket 'documents' has no CORS rule"
    )
    assert amazon.iam.asked == [
        ("s3:PutObject", "arn:aws:s3:::answers/a2i/*"),
        ("s3:GetObject", "arn:aws:s3:::documents/*"),
    ]
    amazon.iam = FakeIam(trust={"Statement": []}, allowed=("s3:GetObject",))
    text = problems(**arguments)
    assert f"role trust: SageMaker may not assume {ROLE_ARN}: name sagemaker.amazonaws.com" in text
    assert f"role rights: The role {ROLE_ARN} lacks s3:PutObject on s3://answers/a2i/*: " in text
    assert "s3:GetObject" not in text
    amazon.iam = FakeIam(trust=error("NoSuchEntity"))
    assert f"There is no role {ROLE_ARN}" in problems(**arguments)


def test_a_role_that_may_not_be_looked_at(amazon: SimpleNamespace) -> None:
    amazon.iam = FakeIam(trust=error("AccessDenied"))
    report = check(role_arn=ROLE_ARN, output_path="s3://answers/a2i")
    assert outcomes(report)["role trust"] == outcomes(report)["role rights"] == "unknown"
    assert "This could not be checked" in report["role trust"]["sentence"]


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        (
            {
                "Effect": "Allow",
                "Action": ["sts:AssumeRole"],
                "Principal": {"Service": "sagemaker.amazonaws.com"},
            },
            True,
        ),
        (
            {
                "Effect": "Deny",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
            },
            False,
        ),
        (
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "sagemaker.amazonaws.com"}},
            False,
        ),
        (
            {
                "Effect": "Allow",
                "Action": "sts:TagSession",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
            },
            False,
        ),
    ],
)
def test_trust_policies(amazon: SimpleNamespace, statement: dict[str, Any], trusted: bool) -> None:
    amazon.iam = FakeIam(trust=json.dumps({"Statement": statement}))
    if trusted:
        assert outcomes(check(role_arn=ROLE_ARN))["role trust"] == "ok"
    else:
        assert "role trust" in problems(role_arn=ROLE_ARN)


def test_cors_and_region_on_aws(amazon: SimpleNamespace, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.create_bucket(Bucket="with-cors")
    s3.put_bucket_cors(Bucket="with-cors", CORSConfiguration={"CORSRules": CORS})
    report = check(documents_uri="s3://with-cors/in")
    assert set(outcomes(report).values()) == {"ok"}
    assert report["documents bucket"]["sentence"] == f"The bucket 'with-cors' exists in Region {REGION}."
    monkeypatch.setattr(A2IControlPlaneHook, "conn_region_name", "eu-west-1")
    assert f"The bucket 'with-cors' is in Region {REGION}, A2I in eu-west-1" in problems(
        documents_uri="s3://with-cors/in"
    )
    s3.put_bucket_cors(
        Bucket="with-cors", CORSConfiguration={"CORSRules": [{**CORS[0], "AllowedMethods": ["PUT"]}]}
    )
    assert "documents CORS" in problems(documents_uri="s3://with-cors/in")


def test_the_connection_need_not_write_answers_on_aws(
    amazon: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**arguments: Any) -> None:
        raise error("AccessDenied")

    store = SimpleNamespace(head_bucket=lambda **arguments: {"BucketRegion": REGION}, put_object=refuse)
    monkeypatch.setattr(A2IS3Hook, "conn", store)
    assert outcomes(check(output_path="s3://answers/a2i"))["output path"] == "unknown"
    monkeypatch.setattr(A2IControlPlaneHook, "is_amazon", False)
    assert "The connection may not write under s3://answers/a2i" in problems(output_path="s3://answers/a2i")


def test_members_of_a_work_team_on_aws(amazon: SimpleNamespace, review_desk_server: ReviewDesk) -> None:
    assert outcomes(check(workteam="reviewers"))["work team"] == "unknown"
    vendor = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:workteam/vendor-crowd/x"
    assert outcomes(check(workteam=vendor))["work team"] == "unknown"
    elsewhere = f"arn:aws:sagemaker:{REGION}:111111111111:workteam/private-crowd/reviewers"
    assert f"The work team {elsewhere} is not there" in problems(workteam=elsewhere)
    pool = {"UserPool": "us-east-1_pool", "UserGroup": "group", "ClientId": "client"}
    review_desk_server.client("sagemaker").create_workteam(
        WorkteamName="cognito", Description="x", MemberDefinitions=[{"CognitoMemberDefinition": pool}]
    )
    assert check(workteam="cognito")["work team"]["sentence"].endswith("exists and has members.")
    amazon.cognito = FakeCognito([])
    assert "The work team 'cognito' has no members" in problems(workteam="cognito")


def test_other_services_are_reached_on_the_same_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"region_name": "eu-west-1", "service_config": {"iam": {"endpoint_url": "http://127.0.0.1:9"}}}
    own = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OTHER", json.dumps(own))
    operator = A2ICheckPrerequisitesOperator(task_id="check", aws_conn_id="aws_other")
    assert operator._client("iam").meta.endpoint_url == "http://127.0.0.1:9"
    assert operator._client("cognito-idp").meta.region_name == "eu-west-1"
