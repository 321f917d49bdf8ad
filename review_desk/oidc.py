"""The OpenID Connect provider that workers may sign in with: authorization code flow with PKCE.

OpenID Connect Core 1.0, Discovery 1.0, RFC 7636 (PKCE). Authlib builds the requests and checks the claims, joserfc
the signature; the requests go out over httpx.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote_plus

import httpx
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.base import OAuth2Error  # type: ignore[import-untyped]
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from review_desk.engine.clock import Clock
from review_desk.engine.identities import Identity
from review_desk.settings import Settings, is_safe_address

CALLBACK_PATH = "/portal/oidc/callback"
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Signatures with a public key only: ``none`` proves nothing, and an HMAC would take the public key for a secret."""
LONGEST_SUBJECT = 255
TIMEOUT_IN_SECONDS = 10.0
CLOCK_SKEW_IN_SECONDS = 60
METADATA_KEPT = timedelta(hours=1)
FAILURE_KEPT = timedelta(seconds=5)
"""So long nobody asks a provider again that did not answer."""
KEYS_ASKED_AGAIN = timedelta(seconds=10)
"""A token that names an unknown key makes the keys be read again, at most so often."""

log = logging.getLogger(__name__)

Claims = dict[str, Any]
T = TypeVar("T")


class ProviderUnavailableError(Exception):
    """The provider does not answer as one does; the message is for who runs the service."""


class TokenError(Exception):
    """The provider refused the code, or what it sent proves nothing; the message is for who runs the service."""


@dataclass(frozen=True)
class Transaction:
    """One sign-in that is under way, kept by the browser in a sealed cookie.

    :param next: path in the portal to go on with.
    """

    state: str
    nonce: str
    code_verifier: str
    next: str


