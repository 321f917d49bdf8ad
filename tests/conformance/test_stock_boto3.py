"""Stock boto3 against a running Review Desk: what an A2I client sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from support import ACCOUNT_ID, REGION, ROLE_ARN, ReviewDesk, wait_for_json

from review_desk.api.errors import ApiError
from review_desk.api.wire import parse_json_rpc

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><p>{{ task.input.text }}</p><input name="category"></crowd-form>
"""


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("conformance", TEMPLATE)


@pytest.fixture(scope="module")
def runtime(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker-a2i-runtime")


@pytest.fixture(scope="module")
def control(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker")


def start(runtime: Any, flow: str, name: str, **content: Any) -> str:
    return runtime.start_human_loop(
        HumanLoopName=name,
        FlowDefinitionArn=flow,
        HumanLoopInput={"InputContent": json.dumps(content or {"text": "a"})},
    )["HumanLoopArn"]


def refusal(call: Any, **parameters: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_loop_from_start_to_output(
    review_desk_server: ReviewDesk, s3: Any, runtime: Any, flow: str
) -> None:
    arn = start(runtime, flow, "whole-way", text="hello")
    assert arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:human-loop/whole-way"
    loop = runtime.describe_human_loop(HumanLoopName="whole-way")
    assert loop["HumanLoopStatus"] == "InProgress"
    created = loop["CreationTime"].astimezone(UTC)
    uri = loop["HumanLoopOutput"]["OutputS3Uri"]
    assert uri == f"s3://answers/a2i/conformance/{created:%Y/%m/%d/%H/%M/%S}/whole-way/output.json"

    portal = review_desk_server.portal()
    task = portal.claim(human_loop="whole-way").json()
    assert portal.submit(task, {"category": "greeting"}).json() == {
        "state": "submitted",
        "human_loop_status": "Completed",
    }

    document = wait_for_json(s3, uri)
    answer = document["humanAnswers"][0]
    assert document["flowDefinitionArn"] == flow
    assert document["humanLoopName"] == "whole-way"
    assert document["inputContent"] == {"text": "hello"}
    assert answer["answerContent"] == {"category": "greeting"}
    taken = datetime.fromisoformat(answer["acceptanceTime"])
    submitted = datetime.fromisoformat(answer["submissionTime"])
    assert created <= taken <= submitted
    assert answer["timeSpentInSeconds"] == pytest.approx((submitted - taken).total_seconds())
    assert len(answer["workerId"]) == 16
    assert answer["workerMetadata"]["identityData"].keys() == {"identityProviderType", "issuer", "sub"}
    assert runtime.describe_human_loop(HumanLoopName="whole-way")["HumanLoopStatus"] == "Completed"


def test_same_name_and_input_starts_nothing_twice(runtime: Any, flow: str) -> None:
    assert start(runtime, flow, "twice", text="a") == start(runtime, flow, "twice", text="a")


def test_conflicts_say_which(runtime: Any, flow: str) -> None:
    start(runtime, flow, "conflict", text="a")
    request = {"HumanLoopName": "conflict", "FlowDefinitionArn": flow}
    code, message, status = refusal(
        runtime.start_human_loop, **request, HumanLoopInput={"InputContent": '{"text": "b"}'}
    )
    assert (code, status) == ("ConflictException", 409)
    assert "different input" in message
    runtime.stop_human_loop(HumanLoopName="conflict")
    code, message, _ = refusal(
        runtime.start_human_loop, **request, HumanLoopInput={"InputContent": '{"text": "a"}'}
    )
    assert code == "ConflictException"
    assert "finished" in message


def test_stop_and_delete(runtime: Any, flow: str) -> None:
    start(runtime, flow, "short-lived")
    code, message, _ = refusal(runtime.delete_human_loop, HumanLoopName="short-lived")
    assert code == "ValidationException"
    assert "Stop it first" in message
    runtime.stop_human_loop(HumanLoopName="short-lived")
    assert runtime.describe_human_loop(HumanLoopName="short-lived")["HumanLoopStatus"] == "Stopped"
    runtime.delete_human_loop(HumanLoopName="short-lived")
    assert refusal(runtime.describe_human_loop, HumanLoopName="short-lived")[0] == "ResourceNotFoundException"


def test_render_errors_fail_the_loop_after_the_start(review_desk_server: ReviewDesk, runtime: Any) -> None:
    template = "<crowd-form><img src='{{ task.input.image | grant_read_access }}'></crowd-form>"
    flow = review_desk_server.create_flow_definition("broken-input", template)
    start(runtime, flow, "does-not-render", image=" ")
    loop = runtime.describe_human_loop(HumanLoopName="does-not-render")
    assert loop["HumanLoopStatus"] == "Failed"
    assert loop["FailureCode"] == "ValidationError"
    assert loop["FailureReason"].startswith("Task failed to render: ")
    assert "grant_read_access" in loop["FailureReason"]


def test_listing_pages_in_both_orders(review_desk_server: ReviewDesk, runtime: Any) -> None:
    flow = review_desk_server.create_flow_definition("listed", TEMPLATE)
    names = [f"listed-{number:02}" for number in range(7)]
    for name in names:
        start(runtime, flow, name)
    paginator = runtime.get_paginator("list_human_loops")
    for order, expected in (("Ascending", names), ("Descending", names[::-1])):
        pages = paginator.paginate(FlowDefinitionArn=flow, SortOrder=order, PaginationConfig={"PageSize": 3})
        assert [loop["HumanLoopName"] for page in pages for loop in page["HumanLoopSummaries"]] == expected
    first = runtime.describe_human_loop(HumanLoopName=names[0])["CreationTime"]
    listed = runtime.list_human_loops(FlowDefinitionArn=flow, CreationTimeBefore=first)
    assert listed["HumanLoopSummaries"] == []
    listed = runtime.list_human_loops(FlowDefinitionArn=flow, CreationTimeAfter=first - timedelta(seconds=1))
    assert len(listed["HumanLoopSummaries"]) == len(names)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"HumanLoopName": "Upper"}, "humanLoopName", "regular expression pattern"),
        ({"HumanLoopName": "a" * 64}, "humanLoopName", "length less than or equal to 63"),
        ({"FlowDefinitionArn": "arn:aws:s3:::x"}, "flowDefinitionArn", "regular expression pattern"),
        ({"HumanLoopInput": {"InputContent": "x" * 3_145_729}}, "humanLoopInput.inputContent", "3145728"),
        (
            {"DataAttributes": {"ContentClassifiers": ["Nonsense"]}},
            "dataAttributes.contentClassifiers.1",
            "enum",
        ),
    ],
)
def test_what_boto3_does_not_check(runtime: Any, flow: str, changes: Any, field: str, rule: str) -> None:
    request = {
        "HumanLoopName": "valid",
        "FlowDefinitionArn": flow,
        "HumanLoopInput": {"InputContent": "{}"},
        **changes,
    }
    code, message, status = refusal(runtime.start_human_loop, **request)
    assert (code, status) == ("ValidationException", 400)
    assert field in message
    assert rule in message


