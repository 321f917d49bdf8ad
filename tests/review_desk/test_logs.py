"""The log: what is in a line, and what never is."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from in_process import Served
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import text
from support import Portal, ReviewDesk, wait_until

from review_desk.engine.background import BackgroundJob
from review_desk.logs import LogFormat, configure
from review_desk.receivers import WebhookReceiver

MARK = "m4rked"
TEMPLATE = """<crowd-form>
<img src="{{ task.input.image | grant_read_access }}"><p>{{ task.input.text }}</p><input name="a"></crowd-form>"""


@pytest.fixture
def logged() -> Iterator[Callable[[LogFormat], io.StringIO]]:
    """Sends the log to a text for one test, with everything in it that there can be."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])

    def start(log_format: LogFormat) -> io.StringIO:
        stream = io.StringIO()
        configure(log_format, "debug", stream)
        return stream

    yield start
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    logging.captureWarnings(False)


class Document:
    """A document in a store; reading it may break in the middle."""

    broken = False

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield f"{MARK}-document".encode()
        if self.broken:
            raise ValueError(f"{MARK}-document")

    def close(self) -> None: ...


class Refuses:
    """Stands for anything of ours, and fails with a message that quotes what it was given."""

    calls = 0

    def __call__(self, *values: Any, **named: Any) -> Any:
        self.calls += 1
        raise ValueError(f"{values} {named} {MARK}-quoted")


