"""Signing in and out over the portal's JSON API."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Cookie, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.engine.sign_in import Attempt
from review_desk.portal import cookies
from review_desk.portal.authorization import WorkerSession, client_of
from review_desk.portal.desk import Desk
from review_desk.portal.errors import PortalError
from review_desk.portal.gate import Gate
from review_desk.portal.models import SessionAnswer, SignInMethodsAnswer
from review_desk.portal.schema import ACTING, SIGNED_IN, answers

CHECKED_AT_ONCE = 2
WAITING = 40
"""Checking a password takes a tenth of a second of a processor, so the last in the queue waits a few seconds."""

CookieValue = Annotated[str | None, Cookie()]

router = APIRouter(prefix="/portal/api")


class SignIn(BaseModel):
    username: Annotated[str, Field(max_length=128, pattern=r"^[^\x00]*$")]
    password: Annotated[str, Field(max_length=1024)]


class ChangedPassword(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current: Annotated[str, Field(max_length=1024)]
    new: Annotated[str, Field(max_length=1024)]


def password_gate() -> Gate:
    """Return what keeps many wrong passwords from taking the whole service's time."""
    return Gate(CHECKED_AT_ONCE, WAITING)


@router.get("/sign-in-methods", responses=answers(SignInMethodsAnswer))
def sign_in_methods(desk: Desk) -> dict[str, Any]:
    settings = desk.settings
    provider = None
    if settings.oidc_issuer:
        name = settings.oidc_name or urlsplit(settings.oidc_issuer).hostname
        provider = {"name": name, "url": "/portal/oidc/login"}
    return {"password": settings.password_sign_in, "oidc": provider}


@router.post("/login", responses=answers(SessionAnswer, *ACTING, 429))
async def login(
    desk: Desk,
    request: Request,
    response: Response,
    credentials: SignIn,
    review_desk_session: CookieValue = None,
    review_desk_browser: CookieValue = None,
) -> dict[str, Any]:
    if not desk.settings.password_sign_in:
        raise PortalError(403, "PasswordSignInOff", "Nobody signs in with a password here.")
    attempt = Attempt(
        username=credentials.username,
        client=client_of(request),
        browser=cookies.known_browser(desk, review_desk_browser, credentials.username),
        previous_token=review_desk_session,
    )
    gate: Gate = request.app.state.password_gate
    token, session = await gate.run(partial(desk.password_sign_in.sign_in, attempt, credentials.password))
    cookies.set_session(desk, response, token)
    if attempt.browser is None:
        cookies.know_browser(desk, response, session.username)
    return session_answer(session)


@router.get("/session", responses=answers(SessionAnswer, *SIGNED_IN))
def session(session: WorkerSession) -> dict[str, Any]:
    return session_answer(session)


@router.put("/password", status_code=204, responses=answers(None, *ACTING, 429))
async def change_password(
    desk: Desk,
    request: Request,
    session: WorkerSession,
    changed: ChangedPassword,
    review_desk_session: CookieValue = None,
) -> None:
    if not desk.settings.password_sign_in:
        raise PortalError(403, "PasswordSignInOff", "Nobody signs in with a password here.")
    change = partial(
        desk.password_sign_in.change_password,
        session.username,
        client_of(request),
        changed.current,
        changed.new,
        review_desk_session or "",
    )
    gate: Gate = request.app.state.password_gate
    await gate.run(change)


@router.post("/logout", status_code=204, responses=answers(None, *ACTING))
def logout(
    desk: Desk, _session: WorkerSession, response: Response, review_desk_session: CookieValue = None
) -> None:
    desk.sessions.end(review_desk_session or "")
    cookies.drop_session(response)


def session_answer(session: Session) -> dict[str, Any]:
    """What a page is told about its session."""
    return {
        "csrf_token": session.csrf_token,
        "worker": {
            "username": session.username,
            "role": session.role,
            "lead": session.role.is_at_least(Role.LEAD),
        },
    }
