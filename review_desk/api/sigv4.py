"""Checks AWS Signature Version 4 of a request's headers (AWS General Reference, "Signature Version 4 signing")."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from review_desk.api.errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
LARGEST_SKEW = timedelta(minutes=15)
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


def verify(request: SignedRequest, secret_of: Callable[[str], str | None], now: datetime) -> Caller:
    """Return the caller, or refuse.

    :param secret_of: the secret of an access key, or ``None`` if there is no such key in force.
    :raises ApiError: unsigned, malformed, unknown key, more than 15 minutes of skew, or a wrong signature.
    """
    header = request.headers.get("authorization")
    if not header:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = AUTHORIZATION.fullmatch(header.strip())
    if not match:
        raise ApiError(
            "IncompleteSignatureException",
            "The Authorization header is not AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.",
        )
    scope = match["credential"].split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise ApiError(
            "IncompleteSignatureException", "Credential must be KEY/DATE/REGION/SERVICE/aws4_request."
        )
    access_key_id, date, region, service, _ = scope
    signed_headers = match["headers"].split(";")
    moment = _moment(request.headers.get("x-amz-date"), date)
    if abs(now - moment) > LARGEST_SKEW:
        raise ApiError(
            "InvalidSignatureException",
            f"Signature expired: {moment:%Y%m%dT%H%M%SZ} is more than 15 minutes from the server's time "
            f"{now:%Y%m%dT%H%M%SZ}. Check the clock.",
        )
    if "host" not in signed_headers or "x-amz-date" not in signed_headers:
        raise ApiError("IncompleteSignatureException", "host and x-amz-date must be among SignedHeaders.")
    secret = secret_of(access_key_id)
    if secret is None:
        raise ApiError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    string_to_sign = "\n".join(
        (
            ALGORITHM,
            request.headers["x-amz-date"],
            "/".join(scope[1:]),
            hashlib.sha256(_canonical_request(request, signed_headers).encode()).hexdigest(),
        )
    )
    expected = hmac.new(_signing_key(secret, date, region, service), string_to_sign.encode(), hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest(), match["signature"]):
        raise ApiError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )
    return Caller(access_key_id, region, service)


def _moment(value: str | None, date: str) -> datetime:
    try:
        moment = datetime.strptime(value or "", "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError("IncompleteSignatureException", "X-Amz-Date must be YYYYMMDDTHHMMSSZ.") from error
    if f"{moment:%Y%m%d}" != date:
        raise ApiError(
            "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD of X-Amz-Date."
        )
    return moment


def _canonical_request(request: SignedRequest, signed_headers: list[str]) -> str:
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
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


def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