@dataclass
class _Kept:
    """A document of the provider, and when it was read."""

    at: datetime | None = None
    value: Any = None
    failure: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class OidcProvider:
    """One provider, as its discovery document describes it.

    :param settings: with ``oidc_issuer`` set.
    """

    def __init__(
        self, settings: Settings, clock: Clock, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.issuer = settings.oidc_issuer or ""
        self._settings = settings
        self._clock = clock
        self._http = httpx.Client(timeout=TIMEOUT_IN_SECONDS, transport=transport)
        self._metadata = _Kept()
        self._keys = _Kept()

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to; it must know this address."""
        return self._settings.public_url.rstrip("/") + CALLBACK_PATH

    def start(self, next_path: str) -> tuple[str, Transaction]:
        """Begin a sign-in: return the address to send the browser to, and what to keep until it is back.

        :raises ProviderUnavailableError: there is no discovery document.
        """
        transaction = Transaction(
            state=generate_token(32),
            nonce=generate_token(32),
            code_verifier=generate_token(64),
            next=next_path,
        )
        address, _ = self._client().create_authorization_url(
            self.metadata()["authorization_endpoint"],
            state=transaction.state,
            nonce=transaction.nonce,
            code_verifier=transaction.code_verifier,
        )
        return str(address), transaction

    def finish(self, code: str, transaction: Transaction) -> Identity:
        """Exchange the code that the browser came back with for who the person is.

        :raises ProviderUnavailableError: the provider does not answer.
        :raises TokenError: the code or the token is no good.
        """
        token = self._exchange(code, transaction)
        claims = self._checked(token, transaction.nonce)
        wanted = [self._settings.oidc_username_claim, self._settings.oidc_groups_claim]
        if self._settings.smtp_url:
            wanted += ["email", "email_verified"]
        if not all(name in claims for name in wanted):
            claims = {**self._userinfo(token, claims["sub"]), **claims}
        return self._identity(claims)

    def metadata(self) -> Claims:
        """Return the discovery document, read at most once an hour.

        :raises ProviderUnavailableError: there is none, or it is of another issuer.
        """
        return self._kept(self._metadata, METADATA_KEPT, self._read_metadata)

    def signing_keys(self) -> KeySet:
        """Return the provider's public keys.

        :raises ProviderUnavailableError: they cannot be read.
        """
        return self._kept(self._keys, METADATA_KEPT, self._read_keys)

    def close(self) -> None:
        self._http.close()

    def _exchange(self, code: str, transaction: Transaction) -> Claims:
        auth, extra = self._client_authentication()
        try:
            token: Claims = self._client().fetch_token(
                self.metadata()["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=transaction.code_verifier,
                auth=auth,
                **extra,
            )
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(f"the token endpoint: {error or type(error).__name__}") from error
        except (OAuth2Error, ValueError, TypeError) as error:
            raise TokenError(f"the token endpoint refused the code: {error}") from error
        return token

    def _client_authentication(self) -> tuple[httpx.Auth | None, dict[str, str]]:
        """Return how this client proves itself: in a header if the provider takes that, else in the body."""
        client_id, secret = self._settings.oidc_client_id or "", self._settings.oidc_client_secret
        if not secret:
            return httpx.Auth(), {"client_id": client_id}
        methods = self.metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods or "client_secret_post" not in methods:
            # RFC 6749, 2.3.1: both are form-encoded first.
            return httpx.BasicAuth(quote_plus(client_id), quote_plus(secret)), {}
        return httpx.Auth(), {"client_id": client_id, "client_secret": secret}

    def _checked(self, token: Claims, nonce: str) -> Claims:
        """Return the claims of the ID token, if it is one for this sign-in (Core 1.0, 3.1.3.7)."""
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise TokenError("the provider sent no id_token: is the scope openid allowed?")
        try:
            decoded = self._verified(id_token)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._settings.oidc_client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._settings.oidc_client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock.now().timestamp()), leeway=CLOCK_SKEW_IN_SECONDS)
        except (JoseError, ValueError) as error:
            raise TokenError(f"the ID token is refused: {error}") from error
        if not 1 <= len(claims["sub"]) <= LONGEST_SUBJECT:
            raise TokenError(f"the ID token is refused: its sub has not 1 to {LONGEST_SUBJECT} characters")
        return dict(claims)

    def _verified(self, id_token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(id_token, self.signing_keys(), ALGORITHMS, registry)
        except InvalidKeyIdError:
            # The provider may have changed its keys since they were read.
            with self._keys.lock:
                if self._keys.at is None or self._clock.now() - self._keys.at >= KEYS_ASKED_AGAIN:
                    self._keys.at = None
            return jwt.decode(id_token, self.signing_keys(), ALGORITHMS, registry)

    def _userinfo(self, token: Claims, subject: str) -> Claims:
        """Return further claims, which some providers tell only here; none if they cannot be had."""
        endpoint, access_token = self.metadata().get("userinfo_endpoint"), token.get("access_token")
        if not endpoint or not access_token:
            return {}
        claims: Claims = self._get(endpoint, {"Authorization": f"Bearer {access_token}"})
        if claims.get("sub") != subject:
            raise TokenError("the userinfo endpoint speaks of somebody else")
        return claims

    def _identity(self, claims: Claims) -> Identity:
        username = claims.get(self._settings.oidc_username_claim)
        if not isinstance(username, str) or not username:
            raise TokenError(
                f"the provider sent no claim {self._settings.oidc_username_claim!r} for the user name: "
                "set REVIEW_DESK_OIDC_USERNAME_CLAIM to one that it sends"
            )
        email = claims.get("email")
        return Identity(
            self.issuer,
            claims["sub"],
            username,
            _groups(claims, self._settings.oidc_groups_claim),
            email if isinstance(email, str) and claims.get("email_verified") is True else None,
        )

    def _read_metadata(self) -> Claims:
        found = self._get(str(get_well_known_url(self.issuer, external=True)))
        if found.get("issuer") != self.issuer:
            raise ProviderUnavailableError(
                f"its discovery document is of the issuer {found.get('issuer')!r}: write exactly that into "
                "REVIEW_DESK_OIDC_ISSUER if it is the right one"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            address = found.get(name)
            if not isinstance(address, str) or not is_safe_address(address):
                raise ProviderUnavailableError(f"its discovery document has no {name} with https://")
        return found

    def _read_keys(self) -> KeySet:
        try:
            return KeySet.import_key_set(self._get(self.metadata()["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderUnavailableError(f"its keys cannot be read: {error}") from error

    def _get(self, address: str, headers: Mapping[str, str] | None = None) -> Claims:
        try:
            answer = self._http.get(address, headers={"Accept": "application/json", **(headers or {})})
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderUnavailableError(f"{address}: {error or type(error).__name__}") from error
        if not isinstance(found, dict):
            raise ProviderUnavailableError(f"{address} is no JSON object")
        return found

    def _kept(self, kept: _Kept, lifetime: timedelta, read: Callable[[], T]) -> T:
        """Return what was read before, or read it; one caller reads, others wait for it."""
        with kept.lock:
            now = self._clock.now()
            if kept.at and now - kept.at < (FAILURE_KEPT if kept.failure else lifetime):
                if kept.failure:
                    raise ProviderUnavailableError(kept.failure)
                value: T = kept.value
                return value
            kept.at = now
            try:
                kept.value, kept.failure = read(), None
            except ProviderUnavailableError as error:
                kept.failure = str(error)
                log.warning("the OIDC provider %s does not answer: %s", self.issuer, error)
                raise
            return kept.value  # type: ignore[no-any-return]

    def _client(self) -> Any:
        return OAuth2Client(
            self._http,
            client_id=self._settings.oidc_client_id,
            client_secret=self._settings.oidc_client_secret,
            redirect_uri=self.redirect_uri,
            scope=self._settings.oidc_scopes,
            code_challenge_method="S256",
        )


def _groups(claims: Claims, name: str) -> frozenset[str]:
    value = claims.get(name)
    if isinstance(value, str):
        return frozenset([value])
    return (
        frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
    )
