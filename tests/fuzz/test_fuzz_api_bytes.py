"""The API with requests that no client makes: other bodies, paths, methods, headers and signatures."""

from __future__ import annotations

import gzip
import hashlib
from unittest import mock
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import OperationModel
from fuzzing import HOSTILE_TEXTS, ErrorLog, check_api_answer, limits
from hypothesis import given
from hypothesis import strategies as st
from in_process import HOST, Answer, Served

from review_desk.api.wire import service_model

TARGET = "SageMaker.DescribeWorkteam"
RIGHT_BODY = b'{"WorkteamName": "reviewers"}'

BODIES = (
    b"", b"null", b"[]", b"1", b'"text"', b"{", b"}", b"{}}", b'{"WorkteamName": }', b"\xff\xfe", b"\x00",
    b"\xef\xbb\xbf{}",
    b'{"WorkteamName": "\xff"}', b'{"WorkteamName": "reviewers", "WorkteamName": 1}', b'{"WorkteamName": 1e400}',
    b'{"WorkteamName": NaN}', b'{"WorkteamName": -Infinity}', b'{"WorkteamName": "\\ud800"}',
    b'{"WorkteamName": "\\u0000"}',
    b'{"WorkteamName": ' + b"9" * 5000 + b"}", b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000,
    b'{"WorkteamName": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", b'{"Unknown": ' + b"[" * 99 + b"]" * 99 + b"}",
    "{}".encode("utf-16"), "{}".encode("utf-32"), gzip.compress(RIGHT_BODY), b"a=b&c=d", b"<xml/>",
    b'{"\\ud800": 1, "WorkteamName": 1}', b'{"WorkteamName": "' + b"a" * 1_000_000 + b'"}',
)  # fmt: skip
PATHS = (
    b"/human-loops", b"/human-loops/", b"/human-loops/loop-1", b"/human-loops/loop-1/", b"//human-loops",
    b"/human-loops//",
    b"//human-loops/loop-1", b"/human-loops/a/b/c", b"/human-loops/%2F", b"/human-loops/loop%2D1", b"/human-loops/%00",
    b"/human-loops/a%00b", b"/human-loops/%ff%fe", b"/human-loops/\xff\xfe", b"/human-loops/%", b"/human-loops/%zz",
    b"/human-loops/%ed%a0%80", b"/human-loops/..", b"/human-loops/../../etc/passwd", b"/human-loops/%2e%2e/x",
    b"/human-loops/a%3Fb", b"/human-loops/a%23b", b"/human-loops/" + b"a" * 10_000, b"/human-loops/" + b"%41" * 5_000,
    b"/Human-Loops", b"/human-loops;x=1", b"/human-loops/{HumanLoopName}", b"/human-loops/stop", b"/human-loops/stop/",
    b"/", b"//", b"/.", b"/%2F", b"/%", b"/prefix/human-loops", b"/index.html", b"/\xf0\x9f\x98\x80", b"*", b"",
)  # fmt: skip
QUERIES = (
    b"", b"?", b"&&&", b"=", b"FlowDefinitionArn", b"FlowDefinitionArn=", b"FlowDefinitionArn=%00",
    b"FlowDefinitionArn=\xff",
    b"FlowDefinitionArn=%ff", b"MaxResults=1&MaxResults=2", b"MaxResults=" + b"9" * 5000, b"MaxResults=%D9%A3",
    b"MaxResults=1_0", b"CreationTimeAfter=now", b"CreationTimeAfter=1e400", b"a=b" * 5000,
    b"&".join(b"a%d=b" % number for number in range(5000)), b"X-Amz-Signature=", b"xX-Amz-Signature=1",
)  # fmt: skip
METHODS = (
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "BREW",
    "\xff",
)


def operation() -> OperationModel:
    return service_model("sagemaker").operation_model("DescribeWorkteam")


def check(answer: Answer, errors: ErrorLog, *, protocol: str = "rest-json", refused: bool = False) -> None:
    parsed = check_api_answer(answer, operation(), errors, protocol=protocol)
    assert not refused or "Error" in parsed


def send_signed(
    served: Served, body: bytes, headers: dict[str, str] | None = None, *, chunks: int = 1
) -> Answer:
    more = {"X-Amz-Target": TARGET, "Content-Type": "application/x-amz-json-1.1", **(headers or {})}
    return served.request("POST", "/", body, served.signed_headers("POST", "/", body, more), chunks=chunks)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body[:20]))
def test_bodies_that_are_no_request_are_refused(served: Served, errors: ErrorLog, body: bytes) -> None:
    check(send_signed(served, body), errors, protocol="json", refused=True)
    assert served.signed("POST", "/human-loops", body).status == 400
    check(served.signed("POST", "/human-loops", body), errors, refused=True)
    check(served.signed("POST", "/human-loops/stop", body), errors, refused=True)