@pytest.mark.parametrize("content", ["not json", "[1]", '"text"', '{"a": ' * 20_000])
def test_input_must_be_a_json_object(runtime: Any, flow: str, content: str) -> None:
    code, message, _ = refusal(
        runtime.start_human_loop,
        HumanLoopName="no-object",
        FlowDefinitionArn=flow,
        HumanLoopInput={"InputContent": content},
    )
    assert code == "ValidationException"
    assert "InputContent" in message


def test_a_body_that_is_nested_too_deeply_is_no_fault_of_ours() -> None:
    with pytest.raises(ApiError, match="The request body is not JSON"):
        parse_json_rpc("SageMaker.ListTags", b'{"a": ' * 20_000)


def test_unknown_things_are_named(runtime: Any, control: Any, flow: str) -> None:
    missing = flow.replace("conformance", "missing")
    assert refusal(runtime.list_human_loops, FlowDefinitionArn=missing)[0] == "ResourceNotFoundException"
    code, message, _ = refusal(
        runtime.start_human_loop,
        HumanLoopName="orphan",
        FlowDefinitionArn=missing,
        HumanLoopInput={"InputContent": "{}"},
    )
    assert code == "ValidationException"
    assert missing in message
    code, message, status = refusal(control.describe_flow_definition, FlowDefinitionName="missing")
    assert (code, status) == ("ResourceNotFound", 400)
    code, message, _ = refusal(control.describe_workteam, WorkteamName="nobody")
    assert (code, message[:13]) == ("ValidationException", "The work team")


