"""A served process with bytes on its socket that no HTTP library would send."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from fuzzing import limits
from hypothesis import given
from hypothesis import strategies as st
from support import ReviewDesk

HOST_LINE = b"Host: 127.0.0.1\r\n"
PATIENCE_IN_SECONDS = 0.5

TARGETS = (
    b"/healthz", b"/human-loops", b"//human-loops", b"/human-loops/%00", b"/human-loops/%2F",
    b"/human-loops/a%3Fb%23c",
    b"/human-loops/\xff", b"/human-loops?x=\xff\xfe", b"/human-loops?" + b"a=b&" * 2000, b"/" + b"a" * 60_000,
    b"*", b"x", b"",
    b"http://other/human-loops", b"http://[/human-loops", b"/portal/static/" + b"a" * 300 + b".js",
    b"/portal/static/%00.js",
    b"/portal/static/..%2F..%2Fapp.py", b"/portal/frame/%00", b"/portal/frame/" + b"a" * 5000, b"/portal/media/x/%ff",
    b"/portal/api/tasks/%00", b"/portal/api/tasks/%ed%a0%80", b"/portal/api/queue/", b"/portal//",
    b"/portal/../healthz",
    b"/metrics?\xff", b"/%", b"/?", b"/#", b"/\t", b"/ /",
)  # fmt: skip
HEADER_LINES = (
    b"", b"Host: [\r\n", b"Host: ]:\xff\r\n", b"Host: a b\r\n", b"Host:\r\n", HOST_LINE * 2,
    b"Content-Length: -1\r\n",
    b"Content-Length: 9999999999999999999999\r\n", b"Content-Length: 1\r\nContent-Length: 2\r\n",
    b"Content-Length: \xb2\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"Transfer-Encoding: gzip\r\n",
    b"Expect: 100-continue\r\n",
    b"Expect: anything\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Cookie: review_desk_session=\xff\x80; a; =; ;;\r\n", b"X-CSRF-Token: \xff\r\n", b"X-Request-Id: \xff\r\n",
    b"Authorization: AWS4-HMAC-SHA256 \xff\r\n", b"Content-Type: \xff/\x80\r\n",
    b"X-Long: " + b"a" * 60_000 + b"\r\n",
    b"X-A: b\r\n" * 500, b": no name\r\n", b"no colon\r\n", b" folded\r\n", b"X\0: y\r\n", b"X: \0\r\n",
    b"X: y\n", b"Content-Encoding: gzip\r\n",
)  # fmt: skip
METHODS = (
    b"GET",
    b"POST",
    b"PUT",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"PRI",
    b"get",
    b"",
    b"\xff",
)
BODIES = (
    b"", b"{}", b"[" * 10_000, b'{"username": "a\\u0000b", "password": "\\ud800"}', b"\xff", b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n", b"zz\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def still_works(review_desk_server: ReviewDesk) -> Iterator[None]:
    """Afterwards the process answers, and its log has no error in it."""
    yield
    assert httpx.get(f"{review_desk_server.url}/healthz").json() == {"status": "alive"}
    assert review_desk_server.client("sagemaker").describe_workteam(WorkteamName="reviewers")["Workteam"]
    assert review_desk_server.portal().claim().status_code == 204
    lines = [json.loads(line) for line in review_desk_server.log.splitlines()]
    assert [line for line in lines if line["level"] == "ERROR" or "exception" in line] == []


def exchange(desk: ReviewDesk, sent: bytes) -> bytes:
    """Send bytes and return what comes back, until the other side closes or waits for more of a request."""
    received = b""
    with (
        socket.create_connection(("127.0.0.1", desk.port), timeout=PATIENCE_IN_SECONDS) as raw,
        # A reset: refused before everything was read.
        suppress(ConnectionResetError, BrokenPipeError, TimeoutError),
    ):
        raw.sendall(sent)
        while piece := raw.recv(65_536):
            received += piece
    return received


def check(answered: bytes) -> None:
    for status in re.findall(rb"HTTP/1\.1 (\d{3})", answered):
        assert status < b"500", answered[:300]
    assert b"Traceback" not in answered


def test_a_right_request_is_answered(review_desk_server: ReviewDesk) -> None:
    answered = exchange(review_desk_server, request(b"GET", b"/healthz", b"HTTP/1.1", HOST_LINE, b""))
    assert answered.endswith(b'{"status":"alive"}')


def request(method: bytes, target: bytes, version: bytes, headers: bytes, body: bytes) -> bytes:
    return b"%b %b %b\r\n%bConnection: close\r\n\r\n%b" % (method, target, version, headers, body)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: ascii(target[:30]))
def test_odd_targets(review_desk_server: ReviewDesk, target: bytes) -> None:
    for method in (b"GET", b"POST", b"OPTIONS"):
        check(exchange(review_desk_server, request(method, target, b"HTTP/1.1", HOST_LINE, b"")))


@pytest.mark.parametrize("lines", HEADER_LINES, ids=lambda lines: ascii(lines[:30]))
def test_odd_headers(review_desk_server: ReviewDesk, lines: bytes) -> None:
    for target in (b"/human-loops", b"/portal/api/queue", b"/portal/frame/x", b"/portal/"):
        check(exchange(review_desk_server, request(b"GET", target, b"HTTP/1.1", lines, b"")))
    check(exchange(review_desk_server, request(b"POST", b"/portal/api/login", b"HTTP/1.1", lines, b"{}")))


@limits(120)
@given(
    method=st.one_of(st.sampled_from((b"GET", b"POST")), st.sampled_from(METHODS)),
    target=st.one_of(st.sampled_from(TARGETS), st.binary(max_size=30).map(lambda path: b"/" + path)),
    version=st.sampled_from((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"", b"\xff")),
    lines=st.lists(st.sampled_from(HEADER_LINES), max_size=3).map(b"".join),
    body=st.sampled_from(BODIES),
)
def test_odd_requests(
    review_desk_server: ReviewDesk, method: bytes, target: bytes, version: bytes, lines: bytes, body: bytes
) -> None:
    length = b"Content-Length: %d\r\n" % len(body) if body and b"Content-Length" not in lines else b""
    check(exchange(review_desk_server, request(method, target, version, HOST_LINE + lines + length, body)))


@limits(40)
@given(sent=st.binary(max_size=300))
def test_any_bytes(review_desk_server: ReviewDesk, sent: bytes) -> None:
    check(exchange(review_desk_server, sent))


def test_a_client_that_leaves_in_the_middle(review_desk_server: ReviewDesk) -> None:
    for target in (b"/human-loops", b"/", b"/portal/api/login"):
        head = b"POST %b HTTP/1.1\r\n%bContent-Length: 1000\r\n\r\n{" % (target, HOST_LINE)
        with socket.create_connection(("127.0.0.1", review_desk_server.port)) as raw:
            raw.sendall(head)
