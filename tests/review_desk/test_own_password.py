"""Workers change their own password: with the current one, and their other sessions end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from portal_house import House
from review_desk_fixtures import PASSWORD, Desk
from sqlalchemy import update

from review_desk.engine.passwords import NO_PASSWORD
from review_desk.engine.sign_in import FAILURES_OF_ONE_FROM_ONE
from review_desk.engine.tables import worker

NEW = "another long password"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


class Browser:
    """A browser in which the worker has signed in."""

    def __init__(self, house: House, password: str = PASSWORD) -> None:
        self.http = type(house.http)(house.http.app)
        self.signed_in = self.http.post(
            "/portal/api/login", json={"username": "worker", "password": password}
        )
        if self.signed_in.is_success:
            self.http.headers["X-CSRF-Token"] = self.signed_in.json()["csrf_token"]

    def change(self, current: str = PASSWORD, new: str = NEW) -> httpx.Response:
        return self.http.put("/portal/api/password", json={"current": current, "new": new})

    @property
    def is_in(self) -> bool:
        return self.http.get("/portal/api/session").status_code == 200


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


def audited(desk: Desk) -> list[tuple[str, str, str, Any]]:
    return [
        (event.action, event.actor.name, event.resource, event.detail)
        for event in desk.service.audit.events(limit=5)
    ]


def test_it_is_changed_and_other_sessions_end(house: House) -> None:
    here, elsewhere = Browser(house), Browser(house)
    assert here.is_in
    assert elsewhere.is_in
    assert here.change().status_code == 204
    assert audited(house.desk)[0] == ("SetWorkerPassword", "worker", "worker", None)
    assert NEW not in str(audited(house.desk))
    assert here.is_in
    assert not elsewhere.is_in
    assert Browser(house).signed_in.status_code == 401
    assert Browser(house, NEW).is_in


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("wrong password", NEW, "The current password is wrong."),
        (PASSWORD, PASSWORD, "The new password is the current one: choose another."),
        (PASSWORD, "short", "The password is too short: at least 8 characters."),
    ],
)
def test_what_is_refused_changes_nothing(house: House, current: str, new: str, words: str) -> None:
    here, elsewhere = Browser(house), Browser(house)
    assert refusal(here.change(current, new)) == (400, words)
    assert here.is_in
    assert elsewhere.is_in
    assert Browser(house).is_in


def test_guessing_is_slowed_down_and_written_down(house: House) -> None:
    here = Browser(house)
    for _ in range(FAILURES_OF_ONE_FROM_ONE):
        assert here.change("wrong password").status_code == 400
    assert ("ChangePasswordFailed", "worker", "worker", {"reason": "wrong password"}) in audited(house.desk)
    assert here.change().status_code == 429
    assert here.is_in
    house.desk.clock.advance(15 * 60 + 1)
    assert here.change().status_code == 204


def test_who_signs_in_elsewhere_has_none_to_change(house: House) -> None:
    here = Browser(house)
    with house.desk.service.database.write() as connection:
        connection.execute(
            update(worker).where(worker.c.username == "worker").values(password_hash=NO_PASSWORD)
        )
    assert refusal(here.change()) == (
        400,
        "You have no password here: change it where you sign in.",
    )


def test_a_password_that_was_changed_meanwhile_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Browser(house)
    sign_in = house.desk.service.password_sign_in
    hashed = sign_in._passwords.hashed

    def slowly(password: str) -> str:
        with house.desk.service.database.write() as connection:
            connection.execute(
                update(worker)
                .where(worker.c.username == "worker")
                .values(password_hash=hashed("by an admin"))
            )
        return hashed(password)

    monkeypatch.setattr(sign_in._passwords, "hashed", slowly)
    status, words = refusal(here.change())
    assert (status, "by somebody else" in words) == (400, True)
    assert Browser(house, "by an admin").is_in