def flow_request(**loop_config: Any) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}"
    return {
        "FlowDefinitionName": "refused",
        "HumanLoopConfig": {
            "WorkteamArn": f"{arn}:workteam/private-crowd/reviewers",
            "HumanTaskUiArn": f"{arn}:human-task-ui/conformance",
            "TaskTitle": "t",
            "TaskDescription": "d",
            "TaskCount": 1,
            **loop_config,
        },
        "OutputConfig": {"S3OutputPath": "s3://answers/a2i"},
        "RoleArn": ROLE_ARN,
    }


TEXTRACT = {
    "HumanLoopRequestSource": {"AwsManagedHumanLoopRequestSource": "AWS/Textract/AnalyzeDocument/Forms/V1"}
}


def activation(conditions: str) -> dict[str, Any]:
    inner = {"HumanLoopActivationConditions": conditions}
    return {"HumanLoopActivationConfig": {"HumanLoopActivationConditionsConfig": inner}}


@pytest.mark.parametrize(
    ("loop_config", "more", "words"),
    [
        (
            {"WorkteamArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:workteam/private-crowd/nobody"},
            {},
            "does not exist or you do not have access to it",
        ),
        ({"TaskCount": 4}, {}, "less than or equal to 3"),
        ({"TaskTimeLimitInSeconds": 29}, {}, "greater than or equal to 30"),
        ({"PublicWorkforceTaskPrice": {"AmountInUsd": {"Cents": 1}}}, {}, "Mechanical Turk has closed"),
        ({}, activation("{}"), "not supported for custom task types"),
        (
            {},
            {**TEXTRACT, **activation("{")},
            "HumanLoopActivationConditions is not JSON: Expecting property name",
        ),
        (
            {},
            {**TEXTRACT, **activation('{"Conditions": [{"And": []}]}')},
            "HumanLoopActivationConditions: Conditions[0].And must be a list of at least 2 entries.",
        ),
        ({}, {**TEXTRACT, **activation('{"Conditions": []}')}, "built-in task types are not served here"),
        ({}, TEXTRACT, "built-in task types are not served here"),
        ({}, {"OutputConfig": {"S3OutputPath": "https://bucket/prefix"}}, "s3://bucket/prefix"),
    ],
)
@pytest.mark.usefixtures("flow")
def test_flow_definitions_that_are_refused(
    review_desk_server: ReviewDesk, loop_config: Any, more: Any, words: str
) -> None:
    control = review_desk_server.client("sagemaker", parameter_validation=False)
    code, message, _ = refusal(control.create_flow_definition, **{**flow_request(**loop_config), **more})
    assert code == "ValidationException"
    assert words in message


def test_describe_flow_definition(control: Any, flow: str) -> None:
    described = control.describe_flow_definition(FlowDefinitionName="conformance")
    assert described["FlowDefinitionArn"] == flow
    assert described["FlowDefinitionStatus"] == "Active"
    assert described["HumanLoopConfig"]["TaskCount"] == 1
    assert described["OutputConfig"] == {"S3OutputPath": "s3://answers/a2i"}
    assert described["CreationTime"].tzinfo


