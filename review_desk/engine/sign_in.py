"""Signing in with a password, changing one's own, and what slows guessing down.

Failures are counted for 15 minutes in three ways: of one user name from one address (10), of one user name from all
addresses (100, against many machines that guess one password), of one address for all user names (100, against one
machine that guesses many). A browser in which this worker has signed in before is counted by itself (10) and not in
those three, so strangers cannot keep anybody out of their own browser.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from review_desk.engine.audit import Actor, ActorKind, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import EngineError, InvalidError
from review_desk.engine.passwords import NO_PASSWORD, Passwords
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session, SessionStore, end_other_sessions
from review_desk.engine.tables import sign_in_failure, worker

FAILURE_WINDOW = timedelta(minutes=15)
FAILURES_OF_ONE_FROM_ONE = 10
FAILURES_OF_ONE_NAME = 100
FAILURES_FROM_ONE_ADDRESS = 100


class SignInError(EngineError):
    """User name or password is wrong."""


class SignInThrottledError(EngineError):
    """Too many failures; wait."""


@dataclass(frozen=True)
class Attempt:
    """Who wants to sign in, and from where.

    :param client: the client's address.
    :param browser: id of a browser in which this user has signed in before, if it is one.
    :param previous_token: token of the session that the browser has now, which ends with the sign-in.
    """

    username: str
    client: str
    browser: str | None = None
    previous_token: str | None = None


@dataclass(frozen=True)
class _Limit:
    """One way in which a failure is counted.

    :param allowed: failures within the window before nothing more is tried.
    """

    kind: str
    subject: str
    allowed: int


class PasswordSignIn:
    """Checks passwords and opens sessions."""

    def __init__(
        self, database: Database, clock: Clock, sessions: SessionStore, passwords: Passwords
    ) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._passwords = passwords

    def sign_in(self, attempt: Attempt, password: str) -> tuple[str, Session]:
        """Check a password and open a session; return its token and the session.

        :raises SignInError: no such worker, disabled, or wrong password (deliberately the same message).
        :raises SignInThrottledError: too many failures in 15 minutes.
        """
        limits = _limits(attempt)
        failures = self._failures(limits)
        row = self._worker(attempt.username)
        right = self._passwords.match(row.password_hash if row else None, password)
        if row is None or not right or row.disabled_at is not None:
            self._note_failure(attempt, row, right, limits, failures)
            raise SignInError("The user name or the password is wrong.")
        now = self._clock.now()
        with self._database.write() as connection:
            connection.execute(delete(sign_in_failure).where(sign_in_failure.c.subject == limits[0].subject))
            opened = self._sessions.open(
                connection, row.id, row.username, Role(row.role), attempt.previous_token
            )
            who = Actor(ActorKind.WORKER, row.username, attempt.client)
            record(connection, now, "SignIn", "worker", row.username, {"by": "password"}, actor=who)
        return opened

    def change_password(self, username: str, client: str, current: str, new: str, token: str) -> None:
        """Give a worker who is signed in another password; their other sessions end.

        A wrong password counts as a failed sign-in does, so that a browser left open is no way to guess it.

        :param client: the client's address.
        :param token: of the session that stays.
        :raises InvalidError: the current password is wrong, the new one is not acceptable, or there is none.
        :raises SignInThrottledError: too many failures in 15 minutes.
        """
        attempt = Attempt(username, client)
        limits = _limits(attempt)
        failures = self._failures(limits)
        row = self._worker(username)
        if row is None or row.password_hash == NO_PASSWORD:
            raise InvalidError("You have no password here: change it where you sign in.")
        if not self._passwords.match(row.password_hash, current):
            who = Actor(ActorKind.WORKER, username, client)
            self._note_failure(attempt, row, False, limits, failures, action="ChangePasswordFailed", who=who)
            raise InvalidError("The current password is wrong.")
        if new == current:
            raise InvalidError("The new password is the current one: choose another.")
        password_hash = self._passwords.hashed(new)
        with self._database.write() as connection:
            changed = connection.execute(
                update(worker)
                .where(worker.c.id == row.id, worker.c.password_hash == row.password_hash)
                .values(password_hash=password_hash)
            )
            if not changed.rowcount:
                raise InvalidError("The password was changed by somebody else just now: sign in again.")
            connection.execute(delete(sign_in_failure).where(sign_in_failure.c.subject == limits[0].subject))
            end_other_sessions(connection, row.id, token)
            record(connection, self._clock.now(), "SetWorkerPassword", "worker", username)

    def _worker(self, username: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(select(worker).where(worker.c.username == username)).one_or_none()

    def _failures(self, limits: list[_Limit]) -> Counter[str]:
        """Count the failures so far.

        :raises SignInThrottledError: there are too many to try anything.
        """
        counted = sign_in_failure.c
        subjects = [limit.subject for limit in limits]
        since = self._clock.now() - FAILURE_WINDOW
        with self._database.read() as connection:
            rows = connection.execute(
                select(counted.subject).where(counted.subject.in_(subjects), counted.at > since)
            ).scalars()
            failures = Counter(rows)
        if any(failures[limit.subject] >= limit.allowed for limit in limits):
            raise SignInThrottledError("Too many failed sign-ins. Wait 15 minutes, then try again.")
        return failures

    def _note_failure(
        self,
        attempt: Attempt,
        row: Row[Any] | None,
        right: bool,
        limits: list[_Limit],
        failures: Counter[str],
        *,
        action: str = "SignInFailed",
        who: Actor | None = None,
    ) -> None:
        now = self._clock.now()
        who = who or Actor(ActorKind.NOBODY, client=attempt.client)
        # An unknown name is not written down: people type passwords into the wrong field.
        name = row.username if row else ""
        reason = _reason(row, right)
        with self._database.write() as connection:
            connection.execute(delete(sign_in_failure).where(sign_in_failure.c.at <= now - FAILURE_WINDOW))
            connection.execute(
                insert(sign_in_failure), [{"subject": limit.subject, "at": now} for limit in limits]
            )
            record(connection, now, action, "worker", name, {"reason": reason}, actor=who)
            for limit in limits:
                # Once, at the limit: what is refused after it would only fill the log.
                if failures[limit.subject] + 1 == limit.allowed:
                    detail = {"limit": limit.kind}
                    record(connection, now, "SignInThrottled", "worker", name, detail, actor=who)


def _limits(attempt: Attempt) -> list[_Limit]:
    """How a failure of this attempt is counted; the first is this person's own."""
    name = attempt.username
    if attempt.browser:
        return [_limit("browser", FAILURES_OF_ONE_FROM_ONE, name, attempt.browser)]
    address = _network(attempt.client)
    return [
        _limit("name and address", FAILURES_OF_ONE_FROM_ONE, name, address),
        _limit("name", FAILURES_OF_ONE_NAME, name),
        _limit("address", FAILURES_FROM_ONE_ADDRESS, address),
    ]


def _limit(kind: str, allowed: int, *parts: str) -> _Limit:
    return _Limit(kind, hashlib.sha256("\0".join((kind, *parts)).encode()).hexdigest(), allowed)


def _network(client: str) -> str:
    """An address as it is counted: whoever has one IPv6 address has its whole /64."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def _reason(row: Row[Any] | None, right: bool) -> str:
    if row is None:
        return "unknown user name"
    return "disabled" if right else "wrong password"
