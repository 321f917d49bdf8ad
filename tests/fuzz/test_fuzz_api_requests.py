"""Every served operation with requests made from botocore's shapes: right ones, and ones that are wrong in places."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from fuzzing import (
    HOSTILE_NUMBERS,
    HOSTILE_TEXTS,
    ErrorLog,
    as_json,
    check_api_answer,
    junk,
    limits,
    nested,
    texts,
)
from hypothesis import given
from hypothesis import strategies as st
from in_process import Answer, Served
from review_desk_fixtures import SCOPE

from review_desk.api.operations import CONTROL_PLANE_OPERATIONS, RUNTIME_OPERATIONS
from review_desk.api.wire import service_model

NEW = "NEW"
"""Stands for a name that nothing has yet."""

TAGS = [{"Key": "k", "Value": "v"}]
PAGE = {"SortOrder": "Ascending", "MaxResults": 1, "CreationTimeAfter": 0, "CreationTimeBefore": 4 * 10**9}
FLOW, UI, TEAM = (
    SCOPE.arn("flow-definition", "flow"),
    SCOPE.arn("human-task-ui", "ui"),
    SCOPE.arn("workteam", "team"),
)
MEMBERS = [{"CognitoMemberDefinition": {"UserPool": "pool_1", "UserGroup": "group", "ClientId": "client"}}]
LOOP_CONFIG = {
    "WorkteamArn": SCOPE.arn("workteam", "reviewers"),
    "HumanTaskUiArn": UI,
    "TaskTitle": "t",
    "TaskDescription": "d",
    "TaskCount": 1,
    "TaskAvailabilityLifetimeInSeconds": 60,
    "TaskTimeLimitInSeconds": 60,
    "TaskKeywords": ["word"],
}
RIGHT: dict[str, dict[str, Any]] = {
    "CreateHumanTaskUi": {"HumanTaskUiName": NEW, "UiTemplate": {"Content": "<p>"}, "Tags": TAGS},
    "DescribeHumanTaskUi": {"HumanTaskUiName": "ui"},
    "ListHumanTaskUis": PAGE,
    "DeleteHumanTaskUi": {"HumanTaskUiName": "none"},
    "RenderUiTemplate": {
        "UiTemplate": {"Content": "<p>{{ task.input.a | grant_read_access }}"},
        "Task": {"Input": '{"a": "s3://documents/a"}'},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
    },
    "CreateFlowDefinition": {
        "FlowDefinitionName": NEW,
        "HumanLoopConfig": LOOP_CONFIG,
        "OutputConfig": {"S3OutputPath": "s3://answers/a", "KmsKeyId": "k"},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "Tags": TAGS,
    },
    "DescribeFlowDefinition": {"FlowDefinitionName": "flow"},
    "ListFlowDefinitions": PAGE,
    "DeleteFlowDefinition": {"FlowDefinitionName": "none"},
    "CreateWorkteam": {"WorkteamName": NEW, "MemberDefinitions": MEMBERS, "Description": "d", "Tags": TAGS},
    "DescribeWorkteam": {"WorkteamName": "team"},
    "ListWorkteams": {"SortOrder": "Ascending", "SortBy": "Name", "NameContains": "e", "MaxResults": 1},
    "UpdateWorkteam": {"WorkteamName": "team", "MemberDefinitions": MEMBERS, "Description": "d"},
    "DeleteWorkteam": {"WorkteamName": "none"},
    "DescribeWorkforce": {"WorkforceName": "default"},
    "ListWorkforces": {"SortBy": "Name", "SortOrder": "Ascending", "NameContains": "d", "MaxResults": 1},
    "AddTags": {"ResourceArn": FLOW, "Tags": TAGS},
    "ListTags": {"ResourceArn": FLOW, "MaxResults": 50},
    "DeleteTags": {"ResourceArn": FLOW, "TagKeys": ["k"]},
    "StartHumanLoop": {
        "HumanLoopName": NEW,
        "FlowDefinitionArn": FLOW,
        "HumanLoopInput": {"InputContent": '{"text": "x"}'},
        "DataAttributes": {"ContentClassifiers": ["FreeOfAdultContent"]},
    },
    "DescribeHumanLoop": {"HumanLoopName": "loop-1"},
    "ListHumanLoops": {**PAGE, "FlowDefinitionArn": FLOW, "CreationTimeAfter": "2020-01-01",
                       "CreationTimeBefore": "2030-01-01"},
    "StopHumanLoop": {"HumanLoopName": "loop-4"},
    "DeleteHumanLoop": {"HumanLoopName": "loop-4"},
}  # fmt: skip
"""A request of each operation that reaches its end."""

HOSTILE = (
    *HOSTILE_TEXTS,
    *HOSTILE_NUMBERS,
    None,
    True,
    [],
    {},
    [None],
    {"a": 1},
    nested(100),
    nested(101),
    nested(10_000),
)
HOSTILE_INPUTS = (
    '{"a": 1e400}', '{"a": NaN}', '{"a": "\\ud800"}', '{"\\u0000": "\\u0000"}', '{"a": %s}' % ("9" * 5000),
    "[" * 20_000, '{"a":' * 20_000, '{"a":' * 99 + "1" + "}" * 99, '{"a": "s3://documents/\\ud800"}',
    '{"a": 1, "a": 2}', '{"a": "s3://documents/\\u0000"}', '{"text": "\\ud800"}', '{"text": %s}' % ("9" * 4000),
)  # fmt: skip
HOSTILE_TOKENS = ("MQ==", "W10=", "WzEsIDJd", "WyJhIiwgMV0=", "WzFlMzAsIDFd", "e30=", "bnVsbA==", "W05hTiwgMV0=",
    "W3RydWUsIHRydWVd", "W1tbW1tb" * 1000, "WyJcdTAwMDAiLCAxXQ==", "WyJcdWQ4MDAiLCAxXQ==",
    "WzEsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ==", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCAxXQ==", "Wy05OTk5OTk5OTk5OTk5OTksIDFd",
)  # fmt: skip
HOSTILE_TEMPLATES = (
    "{{ task.input.a }}",
    "{{ task.input.a | grant_read_access }}",
    "{% for",
    "{{ 'a' | grant_read_access }}",
)
FITTING: dict[str, tuple[str, ...]] = {
    "InputContent": HOSTILE_INPUTS,
    "Input": HOSTILE_INPUTS,
    "NextToken": HOSTILE_TOKENS,
    "Content": HOSTILE_TEMPLATES,
}
"""What is hostile to one member only."""


@pytest.fixture(scope="module", autouse=True)
def team(served: Served) -> None:
    """A team without loops, to be changed, and enough of everything for a second page."""
    served.desk.team("team")
    for name in ("page-1", "page-2"):
        served.desk.flow(name)
        served.desk.service.human_task_uis.create(SCOPE, name, "{{ task.input.a | grant_read_access }}", [])
    served.desk.flow("granting", HumanTaskUiArn=SCOPE.arn("human-task-ui", "page-1"))


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return (f"new-{number}" for number in itertools.count())


def operations() -> list[OperationModel]:
    control_plane, runtime = service_model("sagemaker"), service_model("sagemaker-a2i-runtime")
    return [control_plane.operation_model(name) for name in CONTROL_PLANE_OPERATIONS] + [
        runtime.operation_model(name) for name in RUNTIME_OPERATIONS
    ]


every_operation = pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)


def send(served: Served, operation: OperationModel, parameters: dict[str, Any]) -> Answer:
    """Send a request as its protocol has it."""
    if operation.service_model.metadata["protocol"] == "json":
        return served.sagemaker(operation.name, as_json(parameters))
    target, query, body = operation.http["requestUri"], {}, {}
    assert isinstance(operation.input_shape, StructureShape)
    for name, value in parameters.items():
        member = operation.input_shape.members[name]
        location, wire_name = member.serialization.get("location"), member.serialization.get("name", name)
        text = value if isinstance(value, str) else as_json(value).decode()
        if location == "uri":
            target = target.replace(f"{{{wire_name}}}", quote(text, safe="", errors="surrogatepass") or "%20")
        elif location == "querystring":
            query[wire_name] = text
        else:
            body[name] = value
    if query:
        target += "?" + urlencode(query, quote_via=quote, errors="surrogatepass")
    method = operation.http["method"]
    return served.signed(method, target, as_json(body) if method == "POST" else b"")


def check(
    served: Served, errors: ErrorLog, operation: OperationModel, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Send a request, check its answer and return what a client reads."""
    protocol = "json" if operation.service_model.metadata["protocol"] == "json" else "rest-json"
    return check_api_answer(send(served, operation, parameters), operation, errors, protocol=protocol)


