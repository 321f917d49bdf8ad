"""Limits of the control plane: how many resources there may be, how many tags and groups they may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.arns import Scope
from review_desk.engine.errors import InUseError, InvalidError, QuotaError
from review_desk.engine.paging import PageRequest

KINDS: dict[str, tuple[str, Callable[[Desk, str], Any], Callable[[Desk, str], Any]]] = {
    "REVIEW_DESK_FLOW_DEFINITION_LIMIT": (
        "flow_definitions",
        lambda desk, name: desk.flow(name),
        lambda desk, name: desk.service.flow_definitions.delete(SCOPE, name),
    ),
    "REVIEW_DESK_HUMAN_TASK_UI_LIMIT": (
        "human_task_uis",
        lambda desk, name: desk.service.human_task_uis.create(SCOPE, name, "<crowd-form>", []),
        lambda desk, name: desk.service.human_task_uis.delete(SCOPE, name),
    ),
    "REVIEW_DESK_WORKTEAM_LIMIT": (
        "workteams",
        lambda desk, name: desk.team(name),
        lambda desk, name: desk.service.workteams.delete(SCOPE, name),
    ),
}


@pytest.mark.parametrize("setting", KINDS)
def test_there_are_as_many_as_the_limit_says(desk: Desk, setting: str) -> None:
    attribute, create, delete = KINDS[setting]
    store: Any = getattr(desk.service, attribute)
    for name in ("first", "second", "third"):
        create(desk, name)
    store._most = len(store.list(SCOPE, PageRequest()).rows)
    with pytest.raises(QuotaError, match=rf"the limit is {store._most}: delete some, or raise {setting}\."):
        create(desk, "fourth")
    assert len(store.list(SCOPE, PageRequest()).rows) == store._most
    with pytest.raises(InUseError, match="already exists"):
        create(desk, "third")
    delete(desk, "third")
    create(desk, "fourth")


def test_regions_have_limits_of_their_own(desk: Desk) -> None:
    store: Any = desk.service.workteams
    store._most = 1
    elsewhere = Scope(SCOPE.account_id, "eu-west-1")
    store.create(elsewhere, "first", "d", {})
    with pytest.raises(QuotaError, match="eu-west-1 would have 2 work teams"):
        store.create(elsewhere, "second", "d", {})


def test_a_resource_has_each_tag_once(desk: Desk) -> None:
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with pytest.raises(InvalidError, match=r"Tags: the key 'a' is given twice\."):
        desk.service.human_task_uis.create(SCOPE, "tagged", "<crowd-form>", twice)
    arn = desk.service.human_task_uis.create(SCOPE, "tagged", "<crowd-form>", twice[:1])
    with pytest.raises(InvalidError, match="is given twice"):
        desk.service.tags.add(SCOPE, arn, twice)
    assert desk.service.tags.add(SCOPE, arn, twice[1:]) == twice[1:]


def oidc(*groups: str) -> dict[str, Any]:
    return {"OidcMemberDefinition": {"Groups": list(groups)}}


def cognito(group: str) -> dict[str, Any]:
    return {"CognitoMemberDefinition": {"UserPool": "p_1", "UserGroup": group, "ClientId": "c"}}


@pytest.mark.parametrize(
    ("members", "groups"),
    [
        ([oidc(*"abcdefghij")], 10),
        ([oidc(*"abcdef"), oidc(*"ghijk")], 11),
        ([oidc(*"abcdefghi"), cognito("j")], 10),
        ([oidc(*"abcdefghij"), cognito("k")], 11),
        ([cognito(group) for group in "abcdefghij"], 10),
    ],
)
def test_a_team_has_at_most_ten_groups(desk: Desk, members: list[dict[str, Any]], groups: int) -> None:
    teams, request = desk.service.workteams, {"MemberDefinitions": members}
    if groups <= 10:
        teams.create(SCOPE, "team", "d", request)
        teams.update(SCOPE, "reviewers", request)
        return
    message = f"MemberDefinitions name {groups} user groups; a work team has at most 10"
    with pytest.raises(QuotaError, match=message):
        teams.create(SCOPE, "team", "d", request)
    with pytest.raises(QuotaError, match=message):
        teams.update(SCOPE, "reviewers", request)
    assert teams.describe(SCOPE, "reviewers").request == {}