@limits(100)
@given(
    body=st.one_of(
        st.binary(max_size=100),
        st.tuples(st.integers(0, len(RIGHT_BODY)), st.binary(max_size=3), st.integers(0, 5)).map(
            lambda change: RIGHT_BODY[: change[0]] + change[1] + RIGHT_BODY[change[0] + change[2] :]
        ),
    ),
    content_type=st.sampled_from(
        ("application/json", "text/plain", "", "multipart/form-data", "a" * 3000, "é")
    ),
    encoding=st.sampled_from(("", "gzip", "aws-chunked", "identity", "x" * 100)),
    chunks=st.integers(1, 20),
)
def test_any_body_in_any_wrapping_is_answered(
    served: Served, errors: ErrorLog, body: bytes, content_type: str, encoding: str, chunks: int
) -> None:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}
    check(send_signed(served, body, headers, chunks=chunks), errors, protocol="json")


def test_a_right_request_is_answered_in_whatever_pieces_it_comes(served: Served, errors: ErrorLog) -> None:
    for chunks in (1, 2, len(RIGHT_BODY)):
        answer = send_signed(served, RIGHT_BODY, {"Content-Type": "text/plain"}, chunks=chunks)
        assert answer.status == 200
        check(answer, errors, protocol="json")


@pytest.mark.parametrize("method", METHODS)
def test_odd_methods_paths_and_queries_are_answered(served: Served, errors: ErrorLog, method: str) -> None:
    for path in PATHS:
        for query in QUERIES[:: 1 if path in (b"/human-loops", b"/") else 6]:
            answer = served.request(method, path + b"?" + query)
            if (method, path) == ("GET", b"/"):
                assert (answer.status, answer.headers["location"]) == (307, "/portal/")
            else:
                check(answer, errors, refused=True)


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.startswith(b"/human")], ids=lambda path: ascii(path[:30])
)
def test_odd_paths_are_answered_when_they_are_signed(served: Served, errors: ErrorLog, path: bytes) -> None:
    target = path.decode("latin-1")
    for method in ("GET", "DELETE", "POST"):
        headers = served.signed_headers(method, quote(target, safe="/%;{}"), b"{}")
        check(served.request(method, path, b"{}", headers), errors)


def test_a_signed_path_means_the_loop_whose_name_it_encodes(served: Served, errors: ErrorLog) -> None:
    for target in ("/human-loops/loop-1", "/human-loops/loop%2D1", "/human-loops/%6coop-1"):
        answer = served.signed("GET", target)
        assert answer.json()["HumanLoopName"] == "loop-1"
    assert served.signed("GET", "/human-loops/a%3Fb%23c").json()["Message"].startswith("1 validation error")
    assert not errors.take()


AUTHORIZATION_PARTS = {
    "algorithm": ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "Bearer", "Basic", ""),
    "key": ("{key}", "", "x" * 200, "{key}\xe9", "a/b", "%00", "é", "'"),
    "date": ("{date}", "", "00010101", "10101", "99991231", "2026-1-1", "²0260101"),
    "region": ("us-east-1", "", "US-EAST-1", "a" * 500, "us-" + "a" * 40 + "-1", "us-east-1\xe9", "local"),
    "service": ("sagemaker", "s3", "", "execute-api"),
    "end": ("aws4_request", "", "aws4_request/x", "aws4"),
    "signed": (
        "host;x-amz-date",
        "",
        "host",
        "x-amz-date",
        "host;x-amz-date;none",
        "HOST;X-AMZ-DATE",
        ";;;",
        "é",
    ),
    "signature": ("0" * 64, "", "0" * 63, "g" * 64, "é" * 64, "0" * 5000),
    "amz_date": ("{date}T120000Z", "", "00010101T000000Z", "99991231T235959Z", "٢٠٢٦٠١٠١T000000Z", "x" * 500),
}


def parts() -> st.SearchStrategy[dict[str, str]]:
    """The parts of a signature: nearly all as they should be."""
    return st.fixed_dictionaries(
        {
            name: st.one_of(st.just(values[0]), st.just(values[0]), st.sampled_from(values))
            for name, values in AUTHORIZATION_PARTS.items()
        }
    )


def latin(text: str) -> str:
    """What a header can carry of a text."""
    return text.encode("latin-1", "replace").decode("latin-1")


@limits(300)
@given(drawn=parts(), separator=st.sampled_from((", ", ",", " ", ",  ", ";")))
def test_broken_authorization_headers_are_refused(
    served: Served, errors: ErrorLog, drawn: dict[str, str], separator: str
) -> None:
    now = f"{served.desk.clock.now():%Y%m%d}"
    part = {
        name: value.replace("{key}", served.access_key_id).replace("{date}", now)
        for name, value in drawn.items()
    }
    credential = "/".join(part[name] for name in ("key", "date", "region", "service", "end"))
    pieces = (f"Credential={credential}", f"SignedHeaders={part['signed']}", f"Signature={part['signature']}")
    headers = {
        "Authorization": latin(f"{part['algorithm']} {separator.join(pieces)}"),
        "X-Amz-Date": latin(part["amz_date"]),
    }
    check(served.request("GET", "/human-loops/loop-1", b"", headers), errors, refused=True)


