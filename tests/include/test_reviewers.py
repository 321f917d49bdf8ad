"""Simulated reviewers: what they read from a page, what they type, and how they stand Review Desk being away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from include.demo.portal_client import (
    PortalClient,
    RenderedForm,
    SignInRefusedError,
    StoppedError,
    parse_form,
)
from include.demo.reviewers import Behaviour, SimulatedReviewers, answer_for, mistyped

PAGE = """
<crowd-form><div data-document="s3://bucket/forms/form-001.jpg?x=1&amp;y=2"></div>
<input type="text" name="first_name" value="Ann &quot;A&quot;"><input name="city">
<crowd-input name="street" value="1 Main"></crowd-input>
<textarea name="remarks">two
lines &amp; more</textarea>
<input type="submit" name="go" value="Submit"><input value="nameless"></crowd-form>
"""
TRUTH = {"form-001.jpg": {"first_name": "Anna", "city": "North Mark", "street": ""}}
CAREFUL = Behaviour(error_rate=0, think_seconds=0, seed=1)


def form(document: str = "s3://b/forms/form-001.jpg", **values: str) -> RenderedForm:
    return RenderedForm(document, values)


def test_a_rendered_form_is_read() -> None:
    parsed = parse_form(PAGE)
    assert parsed.document == "s3://bucket/forms/form-001.jpg?x=1&y=2"
    assert parsed.values == {
        "first_name": 'Ann "A"',
        "city": "",
        "street": "1 Main",
        "remarks": "two\nlines & more",
    }


def test_a_page_without_a_document_is_refused() -> None:
    with pytest.raises(ValueError, match="names no document"):
        parse_form("<input name='a'>")


def test_the_answer_is_the_truth_without_blanks_and_keeps_what_is_not_known() -> None:
    answer = answer_for(form(first_name="Ann", city="", street="x", other="as read"), TRUTH, CAREFUL, "r")
    assert answer == {"first_name": "Anna", "city": "North Mark", "other": "as read"}


def test_an_unknown_document_is_not_answered() -> None:
    with pytest.raises(ValueError, match=r"form-999\.jpg is not one of the demo's forms"):
        answer_for(form("s3://b/form-999.jpg", city=""), TRUTH, CAREFUL, "r")


def test_errors_come_at_the_stated_rate_and_the_same_every_time() -> None:
    truth = {f"{number}.jpg": {"value": "abcdefgh"} for number in range(3000)}
    behaviour = Behaviour(error_rate=0.05, think_seconds=0, seed=3)

    def wrong(reviewer: str) -> set[str]:
        return {
            name
            for name in truth
            if answer_for(form(f"s3://b/{name}", value="x"), truth, behaviour, reviewer)["value"]
            != "abcdefgh"
        }

    assert 0.035 < len(wrong("one")) / 3000 < 0.065
    assert wrong("one") == wrong("one")
    assert wrong("one") != wrong("two")


def test_alike_reviewers_mistype_the_same() -> None:
    behaviour = Behaviour(error_rate=0.5, think_seconds=0, seed=3, alike=True)
    shown = form(first_name="", city="")
    assert answer_for(shown, TRUTH, behaviour, "one") == answer_for(shown, TRUTH, behaviour, "two")


@pytest.mark.parametrize("value", ["Anna", "aaaa", "ab", "a", ""])
def test_a_mistyped_value_differs(value: str) -> None:
    import random

    assert mistyped(value, random.Random(1)) != value or not value


class ScriptedPortal:
    """A portal that answers each path with the next of its scripted replies; "drop" closes the connection."""

    def __init__(self) -> None:
        self.script: dict[str, list[Any]] = {}
        self.seen: list[tuple[str, Any]] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                portal.answer(self)

            def do_POST(self) -> None:
                portal.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = handler.path.removeprefix("/portal/api/")
        self.seen.append((path, json.loads(body) if body else None))
        replies = self.script[path]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply == "drop":
            handler.close_connection = True
            return
        status, content, *headers = reply
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        handler.send_header("Content-Length", str(0 if status == 204 else len(data)))
        handler.end_headers()
        if status != 204:
            handler.wfile.write(data)


@pytest.fixture
def portal() -> Iterator[ScriptedPortal]:
    portal = ScriptedPortal()
    portal.script["login"] = [(200, {"csrf_token": "t", "worker": {}})]
    yield portal
    portal.server.shutdown()
    portal.server.server_close()


TASK = {
    "id": "7",
    "human_loop": "loop-1",
    "frame_url": "/portal/api/frame",
    "lease": {"token": "lease"},
}


def test_a_reviewer_outlasts_everything_review_desk_can_do(portal: ScriptedPortal) -> None:
    portal.script |= {
        "login": [(503, {}), (200, {"csrf_token": "t", "worker": {}})],
        "tasks/claim": [
            (204, "", ("X-Review-Desk-Reason", "held"), ("Retry-After", "0")),
            (401, {}),
            "drop",
            (200, TASK),
            (200, TASK),
            (204, "", ("X-Review-Desk-Reason", "done")),
        ],
        "tasks/7": [(500, {}), (200, TASK)],
        "frame": [(200, PAGE.replace("?x=1&amp;y=2", ""))],
        "tasks/7/submit": ["drop", (200, {"state": "submitted"}), (409, {"error": {"code": "LateAnswer"}})],
    }
    reviewers = SimulatedReviewers(portal.url, {"r": "p"}, TRUTH, CAREFUL)
    reviewers.start()
    wait_until(lambda: reviewers.tally.submitted + reviewers.tally.late == 2)
    reviewers.stop()

    assert (reviewers.tally.submitted, reviewers.tally.late) == (1, 1)
    assert reviewers.tally.new_problems() == []
    submitted = [body for path, body in portal.seen if path == "tasks/7/submit"]
    expected = {"first_name": "Anna", "city": "North Mark", "remarks": "two\nlines & more"}
    assert submitted == [{"answer": expected, "lease_token": "lease"}] * 3


def test_a_form_that_is_not_of_the_demo_is_given_back(portal: ScriptedPortal) -> None:
    portal.script |= {
        "tasks/claim": [(200, TASK), (204, "")],
        "tasks/7": [(200, TASK)],
        "frame": [(200, PAGE.replace("form-001", "form-404"))],
        "tasks/7/release": [(204, "")],
    }
    reviewers = SimulatedReviewers(portal.url, {"r": "p"}, TRUTH, CAREFUL)
    reviewers.start()
    wait_until(lambda: any(path == "tasks/7/release" for path, _ in portal.seen))
    reviewers.stop()
    assert "form-404.jpg" in reviewers.tally.new_problems()[0]
    assert reviewers.tally.submitted == 0


def test_a_wrong_password_is_told(portal: ScriptedPortal) -> None:
    portal.script["login"] = [(401, {"error": {"code": "SignInFailed"}})]
    client = PortalClient(portal.url, "r", "wrong", threading.Event())
    with pytest.raises(SignInRefusedError, match="r cannot sign in"):
        client.claim()


def test_waiting_ends_when_the_work_does(portal: ScriptedPortal) -> None:
    portal.script["tasks/claim"] = [(503, {})]
    stop = threading.Event()
    client = PortalClient(portal.url, "r", "p", stop)
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(StoppedError):
        client.claim()


def wait_until(condition: Any, seconds: float = 20) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds * 20)):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not come true")