class Drive:
    """Every kind of request, most with something secret in it; collects the secrets that came up."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.served, self.desk, self.monkeypatch = served, served.desk, monkeypatch
        self.service = served.desk.service
        self.secrets = {served.secret}
        self.worker = self.desk.worker("ann")
        monkeypatch.setattr(self.service.storage, "get", lambda bucket, key: {"Body": Document()})
        self.service.human_task_uis.create(SCOPE, "page", TEMPLATE, [])
        self.flow = self.desk.flow("marked", HumanTaskUiArn=SCOPE.arn("human-task-ui", "page"))

    def content(self, **more: Any) -> str:
        return json.dumps({"image": f"s3://documents/{MARK}-key.png", "text": f"{MARK}-content"} | more)

    def api(self) -> None:
        """The AWS side: accepted, refused by each part, and broken."""
        served = self.served
        assert served.start(self.flow, "one", self.content()).status == 200
        assert served.start(self.flow, "one", self.content(text=f"{MARK}-other")).status == 409
        assert served.start(self.flow, "two", f"{MARK}-no-json").status == 400
        assert served.start(self.flow, f"UPPER {MARK}-name", self.content()).status == 400
        assert served.sagemaker("CreateWorkteam", {"WorkteamName": {MARK: f"{MARK}-value"}}).status == 400
        assert served.sagemaker("CreateTrainingJob", {"HyperParameters": {MARK: 1}}).status == 404
        assert served.sagemaker("ListTags", f'{{"{MARK}'.encode()).status == 400
        assert served.request("POST", f"/human-loops?X-Amz-Signature={MARK}-signature").status == 400
        forged = served.signed_headers("GET", "/human-loops/one", b"", secret=f"{MARK}-secret")
        assert served.request("GET", "/human-loops/one", b"", forged).status == 403
        self.secrets.add(forged["Authorization"].rsplit("=", 1)[1])
        with self.monkeypatch.context() as broken:
            broken.setattr(self.service.loops, "prepare", Refuses())
            assert served.start(self.flow, "three", self.content()).status == 500
            broken.setattr(self.service.access, "secret_of", Refuses())
            assert served.start(self.flow, "three", self.content()).status == 500

    def portal(self) -> None:
        """The portal: sign-in, a task from claim to submission, its page, its document, and failures of ours."""
        served = self.served
        self.sign_in(f"{MARK}-password", 401)
        headers = served.sign_in("ann")
        self.secrets |= {headers["X-CSRF-Token"], headers["Cookie"].split("=", 1)[1]}
        forged = {**headers, "X-CSRF-Token": f"{MARK}-csrf"}
        assert served.request("POST", "/portal/api/tasks/claim", b"{}", forged).status == 403
        forged = {"Cookie": f"review_desk_session={MARK}-session"}
        assert served.request("GET", "/portal/api/queue", b"", forged).status == 401
        task = served.request("POST", "/portal/api/tasks/claim", b"{}", headers).json()
        path = f"/portal/api/tasks/{task['id']}"
        frame_token = task["frame_url"].rsplit("/", 1)[1]
        self.secrets |= {task["lease"]["token"], frame_token}
        for ending in ("", "/", "x"):
            served.request("GET", task["frame_url"] + ending)
        page = served.request("GET", task["frame_url"]).body.decode()
        media = re.search(r'src="(/portal/media/([^/"]+)/[^"]+)"', page)
        assert media
        self.secrets.add(media[2])
        assert served.request("GET", media[1]).status == 200
        assert served.request("POST", media[1]).status == 405
        self.monkeypatch.setattr(Document, "broken", True)
        served.request("GET", media[1])
        answer = {"answer": {MARK: f"{MARK}-answer"}, "version": 0, "lease_token": task["lease"]["token"]}
        body = json.dumps(answer).encode()
        stale = json.dumps(answer | {"version": 7}).encode()
        assert served.request("PUT", f"{path}/draft", body, headers).status == 200
        assert served.request("PUT", f"{path}/draft", stale, headers).status == 409
        assert served.request("PUT", f"{path}/draft", body[:-2], headers).status == 400
        assert (
            served.request("PUT", f"{path}/draft", b'{"answer": "%s"}' % MARK.encode(), headers).status == 400
        )
        assert served.request("POST", f"{path}/submit", b" " * 5_000_000, headers).status == 413
        with self.monkeypatch.context() as broken:
            broken.setattr(self.service.tasks, "submit", Refuses())
            failed = served.request("POST", f"{path}/submit", body, headers)
        assert failed.status == 500
        identifier = failed.headers["x-request-id"]
        message = f"The service failed; its log has the cause under {identifier}."
        assert failed.json() == {"error": {"code": "Internal", "message": message}}
        self.broken_database(lambda: served.request("POST", f"{path}/submit", body, headers).status)
        assert served.request("POST", f"{path}/submit", body, headers).status == 200
        self.secrets.add(served.desk.service.settings.metrics_token or "")
        assert (
            served.request("GET", f"/metrics?{MARK}", b"", {"Authorization": f"Bearer {MARK}"}).status == 401
        )

    def sign_in(self, password: str, status: int) -> None:
        body = json.dumps({"username": "ann", "password": password}).encode()
        json_body = {"Content-Type": "application/json"}
        assert self.served.request("POST", "/portal/api/login", body, json_body).status == status
        with self.monkeypatch.context() as broken:
            broken.setattr(self.service.password_sign_in, "sign_in", Refuses())
            assert self.served.request("POST", "/portal/api/login", body, json_body).status == 500

    def broken_database(self, ask: Callable[[], int]) -> None:
        """Have the statement fail that writes the answer; PostgreSQL's error then shows the whole row."""
        database = self.service.database
        refuse, allow = (
            (
                "CREATE TRIGGER refuse BEFORE UPDATE ON task BEGIN SELECT RAISE(ABORT, 'refused'); END",
                "DROP TRIGGER refuse",
            )
            if database.is_sqlite
            else (
                "ALTER TABLE task ADD CONSTRAINT refuse CHECK (submitted_at IS NULL)",
                "ALTER TABLE task DROP CONSTRAINT refuse",
            )
        )
        with database.write() as connection:
            connection.execute(text(refuse))
        assert ask() == 500
        with database.write() as connection:
            connection.execute(text(allow))

    def background(self) -> None:
        """Deliveries that a store and a webhook do not take, and jobs that break."""
        store = self.desk.store
        store.broken = True
        self.desk.outbox.deliver_due()
        store.broken = False
        self.monkeypatch.setattr(store, "put_json", Refuses())
        self.deliver_again()
        self.monkeypatch.setattr("review_desk.engine.outbox.output_document", Refuses())
        self.monkeypatch.setattr("json.loads", lambda *_: (_ for _ in ()).throw(KeyError(f"{MARK}-content")))
        self.deliver_again()
        self.monkeypatch.undo()
        secret = f"{MARK}-webhook"
        address = f"http://user:{MARK}-pass@127.0.0.1:9/hook?token={MARK}-token"
        self.desk.outbox._receivers.append(WebhookReceiver(address, secret, self.desk.clock))
        self.secrets.add(base64.b64encode(secret.encode()).decode())
        self.deliver_again()
        self.deliver_again()
        work = Refuses()
        job = BackgroundJob("tidying", work, 60)
        job.start()
        wait_until(lambda: work.calls)
        job.stop()

    def deliver_again(self) -> None:
        self.desk.clock.advance(90)
        self.desk.outbox.deliver_due()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_nothing_that_was_sent_gets_into_the_log(
    desk: Desk,
    logged: Callable[[LogFormat], io.StringIO],
    monkeypatch: pytest.MonkeyPatch,
    log_format: LogFormat,
) -> None:
    desk.service.settings.metrics_token = f"{MARK}-metrics"
    with Served(desk, access_log=True) as served:
        drive = Drive(served, monkeypatch)
        stream = logged(log_format)
        drive.api()
        drive.portal()
        drive.background()
    log = stream.getvalue()
    assert MARK not in log
    for secret in drive.secrets:
        assert secret not in log
        assert quote(secret, safe="") not in log
    assert log.count("Traceback (most recent call last)") >= 7
    for words in (
        "request failed",
        "request refused",
        "could not be written",
        "did not answer",
        "tidying failed",
    ):
        assert words in log
    if log_format == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
        deliveries = [line for line in lines if line["logger"] == "review_desk.engine.outbox"]
        assert {line["human_loop"] for line in deliveries} == {"one"}


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_refusal_names_request_field_and_rule(desk: Desk, logged: Any) -> None:
    with Served(desk) as served:
        stream = logged("json")
        answer = served.start(desk.flow(), "No Such Name")
        assert served.start(desk.flow("other"), "fine").status == 200
    (line,) = lines_of(stream)
    duration = line.pop("duration_ms")
    assert 0 < duration < 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    pattern = "Member must satisfy regular expression pattern: ^[a-z0-9](-*[a-z0-9])*$"
    assert line == {
        "level": "INFO",
        "logger": "review_desk.requests",
        "message": "request refused",
        "request_id": answer.headers["x-amzn-requestid"],
        "method": "POST",
        "path": "/human-loops",
        "operation": "StartHumanLoop",
        "status": 400,
        "access_key_id": served.access_key_id,
        "error": "ValidationException",
        "detail": f"humanLoopName: {pattern}",
    }


