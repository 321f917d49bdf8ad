"""Workers whom an OpenID Connect provider vouches for: who they are, and what their groups make of them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from review_desk.engine.arns import Scope
from review_desk.engine.audit import Actor, ActorKind, acting_as, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import EngineError, InvalidError
from review_desk.engine.members import Source, Team, join, leave
from review_desk.engine.passwords import NO_PASSWORD
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session, SessionStore, end_sessions, forget_remembered
from review_desk.engine.tables import worker, workteam, workteam_member
from review_desk.engine.workers import check_username, insert_worker, set_email
from review_desk.settings import is_email_address

MOST_GROUPS_SHOWN = 20


class SignInRefusedError(EngineError):
    """The provider vouches for the person, but they may not come in here; the message says why."""


@dataclass(frozen=True)
class Identity:
    """A person, as a provider vouches for them.

    :param subject: the provider's ``sub``.
    :param username: the name they get here when they come for the first time.
    :param email: an address that the provider has verified; ``None`` leaves the one that is known here.
    """

    issuer: str
    subject: str
    username: str
    groups: frozenset[str]
    email: str | None = None


@dataclass(frozen=True)
class GroupRules:
    """What groups of the provider mean here.

    :param teams: work teams by group, in ``scope``. A group that is not named here means the work teams whose
        OidcMemberDefinition names it.
    :param lead_group: its members are leads; ``None`` together with ``admin_group``: roles are given here.
    """

    scope: Scope
    teams: Mapping[str, tuple[str, ...]]
    lead_group: str | None = None
    admin_group: str | None = None

    def role_of(self, groups: frozenset[str]) -> Role | None:
        """Return the role that groups give, or ``None`` if they give none."""
        if self.lead_group is None and self.admin_group is None:
            return None
        if self.admin_group in groups:
            return Role.ADMIN
        return Role.LEAD if self.lead_group in groups else Role.WORKER

    def means(self, team: Row[Any], groups: frozenset[str]) -> bool:
        """Whether one of the groups means this work team."""
        own = Scope(team.account_id, team.region)
        if own == self.scope and any(team.name in self.teams.get(group, ()) for group in groups):
            return True
        return not groups.isdisjoint(defined_groups(team) - set(self.teams))


class ProviderSignIn:
    """Opens sessions for people whom the provider vouches for."""

    def __init__(self, database: Database, clock: Clock, sessions: SessionStore, rules: GroupRules) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._rules = rules

    def sign_in(
        self, identity: Identity, client: str, previous_token: str | None = None
    ) -> tuple[str, Session]:
        """Open a session; a worker who comes for the first time is created, teams and role follow the groups.

        :param previous_token: token of a session that the browser had until now; that one ends.
        :raises SignInRefusedError: disabled, in no team, or the user name belongs to somebody else.
        """
        provider = Actor(ActorKind.PROVIDER, identity.issuer, client)
        try:
            with acting_as(provider), self._database.write() as connection:
                opened = self._open(connection, identity, client, previous_token)
                if isinstance(opened, SignInRefusedError):
                    self._record_refusal(connection, identity, opened)
        except IntegrityError as error:
            raise SignInRefusedError("You signed in twice at the same moment. Sign in once more.") from error
        # Raised out here: what the groups took away is committed.
        if isinstance(opened, SignInRefusedError):
            raise opened
        return opened

    def _open(
        self, connection: Connection, identity: Identity, client: str, previous_token: str | None
    ) -> tuple[str, Session] | SignInRefusedError:
        now = self._clock.now()
        teams = self._teams(connection, identity.groups)
        role = self._rules.role_of(identity.groups)
        row = _known(connection, identity)
        if row is None:
            refusal = _why_not_new(connection, identity, teams, role)
            # The name may be taken by this very person, who has come in through another window since.
            row = _known(connection, identity) if refusal else None
            if refusal and row is None:
                return refusal
            row = row or _create(connection, identity, role or Role.WORKER, now)
        elif row.disabled_at is not None:
            return SignInRefusedError(f"The account {row.username!r} is disabled. Ask an administrator.")
        if identity.email is not None and is_email_address(identity.email):
            set_email(connection, now, row, identity.email)
        role = role or Role(row.role)
        if role != row.role:
            connection.execute(update(worker).where(worker.c.id == row.id).values(role=role))
            forget_remembered()
            detail = {"from": row.role, "to": role}
            record(connection, now, "SetWorkerRole", "worker", row.username, detail)
        if not _follow_groups(connection, row, teams, now) and role is not Role.ADMIN:
            end_sessions(connection, row.id)
            return _no_team(identity)
        who = Actor(ActorKind.WORKER, row.username, client)
        record(connection, now, "SignIn", "worker", row.username, {"by": identity.issuer}, actor=who)
        return self._sessions.open(connection, row.id, row.username, role, previous_token)

    def _teams(self, connection: Connection, groups: frozenset[str]) -> list[Team]:
        """Return the teams that the groups mean."""
        rows = connection.execute(
            select(workteam).where(
                workteam.c.account_id == self._rules.scope.account_id, workteam.c.deleted_at.is_(None)
            )
        ).all()
        return [Team(row.id, row.name) for row in rows if self._rules.means(row, groups)]

    def _record_refusal(
        self, connection: Connection, identity: Identity, refusal: SignInRefusedError
    ) -> None:
        detail = {"reason": str(refusal), "subject": identity.subject}
        record(connection, self._clock.now(), "SignInFailed", "worker", identity.username, detail)


def defined_groups(team: Row[Any]) -> frozenset[str]:
    """Return the provider's groups that a work team is made of (CreateWorkteam, ``OidcMemberDefinition``).

    A team without definitions, made by command, is the group of its own name, as DescribeWorkteam says of it.
    """
    definitions = team.request.get("MemberDefinitions")
    if definitions is None:
        return frozenset([team.name])
    return frozenset(
        group
        for definition in definitions
        for group in (definition.get("OidcMemberDefinition") or {}).get("Groups", ())
    )


def _known(connection: Connection, identity: Identity) -> Row[Any] | None:
    return connection.execute(
        select(worker)
        .where(worker.c.issuer == identity.issuer, worker.c.subject == identity.subject)
        .with_for_update()
    ).one_or_none()


def _why_not_new(
    connection: Connection, identity: Identity, teams: list[Team], role: Role | None
) -> SignInRefusedError | None:
    """Return why somebody who comes for the first time may not come in."""
    if not teams and role is not Role.ADMIN:
        return _no_team(identity)
    try:
        check_username(identity.username)
    except InvalidError as error:
        return SignInRefusedError(f"The provider calls you {identity.username!r}. {error}")
    taken = connection.execute(
        select(worker.c.id).where(worker.c.username == identity.username)
    ).one_or_none()
    if taken is None:
        return None
    return SignInRefusedError(
        f"The user name {identity.username!r} belongs to somebody else here. If that is you, an administrator can "
        f"hand it over: review-desk worker link {identity.username} --subject {identity.subject}"
    )


def _create(connection: Connection, identity: Identity, role: Role, now: datetime) -> Row[Any]:
    values = {
        "username": identity.username,
        "password_hash": NO_PASSWORD,
        "role": role,
        "issuer": identity.issuer,
        "subject": identity.subject,
    }
    worker_id = insert_worker(connection, values, now)
    detail = {"role": role, "subject": identity.subject}
    record(connection, now, "CreateWorker", "worker", identity.username, detail)
    return connection.execute(select(worker).where(worker.c.id == worker_id)).one()


def _follow_groups(connection: Connection, row: Row[Any], teams: list[Team], now: datetime) -> bool:
    """Join the teams that the groups mean and leave those they brought before; return whether any team is left."""
    for team in teams:
        join(connection, now, row.id, row.username, team, Source.OIDC)
    members = connection.execute(
        select(workteam.c.id, workteam.c.name, workteam_member.c.source)
        .join_from(workteam_member, workteam)
        .where(workteam_member.c.worker_id == row.id, workteam.c.deleted_at.is_(None))
    ).all()
    gone = [
        member
        for member in members
        if member.source == Source.OIDC and Team(member.id, member.name) not in teams
    ]
    for member in gone:
        leave(connection, now, row.id, row.username, Team(member.id, member.name))
    return len(members) > len(gone)


def _no_team(identity: Identity) -> SignInRefusedError:
    groups = ", ".join(sorted(identity.groups)[:MOST_GROUPS_SHOWN]) or "none"
    return SignInRefusedError(
        f"You are {identity.username!r}, but none of your groups belongs to a work team here. "
        f"Your groups: {groups}. Ask an administrator."
    )
