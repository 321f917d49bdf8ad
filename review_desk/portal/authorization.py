"""Who may call what in the portal: every route that needs a session asks for it here, and nowhere else.

A request that changes something must carry the session's CSRF token, whatever the route.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Cookie, Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from review_desk.engine.audit import Actor, ActorKind, become
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.logs import note
from review_desk.portal.desk import Desk
from review_desk.portal.errors import PortalError

SESSION_COOKIE = "review_desk_session"
SAFE_METHODS = ("GET", "HEAD")

Check = Callable[..., Awaitable[Session]]


def client_of(request: Request) -> str:
    """Return the address that a request came from, behind a proxy the one that the proxy names."""
    return request.client.host if request.client else ""


async def signed_in(desk: Desk, review_desk_session: Annotated[str | None, Cookie()] = None) -> Session:
    """Return the session of the request's cookie.

    :raises PortalError: there is none in force.
    """
    session = None
    if review_desk_session:
        session = desk.sessions.remembered(review_desk_session) or await run_in_threadpool(
            desk.sessions.find, review_desk_session
        )
    if session is None:
        raise PortalError(401, "SignedOut", "You are not signed in, or your session has ended.")
    note(worker_id=session.worker_id)
    return session


def needs(role: Role, *, keeps_session_alive: bool = True) -> Check:
    """Return a dependency that lets in who has at least this role, and makes them the actor of what follows.

    :param keeps_session_alive: false for requests that a page makes without anybody doing anything.
    """

    # Not a plain function: it would run in a thread of its own, and the actor would be forgotten with it.
    async def check(
        desk: Desk,
        request: Request,
        session: Annotated[Session, Depends(signed_in)],
        x_csrf_token: Annotated[str, Header()] = "",
    ) -> Session:
        if not session.role.is_at_least(role):
            raise PortalError(403, "RoleMissing", f"Only a worker with the role {role} may do this.")
        become(Actor(ActorKind.WORKER, session.username, client_of(request)))
        if request.method in SAFE_METHODS:
            return session
        if not hmac.compare_digest(x_csrf_token.encode(), session.csrf_token.encode()):
            raise PortalError(403, "CsrfTokenMissing", "Send the csrf_token of your session as X-CSRF-Token.")
        if keeps_session_alive and desk.sessions.is_activity_due(session):
            await run_in_threadpool(desk.sessions.note_activity, request.cookies[SESSION_COOKIE])
        return session

    return check


as_worker = needs(Role.WORKER)
as_idle_worker = needs(Role.WORKER, keeps_session_alive=False)
as_lead = needs(Role.LEAD)
as_admin = needs(Role.ADMIN)

WorkerSession = Annotated[Session, Depends(as_worker)]
IdleSession = Annotated[Session, Depends(as_idle_worker)]
LeadSession = Annotated[Session, Depends(as_lead)]
AdminSession = Annotated[Session, Depends(as_admin)]
