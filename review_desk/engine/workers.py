"""Workers: the people who review, their roles, passwords and teams."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InUseError, InvalidError, NotFoundError
from review_desk.engine.members import Source, existing_team, join, leave, set_teams
from review_desk.engine.passwords import NO_PASSWORD, Passwords
from review_desk.engine.roles import Role
from review_desk.engine.sessions import end_sessions, forget_remembered
from review_desk.engine.tables import worker, workteam, workteam_member
from review_desk.settings import is_email_address

KIND = "worker"
LONGEST_USERNAME = 128


@dataclass(frozen=True)
class Membership:
    """A worker's place in a team.

    :param team: its name in the Region of commands, its ARN elsewhere.
    """

    team: str
    source: Source


@dataclass(frozen=True)
class Worker:
    """A worker, as those who run the service see them.

    :param issuer: the identity provider that they sign in with; ``None`` for a password.
    """

    username: str
    role: Role
    teams: tuple[Membership, ...]
    created_at: datetime
    disabled_at: datetime | None
    issuer: str | None
    email: str | None


@dataclass(frozen=True)
class WorkerChange:
    """What is to change; ``None`` stays as it is.

    :param teams: every team that the worker shall be in, in one Region.
    :param email: an empty text takes the address away.
    """

    role: Role | None = None
    disabled: bool | None = None
    teams: Sequence[str] | None = None
    password: str | None = None
    email: str | None = None


class WorkerStore:
    """The only door to workers and the members of teams."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    def all(self, scope: Scope) -> list[Worker]:
        """Return every worker by name.

        :param scope: the teams of this Region are named without their ARN.
        """
        with self._database.read() as connection:
            return _workers(connection, scope)

    def get(self, scope: Scope, username: str) -> Worker:
        """Return a worker.

        :raises NotFoundError: no such worker.
        """
        with self._database.read() as connection:
            found = _workers(connection, scope, username)
        if not found:
            raise _unknown(username)
        return found[0]

    def create(self, scope: Scope, username: str, password: str, teams: Sequence[str], role: Role) -> None:
        """Create a worker who signs in with a password.

        :raises NotFoundError: no such team.
        :raises InvalidError: the name or the password is not acceptable.
        :raises InUseError: the name is taken.
        """
        check_username(username)
        now = self._clock.now()
        values = {"username": username, "password_hash": self._passwords.hashed(password), "role": role}
        try:
            with self._database.write() as connection:
                worker_id = insert_worker(connection, values, now)
                record(connection, now, "CreateWorker", KIND, username, {"role": role})
                for team in teams:
                    join(connection, now, worker_id, username, existing_team(connection, scope, team))
        except IntegrityError as error:
            raise InUseError(f"There is a worker {username!r} already.") from error

    def ensure(self, scope: Scope, username: str, password: str, team: str, role: Role = Role.WORKER) -> bool:
        """Make sure that the worker exists and is in the team; a known worker keeps password and role.

        :return: whether the worker is new.
        :raises NotFoundError: no such team.
        :raises InvalidError: the name or the password of a new worker is not acceptable.
        """
        with self._database.read() as connection:
            is_new = _find(connection, username) is None
        if is_new:
            self.create(scope, username, password, [team], role)
            return True
        with self._database.write() as connection:
            row = _existing(connection, username)
            join(connection, self._clock.now(), row.id, username, existing_team(connection, scope, team))
        return False

    def change(
        self, scope: Scope, username: str, change: WorkerChange, *, keep_an_admin: bool = False
    ) -> None:
        """Change a worker, all of it or nothing.

        Whoever is disabled or gets another password is signed out at once; what they did stays, and what they hold
        runs out.

        :param keep_an_admin: refuse a change after which no admin could sign in.
        :raises NotFoundError: no such worker or team.
        :raises InvalidError: the password or the address is not acceptable, the worker has no password, or it is the
            last admin.
        """
        if change.email:
            check_email(change.email)
        password_hash = None if change.password is None else self._passwords.hashed(change.password)
        with self._database.write() as connection:
            # Locked before the worker: two admins who demote each other wait for one another, in one order.
            admins = _locked_admins(connection) if keep_an_admin else []
            row = _existing(connection, username)
            if admins == [row.id] and _stops_being_admin(row, change):
                raise InvalidError(
                    f"{username!r} is the last admin who can sign in: make somebody else an admin first."
                )
            if change.role is not None and change.role != row.role:
                self._set_role(connection, row, change.role)
            if change.disabled is not None and change.disabled != (row.disabled_at is not None):
                self._set_disabled(connection, row, change.disabled)
            if password_hash is not None:
                self._set_password(connection, row, password_hash)
            if change.email is not None:
                set_email(connection, self._clock.now(), row, change.email or None)
            if change.teams is not None:
                set_teams(connection, self._clock.now(), row.id, row.username, scope, change.teams)

    def remove_from_team(self, scope: Scope, username: str, team: str) -> None:
        """Take a worker out of a team: its loops are no longer offered; a task in hand may be finished.

        :raises NotFoundError: no such worker or team, or the worker is not in it.
        """
        with self._database.write() as connection:
            row = _existing(connection, username)
            left = existing_team(connection, scope, team)
            removed = leave(connection, self._clock.now(), row.id, row.username, left)
        if not removed:
            raise NotFoundError(f"The worker {username!r} is not in the work team {team!r}.")

    def link(self, username: str, issuer: str, subject: str) -> None:
        """Hand a worker's account over to a person whom an identity provider vouches for; the password is dropped.

        :param subject: the provider's ``sub`` of that person.
        :raises NotFoundError: no such worker.
        :raises InUseError: the person has an account already.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = _existing(connection, username)
            other = connection.execute(
                select(worker.c.username).where(worker.c.issuer == issuer, worker.c.subject == subject)
            ).scalar_one_or_none()
            if other is not None:
                raise InUseError(f"The person {subject!r} signs in as {other!r} already.")
            connection.execute(
                update(worker)
                .where(worker.c.id == row.id)
                .values(issuer=issuer, subject=subject, password_hash=NO_PASSWORD)
            )
            end_sessions(connection, row.id)
            detail = {"issuer": issuer, "subject": subject}
            record(connection, now, "LinkWorker", KIND, username, detail)

    def _set_role(self, connection: Connection, row: Row[Any], role: Role) -> None:
        connection.execute(update(worker).where(worker.c.id == row.id).values(role=role))
        forget_remembered()
        detail = {"from": row.role, "to": role}
        record(connection, self._clock.now(), "SetWorkerRole", KIND, row.username, detail)

    def _set_disabled(self, connection: Connection, row: Row[Any], disabled: bool) -> None:
        now = self._clock.now()
        connection.execute(
            update(worker).where(worker.c.id == row.id).values(disabled_at=now if disabled else None)
        )
        if disabled:
            end_sessions(connection, row.id)
        record(connection, now, "DisableWorker" if disabled else "EnableWorker", KIND, row.username)

    def _set_password(self, connection: Connection, row: Row[Any], password_hash: str) -> None:
        if row.issuer is not None:
            raise InvalidError(
                f"The worker {row.username!r} has no password: they sign in with {row.issuer}."
            )
        connection.execute(update(worker).where(worker.c.id == row.id).values(password_hash=password_hash))
        end_sessions(connection, row.id)
        record(connection, self._clock.now(), "SetWorkerPassword", KIND, row.username)


def check_username(username: str) -> None:
    """Refuse a user name that could not be stored, typed or told from another.

    :raises InvalidError: empty, too long, or with control characters or blanks at its ends.
    """
    if not 1 <= len(username) <= LONGEST_USERNAME:
        raise InvalidError(f"A user name has 1 to {LONGEST_USERNAME} characters.")
    if not username.isprintable() or username != username.strip():
        raise InvalidError("A user name has no control characters, and no blanks at its ends.")


def check_email(email: str) -> None:
    """Refuse what is no e-mail address.

    :raises InvalidError: a mail server could not be given it.
    """
    if not is_email_address(email):
        raise InvalidError("This is no e-mail address in ASCII with at most 254 characters.")


def set_email(connection: Connection, now: datetime, row: Row[Any], email: str | None) -> None:
    """Give a worker another address, or none. The audit log does not repeat it."""
    if email == row.email:
        return
    connection.execute(update(worker).where(worker.c.id == row.id).values(email=email))
    record(
        connection, now, "SetWorkerEmail", KIND, row.username, {"removed": True} if email is None else None
    )


def insert_worker(connection: Connection, values: Mapping[str, object], now: datetime) -> int:
    """Write the row of a new worker and return its id."""
    statement = insert(worker).values(sub=str(uuid.uuid4()), created_at=now, **values)
    worker_id: int = connection.execute(statement.returning(worker.c.id)).scalar_one()
    return worker_id


def _workers(connection: Connection, scope: Scope, username: str | None = None) -> list[Worker]:
    statement = select(worker).order_by(worker.c.username)
    if username is not None:
        statement = statement.where(worker.c.username == username)
    rows = connection.execute(statement).all()
    teams: dict[int, list[Membership]] = {}
    for row in connection.execute(
        select(workteam, workteam_member.c.worker_id, workteam_member.c.source)
        .join_from(workteam_member, workteam)
        .where(workteam_member.c.worker_id.in_([row.id for row in rows]), workteam.c.deleted_at.is_(None))
        .order_by(workteam.c.name, workteam.c.region)
    ):
        own = Scope(row.account_id, row.region)
        team = row.name if own == scope else own.arn("workteam", row.name)
        teams.setdefault(row.worker_id, []).append(Membership(team, Source(row.source)))
    return [
        Worker(
            username=row.username,
            role=Role(row.role),
            teams=tuple(teams.get(row.id, ())),
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            issuer=row.issuer,
            email=row.email,
        )
        for row in rows
    ]


def _stops_being_admin(row: Row[Any], change: WorkerChange) -> bool:
    is_admin = row.role == Role.ADMIN and row.disabled_at is None
    return is_admin and (change.disabled is True or change.role not in (None, Role.ADMIN))


def _locked_admins(connection: Connection) -> list[int]:
    """Return the ids of the admins who can sign in, and keep others from changing them."""
    return list(
        connection.execute(
            select(worker.c.id)
            .where(worker.c.role == Role.ADMIN, worker.c.disabled_at.is_(None))
            .order_by(worker.c.id)
            .with_for_update()
        ).scalars()
    )


def _find(connection: Connection, username: str) -> Row[Any] | None:
    return connection.execute(select(worker).where(worker.c.username == username)).one_or_none()


def _existing(connection: Connection, username: str) -> Row[Any]:
    row = connection.execute(
        select(worker).where(worker.c.username == username).with_for_update()
    ).one_or_none()
    if row is None:
        raise _unknown(username)
    return row


def _unknown(username: str) -> NotFoundError:
    return NotFoundError(f"There is no worker {username!r}.")
