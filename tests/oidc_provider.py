"""A real OpenID Connect provider for tests: discovery, keys, a page to sign in on, code exchange with PKCE.

It does what it is told to do wrong, too: see :class:`OidcServer`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import secrets
import threading
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID = "review-desk"
CLIENT_SECRET = "s3cret & more%"
SCOPES = "openid profile groups"


class OidcServer:
    """A provider on the loopback interface.

    ``person`` is who signs in. What may go wrong: ``claims`` override those of the next ID tokens (``None`` takes one
    away), ``algorithm`` signs them otherwise, ``forged`` signs with a key that is not published, ``down`` names
    endpoints that answer 500, ``metadata`` overrides the discovery document.

    :param host: ``localhost`` is another site than ``127.0.0.1`` for a browser, and the same machine.
    :param now: seconds since the epoch.
    """

    def __init__(self, host: str = "127.0.0.1", now: Callable[[], float] = time.time) -> None:
        self.person: dict[str, Any] = {"sub": "1234", "preferred_username": "ann", "groups": ["reviewers"]}
        self.claims: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.forged = False
        self.down: set[str] = set()
        self.metadata: dict[str, Any] = {}
        self.claims_in_userinfo = False
        self.asked: list[str] = []
        self.authorized: dict[str, str] = {}
        self._now = now
        self._codes: dict[str, dict[str, str]] = {}
        self._key = _key(0)
        self._published = [self._key]
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, b"")

            def do_POST(self) -> None:
                provider.answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://{host}:{self._server.server_port}"

    def __enter__(self) -> OidcServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a Review Desk whose workers sign in here."""
        return {
            "REVIEW_DESK_OIDC_ISSUER": self.issuer,
            "REVIEW_DESK_OIDC_CLIENT_ID": CLIENT_ID,
            "REVIEW_DESK_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "REVIEW_DESK_OIDC_SCOPES": SCOPES,
        }

    def rotate(self) -> None:
        """Sign with another key from now on; the one before is withdrawn."""
        self._key = _key(1)
        self._published = [self._key]

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        address = urlsplit(request.path)
        name = address.path.rsplit("/", 1)[-1]
        self.asked.append(name)
        values = {key: found[-1] for key, found in parse_qs(address.query).items()}
        form = {key: found[-1] for key, found in parse_qs(body.decode()).items()}
        if name in self.down:
            return _send(request, 500, "text/html", b"<h1>Down for maintenance</h1>")
        if name == "openid-configuration":
            return _send_json(request, 200, self._discovery())
        if name == "keys":
            return _send_json(request, 200, dict(KeySet(self._published).as_dict(private=False)))
        if name == "authorize":
            return self._authorize(request, values)
        if name == "token":
            return _send_json(request, *self._token(request.headers.get("Authorization", ""), form))
        if name == "userinfo":
            return _send_json(request, 200, self.person)
        return _send(request, 404, "text/plain", b"not found")

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "scopes_supported": SCOPES.split(),
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.metadata,
        }

    def _authorize(self, request: BaseHTTPRequestHandler, values: dict[str, str]) -> None:
        """A page with a button; it leads back with a code."""
        self.authorized = values
        assert values["response_type"] == "code"
        assert values["client_id"] == CLIENT_ID
        assert values["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = values
        back = f"{values['redirect_uri']}?{urlencode({'code': code, 'state': values['state']})}"
        page = f'<!doctype html><title>Provider</title><a id="yes" href="{html.escape(back)}">Sign in</a>'
        _send(request, 200, "text/html", page.encode(), {"X-Back": back})

    def _token(self, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        if not _is_client(authorization, form):
            return 401, {"error": "invalid_client"}
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "Nope.\r\nTrace: 1"}
        token = {"access_token": "access", "token_type": "Bearer", "expires_in": 60}
        return 200, {**token, "id_token": self._id_token(asked["nonce"])}

    def _id_token(self, nonce: str) -> str:
        now = int(self._now())
        person = {"sub": self.person["sub"]} if self.claims_in_userinfo else self.person
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **person,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."
        header = {"alg": self.algorithm, "kid": self._key.kid}
        if self.algorithm == "HS256":
            # By hand: the library refuses to take a public key for a secret.
            signed = f"{_encoded(header)}.{_encoded(claims)}"
            mac = hmac.digest(self._key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        key = _key(2) if self.forged else self._key
        return jwt.encode(header, claims, key, registry=JWSRegistry(algorithms=[self.algorithm]))


@cache
def _key(number: int) -> RSAKey:
    """Keys take a second to make, so all providers of a test run have the same."""
    return RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)


def _is_client(authorization: str, form: dict[str, str]) -> bool:
    if authorization.startswith("Basic "):
        sent = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":", 1)
        return [unquote_plus(part) for part in sent] == [CLIENT_ID, CLIENT_SECRET]
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _send_json(request: BaseHTTPRequestHandler, status: int, value: dict[str, Any]) -> None:
    _send(request, status, "application/json", json.dumps(value).encode())


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    media_type: str,
    content: bytes,
    headers: dict[str, str] | None = None,
) -> None:
    request.send_response(status)
    request.send_header("Content-Type", media_type)
    request.send_header("Content-Length", str(len(content)))
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
