"""Each bug that fuzzing found, alone: a request that made the service fail, and what it is answered now."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from fuzzing import ErrorLog
from in_process import Served
from review_desk_fixtures import SCOPE

from review_desk.portal import pages
from review_desk.settings import Settings
from review_desk.storage import Storage
from review_desk.templates import TemplateError

FLOW = SCOPE.arn("flow-definition", "flow")


@pytest.fixture(autouse=True)
def nothing_fails(errors: ErrorLog) -> Any:
    errors.take()
    yield
    assert not errors.take()


def token(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def refusal(answer: Any) -> tuple[int, str]:
    body = answer.json()
    return answer.status, body.get("__type") or answer.headers["x-amzn-errortype"]


@pytest.mark.parametrize("deep", ["[" * 10_000, '{"a":' * 10_000, "[" * 101 + "]" * 101])
def test_deep_nesting_is_refused_wherever_json_comes_in(served: Served, deep: str) -> None:
    served.desk.service.human_task_uis.create(SCOPE, f"deep-{len(deep)}", "<p>", [])
    assert refusal(served.sagemaker("DescribeWorkteam", deep.encode())) == (400, "SerializationException")
    assert refusal(served.start(FLOW, "deep", deep)) == (400, "ValidationException")
    preview = {
        "UiTemplate": {"Content": "<p>"},
        "Task": {"Input": deep},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
    }
    assert served.sagemaker("RenderUiTemplate", preview).json()["Errors"][0]["Code"] == "InvalidTaskInput"
    page = {"NextToken": base64.urlsafe_b64encode(deep.encode()[:6000]).decode()}
    assert refusal(served.sagemaker("ListHumanTaskUis", page)) == (400, "ValidationException")


@pytest.mark.parametrize("content", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e400}'])
def test_an_input_is_json_that_every_reader_reads(served: Served, content: str) -> None:
    answer = served.start(FLOW, "no-number", content)
    assert refusal(answer) == (400, "ValidationException")
    assert "are no JSON numbers" in answer.json()["Message"]


@pytest.mark.parametrize(
    "value",
    [1, {"a": 1, "b": 2}, [1], ["a", 1], [1, "a"], [True, True], [10**20, 1], [1, 2**63], [1, -1],
     [-(10**17), 1], [1.5, 1],
     [None, None], "text", ["\0", 1], ["\ud800", 1]],
)  # fmt: skip
def test_a_page_token_that_no_list_returned_is_refused(served: Served, value: Any) -> None:
    for by_name in ({"SortBy": "Name"}, {"SortBy": "CreateDate"}):
        listed = served.sagemaker("ListWorkteams", {**by_name, "NextToken": token(value)})
        if listed.status != 200:
            assert refusal(listed) == (400, "ValidationException")
            assert "NextToken" in listed.json()["Message"]
        else:
            assert value in (["a", 1], [1, -1], [1.5, 1])


def test_a_page_token_of_another_order_is_refused(served: Served) -> None:
    for name in ("first", "second"):
        served.desk.team(name)
    by_name = served.sagemaker("ListWorkteams", {"SortBy": "Name", "MaxResults": 1}).json()["NextToken"]
    by_date = served.sagemaker("ListWorkteams", {"SortBy": "CreateDate", "MaxResults": 1}).json()["NextToken"]
    for order, other in (("CreateDate", by_name), ("Name", by_date)):
        answer = served.sagemaker("ListWorkteams", {"SortBy": order, "NextToken": other})
        assert refusal(answer) == (400, "ValidationException")
    assert served.sagemaker("ListWorkteams", {"SortBy": "Name", "NextToken": by_name}).status == 200


@pytest.mark.parametrize(
    "moment", ["1e400", 10**30, -(10**30), 1e17, True, "99999999999999999999", "0001-01-01T00:00+23:59"]
)
def test_a_time_beyond_the_calendar_is_no_timestamp(served: Served, moment: Any) -> None:
    answer = served.sagemaker("ListFlowDefinitions", {"CreationTimeAfter": moment})
    assert refusal(answer) == (400, "ValidationException")
    assert "Member must be a timestamp" in answer.json()["Message"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_texts_that_a_database_cannot_store_are_refused(served: Served, text: str) -> None:
    ui = {"HumanTaskUiName": "unstorable", "UiTemplate": {"Content": text}}
    team = {"WorkteamName": "unstorable", "Description": text}
    tags = {"ResourceArn": FLOW, "Tags": [{"Key": "k", "Value": text}]}
    for operation, parameters in (("CreateHumanTaskUi", ui), ("CreateWorkteam", team), ("AddTags", tags)):
        answer = served.sagemaker(operation, parameters)
        assert refusal(answer) == (400, "ValidationException")
        assert "Unicode text without the character U+0000" in answer.json()["Message"]
    arn = quote(f"arn:aws:sagemaker:us-east-1:000000000000:flow-definition/{text}", safe="", errors="replace")
    assert served.signed("GET", f"/human-loops?FlowDefinitionArn={arn}").status in (400, 404)


@pytest.mark.parametrize("member", ["TaskAvailabilityLifetimeInSeconds", "TaskTimeLimitInSeconds"])
@pytest.mark.parametrize("number", [2**31, 2**63, 10**400])
def test_an_integer_has_32_bits(served: Served, member: str, number: int) -> None:
    request = {
        "FlowDefinitionName": "integers",
        "HumanLoopConfig": {
            "WorkteamArn": SCOPE.arn("workteam", "reviewers"),
            "HumanTaskUiArn": SCOPE.arn("human-task-ui", "ui"),
            "TaskTitle": "t",
            "TaskDescription": "d",
            "TaskCount": 1,
            member: number,
        },
        "OutputConfig": {"S3OutputPath": "s3://answers/a"},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
    }
    answer = served.sagemaker("CreateFlowDefinition", request)
    assert refusal(answer) == (400, "ValidationException")
    assert "less than or equal to 2147483647" in answer.json()["Message"]


def test_a_loop_may_wait_as_long_as_an_integer_says(served: Served) -> None:
    arn = served.desk.flow("patient", TaskAvailabilityLifetimeInSeconds=2**31 - 1)
    assert served.start(arn, "patient").status == 200


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("X-Amz-Credential", "A\0B/20260101/us-east-1/sagemaker/aws4_request", "UnrecognizedClientException"),
        ("X-Amz-Credential", "é/20260101/us-east-1/sagemaker/aws4_request", "UnrecognizedClientException"),
        ("X-Amz-Expires", "²", "IncompleteSignatureException"),
        ("X-Amz-Expires", "9" * 5000, "IncompleteSignatureException"),
        ("X-Amz-Date", "00010101T000000Z", "InvalidSignatureException"),
        ("X-Amz-Date", "99991231T235959Z", "InvalidSignatureException"),
        ("X-Amz-Date", "٢٠٢٦٠١٠١T120000Z", "IncompleteSignatureException"),
        ("X-Amz-Signature", "é", "InvalidSignatureException"),
    ],
)
def test_a_presigned_request_with_an_odd_value_is_refused(
    served: Served, name: str, value: str, code: str
) -> None:
    date = value[:8] if name == "X-Amz-Date" else "20260101"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{served.access_key_id}/{date}/us-east-1/sagemaker/aws4_request",
        "X-Amz-Date": "20260101T120000Z",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
        name: value,
    }
    target = "/human-loops/x?" + "&".join(f"{key}={quote(text, safe='')}" for key, text in query.items())
    assert refusal(served.request("GET", target))[1] == code


@pytest.mark.parametrize(
    ("date", "moment"),
    [("10101", "00010101T000000Z"), ("00010101", "00010101T000000Z"), ("99991231", "99991231T235959Z")],
)
def test_a_signature_of_another_age_is_out_of_date(served: Served, date: str, moment: str) -> None:
    scope = f"{served.access_key_id}/{date}/us-east-1/sagemaker/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    headers = {"Authorization": signed, "X-Amz-Date": moment}
    assert refusal(served.request("GET", "/human-loops/x", b"", headers)) == (
        403,
        "InvalidSignatureException",
    )


def test_a_query_that_only_looks_presigned_is_refused(served: Served) -> None:
    target = "/human-loops/x?xX-Amz-Signature=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60"
    assert refusal(served.request("GET", target)) == (400, "IncompleteSignatureException")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/human-loops"), ("POST", "/other"), ("GET", "//human-loops")]
)
def test_what_is_no_operation_is_refused_as_aws_refuses_it(served: Served, method: str, path: str) -> None:
    answer = served.signed(method, path)
    assert refusal(answer) == (404, "UnknownOperationException")
    assert answer.headers["x-amzn-requestid"]


def test_an_operation_that_is_not_served_is_refused_before_its_members_are_looked_at(served: Served) -> None:
    answer = served.sagemaker("CreateTrainingJob", {"TrainingJobName": ["no name"]})
    assert refusal(answer) == (404, "UnknownOperationException")


def test_half_a_surrogate_pair_of_an_input_is_shown_and_delivered(served: Served) -> None:
    flow = served.desk.flow("halves")
    assert served.start(flow, "halves", '{"text": "cut \\ud83d"}').status == 200
    headers = served.sign_in("ann")
    task = served.request("POST", "/portal/api/tasks/claim", b'{"human_loop": "halves"}', headers).json()
    page = served.request("GET", task["frame_url"])
    assert (page.status, "cut ?" in page.body.decode()) == (200, True)

    class Bucket:
        def put_object(self, **put: Any) -> None:
            self.body: bytes = put["Body"]

    storage, bucket = Storage(Settings()), Bucket()
    storage._client = bucket
    storage.put_json("s3://answers/x", {"inputContent": {"text": "cut \ud83d"}, "other": "é"})
    assert json.loads(bucket.body.decode()) == {"inputContent": {"text": "cut \ud83d"}, "other": "é"}


def test_a_failure_reason_can_be_stored(served: Served) -> None:
    template = "{{ task.input.uri | grant_read_access }}"
    served.desk.service.human_task_uis.create(SCOPE, "granting", template, [])
    flow = served.desk.flow("granting", HumanTaskUiArn=SCOPE.arn("human-task-ui", "granting"))
    for name, uri in (("nul", "\\u0000"), ("half", "\\ud800")):
        assert served.start(flow, name, f'{{"uri": "{uri}"}}').status == 200
        assert "is not a valid S3 URI" in served.signed("GET", f"/human-loops/{name}").json()["FailureReason"]


def test_a_template_that_fails_on_its_task_is_no_failure_of_the_service(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.desk.start(served.desk.flow("later"), "later")
    headers = served.sign_in("ann")
    task = served.request("POST", "/portal/api/tasks/claim", b'{"human_loop": "later"}', headers).json()

    def fails(*_: Any, **__: Any) -> str:
        raise TemplateError("rendering took longer than 5 s")

    monkeypatch.setattr("review_desk.portal.frame.render", fails)
    page = served.request("GET", task["frame_url"])
    assert page.status == 422
    assert b"took longer" in page.body


@pytest.mark.parametrize("field", ["human_loop", "flow_definition"])
def test_a_claim_may_not_hold_nul(served: Served, field: str) -> None:
    headers = served.sign_in("ann")
    body = json.dumps({field: "arn:aws:sagemaker:us-east-1:0:flow-definition/\0"}).encode()
    answer = served.request("POST", "/portal/api/tasks/claim", body, headers)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "Invalid")


@pytest.mark.parametrize(
    "credentials", [{"username": "a\0b"}, {"username": "\ud800"}, {"password": "\ud800"}]
)
def test_signing_in_with_what_is_no_text_is_refused(served: Served, credentials: dict[str, str]) -> None:
    body = json.dumps({"username": "ann", "password": "x", **credentials}).encode()
    answer = served.request("POST", "/portal/api/login", body, {"Content-Type": "application/json"})
    assert answer.status in (400, 401)


@pytest.mark.parametrize(
    "body", [b"[" * 10_000, b'{"version": ' + b"9" * 5000 + b"}", b"\xff", b'{"a": "\xff"}']
)
def test_a_body_that_cannot_be_read_is_refused_in_the_portals_words(served: Served, body: bytes) -> None:
    answer = served.request("POST", "/portal/api/tasks/claim", body, served.sign_in("ann"))
    assert answer.status == 400
    assert answer.json()["error"].keys() == {"code", "message"}


@pytest.mark.parametrize(
    ("method", "status", "code"), [("GET", 404, "NotFound"), ("DELETE", 405, "MethodNotAllowed")]
)
def test_an_unknown_address_or_method_is_refused_in_the_portals_words(
    served: Served, method: str, status: int, code: str
) -> None:
    path = "/portal/api/none" if status == 404 else "/portal/api/queue"
    answer = served.request(method, path)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


def test_a_name_too_long_for_a_file_is_not_found(served: Served) -> None:
    assert served.request("GET", "/portal/static/" + "a" * 300 + ".js").status == 404
    assert served.request("GET", "/portal/static/main.js").status == 200
    assert set(pages._files()) >= {"main.js", "index.html", "portal.css"}


def test_an_address_with_a_slash_too_many_is_not_redirected_to_where_the_host_header_says(
    served: Served,
) -> None:
    answer = served.request("GET", "/portal/api/queue/", b"", {"Host": "elsewhere.example"})
    assert (answer.status, "location" in answer.headers) == (404, False)


def test_a_stated_length_of_any_size_is_read(served: Served) -> None:
    for length in ("9" * 5000, "²", "-1"):
        answer = served.request("POST", "/portal/api/login", b"{}", {"Content-Length": length})
        assert answer.status == 413