def test_an_access_log_has_the_path_without_what_is_in_it(desk: Desk, logged: Any) -> None:
    worker = desk.worker("ann")
    with Served(desk, access_log=True) as served:
        stream = logged("json")
        headers = served.sign_in("ann")
        served.request("GET", "/portal/api/tasks/something?a=b", b"", headers)
        served.request("GET", "/portal/frame/sealed")
        served.request("GET", "/portal/frame/sealed/and/more")
    seen = [
        (line["level"], line.get("path"), line["status"], line.get("worker_id")) for line in lines_of(stream)
    ]
    assert seen == [
        ("INFO", "/portal/api/login", 200, None),
        ("INFO", "/portal/api/tasks/{task_id}", 404, worker),
        ("WARNING", "/portal/frame/{token}", 403, None),
        ("INFO", None, 404, None),
    ]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("From-Proxy-1", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ("a\nb", False),
    ],
)
def test_a_proxys_request_id_is_taken_over_if_it_is_one(
    desk: Desk, logged: Any, sent: str, taken: bool
) -> None:
    with Served(desk) as served:
        stream = logged("json")
        portal = served.request("GET", "/portal/api/queue", b"", {"X-Request-Id": sent})
        aws = served.request("GET", "/human-loops/x", b"", {"X-Request-Id": sent})
    answered = [portal.headers["x-request-id"], aws.headers["x-amzn-requestid"]]
    assert [line["request_id"] for line in lines_of(stream)] == answered
    if taken:
        assert answered == [sent, sent]
    else:
        assert all(re.fullmatch(r"[0-9a-f-]{36}", identifier) for identifier in answered)
        assert answered[0] != answered[1]


def test_text_is_one_line_whatever_is_in_a_message(logged: Any) -> None:
    stream = logged("text")
    logging.getLogger("review_desk.tests").warning("one\nERROR two\x1b[31m", extra={"error": "a\rb"})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"WARNING review_desk.tests one\nERROR two\x1b[31m error=a\rb")


def test_the_format_follows_the_terminal(logged: Any) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    logged("json")
    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        configure(None, "info", stream)
        logging.getLogger("review_desk").info("here")
        logging.getLogger("botocore").info("not here")
        assert stream.getvalue().startswith("{") is is_json
        assert len(stream.getvalue().splitlines()) == 1


def test_a_client_that_goes_away_is_no_failure(desk: Desk, logged: Any) -> None:
    with Served(desk) as served:
        stream = logged("json")
        gone = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [],
        }
        served._runner.run(served._exchange(scope, gone))
    (line,) = lines_of(stream)
    assert (line["level"], line["error"]) == ("INFO", "ClientDisconnected")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_served_process_keeps_tokens_out_of_its_log(
    tmp_path: Path, prepared_review_desk: ReviewDesk, s3_server: str, log_format: str
) -> None:
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    desk = ReviewDesk(
        tmp_path,
        s3_server,
        access_key=prepared_review_desk.access_key,
        settings={"REVIEW_DESK_LOG_FORMAT": "text"},
        serve_options=("--access-log", "--log-level", "debug", "--log-format", log_format),
    )
    desk.start()
    try:
        portal: Portal = desk.portal()
        path = f"/portal/frame/{MARK}?{MARK}"
        assert httpx.get(f"{desk.url}{path}").status_code == 403
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        answer = httpx.get(f"{desk.url}{path}", headers={**upgrade, "Sec-WebSocket-Key": f"{MARK}="})
        assert answer.status_code == 403
        with socket.create_connection(("127.0.0.1", desk.port)) as raw:
            raw.sendall(f"GET {path} HTTP/9.9\r\n{MARK}\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
        session = portal.http.cookies["review_desk_session"]
    finally:
        desk.stop()
    assert "/portal/frame/{token}" in desk.log
    for secret in (MARK, session, portal.http.headers["X-CSRF-Token"], desk.access_key["SecretAccessKey"]):
        assert secret not in desk.log
    for line in desk.log.splitlines():
        assert line.startswith("{") is (log_format == "json"), line
        if log_format == "json":
            json.loads(line)