@limits(300)
@given(
    drawn=parts(),
    expires=st.sampled_from(("60", "", "0", "604801", "²", "-1", "9" * 5000, "1.5", "1_0", "٣")),
)
def test_broken_presigned_requests_are_refused(
    served: Served, errors: ErrorLog, drawn: dict[str, str], expires: str
) -> None:
    now = f"{served.desk.clock.now():%Y%m%d}"
    part = {
        name: value.replace("{key}", served.access_key_id).replace("{date}", now)
        for name, value in drawn.items()
    }
    credential = "/".join(part[name] for name in ("key", "date", "region", "service", "end"))
    query = {
        "X-Amz-Algorithm": part["algorithm"],
        "X-Amz-Credential": credential.replace("%00", "\0"),
        "X-Amz-Date": part["amz_date"],
        "X-Amz-Expires": expires,
        "X-Amz-SignedHeaders": part["signed"],
        "X-Amz-Signature": part["signature"],
    }
    target = "/human-loops/loop-1?" + "&".join(
        f"{name}={quote(value, safe='')}" for name, value in query.items()
    )
    check(served.request("GET", target), errors, refused=True)


@pytest.mark.parametrize("region", ["us-" + "a" * 40 + "-1", "a" * 100 + "-a-1", "us-east-1" + "0" * 30])
def test_a_region_that_no_database_column_holds_is_refused(
    served: Served, errors: ErrorLog, region: str
) -> None:
    answer = served.sagemaker("CreateWorkteam", {"WorkteamName": "x", "Description": "d"}, region=region)
    assert answer.status == 403
    check(answer, errors, protocol="json", refused=True)


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:20]))
def test_headers_and_presigned_queries_may_hold_anything(served: Served, errors: ErrorLog, text: str) -> None:
    for name in ("X-Amz-Target", "Content-Type", "Content-Length", "Host", "X-Request-Id"):
        headers = served.signed_headers("POST", "/", RIGHT_BODY, {"X-Amz-Target": TARGET})
        check(
            served.request("POST", "/", RIGHT_BODY, {**headers, name: latin(text)}), errors, protocol="json"
        )
    for name in ("Credential", "Date", "Signature", "SignedHeaders", "Expires", "Algorithm"):
        target = presigned(served, {f"X-Amz-{name}": text})
        check(served.request("GET", target), errors, refused=True)


def presigned(served: Served, changes: dict[str, str]) -> str:
    """Return a presigned request's target, some of its values replaced afterwards."""
    request = AWSRequest("GET", f"http://{HOST}/human-loops/loop-1")
    now = served.desk.clock.now().replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4QueryAuth(
            Credentials(served.access_key_id, served.secret), "sagemaker", "us-east-1", expires=60
        ).add_auth(request)
    path, _, query = request.url.removeprefix(f"http://{HOST}").partition("?")
    values = dict(pair.split("=", 1) for pair in query.split("&"))
    values |= {name: quote(value, safe="", errors="surrogatepass") for name, value in changes.items()}
    return f"{path}?" + "&".join(f"{name}={value}" for name, value in values.items())


def test_a_presigned_request_is_answered(served: Served, errors: ErrorLog) -> None:
    assert served.request("GET", presigned(served, {})).status == 200
    assert not errors.take()


def test_ten_thousand_headers_and_a_huge_one_are_answered(served: Served, errors: ErrorLog) -> None:
    many = {f"x-header-{number}": "v" for number in range(10_000)}
    for headers in (
        many,
        {"Authorization": "A" * 1_000_000},
        {"Authorization": "AWS4-HMAC-SHA256 " + " ," * 100_000},
    ):
        check(served.request("GET", "/human-loops/loop-1", b"", headers), errors, refused=True)


def test_a_million_wrong_items_are_refused_without_looking_at_each(served: Served, errors: ErrorLog) -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:workteam/x"
    answer = served.sagemaker("DeleteTags", {"ResourceArn": arn, "TagKeys": [1] * 1_000_000})
    check(answer, errors, protocol="json", refused=True)
    assert answer.json()["Message"].startswith("1 validation error detected")


def test_what_a_header_says_of_the_body_is_not_believed(served: Served, errors: ErrorLog) -> None:
    other = hashlib.sha256(b"{}").hexdigest()
    headers = served.signed_headers(
        "POST", "/", b"{}", {"X-Amz-Target": TARGET, "X-Amz-Content-Sha256": other}
    )
    answer = served.request("POST", "/", RIGHT_BODY, headers)
    assert answer.json()["__type"] == "InvalidSignatureException"
    assert not errors.take()
