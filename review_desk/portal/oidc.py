"""Signing in with an OpenID Connect provider: out to it, and back."""

from __future__ import annotations

import hmac
import html
import logging
import re
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from review_desk.engine.identities import SignInRefusedError
from review_desk.engine.sessions import Session
from review_desk.oidc import OidcProvider, ProviderUnavailableError, TokenError, Transaction
from review_desk.portal import cookies
from review_desk.portal.authorization import client_of
from review_desk.portal.desk import Desk
from review_desk.portal.errors import PortalError
from review_desk.portal.gate import Gate
from review_desk.portal.pages import HEADERS
from review_desk.portal.sign_in import CookieValue
from review_desk.request_log import request_id
from review_desk.service import Service

HOME = "/portal/"
LOCAL_PATH = re.compile(r"/portal/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")
LONGEST_PATH = 512
ERROR_CODES = {
    "invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
    "server_error", "temporarily_unavailable", "interaction_required", "login_required",
    "account_selection_required", "consent_required",
}  # fmt: skip
"""RFC 6749, 4.1.2.1, and OpenID Connect Core 1.0, 3.1.2.6."""
AT_ONCE = 4
WAITING = 40

log = logging.getLogger(__name__)

router = APIRouter(prefix="/portal/oidc", include_in_schema=False)


def oidc_gate() -> Gate:
    """Return what keeps a slow provider from holding up the whole service."""
    return Gate(AT_ONCE, WAITING)


def local_path(path: str) -> str:
    """Return a path of the portal to go on with: the given one, or the portal's first page.

    Whatever could lead to another address is not taken over.
    """
    fits = len(path) <= LONGEST_PATH and LOCAL_PATH.fullmatch(path) and ".." not in path
    return path if fits else HOME


@router.get("/login", response_model=None)
async def login(desk: Desk, request: Request, next: str = HOME) -> Response:  # noqa: A002
    provider = _provider(desk)
    gate: Gate = request.app.state.oidc_gate
    try:
        address, transaction = await gate.run(partial(provider.start, local_path(next)))
    except ProviderUnavailableError as error:
        return _unavailable(error)
    except PortalError as error:
        return _page(error.status, "Sign-in is busy", str(error))
    response = RedirectResponse(address, 302, {"Cache-Control": "no-store"})
    cookies.set_transaction(desk, response, transaction)
    return response


@router.get("/callback", response_model=None)
async def callback(
    desk: Desk,
    request: Request,
    code: str = "",
    state: str = "",
    error: str = "",
    iss: str = "",
    review_desk_oidc: CookieValue = None,
    review_desk_session: CookieValue = None,
) -> Response:
    provider = _provider(desk)
    transaction = cookies.transaction_of(desk, review_desk_oidc)
    response = _refused_callback(provider, transaction, state, code, error, iss)
    if response is None and transaction:
        gate: Gate = request.app.state.oidc_gate
        finish = partial(_finish, desk, provider, code, transaction, client_of(request), review_desk_session)
        try:
            response = await gate.run(finish)
        except PortalError as busy:
            response = _page(busy.status, "Sign-in is busy", str(busy))
    assert response is not None
    cookies.drop_transaction(response)
    return response


def _refused_callback(
    provider: OidcProvider, transaction: Transaction | None, state: str, code: str, error: str, issuer: str
) -> Response | None:
    """Return the page for a browser that did not come back from a sign-in of its own; ``None`` if it did."""
    if transaction is None or not hmac.compare_digest(state.encode(), transaction.state.encode()):
        log.info("OIDC callback without its transaction: no cookie, or another state")
        return _page(
            400,
            "Sign in once more",
            "This sign-in was not begun in this browser, or more than ten minutes ago.",
        )
    if issuer and issuer != provider.issuer:
        log.warning("OIDC callback of another issuer")
        return _page(400, "Sign in once more", "The answer came from another provider.")
    if error:
        # By way of the browser, which may write anything here: only what the protocol knows goes into the log.
        log.info("OIDC provider refused a sign-in: %s", error if error in ERROR_CODES else "unknown code")
        return _page(403, "You are not signed in", f"The provider did not sign you in: {error[:100]}.")
    if not code:
        return _page(400, "Sign in once more", "The provider sent no code.")
    return None


def _finish(
    service: Service,
    provider: OidcProvider,
    code: str,
    transaction: Transaction,
    client: str,
    previous_token: str | None,
) -> Response:
    try:
        identity = provider.finish(code, transaction)
        token, session = service.provider_sign_in.sign_in(identity, client, previous_token)
    except ProviderUnavailableError as error:
        return _unavailable(error)
    except TokenError as error:
        log.warning("OIDC sign-in failed: %s", error)
        return _page(
            403,
            "You are not signed in",
            f"The provider's answer could not be accepted; the service's log has the cause under {request_id()}.",
        )
    except SignInRefusedError as error:
        return _page(403, "You are not signed in", str(error))
    return _signed_in(service, token, session, transaction.next)


def _signed_in(service: Service, token: str, session: Session, next_path: str) -> Response:
    """Go on by a page of our own: a redirect would still count as coming from the provider's site, and the request
    for the next page would not carry the ``Strict`` session cookie."""
    go_on = f'<meta http-equiv="refresh" content="0;url={html.escape(next_path)}">'
    response = _page(200, "You are signed in", f"as {session.username}", next_path, "Go on", head=go_on)
    cookies.set_session(service, response, token)
    return response


def _provider(service: Service) -> OidcProvider:
    if service.oidc is None:
        raise PortalError(404, "NotFound", "No OpenID Connect provider is set up here.")
    return service.oidc


def _unavailable(error: ProviderUnavailableError) -> Response:
    log.warning("OIDC sign-in failed, the provider does not answer: %s", error)
    return _page(
        503, "Sign-in does not work now", "The sign-in provider does not answer. Try again in a few minutes."
    )


def _page(
    status: int,
    heading: str,
    text: str,
    link: str = HOME,
    link_text: str = "Back to Review Desk",
    head: str = "",
) -> HTMLResponse:
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(heading)} · Review Desk</title>"
        '<link rel="icon" href="/portal/static/favicon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="/portal/static/portal.css">{head}</head>'
        '<body><main><div class="sign-in"><div class="sign-in-form">'
        f"<h1>{html.escape(heading)}</h1><p>{html.escape(text)}</p>"
        f'<a href="{html.escape(link)}">{html.escape(link_text)}</a></div></div></main></body></html>'
    )
    return HTMLResponse(content, status, {**HEADERS, "Cache-Control": "no-store"})
