"""Flow definitions are Active once their output bucket answers: at once, later, or never."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from review_desk_fixtures import SCOPE, Desk
from support import ReviewDesk, free_port, wait_until

from review_desk.engine.errors import InUseError, InvalidError
from review_desk.engine.initialization import Initialization
from review_desk.engine.paging import PageRequest
from review_desk.settings import Settings
from review_desk.storage import Storage, StorageError, StoreUnreachableError

TEMPLATE = "<crowd-form><input name='a'></crowd-form>"


class Store:
    """A store that answers, or has a problem."""

    def __init__(self) -> None:
        self.problem: StorageError | None = None
        self.asked: list[str] = []

    def check_bucket(self, bucket: str) -> None:
        self.asked.append(bucket)
        if self.problem:
            raise self.problem

    def becomes_unreachable(self) -> None:
        self.problem = StoreUnreachableError("The bucket answers cannot be used: no route to host")


@pytest.fixture
def store(desk: Desk) -> Store:
    """The store that the service of ``desk`` asks for buckets."""
    store = Store()
    service: Any = desk.service
    service.storage = store
    service.settings = desk.service.settings.model_copy(update={"check_output_buckets": True})
    return store


def state(desk: Desk, name: str = "flow") -> tuple[str, str | None]:
    flow = desk.service.flow_definitions.get(SCOPE, name)
    return flow.status, flow.failure_reason


def test_a_bucket_that_answers_makes_it_active_at_once(desk: Desk, store: Store) -> None:
    arn = desk.flow()
    assert state(desk) == ("Active", None)
    assert store.asked == ["answers"]
    desk.start(arn, "loop")


def test_a_bucket_that_cannot_be_used_fails_it_at_once(desk: Desk, store: Store) -> None:
    store.problem = StorageError("The bucket answers cannot be used: it does not exist")
    arn = desk.flow()
    status, reason = state(desk)
    assert status == "Failed"
    assert reason
    assert reason.startswith("The bucket answers cannot be used: it does not exist. Check OutputConfig")
    assert reason.endswith("delete this flow definition and create it again.")
    [listed] = desk.service.flow_definitions.list(SCOPE, PageRequest()).rows
    assert listed.failure_reason == reason
    with pytest.raises(InvalidError, match=r"is Failed: The bucket answers cannot be used"):
        desk.start(arn, "loop")

    desk.service.flow_definitions.delete(SCOPE, "flow")
    store.problem = None
    desk.start(desk.flow(), "loop")


def test_a_reason_of_any_length_keeps_what_to_do(desk: Desk, store: Store) -> None:
    store.problem = StorageError("x" * 2000)
    desk.flow()
    reason = state(desk)[1]
    assert reason
    assert len(reason) <= 1024
    assert reason.endswith("create it again.")


def test_a_store_that_comes_back_makes_it_active(desk: Desk, store: Store) -> None:
    store.becomes_unreachable()
    arn = desk.flow()
    assert state(desk) == ("Initializing", None)
    with pytest.raises(InvalidError, match="is Initializing: its output bucket has not answered yet"):
        desk.start(arn, "loop")
    with pytest.raises(InUseError, match="is Initializing: only an Active or Failed one"):
        desk.service.flow_definitions.delete(SCOPE, "flow")

    assert desk.service.initialization.check() == 0
    store.problem = None
    assert desk.service.initialization.check() == 1
    assert state(desk) == ("Active", None)
    desk.start(arn, "loop")


def test_a_store_that_stays_away_is_asked_for_60_seconds(desk: Desk, store: Store) -> None:
    store.becomes_unreachable()
    desk.flow()
    desk.clock.advance(59)
    assert desk.service.initialization.check() == 0
    desk.clock.advance(1)
    assert desk.service.initialization.check() == 1
    status, reason = state(desk)
    assert status == "Failed"
    assert "no route to host" in str(reason)


def test_a_restarted_service_takes_it_up_and_waits_60_seconds_more(desk: Desk, store: Store) -> None:
    store.becomes_unreachable()
    desk.flow()
    desk.clock.advance(3600)
    restarted = Initialization(desk.service.database, desk.clock, store.check_bucket)
    assert restarted.check() == 0
    desk.clock.advance(59)
    assert restarted.check() == 0
    desk.clock.advance(1)
    assert restarted.check() == 1
    assert state(desk)[0] == "Failed"


def test_a_bucket_of_many_is_asked_for_once_a_round(desk: Desk, store: Store) -> None:
    store.becomes_unreachable()
    for number in range(3):
        desk.flow(f"flow-{number}")
    store.asked.clear()
    store.problem = None
    assert desk.service.initialization.check() == 3
    assert store.asked == ["answers"]
    assert desk.service.initialization.check() == 0
    assert store.asked == ["answers"]


def test_creating_asks_only_for_its_own_bucket(desk: Desk, store: Store) -> None:
    store.becomes_unreachable()
    desk.flow("waits")
    store.problem = None
    desk.flow("new")
    assert (state(desk, "waits")[0], state(desk, "new")[0]) == ("Initializing", "Active")


def test_buckets_need_not_be_checked(desk: Desk) -> None:
    service: Any = desk.service
    service.storage = None
    desk.start(desk.flow(), "loop")


@pytest.fixture
def answering() -> Iterator[Any]:
    """Starts HTTP servers that answer everything with one status; yields a function from status to address."""
    servers = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "storage")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "storage-secret")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("status", "unreachable", "words"),
    [
        (404, False, "The bucket answers cannot be used: it does not exist"),
        (403, False, "access is forbidden"),
        (400, False, "400"),
        (429, True, "429"),
        (500, True, "500"),
        (503, True, "503"),
    ],
)
def test_refusals_differ_from_troubles(answering: Any, status: int, unreachable: bool, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        Storage(Settings(s3_endpoint_url=answering(status))).check_bucket("answers")
    assert isinstance(caught.value, StoreUnreachableError) is unreachable


@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_answers_is_fine(answering: Any) -> None:
    Storage(Settings(s3_endpoint_url=answering(200))).check_bucket("answers")


@pytest.mark.usefixtures("credentials")
def test_a_store_that_nobody_runs_is_unreachable() -> None:
    with pytest.raises(StoreUnreachableError, match="Could not connect"):
        Storage(Settings(s3_endpoint_url=f"http://127.0.0.1:{free_port()}")).check_bucket("answers")


@pytest.mark.usefixtures("credentials")
def test_a_store_that_says_nothing_is_unreachable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreUnreachableError, match="timeout"):
            Storage(Settings(s3_endpoint_url=address)).check_bucket("answers")


@pytest.mark.usefixtures("credentials")
def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(StorageError, match="Invalid bucket name") as caught:
        Storage(Settings(s3_endpoint_url="http://127.0.0.1:1")).check_bucket("no bucket")
    assert not isinstance(caught.value, StoreUnreachableError)


def test_a_missing_bucket_over_the_wire(review_desk_server: ReviewDesk) -> None:
    control = review_desk_server.client("sagemaker")
    arn = review_desk_server.create_flow_definition("astray", TEMPLATE, "s3://not-there/a2i")
    described = control.describe_flow_definition(FlowDefinitionName="astray")
    assert described["FlowDefinitionStatus"] == "Failed"
    assert "The bucket not-there cannot be used: it does not exist" in described["FailureReason"]
    [listed] = control.list_flow_definitions()["FlowDefinitionSummaries"]
    assert listed["FailureReason"] == described["FailureReason"]
    with pytest.raises(ClientError) as caught:
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName="astray", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "not-there" in caught.value.response["Error"]["Message"]


@pytest.fixture
def desk_before_its_store(tmp_path: Path, prepared_review_desk: ReviewDesk) -> Iterator[ReviewDesk]:
    """A Review Desk that was started before its store."""
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    address = f"http://127.0.0.1:{free_port()}"
    desk = ReviewDesk(tmp_path, address, access_key=prepared_review_desk.access_key)
    desk.start()
    yield desk
    desk.stop()


@pytest.mark.usefixtures("s3")
def test_a_flow_definition_waits_for_the_store_over_a_restart(desk_before_its_store: ReviewDesk) -> None:
    desk = desk_before_its_store
    desk.create_flow_definition("early", TEMPLATE, wait=False)
    assert desk.flow_definition_status("early") == "Initializing"
    desk.kill()
    desk.start()
    wait_until(lambda: "early stays Initializing" in desk.log)
    assert desk.flow_definition_status("early") == "Initializing"

    store = ThreadedMotoServer("127.0.0.1", int(desk.s3_endpoint_url.rsplit(":", 1)[1]), verbose=False)
    store.start()
    try:
        wait_until(lambda: desk.flow_definition_status("early") == "Active")
    finally:
        store.stop()
