"""Signing in with a password, and what slows guessing down.

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

from sqlalchemy import Row, delete, insert, select

from review_desk.engine.audit import Actor, ActorKind, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import EngineError
from review_desk.engine.passwords import Passwords
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session, SessionStore
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
        if any(failures[limit.subject] >= limit.allowed for limit in limits):
            raise SignInThrottledError("Too many failed sign-ins. Wait 15 minutes, then try again.")
        with self._database.read() as connection:
            row = connection.execute(
                select(worker).where(worker.c.username == attempt.username)
            ).one_or_none()
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

    def _failures(self, limits: list[_Limit]) -> Counter[str]:
        counted = sign_in_failure.c
        subjects = [limit.subject for limit in limits]
        since = self._clock.now() - FAILURE_WINDOW
        with self._database.read() as connection:
            rows = connection.execute(
                select(counted.subject).where(counted.subject.in_(subjects), counted.at > since)
            ).scalars()
            return Counter(rows)

    def _note_failure(
        self,
        attempt: Attempt,
        row: Row[Any] | None,
        right: bool,
        limits: list[_Limit],
        failures: Counter[str],
    ) -> None:
        now = self._clock.now()
        who = Actor(ActorKind.NOBODY, client=attempt.client)
        # An unknown name is not written down: people type passwords into the wrong field.
        name = row.username if row else ""
        reason = _reason(row, right)
        with self._database.write() as connection:
            connection.execute(delete(sign_in_failure).where(sign_in_failure.c.at <= now - FAILURE_WINDOW))
            connection.execute(
                insert(sign_in_failure), [{"subject": limit.subject, "at": now} for limit in limits]
            )
            record(connection, now, "SignInFailed", "worker", name, {"reason": reason}, actor=who)
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
