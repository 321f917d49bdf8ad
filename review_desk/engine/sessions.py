"""Sessions of the portal: who is signed in, and until when."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, or_, select, update

from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.roles import Role
from review_desk.engine.tables import Timestamp, portal_session, worker

SESSION_LIFETIME = timedelta(hours=12)
ACTIVITY_WRITTEN_EVERY = timedelta(minutes=1)
REMEMBERED_FOR = timedelta(seconds=1)
MOST_REMEMBERED = 10_000

BEGINNING = datetime.min.replace(tzinfo=UTC)
IN_FORCE = (
    select(
        worker.c.id,
        worker.c.username,
        worker.c.role,
        portal_session.c.csrf_token,
        portal_session.c.last_active_at,
    )
    .join_from(portal_session, worker)
    .where(
        portal_session.c.token_sha256 == bindparam("token"),
        portal_session.c.expires_at > bindparam("now", type_=Timestamp),
        portal_session.c.last_active_at > bindparam("active_since", type_=Timestamp),
        worker.c.disabled_at.is_(None),
    )
)


@dataclass(frozen=True)
class Session:
    """A signed-in worker."""

    worker_id: int
    username: str
    role: Role
    csrf_token: str
    last_active_at: datetime


@dataclass
class _Changes:
    """How often this process has changed anybody's rights."""

    count: int = 0


_changes = _Changes()


@dataclass(frozen=True)
class _Remembered:
    session: Session
    at: datetime
    changes: int


class SessionStore:
    """The only door to sessions. A session ends 12 hours after the sign-in, and earlier if nothing is done in it.

    :param idle: how long a session may go without anything being done in it; ``None`` for no such limit.
    """

    def __init__(self, database: Database, clock: Clock, idle: timedelta | None) -> None:
        self._database = database
        self._clock = clock
        self._idle = idle
        self._remembered: dict[str, _Remembered] = {}

    def open(
        self, connection: Connection, worker_id: int, username: str, role: Role, previous_token: str | None
    ) -> tuple[str, Session]:
        """Open a session in the transaction of a sign-in; return its token and the session.

        :param previous_token: token of a session that the browser had until now; that one ends.
        """
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        session = Session(worker_id, username, role, secrets.token_urlsafe(24), now)
        ended: list[ColumnElement[bool]] = [portal_session.c.expires_at <= now]
        if self._idle:
            ended.append(portal_session.c.last_active_at <= now - self._idle)
        if previous_token:
            ended.append(portal_session.c.token_sha256 == _digest(previous_token))
        connection.execute(delete(portal_session).where(or_(*ended)))
        forget_remembered()
        connection.execute(
            insert(portal_session).values(
                token_sha256=_digest(token),
                worker_id=worker_id,
                csrf_token=session.csrf_token,
                created_at=now,
                last_active_at=now,
                expires_at=now + SESSION_LIFETIME,
            )
        )
        return token, session

    def remembered(self, token: str) -> Session | None:
        """Return a session that was found a moment ago, without asking the database.

        What this process changes counts at once, what another one changes within a second.
        """
        known = self._remembered.get(_digest(token))
        now = self._clock.now()
        if known and known.changes == _changes.count and known.at <= now < known.at + REMEMBERED_FOR:
            return known.session
        return None

    def find(self, token: str) -> Session | None:
        """Return the session of a token, if it is in force and its worker not disabled."""
        now = self._clock.now()
        digest, changes = _digest(token), _changes.count
        active_since = now - self._idle if self._idle else BEGINNING
        with self._database.read() as connection:
            row = connection.execute(
                IN_FORCE, {"token": digest, "now": now, "active_since": active_since}
            ).one_or_none()
        if row is None:
            return None
        session = Session(row.id, row.username, Role(row.role), row.csrf_token, row.last_active_at)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = _Remembered(session, now, changes)
        return session

    def is_activity_due(self, session: Session) -> bool:
        """Whether :meth:`note_activity` would write anything: it does so once a minute at most."""
        return self._clock.now() - session.last_active_at >= ACTIVITY_WRITTEN_EVERY

    def note_activity(self, token: str) -> None:
        """Remember that something is being done in the session now."""
        with self._database.write() as connection:
            connection.execute(
                update(portal_session)
                .where(portal_session.c.token_sha256 == _digest(token))
                .values(last_active_at=self._clock.now())
            )
        self._remembered.pop(_digest(token), None)

    def end(self, token: str) -> None:
        """Sign out. A session that has ended already stays ended."""
        own = portal_session.c.token_sha256 == _digest(token)
        with self._database.write() as connection:
            username = connection.execute(
                select(worker.c.username).join_from(portal_session, worker).where(own)
            ).scalar_one_or_none()
            if username is None:
                return
            connection.execute(delete(portal_session).where(own))
            forget_remembered()
            record(connection, self._clock.now(), "SignOut", "worker", username)


def end_sessions(connection: Connection, worker_id: int) -> None:
    """End every session of a worker."""
    connection.execute(delete(portal_session).where(portal_session.c.worker_id == worker_id))
    forget_remembered()


def end_other_sessions(connection: Connection, worker_id: int, token: str) -> None:
    """End every session of a worker but the one of this token."""
    connection.execute(
        delete(portal_session).where(
            portal_session.c.worker_id == worker_id, portal_session.c.token_sha256 != _digest(token)
        )
    )
    forget_remembered()


def forget_remembered() -> None:
    """Have every session read anew: somebody's rights have changed."""
    _changes.count += 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