def named(parameters: dict[str, Any], names: Iterator[str]) -> dict[str, Any]:
    return {name: next(names) if value is NEW else value for name, value in parameters.items()}


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy in which what is at a path is another thing."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def paths(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Every place in a request."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (key,)
        yield from ((key, *rest) for rest in paths(item))


@every_operation
def test_each_member_withstands_each_hostile_value(
    served: Served, errors: ErrorLog, names: Iterator[str], operation: OperationModel
) -> None:
    right = RIGHT[operation.name]
    assert "Error" not in check(served, errors, operation, named(right, names)) or operation.name.startswith(
        "Delete"
    )
    assert isinstance(operation.input_shape, StructureShape)
    if "NextToken" in operation.input_shape.members:
        right = right | {"NextToken": "x"}
    failures = []
    for path in paths(right):
        for value in (*HOSTILE, *FITTING.get(str(path[-1]), ())):
            request = replaced(named(right, names), path, value)
            try:
                check(served, errors, operation, request)
            except AssertionError as error:
                failures.append(f"{'.'.join(map(str, path))} = {ascii(value)[:60]}: {str(error)[-300:]}")
    assert not failures, "\n\n".join(failures[:5])


@pytest.mark.parametrize("content", HOSTILE_INPUTS)
@pytest.mark.parametrize("flow", ["flow", "granting"])
def test_what_a_hostile_input_starts_can_be_rendered_and_delivered(
    served: Served, errors: ErrorLog, names: Iterator[str], flow: str, content: str
) -> None:
    name = next(names)
    started = served.start(SCOPE.arn("flow-definition", flow), name, content)
    assert started.status in (200, 400)
    if started.status == 400:
        return
    loop = served.desk.loops.describe(SCOPE, name)
    headers = served.sign_in("ann")
    answer = served.request(
        "POST", "/portal/api/tasks/claim", json.dumps({"human_loop": name}).encode(), headers
    )
    if answer.status == 204:
        assert (loop.status, loop.failure_code) == ("Failed", "ValidationError")
        return
    task = answer.json()
    page = served.request("GET", task["frame_url"])
    assert page.status in (200, 422)
    page.body.decode()
    body = json.dumps({"answer": {"a": "b"}, "lease_token": task["lease"]["token"]}).encode()
    served.request("POST", f"/portal/api/tasks/{task['id']}/submit", body, headers)
    served.desk.outbox.deliver_due()
    assert not errors.take()


