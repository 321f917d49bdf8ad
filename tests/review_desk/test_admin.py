"""What admins do over the portal's JSON API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from portal_house import House


class Admin:
    """The admin of a house, signed in."""

    def __init__(self, house: House) -> None:
        self.desk = house.desk
        self.http = house.http
        token, csrf_token = house.sign_in("admin")
        self.http.cookies.set("review_desk_session", token)
        self.http.headers["X-CSRF-Token"] = csrf_token

    def change(self, name: str, **change: Any) -> httpx.Response:
        return self.http.patch(f"/portal/api/workers/{name}", json=change)

    def worker(self, name: str) -> dict[str, Any]:
        listed = self.http.get("/portal/api/workers").json()["workers"]
        found: dict[str, Any] = next(worker for worker in listed if worker["username"] == name)
        return found


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    house = House(tmp_path)
    yield Admin(house)
    house.close()


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_a_worker_is_made_and_changed(admin: Admin) -> None:
    new = {"username": "new", "password": "long enough", "teams": ["others"], "role": "lead"}
    made = admin.http.post("/portal/api/workers", json=new)
    assert made.status_code == 201
    assert made.json() == admin.worker("new")
    assert made.json() == {
        "username": "new",
        "role": "lead",
        "teams": [{"name": "others", "source": "local"}],
        "disabled": False,
        "created_at": "2026-01-01T12:00:00.000Z",
        "signs_in_with": "password",
        "email": None,
    }
    changed = admin.change("new", role="worker", teams=["reviewers"], disabled=True).json()
    assert (changed["role"], changed["teams"], changed["disabled"]) == (
        "worker",
        [{"name": "reviewers", "source": "local"}],
        True,
    )
    assert error_of(admin.http.post("/portal/api/workers", json=new))[:2] == (409, "InUse")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"username": "new", "password": "short"}, 400, "at least 8 characters"),
        ({"username": " new", "password": "long enough"}, 400, "no blanks at its ends"),
        ({"username": "new", "password": "long enough", "teams": ["none"]}, 404, "no work team 'none'"),
        ({"username": "new", "password": "long enough", "role": "boss"}, 400, "role: Input should be"),
        ({"username": "new", "password": "long enough", "lead": True}, 400, "lead: Extra inputs"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(admin: Admin, body: Any, status: int, words: str) -> None:
    answer = admin.http.post("/portal/api/workers", json=body)
    assert error_of(answer)[0] == status
    assert words in error_of(answer)[2]
    assert len(admin.http.get("/portal/api/workers").json()["workers"]) == 4


def test_an_unknown_worker_is_not_changed(admin: Admin) -> None:
    assert error_of(admin.change("nobody", role="lead")) == (404, "NotFound", "There is no worker 'nobody'.")


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "lead"}])
def test_the_last_admin_cannot_lock_everybody_out(admin: Admin, change: dict[str, Any]) -> None:
    status, code, message = error_of(admin.change("admin", **change))
    assert (status, code) == (400, "Invalid")
    assert "'admin' is the last admin" in message
    assert admin.change("lead", role="admin").status_code == 200
    assert admin.change("admin", **change).status_code == 200
    assert admin.http.get("/portal/api/workers").status_code in (401, 403)


def test_the_audit_log_is_read_page_by_page(admin: Admin) -> None:
    for role in ("lead", "worker", "lead"):
        admin.change("worker", role=role)
    page = admin.http.get("/portal/api/audit", params={"action": "SetWorkerRole", "limit": 2}).json()
    assert [event["detail"]["to"] for event in page["events"]] == ["lead", "worker"]
    assert page["events"][0] == {
        "id": page["events"][0]["id"],
        "at": "2026-01-01T12:00:00.000Z",
        "actor_kind": "worker",
        "actor": "admin",
        "client": "testclient",
        "action": "SetWorkerRole",
        "resource_kind": "worker",
        "resource": "worker",
        "detail": {"from": "worker", "to": "lead"},
    }
    following = {"action": "SetWorkerRole", "limit": 2, "before": page["before"]}
    page = admin.http.get("/portal/api/audit", params=following).json()
    assert ([event["detail"]["to"] for event in page["events"]], page["before"]) == (["lead"], None)
    since = {"since": "2026-01-01T12:00:01Z"}
    assert admin.http.get("/portal/api/audit", params=since).json()["events"] == []
    assert error_of(admin.http.get("/portal/api/audit", params={"since": "yesterday"}))[0] == 400


def test_a_worker_gets_an_address_and_loses_it(admin: Admin) -> None:
    assert admin.change("worker", email="ann@example.com").json()["email"] == "ann@example.com"
    assert admin.change("worker", disabled=False).json()["email"] == "ann@example.com"
    assert admin.change("worker", email="").json()["email"] is None
    lines = admin.http.get("/portal/api/audit?action=SetWorkerEmail").json()["events"]
    assert [(line["actor"], line["resource"], line["detail"]) for line in lines] == [
        ("admin", "worker", {"removed": True}),
        ("admin", "worker", None),
    ]


@pytest.mark.parametrize(
    "email", ["ann", "ann@", "a b@example.com", "ann@example.com\r\nBcc: x", "ä@example.com"]
)
def test_what_is_no_address_is_refused_in_one_sentence(admin: Admin, email: str) -> None:
    answer = admin.change("worker", email=email, role="lead")
    assert error_of(answer) == (
        400,
        "Invalid",
        "This is no e-mail address in ASCII with at most 254 characters.",
    )
    assert (admin.worker("worker")["email"], admin.worker("worker")["role"]) == (None, "worker")
