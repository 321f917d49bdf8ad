"""Checks AWS Signature Version 4, in the header or presigned (AWS General Reference, "Signature Version 4 signing")."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from review_desk.api.errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
LARGEST_SKEW = timedelta(minutes=15)
LONGEST_PRESIGNED_IN_SECONDS = 604_800
ACCESS_KEY_ID = re.compile(r"\w{1,128}", re.ASCII)
DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class SignedRequest:
    """What a signature covers.

    :param path: the path as it came over the wire, percent-encoded.
    :param headers: lower-case names; repeated values joined by commas.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Caller:
    """Who signed, and for which Region and service."""

    access_key_id: str
    region: str
    service: str


@dataclass(frozen=True)
class _Signature:
    """What a signature says of itself, in the header or in the query."""

    credential: str
    signed_headers: str
    signature: str
    date: str
    expires_in: timedelta | None
    query: str

    @property
    def scope(self) -> list[str]:
        return self.credential.split("/")


def verify(request: SignedRequest, secret_of: Callable[[str], str | None], now: datetime) -> Caller:
    """Return the caller, or refuse.

    :param secret_of: the secret of an access key, or ``None`` if there is no such key in force.
    :raises ApiError: unsigned, malformed, unknown key, out of date, or a wrong signature.
    """
    claimed = _from_query(request) if "X-Amz-Signature=" in request.query else _from_header(request)
    if len(claimed.scope) != 5 or claimed.scope[4] != "aws4_request":
        raise ApiError(
            "IncompleteSignatureException", "Credential must be KEY/DATE/REGION/SERVICE/aws4_request."
        )
    access_key_id, date, region, service, _ = claimed.scope
    _check_time(_moment(claimed.date, date), claimed.expires_in, now)
    signed_headers = claimed.signed_headers.split(";")
    if "host" not in signed_headers or (claimed.expires_in is None and "x-amz-date" not in signed_headers):
        raise ApiError("IncompleteSignatureException", "host and x-amz-date must be among SignedHeaders.")
    secret = secret_of(access_key_id) if ACCESS_KEY_ID.fullmatch(access_key_id) else None
    if secret is None:
        raise ApiError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    canonical = _canonical_request(request, claimed.query, signed_headers)
    string_to_sign = "\n".join(
        (ALGORITHM, claimed.date, "/".join(claimed.scope[1:]), hashlib.sha256(canonical.encode()).hexdigest())
    )
    expected = hmac.new(_signing_key(secret, date, region, service), string_to_sign.encode(), hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest().encode(), claimed.signature.encode()):
        raise ApiError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )
    return Caller(access_key_id, region, service)


def _from_header(request: SignedRequest) -> _Signature:
    header = request.headers.get("authorization")
    if not header:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = AUTHORIZATION.fullmatch(header.strip())
    if not match:
        raise ApiError(
            "IncompleteSignatureException",
            "The Authorization header is not AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.",
        )
    return _Signature(
        credential=match["credential"],
        signed_headers=match["headers"],
        signature=match["signature"],
        date=request.headers.get("x-amz-date", ""),
        expires_in=None,
        query=request.query,
    )


def _from_query(request: SignedRequest) -> _Signature:
    """Read a presigned request: everything but the signature itself is signed."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    values = dict(pairs)
    expires = values.get("X-Amz-Expires", "")
    if values.get("X-Amz-Algorithm") != ALGORITHM or not re.fullmatch("[0-9]{1,10}", expires):
        raise ApiError(
            "IncompleteSignatureException",
            f"A presigned request needs X-Amz-Algorithm={ALGORITHM} and X-Amz-Expires.",
        )
    if not 1 <= int(expires) <= LONGEST_PRESIGNED_IN_SECONDS:
        raise ApiError(
            "InvalidSignatureException", f"X-Amz-Expires must be 1 to {LONGEST_PRESIGNED_IN_SECONDS} seconds."
        )
    return _Signature(
        credential=values.get("X-Amz-Credential", ""),
        signed_headers=values.get("X-Amz-SignedHeaders", ""),
        signature=values.get("X-Amz-Signature", ""),
        date=values.get("X-Amz-Date", ""),
        expires_in=timedelta(seconds=int(expires)),
        query=urlencode(
            [pair for pair in pairs if pair[0] != "X-Amz-Signature"], quote_via=quote, safe="-_.~"
        ),
    )


def _check_time(moment: datetime, expires_in: timedelta | None, now: datetime) -> None:
    """A signed request is good for 15 minutes around its time, a presigned one until it expires."""
    if -LARGEST_SKEW <= now - moment <= (expires_in or LARGEST_SKEW):
        return
    raise ApiError(
        "InvalidSignatureException",
        f"Signature expired: {moment:%Y%m%dT%H%M%SZ} is too far from the server's time {now:%Y%m%dT%H%M%SZ}. "
        "Check the clock.",
    )


@lru_cache(maxsize=64)
def _moment(value: str, date: str) -> datetime:
    try:
        if not DATE.fullmatch(value):
            raise ValueError(value)
        moment = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError("IncompleteSignatureException", "X-Amz-Date must be YYYYMMDDTHHMMSSZ.") from error
    if value[:8] != date:
        raise ApiError(
            "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD of X-Amz-Date."
        )
    return moment


def _canonical_request(request: SignedRequest, sent_query: str, signed_headers: list[str]) -> str:
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(sent_query, keep_blank_values=True)
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            ";".join(signed_headers),
            # The hash of the body that came, never the one that a header claims.
            hashlib.sha256(request.body).hexdigest(),
        )
    )


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
