"""Notices of new work: to whom, of what, when, and not twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError
from review_desk_fixtures import SCOPE, Desk
from smtp_server import SmtpServer, make_certificate
from support import free_port, wait_until

from review_desk.cli import main
from review_desk.engine.clock import SystemClock
from review_desk.engine.notices import Notices
from review_desk.engine.roles import Role
from review_desk.engine.tasks import Task
from review_desk.engine.workers import WorkerChange
from review_desk.notice_channels import (
    ChannelDownError,
    EmailChannel,
    NewWork,
    Notice,
    RefusedAddressError,
    WebhookChannel,
)
from review_desk.settings import Settings

PORTAL = "https://review.example.com/portal/"
PAUSE = timedelta(minutes=15)
ANN = "ann@example.com"
SENDER = "Review Desk <desk@example.com>"
SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()


class MemoryChannel:
    """Keeps what it is to tell."""

    name = "email"
    needs_address = True

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.fails: list[Exception] = []
        self.lock = threading.Lock()
        self.seconds = 0.0

    def send(self, notice: Notice) -> None:
        if self.fails:
            raise self.fails.pop(0)
        time.sleep(self.seconds)
        with self.lock:
            self.notices.append(notice)


@pytest.fixture
def channel() -> MemoryChannel:
    return MemoryChannel()


@pytest.fixture
def notices(desk: Desk, channel: MemoryChannel) -> Notices:
    return make_notices(desk, channel)


def make_notices(desk: Desk, *channels: Any) -> Notices:
    """What a process that has just started has."""
    return Notices(desk.service.database, desk.clock, channels, PORTAL, PAUSE)


def reviewer(desk: Desk, name: str, team: str = "reviewers", email: str | None = None) -> int:
    worker = desk.worker(name, team)
    address = f"{name}@example.com" if email is None else email
    desk.service.workers.change(SCOPE, name, WorkerChange(email=address))
    return worker


def told(channel: MemoryChannel) -> list[tuple[str, dict[str, int]]]:
    """Who was told of how many tasks, and forget it."""
    found = [
        (notice.username, {work.title: work.count for work in notice.work}) for notice in channel.notices
    ]
    channel.notices.clear()
    return found


def claim(desk: Desk, worker: int, **wanted: Any) -> Task:
    task = desk.tasks.claim(worker, **wanted)
    assert isinstance(task, Task)
    return task


def test_a_team_is_told_of_new_work_once(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    reviewer(desk, "ann")
    reviewer(desk, "bob")
    desk.worker("cleo")  # has no address
    desk.team("others")
    reviewer(desk, "dan", "others")
    flow, other = desk.flow("one", TaskTitle="Invoices"), desk.flow("two", TaskTitle="Photographs")
    for number in range(3):
        desk.start(flow, f"invoice-{number}")
    desk.start(other, "photograph")
    desk.clock.advance(60)
    assert notices.tell_due() == 2
    [first, _] = channel.notices
    assert (first.email, first.portal, first.count) == (ANN, PORTAL, 4)
    assert first.work[0].flow_definition == flow
    assert told(channel) == [
        ("ann", {"Invoices": 3, "Photographs": 1}),
        ("bob", {"Invoices": 3, "Photographs": 1}),
    ]
    # Whatever passes, and however often the service is restarted: these loops were told.
    for _ in range(3):
        desk.clock.advance(1000)
        assert make_notices(desk, channel).tell_due() == 0


def test_notices_are_batched(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    reviewer(desk, "ann")
    flow = desk.flow()
    desk.start(flow, "loop-1")
    desk.clock.advance(59)
    assert notices.tell_due() == 0, "more may come"
    desk.start(flow, "loop-2")
    desk.clock.advance(9)
    assert notices.tell_due() == 1
    assert told(channel) == [("ann", {"t": 1})], "a loop with a lower id may not be committed yet"
    desk.start(flow, "loop-3")
    desk.clock.advance(PAUSE.total_seconds() - 1)
    assert notices.tell_due() == 0
    desk.clock.advance(1)
    assert notices.tell_due() == 1
    assert told(channel) == [("ann", {"t": 2})]


def test_who_holds_a_task_is_not_disturbed(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    ann = reviewer(desk, "ann")
    flow = desk.flow(TaskTimeLimitInSeconds=1800, TaskAvailabilityLifetimeInSeconds=86400)
    desk.start(flow, "held")
    task = claim(desk, ann)
    desk.start(flow, "new")
    desk.clock.advance(1200)
    assert notices.tell_due() == 0
    desk.tasks.submit(ann, task.id, {}, task.lease_token)
    desk.clock.advance(PAUSE.total_seconds() - 1)
    assert notices.tell_due() == 0, "who has just submitted is at work"
    desk.clock.advance(1)
    notices.tell_due()
    assert told(channel) == [("ann", {"t": 1})]


def test_who_was_active_in_the_portal_is_not_disturbed(
    desk: Desk, notices: Notices, channel: MemoryChannel
) -> None:
    ann = reviewer(desk, "ann")
    desk.start(desk.flow(), "new")
    desk.clock.advance(100)
    with desk.service.database.write() as connection:
        token, _ = desk.service.sessions.open(connection, ann, "ann", Role.WORKER, None)
    desk.clock.advance(600)
    desk.service.sessions.note_activity(token)
    desk.clock.advance(PAUSE.total_seconds() - 1)
    assert notices.tell_due() == 0
    desk.clock.advance(1)
    assert notices.tell_due() == 1
    assert told(channel) == [("ann", {"t": 1})]


def test_what_a_worker_has_had_is_not_news(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    ann = reviewer(desk, "ann")
    flow = desk.flow(TaskCount=2, TaskAvailabilityLifetimeInSeconds=86400)
    for name in ("declined", "answered"):
        desk.start(flow, name)
    desk.tasks.decline(ann, claim(desk, ann, loop_name="declined").id, "no")
    task = claim(desk, ann, loop_name="answered")
    desk.tasks.submit(ann, task.id, {}, task.lease_token)
    desk.clock.advance(2000)
    assert notices.tell_due() == 0
    desk.start(flow, "new")
    desk.clock.advance(60)
    notices.tell_due()
    assert told(channel) == [("ann", {"t": 1})]


def test_work_that_ended_is_not_told(desk: Desk, notices: Notices) -> None:
    reviewer(desk, "ann")
    flow = desk.flow(TaskAvailabilityLifetimeInSeconds=100)
    for name in ("stopped", "expired"):
        desk.start(flow, name)
    desk.loops.stop(SCOPE, "stopped")
    desk.clock.advance(100)
    assert notices.tell_due() == 0


def test_who_does_not_want_to_be_told_is_not(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    ann = reviewer(desk, "ann")
    reviewer(desk, "gone")
    desk.service.workers.change(SCOPE, "gone", WorkerChange(disabled=True))
    desk.service.preferences.change(ann, notices=False)
    desk.start(desk.flow(), "new")
    desk.clock.advance(60)
    assert notices.tell_due() == 0
    desk.service.preferences.change(ann, notices=True)
    notices.tell_due()
    assert told(channel) == [("ann", {"t": 1})]


def test_a_team_joined_later_is_news(desk: Desk, notices: Notices, channel: MemoryChannel) -> None:
    reviewer(desk, "ann")
    desk.team("others")
    old = desk.flow("old", "others", TaskTitle="Older", TaskAvailabilityLifetimeInSeconds=86400)
    desk.start(old, "older")
    desk.start(desk.flow("new", TaskTitle="Newer"), "newer")
    desk.clock.advance(60)
    notices.tell_due()
    assert told(channel) == [("ann", {"Newer": 1})]
    desk.worker("ann", "others")
    desk.clock.advance(PAUSE.total_seconds())
    notices.tell_due()
    assert told(channel) == [("ann", {"Older": 1})]


def test_several_processes_tell_nobody_twice(desk: Desk, channel: MemoryChannel) -> None:
    for number in range(6):
        reviewer(desk, f"worker-{number}")
    desk.start(desk.flow(), "new")
    desk.clock.advance(60)
    channel.seconds = 0.1
    processes = [make_notices(desk, channel) for _ in range(4)]
    # Each knows who is due before any tells anybody.
    due = [process._due(channel) for process in processes]
    assert [len(found) for found in due] == [6] * 4

    def tell_all(process: Notices) -> int:
        return sum(process._tell(channel, worker) for worker in due[0])

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(tell_all, processes)) == 6
    assert sorted(name for name, _ in told(channel)) == [f"worker-{number}" for number in range(6)]


def test_a_process_that_dies_leaves_the_notice_to_another(desk: Desk, channel: MemoryChannel) -> None:
    reviewer(desk, "ann")
    desk.start(desk.flow(), "new")
    desk.clock.advance(60)
    channel.fails = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        make_notices(desk, channel).tell_due()
    other = make_notices(desk, channel)
    assert other.tell_due() == 0
    desk.clock.advance(120)
    assert other.tell_due() == 1
    assert told(channel) == [("ann", {"t": 1})]


def test_a_channel_that_is_down_is_one_line_and_tried_again(
    desk: Desk, notices: Notices, channel: MemoryChannel, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        reviewer(desk, f"worker-{number}")
    desk.start(desk.flow(TaskAvailabilityLifetimeInSeconds=86400), "new")
    desk.clock.advance(60)
    channel.fails = [ChannelDownError("the mail server does not take mail: refused") for _ in range(3)]
    for delay in (15, 30, 60):
        caplog.clear()
        assert notices.tell_due() == 0
        [line] = caplog.records
        assert line.getMessage() == (
            f"notices of new work wait: the mail server does not take mail: refused; next try in {delay} s"
        )
        assert line.exc_info is None
        desk.clock.advance(delay - 1)
        assert notices.tell_due() == 0
        desk.clock.advance(1)
    assert notices.tell_due() == 5
    assert len(told(channel)) == 5


def test_one_address_that_is_refused_keeps_nobody_else_from_being_told(
    desk: Desk, notices: Notices, channel: MemoryChannel, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("ann", "bob", "cleo"):
        reviewer(desk, name)
    desk.start(desk.flow(TaskAvailabilityLifetimeInSeconds=86400), "new")
    desk.clock.advance(60)
    channel.fails = [RefusedAddressError("550", for_good=True), RefusedAddressError("450", for_good=False)]
    assert notices.tell_due() == 1
    assert told(channel) == [("cleo", {"t": 1})]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "ann" not in caplog.text
    desk.clock.advance(PAUSE.total_seconds())
    notices.tell_due()
    assert told(channel) == [("bob", {"t": 1})], "a refusal for now is tried again, one for good is not"


def test_channels_do_not_wait_for_each_other(desk: Desk, channel: MemoryChannel) -> None:
    hook = MemoryChannel()
    hook.name, hook.needs_address = "webhook", False
    reviewer(desk, "ann")
    desk.worker("bob")
    desk.start(desk.flow(), "new")
    desk.clock.advance(60)
    notices = make_notices(desk, channel, hook)
    channel.fails = [ChannelDownError("down")]
    notices.tell_due()
    assert [name for name, _ in told(hook)] == ["ann", "bob"], "a webhook needs no address"
    desk.clock.advance(15)
    notices.tell_due()
    assert [name for name, _ in told(channel)] == ["ann"]
    assert told(hook) == []
    assert notices.channels_of(desk.worker_id("ann")) == ["email", "webhook"]
    assert notices.channels_of(desk.worker_id("bob")) == ["webhook"]


def test_a_repetition_has_the_same_id_and_the_next_notice_another(
    desk: Desk, notices: Notices, channel: MemoryChannel
) -> None:
    reviewer(desk, "ann")
    flow = desk.flow(TaskAvailabilityLifetimeInSeconds=86400)
    seen: list[str] = []
    send = channel.send

    def lost(notice: Notice) -> None:
        seen.append(notice.id)
        raise ChannelDownError("the answer was lost")

    desk.start(flow, "first")
    desk.clock.advance(60)
    channel.send = lost  # type: ignore[method-assign]
    notices.tell_due()
    channel.send = send  # type: ignore[method-assign]
    desk.clock.advance(15)
    notices.tell_due()
    desk.start(flow, "second")
    desk.clock.advance(PAUSE.total_seconds())
    notices.tell_due()
    first, second = [notice.id for notice in channel.notices]
    assert seen == [first]
    assert second != first


# ---- E-mail ---------------------------------------------------------------------------------------------------------


def notice(*, email: str = ANN, title: str = "Invoices\r\nBcc: x@example.com", count: int = 3) -> Notice:
    return Notice(
        "7b0c", "ann", email, (NewWork("arn:flow", title, count), NewWork("arn:2", "ß & é", 1)), PORTAL
    )


def mail_channel(server: SmtpServer, credentials: str = "") -> EmailChannel:
    return EmailChannel(f"smtp://{credentials}127.0.0.1:{server.port}", SENDER, SystemClock())


def test_a_mail_says_what_waits_and_where() -> None:
    with SmtpServer() as server:
        mail_channel(server).send(notice())
    [mail] = server.mails
    assert mail["Subject"] == "4 new tasks in Review Desk"
    assert mail["From"] == SENDER
    assert mail["To"] == ANN
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<7b0c@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "3 × Invoices Bcc: x@example.com" in text
    assert "1 × ß & é" in text
    assert PORTAL in text
    assert server.encrypted == [False]


def test_starttls_is_used_where_it_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_certificate(tmp_path)
    with SmtpServer(login=("desk@x", "s3cret/%"), tls=files) as server:
        with pytest.raises(ChannelDownError, match="no TLS"):
            mail_channel(server).check()
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        channel = mail_channel(server, "desk%40x:s3cret%2F%25@")
        channel.check()
        channel.send(notice())
    assert server.encrypted == [True]


def test_what_goes_wrong_is_one_line_without_the_password() -> None:
    with SmtpServer(login=("desk", "right")) as server:
        with pytest.raises(ChannelDownError) as wrong:
            mail_channel(server, "desk:wr0ng@").check()
        assert str(wrong.value) == f"the mail server 127.0.0.1:{server.port} answered 535"
    with pytest.raises(ChannelDownError, match="does not take mail: Connection refused"):
        mail_channel(server, "desk:right@").check()


def test_a_password_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review_desk.notice_channels.LOOPBACK", ())
    with SmtpServer(login=("desk", "right")) as server, pytest.raises(ChannelDownError, match="STARTTLS"):
        mail_channel(server, "desk:right@").check()


def test_refusals_of_one_mail_are_told_from_a_server_that_is_down() -> None:
    with SmtpServer(refused={ANN: "550 no such user", "bob@example.com": "450 later"}) as server:
        channel = mail_channel(server)
        for address, for_good in ((ANN, True), ("bob@example.com", False)):
            with pytest.raises(RefusedAddressError) as refusal:
                channel.send(notice(email=address))
            assert refusal.value.for_good is for_good
            assert "no such user" not in str(refusal.value)
        server.on_data = "554 spam"
        with pytest.raises(RefusedAddressError, match="554"):
            channel.send(notice(email="cleo@example.com"))
        server.on_data, server.goodbye = "250 taken", "421 no goodbye"
        channel.send(notice(email="cleo@example.com"))
    assert len(server.mails) == 1


def test_from_a_loop_to_a_mail_over_restarts(desk: Desk) -> None:
    reviewer(desk, "ann")
    flow = desk.flow(TaskTitle="Invoices", TaskAvailabilityLifetimeInSeconds=86400)
    desk.start(flow, "new")
    desk.clock.advance(60)
    server = SmtpServer()
    with server:
        pass
    address = EmailChannel(server.url, SENDER, desk.clock)
    first = make_notices(desk, address)
    assert first.tell_due() == 0
    with server:
        assert first.tell_due() == 0, "it waits before it tries again"
        assert make_notices(desk, address).tell_due() == 1
        assert make_notices(desk, address).tell_due() == 0
    assert [mail["Subject"] for mail in server.to(ANN)] == ["1 new task in Review Desk"]


def test_the_process_that_delivers_sends_the_mails(tmp_path: Path) -> None:
    server = SmtpServer(port=free_port())
    desk = Desk(tmp_path, smtp_url=server.url, notice_from=SENDER)
    reviewer(desk, "ann")
    desk.start(desk.flow(), "new")
    desk.clock.advance(60)
    with server:
        desk.service.deliver_from_own_process()
        desk.service.start()
        try:
            wait_until(lambda: server.mails)
        finally:
            desk.service.stop()
    assert [mail["To"] for mail in server.mails] == [ANN]
    again = Desk(tmp_path, prepared=True)
    again.clock.advance(2000)
    assert make_notices(again, MemoryChannel()).tell_due() == 0
    again.service.database.engine.dispose()


# ---- Webhook --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An address, and the requests that it got."""
    requests: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503 if "down" in self.path else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_a_signed_notice(
    desk: Desk, hook: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    address, requests = hook
    desk.worker("ann")
    flow = desk.flow(TaskTitle="Invoices")
    desk.start(flow, "new")
    desk.clock.advance(60)
    assert make_notices(desk, WebhookChannel(f"{address}/hook", SECRET, desk.clock)).tell_due() == 1
    [(headers, body)] = requests
    event = json.loads(body)
    assert headers["webhook-id"] == event["id"]
    assert headers["webhook-timestamp"] == str(int(desk.clock.now().timestamp()))
    signed = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(SECRET.removeprefix("whsec_"))
    assert (
        headers["webhook-signature"]
        == "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    )
    assert event["type"] == "review-desk.new-work"
    assert event["data"] == {
        "worker": "ann",
        "email": None,
        "newTasks": 1,
        "flowDefinitions": [{"flowDefinitionArn": flow, "title": "Invoices", "newTasks": 1}],
        "portal": PORTAL,
    }
    with pytest.raises(ChannelDownError, match="answered 503"):
        WebhookChannel(f"{address}/down", SECRET, desk.clock).send(notice())


# ---- Settings, commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smtp_url": "http://u:hunter2@mail", "notice_from": ANN}, "must be smtp://"),
        ({"smtp_url": "smtp://u:hunter2@mail:x", "notice_from": ANN}, "must be smtp://"),
        ({"smtp_url": "smtp://u:hunter2@mail"}, "REVIEW_DESK_NOTICE_FROM is needed"),
        ({"smtp_url": "smtp://u:hunter2@mail", "notice_from": "a\nb@c"}, "REVIEW_DESK_NOTICE_FROM is needed"),
        ({"notice_webhook_url": "https://hook"}, "REVIEW_DESK_NOTICE_WEBHOOK_SECRET is needed"),
        ({"notice_minutes": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_are_not_whole(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**settings)
    [problem] = refused.value.errors()
    assert words in problem["msg"]
    assert "hunter2" not in problem["msg"]


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    monkeypatch.setenv("REVIEW_DESK_DATABASE_URL", f"sqlite:///{tmp_path}/review_desk.db")
    yield desk
    desk.service.database.engine.dispose()


def run(*arguments: str, stdin: str = "") -> str:
    return CliRunner().invoke(main, arguments, input=stdin).output


def test_addresses_are_given_by_command(command_line: Desk) -> None:
    create = ("worker", "create", "ann", "--team", "reviewers", "--password-stdin", "--email")
    assert "no e-mail address" in run(*create, "ann at example.com", stdin="long enough\n")
    assert run("worker", "list") == ""
    run(*create, ANN, stdin="long enough\n")
    assert json.loads(run("worker", "list"))["Email"] == ANN
    assert "told of new work at a@b.c" in run("worker", "update", "ann", "--email", "a@b.c")
    assert "no e-mail address any more" in run("worker", "update", "ann", "--email", "")
    assert json.loads(run("worker", "list"))["Email"] is None
    actions = [event.action for event in command_line.service.audit.events(limit=3)]
    assert actions == ["SetWorkerEmail"] * 3
    assert "@" not in str([event.detail for event in command_line.service.audit.events()])


def test_the_doctor_tries_the_mail_server(command_line: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reviewer(command_line, "ann")
    command_line.worker("bob")
    assert "nobody is told of new work" in run("doctor")
    with SmtpServer(login=("desk", "right")) as server:
        monkeypatch.setenv("REVIEW_DESK_NOTICE_FROM", SENDER)
        monkeypatch.setenv("REVIEW_DESK_SMTP_URL", f"smtp://desk:right@127.0.0.1:{server.port}")
        assert f"127.0.0.1:{server.port} answers; 1 of 2 workers have an e-mail address" in run("doctor")
        monkeypatch.setenv("REVIEW_DESK_SMTP_URL", f"smtp://desk:wr0ng@127.0.0.1:{server.port}")
        said = run("doctor")
    assert f"127.0.0.1:{server.port} answered 535. Check REVIEW_DESK_SMTP_URL." in said
    assert "wr0ng" not in said
    assert server.mails == []
