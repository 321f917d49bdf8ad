"""Signatures made by botocore itself, whole, bent and out of date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from review_desk.api.errors import ApiError
from review_desk.api.sigv4 import SignedRequest, verify

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEYS = {"AKEXAMPLE": "the secret"}
URL = "http://127.0.0.1:8700"


def signed(
    url: str = f"{URL}/human-loops",
    method: str = "POST",
    body: str = "{}",
    secret: str = "the secret",
    **more: Any,
) -> SignedRequest:
    """A request as botocore signs it at ``NOW``."""
    request = AWSRequest(method, url, data=body, headers={"Content-Type": "application/json"})
    credentials = Credentials("AKEXAMPLE", secret)
    presign = more.get("expires")
    signer: Any = (
        SigV4QueryAuth(credentials, "sagemaker", "eu-west-1", expires=presign)
        if presign
        else SigV4Auth(credentials, "sagemaker", "eu-west-1")
    )
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        signer.add_auth(request)
    prepared = request.prepare()
    path, _, query = prepared.url.removeprefix(URL).partition("?")
    return SignedRequest(
        method=method,
        path=path,
        query=query,
        headers={
            "host": "127.0.0.1:8700",
            **{name.lower(): _text(value) for name, value in prepared.headers.items()},
        },
        body=body.encode(),
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def code(request: SignedRequest, now: datetime = NOW) -> str:
    try:
        caller = verify(request, KEYS.get, now)
    except ApiError as error:
        return error.code
    assert (caller.access_key_id, caller.region, caller.service) == ("AKEXAMPLE", "eu-west-1", "sagemaker")
    return "ok"


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4), st.text())
def test_what_botocore_signs_is_accepted(query: dict[str, str], body: str) -> None:
    try:
        url = f"{URL}/human-loops?{urlencode(query, quote_via=quote, safe='-_.~')}"
        body.encode()
    except UnicodeEncodeError:
        return
    assert code(signed(url, body=body)) == "ok"


def test_names_in_the_path() -> None:
    assert code(signed(f"{URL}/human-loops/a%20b", "GET", "")) == "ok"


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"other": 1}'},
        {"path": "/human-loops/other"},
        {"query": "a=b"},
        {"method": "DELETE"},
    ],
)
def test_a_changed_request_is_refused(change: dict[str, Any]) -> None:
    request = SignedRequest(**{**vars(signed()), **change})
    assert code(request) == "InvalidSignatureException"


def test_the_wrong_secret_and_an_unknown_key() -> None:
    assert code(signed(secret="another")) == "InvalidSignatureException"
    request = signed()
    headers = {
        **request.headers,
        "authorization": request.headers["authorization"].replace("AKEXAMPLE", "AKOTHER"),
    }
    assert code(SignedRequest(**{**vars(request), "headers": headers})) == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(14, "ok"), (-14, "ok"), (16, "InvalidSignatureException"), (-16, "InvalidSignatureException")],
)
def test_fifteen_minutes_of_skew(minutes: int, expected: str) -> None:
    assert code(signed(), NOW + timedelta(minutes=minutes)) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(0, "ok"), (59, "ok"), (61, "InvalidSignatureException")])
def test_presigned_requests_last_as_long_as_they_say(minutes: int, expected: str) -> None:
    request = signed(f"{URL}/human-loops/one?x=a+b", "GET", "", expires=3600)
    assert "authorization" not in request.headers
    assert code(request, NOW + timedelta(minutes=minutes)) == expected


def test_a_longer_life_cannot_be_claimed() -> None:
    request = signed(f"{URL}/human-loops/one", "GET", "", expires=3600)
    longer = SignedRequest(
        **{**vars(request), "query": request.query.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")}
    )
    assert code(longer) == "InvalidSignatureException"
    assert code(signed(f"{URL}/x", "GET", "", expires=604_801)) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"authorization": "Bearer x"}, "IncompleteSignatureException"),
        (
            {"authorization": f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={'0' * 64}"},
            "IncompleteSignatureException",
        ),
    ],
)
def test_what_is_no_signature(headers: dict[str, str], expected: str) -> None:
    assert code(SignedRequest("POST", "/", "", headers, b"")) == expected
