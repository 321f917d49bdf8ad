"""The SageMaker API's part of A2I: work teams, human task UIs, flow definitions, tags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from review_desk import strict_json
from review_desk.engine.arns import Scope
from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.paging import PageRequest
from review_desk.service import Service
from review_desk.templates import TemplateError, problems, render

Parameters = dict[str, Any]

WORKFORCE = "default"
"""Review Desk's workers are one workforce, as A2I has one private workforce in an account and Region."""


def page_request(parameters: Parameters, *, ascending: bool = False) -> PageRequest:
    """Read what every list operation takes.

    :param ascending: the order when the request names none.
    """
    order = parameters.get("SortOrder")
    return PageRequest(
        created_after=parameters.get("CreationTimeAfter"),
        created_before=parameters.get("CreationTimeBefore"),
        ascending=order == "Ascending" if order else ascending,
        token=parameters.get("NextToken"),
        limit=parameters.get("MaxResults", PageRequest.limit),
    )


def create_human_task_ui(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    content = parameters["UiTemplate"]["Content"]
    arn = service.human_task_uis.create(
        scope, parameters["HumanTaskUiName"], content, parameters.get("Tags", [])
    )
    return {"HumanTaskUiArn": arn}


def describe_human_task_ui(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    row = service.human_task_uis.describe(scope, parameters["HumanTaskUiName"])
    return {
        "HumanTaskUiArn": scope.arn("human-task-ui", row.name),
        "HumanTaskUiName": row.name,
        "HumanTaskUiStatus": "Active",
        "CreationTime": row.created_at,
        "UiTemplate": {"ContentSha256": row.content_sha256},
    }


def list_human_task_uis(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    page = service.human_task_uis.list(scope, page_request(parameters))
    return {
        "HumanTaskUiSummaries": [
            {
                "HumanTaskUiName": row.name,
                "HumanTaskUiArn": scope.arn("human-task-ui", row.name),
                "CreationTime": row.created_at,
            }
            for row in page.rows
        ],
        "NextToken": page.next_token,
    }


def delete_human_task_ui(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.human_task_uis.delete(scope, parameters["HumanTaskUiName"])
    return {}


def render_ui_template(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    """Render a template for a preview; what is wrong with it is part of the answer, not an error of the call."""
    content = _previewed_content(service, scope, parameters)
    try:
        task_input = strict_json.parse(parameters["Task"]["Input"])
    except ValueError as error:
        return {
            "RenderedContent": "",
            "Errors": [_render_problem("InvalidTaskInput", f"Task.Input: {error}")],
        }
    try:
        rendered = render(content, task_input, grant_read_access=service.preview_link)
    except TemplateError as error:
        # All unknown filters at once; what else is wrong shows itself one at a time.
        found = problems(content) or [error]
        return {
            "RenderedContent": "",
            "Errors": [_render_problem("TemplateError", str(each)) for each in found],
        }
    return {"RenderedContent": rendered, "Errors": []}


def create_flow_definition(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {"FlowDefinitionArn": service.flow_definitions.create(scope, parameters)}


def describe_flow_definition(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    flow = service.flow_definitions.get(scope, parameters["FlowDefinitionName"])
    return {
        "FlowDefinitionArn": flow.arn,
        "FlowDefinitionName": flow.name,
        "FlowDefinitionStatus": flow.status,
        "CreationTime": flow.created_at,
        "HumanLoopConfig": flow.request["HumanLoopConfig"],
        "OutputConfig": flow.request["OutputConfig"],
        "RoleArn": flow.request["RoleArn"],
        "FailureReason": flow.failure_reason,
    }


def list_flow_definitions(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    page = service.flow_definitions.list(scope, page_request(parameters))
    return {
        "FlowDefinitionSummaries": [
            {
                "FlowDefinitionName": row.name,
                "FlowDefinitionArn": scope.arn("flow-definition", row.name),
                "FlowDefinitionStatus": row.status,
                "CreationTime": row.created_at,
                "FailureReason": row.failure_reason,
            }
            for row in page.rows
        ],
        "NextToken": page.next_token,
    }


def delete_flow_definition(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.flow_definitions.delete(scope, parameters["FlowDefinitionName"])
    service.deliver_soon()
    return {}


def create_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    workforce = parameters.get("WorkforceName", WORKFORCE)
    if workforce != WORKFORCE:
        raise InvalidError(_no_workforce(workforce))
    arn = service.workteams.create(scope, parameters["WorkteamName"], parameters["Description"], parameters)
    return {"WorkteamArn": arn}


def describe_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {
        "Workteam": _workteam(service, scope, service.workteams.describe(scope, parameters["WorkteamName"]))
    }


def list_workteams(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    page = service.workteams.list(
        scope,
        page_request(parameters, ascending=True),
        by_name=parameters.get("SortBy") == "Name",
        name_contains=parameters.get("NameContains"),
    )
    return {
        "Workteams": [_workteam(service, scope, row) for row in page.rows],
        "NextToken": page.next_token,
    }


def update_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    changes = {name: value for name, value in parameters.items() if name != "WorkteamName"}
    return {
        "Workteam": _workteam(
            service, scope, service.workteams.update(scope, parameters["WorkteamName"], changes)
        )
    }


def delete_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.workteams.delete(scope, parameters["WorkteamName"])
    return {"Success": True}


def describe_workforce(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    if parameters["WorkforceName"] != WORKFORCE:
        raise NotFoundError(_no_workforce(parameters["WorkforceName"]))
    return {"Workforce": _workforce(service, scope)}


def list_workforces(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    wanted = parameters.get("NameContains", "")
    return {"Workforces": [_workforce(service, scope)] if wanted in WORKFORCE else []}


def add_tags(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {"Tags": service.tags.add(scope, parameters["ResourceArn"], parameters["Tags"])}


def list_tags(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {"Tags": service.tags.list(scope, parameters["ResourceArn"])}


def delete_tags(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.tags.remove(scope, parameters["ResourceArn"], parameters["TagKeys"])
    return {}


def _previewed_content(service: Service, scope: Scope, parameters: Parameters) -> str:
    template, arn = parameters.get("UiTemplate"), parameters.get("HumanTaskUiArn")
    if (template is None) == (arn is None):
        raise InvalidError("Give either UiTemplate or HumanTaskUiArn, not both and not neither.")
    if template is not None:
        return str(template["Content"])
    row = service.human_task_uis.find_arn(scope, arn or "")
    if row is None:
        raise NotFoundError(f"The human task UI {arn} does not exist.")
    return str(row.content)


def _render_problem(code: str, message: str) -> Parameters:
    return {"Code": code, "Message": message}


def _workteam(service: Service, scope: Scope, row: Row[Any]) -> Parameters:
    own_members = [{"OidcMemberDefinition": {"Groups": [row.name]}}]
    return {
        "WorkteamName": row.name,
        "MemberDefinitions": row.request.get("MemberDefinitions", own_members),
        "WorkteamArn": scope.arn("workteam", row.name),
        "WorkforceArn": _workforce_arn(scope),
        "Description": row.description,
        "SubDomain": _sub_domain(service),
        "CreateDate": row.created_at,
        "LastUpdatedDate": row.updated_at or row.created_at,
        "NotificationConfiguration": row.request.get("NotificationConfiguration"),
        "WorkerAccessConfiguration": row.request.get("WorkerAccessConfiguration"),
    }


def _workforce(service: Service, scope: Scope) -> Parameters:
    return {
        "WorkforceName": WORKFORCE,
        "WorkforceArn": _workforce_arn(scope),
        "SubDomain": _sub_domain(service),
        "Status": "Active",
    }


def _no_workforce(name: str) -> str:
    return f"No workforce is named {name!r}: the only one is {WORKFORCE!r}, the workers of this installation."


def _workforce_arn(scope: Scope) -> str:
    return scope.arn("workforce", WORKFORCE)


def _sub_domain(service: Service) -> str:
    return service.settings.public_url.split("://", 1)[-1].rstrip("/")
