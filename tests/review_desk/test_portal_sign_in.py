"""Signing in over HTTP: cookies, sessions, what keeps them alive, floods of wrong passwords, proxies."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from portal_house import House
from review_desk_fixtures import PASSWORD, SCOPE, Desk
from support import ReviewDesk

from review_desk.app import create_app
from review_desk.engine.sign_in import SignInError
from review_desk.engine.workers import WorkerChange
from review_desk.portal.sign_in import CHECKED_AT_ONCE, WAITING

LOGIN = "/portal/api/login"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def enter(http: httpx.Client | TestClient, name: str = "worker", password: str = PASSWORD) -> httpx.Response:
    return http.post(LOGIN, json={"username": name, "password": password})


def set_cookies(answer: httpx.Response) -> dict[str, str]:
    return {value.split("=", 1)[0]: value for value in answer.headers.get_list("set-cookie")}


@pytest.mark.parametrize(
    ("public_url", "secure"), [("http://127.0.0.1:8700", False), ("https://desk.example", True)]
)
def test_no_script_and_no_other_site_gets_the_session(tmp_path: Path, public_url: str, secure: bool) -> None:
    desk = Desk(tmp_path, public_url=public_url)
    desk.worker("worker")
    cookies = set_cookies(enter(TestClient(create_app(desk.service))))
    assert cookies.keys() == {"review_desk_session", "review_desk_browser"}
    for cookie in cookies.values():
        parts = cookie.lower().split("; ")
        assert "httponly" in parts
        assert "samesite=strict" in parts
        assert ("secure" in parts) is secure
    assert "Path=/portal" in cookies["review_desk_session"].split("; ")
    assert "Max-Age=43200" in cookies["review_desk_session"].split("; ")
    assert f"Path={LOGIN}" in cookies["review_desk_browser"].split("; ")


def test_a_session_of_a_strangers_choice_is_not_taken_over(house: House) -> None:
    house.http.cookies.set("review_desk_session", "chosen", domain="testserver.local", path="/portal")
    answer = enter(house.http)
    token = house.http.cookies.get("review_desk_session", domain="testserver.local")
    assert "chosen" not in set_cookies(answer)["review_desk_session"]
    assert house.desk.service.sessions.find("chosen") is None
    again = enter(house.http)
    assert again.json()["csrf_token"] != answer.json()["csrf_token"]
    assert house.desk.service.sessions.find(token or "") is None


def test_signing_out_ends_the_session_on_the_server(house: House) -> None:
    csrf_token = enter(house.http).json()["csrf_token"]
    token = house.http.cookies["review_desk_session"]
    assert house.http.post("/portal/api/logout", headers={"X-CSRF-Token": csrf_token}).status_code == 204
    assert "review_desk_session" not in house.http.cookies
    house.http.cookies.set("review_desk_session", token)
    assert house.http.get("/portal/api/session").status_code == 401


def test_another_password_ends_the_sessions(house: House) -> None:
    enter(house.http)
    assert house.http.get("/portal/api/session").status_code == 200
    house.desk.service.workers.change(SCOPE, "worker", WorkerChange(password="another one"))
    assert house.http.get("/portal/api/session").status_code == 401


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(house: House) -> None:
    headers = {"X-CSRF-Token": enter(house.http).json()["csrf_token"]}
    house.desk.start(house.flow, "loop")
    task = house.http.post("/portal/api/tasks/claim", json={}, headers=headers).json()["id"]
    clock = house.desk.clock
    clock.advance(119 * 60)
    assert house.http.get("/portal/api/queue").status_code == 200
    assert house.http.post(f"/portal/api/tasks/{task}/heartbeat", headers=headers).status_code == 409
    clock.advance(60)
    assert house.http.get("/portal/api/queue").status_code == 401


def test_whoever_does_something_stays_signed_in(house: House) -> None:
    headers = {"X-CSRF-Token": enter(house.http).json()["csrf_token"]}
    for _ in range(4):
        house.desk.clock.advance(119 * 60)
        assert house.http.post("/portal/api/tasks/claim", json={}, headers=headers).status_code == 204


def test_strangers_keep_nobody_out_of_a_browser_they_have_signed_in_with(house: House) -> None:
    enter(house.http)
    stranger = TestClient(house.http.app)
    for _ in range(10):
        assert enter(stranger, password="guess").status_code == 401
    assert enter(stranger).status_code == 429
    assert enter(house.http).status_code == 200
    # The cookie stands for one worker only, and a forged one for nobody.
    assert enter(house.http, "lead", "guess").status_code == 401
    stranger.cookies.set("review_desk_browser", "forged", path=LOGIN)
    assert enter(stranger).status_code == 429


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (json.dumps({"username": "worker", "password": PASSWORD}), "text/plain"),
        (json.dumps({"username": "worker", "password": PASSWORD}), "application/x-www-form-urlencoded"),
        (json.dumps({"username": "wor\x00ker", "password": PASSWORD}), "application/json"),
        (json.dumps({"username": "w" * 129, "password": PASSWORD}), "application/json"),
        ('{"username": "\\ud800", "password": "x"}', "application/json"),
    ],
)
def test_other_bodies_sign_nobody_in(house: House, content: str, media_type: str) -> None:
    answer = house.http.post(LOGIN, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 400
    assert not set_cookies(answer)


async def test_a_flood_of_wrong_passwords_stops_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the whole thread pool holds, and more: other requests are answered meanwhile."""
    go_on = threading.Event()
    checked: Counter[str] = Counter()

    def check(*_: Any) -> Any:
        checked["begun"] += 1
        assert go_on.wait(30)
        raise SignInError("wrong")

    monkeypatch.setattr(house.desk.service.password_sign_in, "sign_in", check)
    transport = httpx.ASGITransport(create_app(house.desk.service))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as http:
        wrong = {"username": "worker", "password": "wrong"}
        flood = [asyncio.create_task(http.post(LOGIN, json=wrong)) for _ in range(100)]
        try:
            refused = 100 - CHECKED_AT_ONCE - WAITING
            for _, attempt in zip(range(refused), asyncio.as_completed(flood, timeout=20), strict=False):
                assert (await attempt).status_code == 429
            assert checked["begun"] <= CHECKED_AT_ONCE
            other = await asyncio.wait_for(http.get("/portal/api/sign-in-methods"), 10)
            assert other.status_code == 200
        finally:
            go_on.set()
        answers = [await attempt for attempt in flood]
    assert Counter(answer.status_code for answer in answers) == {
        401: CHECKED_AT_ONCE + WAITING,
        429: 100 - CHECKED_AT_ONCE - WAITING,
    }
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert busy.json()["error"]["code"] == "Busy"
    assert busy.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("trusted", "sent", "client"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        # What the client itself claims stands to the left of what the proxy saw.
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1,10.0.0.0/8", "203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("192.0.2.1", "203.0.113.7", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_client_is_the_one_that_a_trusted_proxy_names(
    tmp_path: Path, prepared_review_desk: ReviewDesk, trusted: str, sent: str, client: str
) -> None:
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    desk = ReviewDesk(tmp_path, "", settings={"FORWARDED_ALLOW_IPS": trusted})
    desk.start()
    try:
        body = {"username": "worker-1", "password": "wrong"}
        httpx.post(f"{desk.url}{LOGIN}", json=body, headers={"X-Forwarded-For": sent})
    finally:
        desk.stop()
    [line] = [json.loads(line) for line in desk.command("audit", "list", "--limit", "1").splitlines()]
    assert (line["Action"], line["Client"]) == ("SignInFailed", client)
