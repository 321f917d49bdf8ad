"""Who may come in: access keys of the API, workers of the portal, their teams and sessions."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, func, insert, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import EngineError, InvalidError, NotFoundError
from review_desk.engine.named import find
from review_desk.engine.tables import (
    access_key,
    portal_session,
    sign_in_failure,
    worker,
    workteam,
    workteam_member,
)
from review_desk.secrets import SecretBox

SESSION_LIFETIME = timedelta(hours=12)
FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=15)
SHORTEST_PASSWORD = 8


class SignInError(EngineError):
    """User name or password is wrong."""


class SignInThrottledError(EngineError):
    """Too many failures; wait."""


@dataclass(frozen=True)
class Session:
    """A signed-in worker."""

    worker_id: int
    username: str
    lead: bool
    csrf_token: str


@dataclass(frozen=True)
class AccessKey:
    """An access key, without its secret."""

    access_key_id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class AccessStore:
    """The only door to access keys, workers, teams' members and sessions."""

    def __init__(self, database: Database, clock: Clock, secret_box: SecretBox) -> None:
        self._database = database
        self._clock = clock
        self._secret_box = secret_box
        self._hasher = PasswordHasher()
        self._unknown_user_hash = self._hasher.hash(secrets.token_urlsafe())

    def create_access_key(self, name: str) -> tuple[str, str]:
        """Create an access key and return its id and its secret; the secret is shown only now."""
        key_id = "AKRD" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        secret = secrets.token_urlsafe(30)
        with self._database.write() as connection:
            connection.execute(
                insert(access_key).values(
                    access_key_id=key_id,
                    name=name,
                    secret_encrypted=self._secret_box.encrypt(secret),
                    created_at=self._clock.now(),
                )
            )
        return key_id, secret

    def secret_of(self, access_key_id: str) -> str | None:
        """Return the secret of a key that is in force, else ``None``."""
        with self._database.read() as connection:
            row = connection.execute(
                select(access_key.c.secret_encrypted).where(
                    access_key.c.access_key_id == access_key_id, access_key.c.revoked_at.is_(None)
                )
            ).one_or_none()
        return self._secret_box.decrypt(row.secret_encrypted) if row else None

    def access_keys(self) -> list[AccessKey]:
        """Return every access key, oldest first, without its secret."""
        with self._database.read() as connection:
            rows = connection.execute(select(access_key).order_by(access_key.c.created_at)).all()
        return [AccessKey(row.access_key_id, row.name, row.created_at, row.revoked_at) for row in rows]

    def revoke_access_key(self, access_key_id: str) -> None:
        """Refuse a key from now on. Revoking it again changes nothing.

        :raises NotFoundError: no such key.
        """
        with self._database.write() as connection:
            known = connection.execute(
                select(access_key.c.access_key_id).where(access_key.c.access_key_id == access_key_id)
            ).one_or_none()
            if known is None:
                raise NotFoundError(f"There is no access key {access_key_id!r}.")
            connection.execute(
                update(access_key)
                .where(access_key.c.access_key_id == access_key_id, access_key.c.revoked_at.is_(None))
                .values(revoked_at=self._clock.now())
            )

    def disable_worker(self, username: str) -> None:
        """Bar a worker from the portal at once; what they did stays, and what they hold runs out.

        :raises NotFoundError: no such worker.
        """
        with self._database.write() as connection:
            worker_id = _worker_id(connection, username)
            connection.execute(
                update(worker)
                .where(worker.c.id == worker_id, worker.c.disabled_at.is_(None))
                .values(disabled_at=self._clock.now())
            )
            connection.execute(delete(portal_session).where(portal_session.c.worker_id == worker_id))

    def remove_from_team(self, scope: Scope, username: str, team: str) -> None:
        """Take a worker out of a team: its loops are no longer offered; a task in hand may be finished.

        :raises NotFoundError: no such worker or team, or the worker is not in it.
        """
        with self._database.write() as connection:
            removed = connection.execute(
                delete(workteam_member).where(
                    workteam_member.c.worker_id == _worker_id(connection, username),
                    workteam_member.c.workteam_id == _team_id(connection, scope, team),
                )
            ).rowcount
        if not removed:
            raise NotFoundError(f"The worker {username!r} is not in the work team {team!r}.")

    def ensure_worker(self, scope: Scope, username: str, password: str, team: str, *, lead: bool) -> bool:
        """Make sure that the worker exists and is in the team; a known worker keeps the password.

        :return: whether the worker is new.
        :raises NotFoundError: no such team.
        :raises InvalidError: the password of a new worker is too short.
        """
        with self._database.write() as connection:
            team_id = _team_id(connection, scope, team)
            worker_id = connection.execute(
                select(worker.c.id).where(worker.c.username == username)
            ).scalar_one_or_none()
            is_new = worker_id is None
            if worker_id is None:
                if len(password) < SHORTEST_PASSWORD:
                    raise InvalidError(f"The password is too short: at least {SHORTEST_PASSWORD} characters.")
                worker_id = connection.execute(
                    insert(worker)
                    .values(
                        sub=str(uuid.uuid4()),
                        username=username,
                        password_hash=self._hasher.hash(password),
                        lead=lead,
                        created_at=self._clock.now(),
                    )
                    .returning(worker.c.id)
                ).scalar_one()
            member = workteam_member.c
            known = connection.execute(
                select(member.worker_id).where(member.workteam_id == team_id, member.worker_id == worker_id)
            ).one_or_none()
            if known is None:
                connection.execute(insert(workteam_member).values(workteam_id=team_id, worker_id=worker_id))
        return is_new

    def sign_in(self, username: str, password: str, client: str) -> tuple[str, Session]:
        """Check a password and open a session.

        :param client: the client's address; failures are counted by user name and address together.
        :return: the session's token, and the session.
        :raises SignInError: no such worker, disabled, or wrong password (deliberately the same message).
        :raises SignInThrottledError: more than 10 failures in 15 minutes.
        """
        now = self._clock.now()
        subject = hashlib.sha256(f"{username}\0{client}".encode()).hexdigest()
        with self._database.read() as connection:
            failures = connection.execute(
                select(func.count()).where(
                    sign_in_failure.c.subject == subject, sign_in_failure.c.at > now - FAILURE_WINDOW
                )
            ).scalar_one()
            row = connection.execute(
                select(worker).where(worker.c.username == username, worker.c.disabled_at.is_(None))
            ).one_or_none()
        if failures >= FAILURES_ALLOWED:
            raise SignInThrottledError("Too many failed sign-ins. Wait 15 minutes, then try again.")
        if (
            not self._password_matches(row.password_hash if row else self._unknown_user_hash, password)
            or not row
        ):
            with self._database.write() as connection:
                connection.execute(insert(sign_in_failure).values(subject=subject, at=now))
            raise SignInError("The user name or the password is wrong.")
        token = secrets.token_urlsafe(32)
        session = Session(row.id, row.username, row.lead, secrets.token_urlsafe(24))
        with self._database.write() as connection:
            connection.execute(delete(sign_in_failure).where(sign_in_failure.c.at <= now - FAILURE_WINDOW))
            connection.execute(delete(portal_session).where(portal_session.c.expires_at <= now))
            connection.execute(
                insert(portal_session).values(
                    token_sha256=_digest(token),
                    worker_id=row.id,
                    csrf_token=session.csrf_token,
                    created_at=now,
                    expires_at=now + SESSION_LIFETIME,
                )
            )
        return token, session

    def session(self, token: str) -> Session | None:
        """Return the session of a token, if it is in force and its worker not disabled."""
        with self._database.read() as connection:
            row = connection.execute(
                select(worker.c.id, worker.c.username, worker.c.lead, portal_session.c.csrf_token)
                .join_from(portal_session, worker)
                .where(
                    portal_session.c.token_sha256 == _digest(token),
                    portal_session.c.expires_at > self._clock.now(),
                    worker.c.disabled_at.is_(None),
                )
            ).one_or_none()
        return Session(row.id, row.username, row.lead, row.csrf_token) if row else None

    def sign_out(self, token: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(portal_session).where(portal_session.c.token_sha256 == _digest(token)))

    def _password_matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _worker_id(connection: Connection, username: str) -> int:
    row = connection.execute(select(worker.c.id).where(worker.c.username == username)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no worker {username!r}.")
    worker_id: int = row.id
    return worker_id


def _team_id(connection: Connection, scope: Scope, name: str) -> int:
    row = find(connection, workteam, scope, name)
    if row is None:
        raise NotFoundError(
            f"There is no work team {name!r} in {scope.region}: create it with `review-desk team create {name}`."
        )
    team_id: int = row.id
    return team_id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