def values(name: str, shape: Shape) -> st.SearchStrategy[Any]:
    """Values for a member: as its shape wants them, one time in ten anything else."""
    right = right_values(shape)
    if name in FITTING:
        right = st.one_of(right, st.sampled_from(FITTING[name]))
    known = KNOWN.get(name)
    if known is not None:
        right = st.one_of(st.sampled_from(known), right)
    return st.integers(0, 9).flatmap(lambda throw: junk() if throw == 0 else right)


KNOWN = {
    "FlowDefinitionArn": [FLOW, SCOPE.arn("flow-definition", "none"), UI],
    "HumanTaskUiArn": [UI, FLOW],
    "WorkteamArn": [TEAM],
    "ResourceArn": [FLOW, UI, TEAM, SCOPE.arn("human-loop", "loop-1")],
    "HumanLoopName": [f"loop-{number}" for number in range(3)],
    "S3OutputPath": ["s3://answers/a2i/", "s3://b", "https://answers/"],
    "RoleArn": ["arn:aws:iam::000000000000:role/r"],
    "WorkforceName": ["default"],
}
"""What makes a request reach further than its validation."""


def right_values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that the shape allows, or nearly so."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if isinstance(shape, StructureShape):
        return structures(shape)
    if isinstance(shape, ListShape):
        return st.lists(values("", shape.member), min_size=least, max_size=min(most or 3, least + 2))
    if shape.type_name == "integer":
        return st.one_of(st.integers(least, most), st.integers(least, least + 10 if most is None else most))
    if shape.type_name == "timestamp":
        return st.one_of(st.integers(0, 4 * 10**9), st.floats(), st.datetimes().map(str), texts())
    assert shape.type_name == "string"
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    pattern = shape.metadata.get("pattern", ".*")
    # Python's own `re` knows no Unicode classes.
    return texts() if r"\p{" in pattern else st.from_regex(re.compile(pattern, re.DOTALL), fullmatch=True)


def structures(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    """The required members, nearly always, and some of the others."""
    members = {name: values(name, member) for name, member in shape.members.items()}
    required = {name: strategy for name, strategy in members.items() if name in shape.required_members}
    optional = {name: strategy for name, strategy in members.items() if name not in shape.required_members}
    right = st.fixed_dictionaries(required, optional=optional)
    anything = st.fixed_dictionaries({}, optional=members)
    return st.integers(0, 29).flatmap(lambda throw: anything if throw == 0 else right)


@every_operation
def test_requests_of_every_shape_are_answered(
    served: Served, errors: ErrorLog, operation: OperationModel
) -> None:
    assert isinstance(operation.input_shape, StructureShape)

    @limits(15)
    @given(parameters=structures(operation.input_shape))
    def run(parameters: dict[str, Any]) -> None:
        # What the other tests need stays.
        if not (
            operation.name.startswith("Delete")
            and set(map(str, parameters.values())) & {"flow", "ui", "reviewers"}
        ):
            check(served, errors, operation, parameters)

    run()
