"""People of a provider on either database, also two at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from review_desk_fixtures import PASSWORD, SCOPE, Desk

from review_desk.engine import identities
from review_desk.engine.errors import InUseError, InvalidError
from review_desk.engine.identities import GroupRules, Identity, ProviderSignIn, SignInRefusedError
from review_desk.engine.roles import Role
from review_desk.engine.workers import WorkerChange

ANN = Identity("https://login.example.com", "1234", "ann", frozenset(["reviewers"]))


@pytest.fixture
def door(desk: Desk) -> ProviderSignIn:
    rules = GroupRules(SCOPE, {"staff": ("reviewers",)}, lead_group="leads")
    return ProviderSignIn(desk.service.database, desk.clock, desk.service.sessions, rules)


def test_a_person_comes_goes_and_comes_back(desk: Desk, door: ProviderSignIn) -> None:
    token, session = door.sign_in(ANN, "192.0.2.1")
    assert desk.service.sessions.find(token) == session
    with pytest.raises(SignInRefusedError, match="none of your groups"):
        door.sign_in(Identity(ANN.issuer, ANN.subject, "ann", frozenset()), "192.0.2.1")
    assert desk.service.sessions.find(token) is None
    _, session = door.sign_in(
        Identity(ANN.issuer, ANN.subject, "x", frozenset(["staff", "leads"])), "192.0.2.1"
    )
    assert (session.username, session.role) == ("ann", Role.LEAD)


def test_one_subject_of_two_issuers_is_two_people(desk: Desk, door: ProviderSignIn) -> None:
    door.sign_in(ANN, "192.0.2.1")
    door.sign_in(Identity("https://other.example.com", "1234", "bob", ANN.groups), "192.0.2.1")
    assert desk.worker_id("ann") != desk.worker_id("bob")
    with pytest.raises(SignInRefusedError, match="belongs to somebody else"):
        door.sign_in(Identity("https://other.example.com", "5678", "ann", ANN.groups), "192.0.2.1")


def test_two_windows_at_once_make_one_worker(desk: Desk, door: ProviderSignIn) -> None:
    def enter(_: int) -> Any:
        try:
            return door.sign_in(ANN, "192.0.2.1")[1].worker_id
        except SignInRefusedError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(enter, range(8)))
    assert [worker.username for worker in desk.service.workers.all(SCOPE)] == ["ann"]
    assert seen <= {desk.worker_id("ann"), "You signed in twice at the same moment. Sign in once more."}


def test_a_worker_whom_another_window_made_meanwhile_comes_in(
    desk: Desk, door: ProviderSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.sign_in(ANN, "192.0.2.1")
    known, asked = identities._known, []

    def not_there_at_first(connection: Any, identity: Identity) -> Any:
        asked.append(identity)
        return known(connection, identity) if len(asked) > 1 else None

    monkeypatch.setattr(identities, "_known", not_there_at_first)
    assert door.sign_in(ANN, "192.0.2.1")[1].worker_id == desk.worker_id("ann")


def test_an_account_is_handed_over_once(desk: Desk, door: ProviderSignIn) -> None:
    desk.worker("ann")
    desk.worker("bob")
    workers = desk.service.workers
    workers.link("ann", ANN.issuer, ANN.subject)
    with pytest.raises(InUseError, match="signs in as 'ann' already"):
        workers.link("bob", ANN.issuer, ANN.subject)
    with pytest.raises(InvalidError, match="has no password"):
        workers.change(SCOPE, "ann", WorkerChange(password=PASSWORD))
    assert workers.get(SCOPE, "ann").issuer == ANN.issuer
    assert door.sign_in(ANN, "192.0.2.1")[1].worker_id == desk.worker_id("ann")


def test_two_admins_do_not_demote_each_other(desk: Desk) -> None:
    workers = desk.service.workers
    for _ in range(5):
        for name in ("first", "second"):
            desk.worker(name)
            workers.change(SCOPE, name, WorkerChange(role=Role.ADMIN))

        def demote(name: str) -> bool:
            try:
                workers.change(SCOPE, name, WorkerChange(role=Role.WORKER), keep_an_admin=True)
            except InvalidError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(demote, ("first", "second"))) == [False, True]