def test_the_answers_are_encrypted_with_the_key_of_the_flow_definition(
    review_desk_server: ReviewDesk, s3: Any, control: Any, runtime: Any, flow: str
) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/5a0bb8b8-7a9c-4d0e-9f7c-9b2f3f0c8f11"
    output = {"S3OutputPath": "s3://answers/a2i", "KmsKeyId": key}
    encrypted = control.create_flow_definition(
        **{**flow_request(), "FlowDefinitionName": "encrypted", "OutputConfig": output}
    )["FlowDefinitionArn"]
    described = control.describe_flow_definition(FlowDefinitionName="encrypted")
    assert described["OutputConfig"] == output
    for name, arn, expected in (("with-key", encrypted, key), ("without-key", flow, None)):
        start(runtime, arn, name, text="hello")
        portal = review_desk_server.portal()
        portal.submit(portal.claim(human_loop=name).json(), {"category": "greeting"}).raise_for_status()
        uri = runtime.describe_human_loop(HumanLoopName=name)["HumanLoopOutput"]["OutputS3Uri"]
        wait_for_json(s3, uri)
        written = s3.head_object(Bucket="answers", Key=uri.removeprefix("s3://answers/"))
        assert written.get("SSEKMSKeyId") == expected


def test_names_are_taken_once(control: Any, flow: str) -> None:
    assert flow
    for call, request in (
        (control.create_human_task_ui, {"HumanTaskUiName": "conformance", "UiTemplate": {"Content": "x"}}),
        (control.create_flow_definition, {**flow_request(), "FlowDefinitionName": "conformance"}),
    ):
        code, message, _ = refusal(call, **request)
        assert code == "ResourceInUse"
        assert "conformance" in message


def test_create_workteam(control: Any) -> None:
    created = control.create_workteam(
        WorkteamName="by-api",
        Description="d",
        MemberDefinitions=[{"OidcMemberDefinition": {"Groups": ["g"]}}],
    )
    team = control.describe_workteam(WorkteamName="by-api")["Workteam"]
    assert created["WorkteamArn"] == team["WorkteamArn"]
    assert team["WorkteamArn"].endswith(":workteam/private-crowd/by-api")


def test_there_is_no_other_workforce(control: Any) -> None:
    code, message, _ = refusal(
        control.create_workteam,
        WorkteamName="elsewhere",
        WorkforceName="other",
        Description="d",
        MemberDefinitions=[{"OidcMemberDefinition": {"Groups": ["g"]}}],
    )
    assert code == "ValidationException"
    assert message.startswith("No workforce is named 'other': the only one is 'default'")


def test_an_operation_that_is_not_served(control: Any) -> None:
    code, message, _ = refusal(control.list_training_jobs)
    assert code == "UnknownOperationException"
    assert "ListTrainingJobs" in message


def test_regions_are_separate(review_desk_server: ReviewDesk, runtime: Any, flow: str) -> None:
    start(runtime, flow, "here-only")
    elsewhere = review_desk_server.client("sagemaker-a2i-runtime", "eu-west-1")
    assert refusal(elsewhere.describe_human_loop, HumanLoopName="here-only")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKRDUNKNOWN", "whatever", "UnrecognizedClientException"),
        (None, "not the secret", "InvalidSignatureException"),
    ],
)
def test_wrong_credentials(review_desk_server: ReviewDesk, key: str | None, secret: str, code: str) -> None:
    client = boto3.client(
        "sagemaker-a2i-runtime",
        endpoint_url=review_desk_server.url,
        region_name=REGION,
        aws_access_key_id=key or review_desk_server.access_key["AccessKeyId"],
        aws_secret_access_key=secret,
    )
    assert refusal(client.describe_human_loop, HumanLoopName="x")[0] == code


def test_a_revoked_key_is_refused(review_desk_server: ReviewDesk) -> None:
    key = json.loads(review_desk_server.command("access-key", "create", "--name", "short-lived"))
    client = boto3.client(
        "sagemaker-a2i-runtime",
        endpoint_url=review_desk_server.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert refusal(client.describe_human_loop, HumanLoopName="x")[0] == "ResourceNotFoundException"
    review_desk_server.command("access-key", "revoke", key["AccessKeyId"])
    assert refusal(client.describe_human_loop, HumanLoopName="x")[0] == "UnrecognizedClientException"


def test_required_members_are_checked_by_the_client_too(runtime: Any) -> None:
    with pytest.raises(ParamValidationError):
        runtime.start_human_loop(HumanLoopName="x")
