"""Signing in with a password: what slows guessing down, when a session ends, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from review_desk_fixtures import PASSWORD, SCOPE, Desk

from review_desk.engine.errors import InUseError, InvalidError, NotFoundError
from review_desk.engine.passwords import Passwords
from review_desk.engine.roles import Role
from review_desk.engine.sessions import SessionStore
from review_desk.engine.sign_in import Attempt, PasswordSignIn, SignInError, SignInThrottledError
from review_desk.engine.workers import WorkerChange, WorkerStore


class Door:
    """Workers, sessions and sign-ins with a hash that takes no time."""

    def __init__(self, desk: Desk, idle: timedelta | None = timedelta(hours=2)) -> None:
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        database = desk.service.database
        self.audit = desk.service.audit
        self.clock = desk.clock
        self.workers = WorkerStore(database, desk.clock, passwords)
        self.sessions = SessionStore(database, desk.clock, idle)
        self.sign_ins = PasswordSignIn(database, desk.clock, self.sessions, passwords)

    def add(self, *names: str, role: Role = Role.WORKER) -> None:
        for name in names:
            self.workers.create(SCOPE, name, PASSWORD, ["reviewers"], role)

    def enter(
        self,
        name: str = "ann",
        client: str = "192.0.2.1",
        password: str = PASSWORD,
        browser: str | None = None,
        previous: str | None = None,
    ) -> str:
        return self.sign_ins.sign_in(Attempt(name, client, browser, previous), password)[0]

    def guess(
        self, name: str = "ann", client: str = "192.0.2.1", browser: str | None = None
    ) -> type[Exception]:
        with pytest.raises((SignInError, SignInThrottledError)) as raised:
            self.enter(name, client, "guess", browser)
        return raised.type

    def guesses(self, count: int, of: Callable[[int], tuple[str, str]]) -> list[type[Exception]]:
        return [self.guess(*of(number)) for number in range(count)]

    def actions(self) -> list[str]:
        return [event.action for event in self.audit.events()]


@pytest.fixture
def door(desk: Desk) -> Door:
    door = Door(desk)
    door.add("ann", "bob")
    return door


def test_one_address_may_try_ten_passwords_of_one_worker(door: Door) -> None:
    assert door.guesses(11, lambda _: ("ann", "192.0.2.1")) == [SignInError] * 10 + [SignInThrottledError]
    with pytest.raises(SignInThrottledError, match="Wait 15 minutes"):
        door.enter("ann")
    assert door.enter("ann", "192.0.2.2")
    assert door.enter("bob")
    door.clock.advance(15 * 60)
    assert door.enter("ann")


def test_many_addresses_may_try_a_hundred_passwords_of_one_worker(door: Door) -> None:
    seen = door.guesses(101, lambda number: ("ann", f"198.51.100.{number}"))
    assert seen == [SignInError] * 100 + [SignInThrottledError]
    assert door.enter("bob", "198.51.100.1")
    with pytest.raises(SignInThrottledError):
        door.enter("ann")


def test_one_address_may_try_a_hundred_passwords_of_many_workers(door: Door) -> None:
    seen = door.guesses(101, lambda number: (f"worker-{number}", "192.0.2.1"))
    assert seen == [SignInError] * 100 + [SignInThrottledError]
    assert door.enter("ann", "192.0.2.2")
    with pytest.raises(SignInThrottledError):
        door.enter("ann", "192.0.2.1")


def test_an_ipv6_address_is_counted_with_its_neighbours(door: Door) -> None:
    door.guesses(10, lambda number: ("ann", f"2001:db8::{number + 1:x}"))
    assert door.guess("ann", "2001:db8::ffff") is SignInThrottledError
    assert door.guess("ann", "2001:db8:0:1::1") is SignInError
    door.guesses(10, lambda _: ("bob", "::ffff:192.0.2.1"))
    assert door.guess("bob", "192.0.2.1") is SignInThrottledError
    assert door.guess("bob", "::ffff:192.0.2.2") is SignInError


def test_strangers_keep_nobody_out_of_their_own_browser(door: Door) -> None:
    door.guesses(100, lambda number: ("ann", f"198.51.100.{number}"))
    door.guesses(100, lambda number: (f"worker-{number}", "192.0.2.1"))
    assert door.guess("ann") is SignInThrottledError
    assert door.enter("ann", browser="hers")
    assert [door.guess("ann", browser="hers") for _ in range(11)] == [SignInError] * 10 + [
        SignInThrottledError
    ]


def test_the_right_password_clears_ones_own_failures(door: Door) -> None:
    for _ in range(3):
        door.guesses(9, lambda _: ("ann", "192.0.2.1"))
        assert door.enter("ann")


def test_failures_are_written_down_without_what_was_typed(door: Door) -> None:
    door.guess("ann")
    door.guess("hunter2-typed-as-a-name")
    door.workers.change(SCOPE, "bob", WorkerChange(disabled=True))
    with pytest.raises(SignInError, match="The user name or the password is wrong"):
        door.enter("bob")
    failed = door.audit.events(action="SignInFailed")
    assert [(event.resource, event.detail, event.actor.client) for event in failed] == [
        ("bob", {"reason": "disabled"}, "192.0.2.1"),
        ("", {"reason": "unknown user name"}, "192.0.2.1"),
        ("ann", {"reason": "wrong password"}, "192.0.2.1"),
    ]
    door.guesses(30, lambda _: ("ann", "192.0.2.1"))
    assert [event.detail for event in door.audit.events(action="SignInThrottled")] == [
        {"limit": "name and address"}
    ]


def test_a_sign_in_ends_the_session_that_the_browser_had(door: Door) -> None:
    first = door.enter("ann")
    elsewhere = door.enter("ann")
    second = door.enter("bob", previous=first)
    assert door.sessions.find(first) is None
    assert door.sessions.find(elsewhere)
    session = door.sessions.find(second)
    assert session is not None
    assert session.username == "bob"


def test_a_session_ends_after_twelve_hours_however_busy(desk: Desk) -> None:
    door = Door(desk)
    door.add("ann")
    token = door.enter("ann")
    for _ in range(12):
        assert door.sessions.find(token)
        door.clock.advance(3600)
        door.sessions.note_activity(token)
    assert door.sessions.find(token) is None


@pytest.mark.parametrize(("idle", "ends"), [(timedelta(hours=2), True), (None, False)])
def test_a_session_ends_when_nothing_is_done_in_it(desk: Desk, idle: timedelta | None, ends: bool) -> None:
    door = Door(desk, idle)
    door.add("ann")
    token = door.enter("ann")
    door.clock.advance(3600)
    door.sessions.note_activity(token)
    door.clock.advance(2 * 3600 - 1)
    assert door.sessions.find(token)
    door.clock.advance(1)
    assert (door.sessions.find(token) is None) is ends


def test_activity_is_written_once_a_minute(door: Door) -> None:
    session = door.sessions.find(door.enter("ann"))
    assert session is not None
    door.clock.advance(59)
    assert not door.sessions.is_activity_due(session)
    door.clock.advance(1)
    assert door.sessions.is_activity_due(session)


@pytest.mark.parametrize("change", [WorkerChange(disabled=True), WorkerChange(password="another one")])
def test_who_is_disabled_or_gets_another_password_is_signed_out(door: Door, change: WorkerChange) -> None:
    tokens = [door.enter("ann"), door.enter("ann")]
    other = door.enter("bob")
    door.workers.change(SCOPE, "ann", change)
    assert [door.sessions.find(token) for token in tokens] == [None, None]
    assert door.sessions.find(other)
    with pytest.raises(SignInError):
        door.enter("ann")
    door.workers.change(SCOPE, "ann", WorkerChange(disabled=False, password="yet another"))
    assert door.enter("ann", password="yet another")


def test_a_role_counts_at_once(door: Door) -> None:
    token = door.enter("ann")
    door.workers.change(SCOPE, "ann", WorkerChange(role=Role.LEAD))
    session = door.sessions.find(token)
    assert session is not None
    assert session.role is Role.LEAD


@pytest.mark.parametrize("change", [WorkerChange(disabled=True), WorkerChange(role=Role.LEAD)])
def test_the_last_admin_stays(door: Door, change: WorkerChange) -> None:
    door.add("first", "second", role=Role.ADMIN)
    door.workers.change(SCOPE, "first", change, keep_an_admin=True)
    with pytest.raises(InvalidError, match="'second' is the last admin"):
        door.workers.change(SCOPE, "second", change, keep_an_admin=True)
    door.workers.change(SCOPE, "ann", change, keep_an_admin=True)
    door.workers.change(SCOPE, "second", change)


def test_a_change_of_a_worker_is_whole_or_not_at_all(door: Door) -> None:
    with pytest.raises(NotFoundError, match="no work team 'none'"):
        door.workers.change(SCOPE, "ann", WorkerChange(role=Role.LEAD, disabled=True, teams=["none"]))
    ann = door.workers.get(SCOPE, "ann")
    assert (ann.role, ann.disabled_at, [member.team for member in ann.teams]) == (
        Role.WORKER,
        None,
        ["reviewers"],
    )
    assert "SetWorkerRole" not in door.actions()


def test_a_change_that_changes_nothing_is_not_written_down(door: Door) -> None:
    before = door.actions()
    door.workers.change(SCOPE, "ann", WorkerChange(role=Role.WORKER, disabled=False, teams=["reviewers"]))
    assert door.actions() == before


@pytest.mark.parametrize("name", ["", " ann", "ann\n", "a" * 129, "tab\there", "nul\x00"])
def test_names_that_cannot_be_told_apart_are_refused(door: Door, name: str) -> None:
    with pytest.raises(InvalidError, match="A user name has"):
        door.add(name)


def test_a_name_is_taken_once(door: Door) -> None:
    with pytest.raises(InUseError, match="a worker 'ann' already"):
        door.add("ann")
