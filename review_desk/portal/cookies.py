"""The portal's cookies: none of them readable by scripts, none sent by other sites' pages but one."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Literal

from fastapi import Response

from review_desk.engine.sessions import SESSION_LIFETIME
from review_desk.oidc import Transaction
from review_desk.portal.authorization import SESSION_COOKIE
from review_desk.service import Service

COOKIE_PATH = "/portal"

BROWSER_COOKIE = "review_desk_browser"
BROWSER_PATH = "/portal/api/login"
BROWSER_KNOWN_IN_SECONDS = 90 * 24 * 3600

TRANSACTION_COOKIE = "review_desk_oidc"
TRANSACTION_PATH = "/portal/oidc"
TRANSACTION_IN_SECONDS = 600


def set_session(service: Service, response: Response, token: str) -> None:
    """Give the browser its session."""
    lifetime = int(SESSION_LIFETIME.total_seconds())
    _set(service, response, SESSION_COOKIE, token, lifetime, COOKIE_PATH)


def drop_session(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path=COOKIE_PATH)


def know_browser(service: Service, response: Response, username: str) -> None:
    """Have the browser remember that this worker has signed in with it."""
    value = {"username": username, "id": secrets.token_urlsafe(16)}
    sealed = _seal(service, BROWSER_COOKIE, value, BROWSER_KNOWN_IN_SECONDS)
    _set(service, response, BROWSER_COOKIE, sealed, BROWSER_KNOWN_IN_SECONDS, BROWSER_PATH)


def known_browser(service: Service, sealed: str | None, username: str) -> str | None:
    """Return the browser's id, if this worker has signed in with it before."""
    value = _unseal(service, BROWSER_COOKIE, sealed)
    return value["id"] if value and value["username"] == username else None


def set_transaction(service: Service, response: Response, transaction: Transaction) -> None:
    """Have the browser keep a sign-in that goes on at the provider.

    It comes back by a link of the provider's page, with which a ``Strict`` cookie would not be sent.
    """
    sealed = _seal(service, TRANSACTION_COOKIE, asdict(transaction), TRANSACTION_IN_SECONDS)
    _set(service, response, TRANSACTION_COOKIE, sealed, TRANSACTION_IN_SECONDS, TRANSACTION_PATH, "lax")


def transaction_of(service: Service, sealed: str | None) -> Transaction | None:
    """Return the sign-in that the browser kept, unless it is forged or older than ten minutes."""
    value = _unseal(service, TRANSACTION_COOKIE, sealed)
    return Transaction(**value) if value else None


def drop_transaction(response: Response) -> None:
    response.delete_cookie(TRANSACTION_COOKIE, path=TRANSACTION_PATH)


def _set(
    service: Service,
    response: Response,
    name: str,
    value: str,
    lifetime: int,
    path: str,
    samesite: Literal["lax", "strict"] = "strict",
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=lifetime,
        path=path,
        httponly=True,
        samesite=samesite,
        secure=service.settings.public_url.startswith("https://"),
    )


def _seal(service: Service, purpose: str, value: dict[str, str], lifetime: int) -> str:
    now = int(service.clock.now().timestamp())
    return service.secret_box.seal(purpose, value, now=now, lifetime=lifetime)


def _unseal(service: Service, purpose: str, sealed: str | None) -> dict[str, str] | None:
    now = int(service.clock.now().timestamp())
    return service.secret_box.unseal(purpose, sealed, now=now) if sealed else None
