"""Stock boto3 against the SageMaker API's part of A2I: lists, deletion, tags, previews, workforces."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from support import ACCOUNT_ID, REGION, ROLE_ARN, ReviewDesk

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='a'></crowd-form>"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}"


@pytest.fixture(scope="module")
def control(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker")


@pytest.fixture(scope="module")
def runtime(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker-a2i-runtime")


def code_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def start(runtime: Any, flow: str, name: str) -> None:
    runtime.start_human_loop(
        HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": "{}"}
    )


def test_lists_page_through_everything(review_desk_server: ReviewDesk, control: Any) -> None:
    for number in range(5):
        review_desk_server.create_flow_definition(f"listed-{number}", TEMPLATE)
    for operation, key, name_key in (
        ("list_human_task_uis", "HumanTaskUiSummaries", "HumanTaskUiName"),
        ("list_flow_definitions", "FlowDefinitionSummaries", "FlowDefinitionName"),
    ):
        pages = control.get_paginator(operation).paginate(
            SortOrder="Ascending", PaginationConfig={"PageSize": 2}
        )
        names = [item[name_key] for page in pages for item in page[key]]
        assert [name for name in names if name.startswith("listed")] == [f"listed-{n}" for n in range(5)]


def test_teams_are_found_by_name_and_changed(control: Any) -> None:
    members = [{"OidcMemberDefinition": {"Groups": ["g"]}}]
    for name in ("Zeta", "alpha-team", "Beta-team"):
        control.create_workteam(WorkteamName=name, Description="d", MemberDefinitions=members)
    found = control.list_workteams(NameContains="team", SortBy="Name", MaxResults=1)
    assert [team["WorkteamName"] for team in found["Workteams"]] == ["Beta-team"]
    found = control.list_workteams(
        NameContains="team", SortBy="Name", MaxResults=1, NextToken=found["NextToken"]
    )
    assert [team["WorkteamName"] for team in found["Workteams"]] == ["alpha-team"]
    assert "NextToken" not in found
    control.update_workteam(WorkteamName="Zeta", Description="changed")
    team = control.describe_workteam(WorkteamName="Zeta")["Workteam"]
    assert (team["Description"], team["MemberDefinitions"]) == ("changed", members)
    assert control.delete_workteam(WorkteamName="Zeta")["Success"] is True
    for call in (control.describe_workteam, control.delete_workteam):
        code, message = code_of(call, WorkteamName="Zeta")
        assert (code, message[:13]) == ("ValidationException", "The work team")


def test_a_team_in_use_stays(review_desk_server: ReviewDesk, control: Any) -> None:
    review_desk_server.create_flow_definition("uses-the-team", TEMPLATE)
    code, message = code_of(control.delete_workteam, WorkteamName="reviewers")
    assert code == "ResourceLimitExceeded"
    assert message.startswith("The flow definition ")


def test_there_is_one_workforce(control: Any) -> None:
    [workforce] = control.list_workforces()["Workforces"]
    assert control.describe_workforce(WorkforceName=workforce["WorkforceName"])["Workforce"] == workforce
    code, message = code_of(control.describe_workforce, WorkforceName="other")
    assert (code, message[:12]) == ("ValidationException", "No workforce")


def test_tags(control: Any) -> None:
    arn = control.create_human_task_ui(
        HumanTaskUiName="tagged", UiTemplate={"Content": "x"}, Tags=[{"Key": "a", "Value": "1"}]
    )["HumanTaskUiArn"]
    tags = [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    assert control.add_tags(ResourceArn=arn, Tags=tags)["Tags"] == tags
    control.delete_tags(ResourceArn=arn, TagKeys=["a", "not there"])
    assert control.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]
    code, message = code_of(
        control.add_tags, ResourceArn=arn, Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    )
    assert code == "ValidationException"
    assert "51" in message
    assert control.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]
    missing = f"{ARN}:human-task-ui/missing"
    assert code_of(control.list_tags, ResourceArn=missing)[0] == "ValidationException"


def test_a_deleted_ui_starts_no_more_loops(
    review_desk_server: ReviewDesk, control: Any, runtime: Any
) -> None:
    flow = review_desk_server.create_flow_definition("ui-goes", TEMPLATE)
    start(runtime, flow, "before")
    control.delete_human_task_ui(HumanTaskUiName="ui-goes")
    assert code_of(control.describe_human_task_ui, HumanTaskUiName="ui-goes")[0] == "ResourceNotFound"
    code, message = code_of(
        runtime.start_human_loop,
        HumanLoopName="after",
        FlowDefinitionArn=flow,
        HumanLoopInput={"InputContent": "{}"},
    )
    assert code == "ValidationException"
    assert "was deleted" in message
    portal = review_desk_server.portal()
    task = portal.claim(human_loop="before").json()
    assert "<p>" in httpx.get(f"{review_desk_server.url}{task['frame_url']}").text
    assert portal.submit(task, {"a": "1"}).json()["human_loop_status"] == "Completed"
    control.create_human_task_ui(HumanTaskUiName="ui-goes", UiTemplate={"Content": "again"})


def test_a_flow_definition_goes_when_the_last_worker_is_done(
    review_desk_server: ReviewDesk, control: Any, runtime: Any
) -> None:
    flow = review_desk_server.create_flow_definition("flow-goes", TEMPLATE)
    for name in ("goes-open", "goes-held", "goes-done"):
        start(runtime, flow, name)
    portal = review_desk_server.portal()
    portal.submit(portal.claim(human_loop="goes-done").json(), {"a": "1"})
    held = portal.claim(human_loop="goes-held").json()

    control.delete_flow_definition(FlowDefinitionName="flow-goes")
    described = control.describe_flow_definition(FlowDefinitionName="flow-goes")
    assert described["FlowDefinitionStatus"] == "Deleting"
    assert code_of(control.delete_flow_definition, FlowDefinitionName="flow-goes")[0] == "ResourceInUse"
    assert code_of(runtime.describe_human_loop, HumanLoopName="goes-open")[0] == "ResourceNotFoundException"
    assert runtime.describe_human_loop(HumanLoopName="goes-held")["HumanLoopStatus"] == "Stopping"
    assert runtime.describe_human_loop(HumanLoopName="goes-done")["HumanLoopStatus"] == "Completed"

    assert portal.submit(held, {"a": "2"}).json()["human_loop_status"] == "Completed"
    assert code_of(control.describe_flow_definition, FlowDefinitionName="flow-goes")[0] == "ResourceNotFound"
    code, _ = code_of(runtime.list_human_loops, FlowDefinitionArn=flow)
    assert code == "ResourceNotFoundException"
    control.delete_human_task_ui(HumanTaskUiName="flow-goes")
    assert review_desk_server.create_flow_definition("flow-goes", TEMPLATE) == flow


def test_an_unused_flow_definition_goes_at_once(review_desk_server: ReviewDesk, control: Any) -> None:
    review_desk_server.create_flow_definition("unused", TEMPLATE)
    control.delete_flow_definition(FlowDefinitionName="unused")
    assert code_of(control.describe_flow_definition, FlowDefinitionName="unused")[0] == "ResourceNotFound"


def render(control: Any, content: str | None = None, **more: Any) -> Any:
    if content is not None:
        more["UiTemplate"] = {"Content": content}
    task = {"Input": json.dumps({"text": "a < b", "image": "s3://documents/preview.txt"})}
    return control.render_ui_template(Task=task, RoleArn=ROLE_ARN, **more)


def test_previews(review_desk_server: ReviewDesk, control: Any, s3: Any) -> None:
    s3.put_object(Bucket="documents", Key="preview.txt", Body=b"seen", ContentType="text/plain")
    rendered = render(control, "{{ task.input.text }} {{ task.input.image | grant_read_access }}")
    text, link = rendered["RenderedContent"].rsplit(" ", 1)
    assert (text, rendered["Errors"]) == ("a &lt; b", [])
    assert httpx.get(link).content == b"seen"
    review_desk_server.client("sagemaker").create_human_task_ui(
        HumanTaskUiName="previewed", UiTemplate={"Content": "stored {{ task.input.text }}"}
    )
    stored = render(control, HumanTaskUiArn=f"{ARN}:human-task-ui/previewed")
    assert stored["RenderedContent"] == "stored a &lt; b"


def test_preview_problems_are_part_of_the_answer(control: Any) -> None:
    answer = render(control, "first line\n{{ task.input.text | no_such_filter }}")
    [problem] = answer["Errors"]
    assert answer["RenderedContent"] == ""
    assert "line 2" in problem["Message"]
    assert "no_such_filter" in problem["Message"]
    several = render(control, "{{ 1 | foo }}\n\n{{ 2 | bar }}")["Errors"]
    assert [(one["Code"], one["Message"]) for one in several] == [
        ("TemplateError", "Task failed to render: line 1: unknown filter 'foo'"),
        ("TemplateError", "Task failed to render: line 3: unknown filter 'bar'"),
    ]
    endless = "{% if true %}\n{% for i in (1..1000000000) %}{% endfor %}{% endif %}"
    [limit] = render(control, endless)["Errors"]
    assert limit["Message"].startswith("Task failed to render: line 2: a range of 1000000000 items")
    [granted] = render(control, "\n{{ 'no uri' | grant_read_access }}")["Errors"]
    assert granted["Message"].startswith('Task failed to render: line 2: "grant_read_access" input')
    both = {"content": "x", "HumanTaskUiArn": f"{ARN}:human-task-ui/previewed"}
    assert code_of(lambda **more: render(control, **more), **both)[0] == "ValidationException"
    missing = f"{ARN}:human-task-ui/missing"
    assert code_of(lambda **more: render(control, **more), HumanTaskUiArn=missing)[0] == "ResourceNotFound"
