"""Who gets in where: every route of the portal, called by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from portal_house import House
from review_desk_fixtures import SCOPE

CALLERS = ("nobody", "worker", "other lead", "lead", "admin")
REFUSALS = {"SignedOut", "RoleMissing", "CsrfTokenMissing"}


class Let(Enum):
    """Who is let in, and for whom a thing is there at all."""

    EVERYBODY = ("nobody", "worker", "other lead", "lead", "admin")
    WORKERS = ("worker", "other lead", "lead", "admin")
    LEADS = ("other lead", "lead", "admin")
    ADMINS = ("admin",)


@dataclass(frozen=True)
class Rule:
    """Who is let in; ``there_for`` names those who do not get 404 then."""

    let: Let
    there_for: tuple[str, ...] = CALLERS
    body: Any = None


HOLDER = ("worker",)
TEAM = ("lead", "admin")
ANSWER = {"answer": {"a": "1"}, "version": 0, "lease_token": "x", "reason": "x"}

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/"): Rule(Let.EVERYBODY),
    ("GET", "/portal"): Rule(Let.EVERYBODY),
    ("GET", "/portal/"): Rule(Let.EVERYBODY),
    ("GET", "/portal/static/{name}"): Rule(Let.EVERYBODY, ()),
    ("GET", "/portal/elements/crowd-html-elements.js"): Rule(Let.EVERYBODY),
    ("GET", "/portal/elements/images/{name}"): Rule(Let.EVERYBODY, ()),
    ("GET", "/portal/prepared-frame"): Rule(Let.EVERYBODY),
    # These open with a sealed link, not with a session: see test_portal_api.py.
    ("GET", "/portal/frame/{token}"): Rule(Let.EVERYBODY),
    ("GET", "/portal/media/{token}/{name}"): Rule(Let.EVERYBODY),
    ("GET", "/portal/oidc/login"): Rule(Let.EVERYBODY, ()),
    ("GET", "/portal/oidc/callback"): Rule(Let.EVERYBODY, ()),
    ("GET", "/portal/api/sign-in-methods"): Rule(Let.EVERYBODY),
    ("POST", "/portal/api/login"): Rule(Let.EVERYBODY, body={"username": "x", "password": "x"}),
    ("GET", "/portal/api/session"): Rule(Let.WORKERS),
    ("POST", "/portal/api/logout"): Rule(Let.WORKERS),
    ("PUT", "/portal/api/password"): Rule(Let.WORKERS, body={"current": "x", "new": "long enough"}),
    ("GET", "/portal/api/queue"): Rule(Let.WORKERS),
    ("POST", "/portal/api/tasks/claim"): Rule(Let.WORKERS, body={"human_loop": "none"}),
    ("POST", "/portal/api/tasks/offer"): Rule(Let.WORKERS, body={}),
    ("POST", "/portal/api/tasks/claim-grid"): Rule(
        Let.WORKERS, body={"flow_definition": ":::::flow-definition/none"}
    ),
    ("GET", "/portal/api/tasks/{task_id}"): Rule(Let.WORKERS, HOLDER),
    ("PUT", "/portal/api/tasks/{task_id}/draft"): Rule(Let.WORKERS, HOLDER, ANSWER),
    ("POST", "/portal/api/tasks/{task_id}/heartbeat"): Rule(Let.WORKERS, HOLDER),
    ("POST", "/portal/api/tasks/{task_id}/extend"): Rule(Let.WORKERS, HOLDER),
    ("POST", "/portal/api/tasks/{task_id}/submit"): Rule(Let.WORKERS, HOLDER, ANSWER),
    ("POST", "/portal/api/tasks/{task_id}/undo"): Rule(Let.WORKERS, HOLDER),
    ("GET", "/portal/api/history"): Rule(Let.WORKERS),
    ("GET", "/portal/api/preferences"): Rule(Let.WORKERS),
    ("PUT", "/portal/api/preferences"): Rule(Let.WORKERS, body={"notices": True}),
    ("GET", "/portal/api/template-preferences"): Rule(Let.WORKERS),
    ("PATCH", "/portal/api/template-preferences"): Rule(
        Let.WORKERS,
        ("worker", "lead"),
        {"flow_definition": SCOPE.arn("flow-definition", "flow"), "changes": {}},
    ),
    ("DELETE", "/portal/api/template-preferences"): Rule(Let.WORKERS),
    ("POST", "/portal/api/tasks/{task_id}/release"): Rule(Let.WORKERS, HOLDER),
    ("POST", "/portal/api/tasks/{task_id}/decline"): Rule(Let.WORKERS, HOLDER, ANSWER),
    ("GET", "/portal/api/teams"): Rule(Let.LEADS),
    ("GET", "/portal/api/loops"): Rule(Let.LEADS),
    ("GET", "/portal/api/loops/{name}"): Rule(Let.LEADS, TEAM),
    ("POST", "/portal/api/loops/{name}/stop"): Rule(Let.LEADS, TEAM),
    ("POST", "/portal/api/tasks/{task_id}/requeue"): Rule(Let.LEADS, TEAM),
    ("POST", "/portal/api/tasks/{task_id}/reassign"): Rule(Let.LEADS, TEAM, {"username": "lead"}),
    # These say of each loop or task whether it is there for the caller: see test_leads_api.py.
    ("POST", "/portal/api/loops/stop"): Rule(Let.LEADS, body={"names": ["x"]}),
    ("POST", "/portal/api/loops/requeue"): Rule(Let.LEADS, body={"names": ["x"]}),
    ("POST", "/portal/api/tasks/requeue"): Rule(Let.LEADS, body={"task_ids": ["x"]}),
    ("GET", "/portal/api/loops.csv"): Rule(Let.LEADS),
    ("GET", "/portal/api/report"): Rule(Let.LEADS),
    ("GET", "/portal/api/report.csv"): Rule(Let.LEADS),
    ("GET", "/portal/api/workers"): Rule(Let.ADMINS),
    ("POST", "/portal/api/workers"): Rule(
        Let.ADMINS, body={"username": "new", "password": "long enough", "teams": ["reviewers"]}
    ),
    ("PATCH", "/portal/api/workers/{username}"): Rule(Let.ADMINS, body={}),
    ("GET", "/portal/api/audit"): Rule(Let.ADMINS),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


def code_of(answer: httpx.Response) -> str:
    is_error = answer.status_code >= 400 and answer.headers.get("content-type") == "application/json"
    return str(answer.json()["error"]["code"]) if is_error else ""


def test_every_route_of_the_portal_has_a_rule(house: House) -> None:
    app: Any = house.http.app
    present = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute) and (route.path == "/" or route.path.startswith("/portal"))
        for method in route.methods
    }
    assert present == set(RULES)
    others = {route.path for route in app.routes if not isinstance(route, APIRoute)}
    assert not [path for path in others if path.startswith("/portal")], "mounts are not looked into here"


@pytest.mark.parametrize(("method", "path"), RULES)
def test_who_gets_in(house: House, method: str, path: str) -> None:
    rule = RULES[method, path]
    seen = {}
    for caller in CALLERS:
        answer = house.call(method, path, caller, rule.body)
        code = code_of(answer)
        seen[caller] = code if code in REFUSALS else "missing" if answer.status_code == 404 else "in"
        assert answer.status_code < 500, answer.text
    assert seen == {caller: expected(rule, caller) for caller in CALLERS}


def expected(rule: Rule, caller: str) -> str:
    if caller not in rule.let.value:
        return "SignedOut" if caller == "nobody" else "RoleMissing"
    return "in" if caller in rule.there_for else "missing"


@pytest.mark.parametrize(
    ("method", "path"),
    [key for key, rule in RULES.items() if key[0] != "GET" and rule.let is not Let.EVERYBODY],
)
def test_what_changes_something_needs_the_csrf_token(house: House, method: str, path: str) -> None:
    answer = house.call(method, path, "admin", RULES[method, path].body, csrf=False)
    assert (answer.status_code, code_of(answer)) == (403, "CsrfTokenMissing")
