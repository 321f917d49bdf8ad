"""SIGKILL in the middle: nothing that was answered is lost, and what was owed is delivered after the start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from support import ReviewDesk, free_port, wait_for_json, wait_until


@pytest.fixture
def desk_on_dead_storage(tmp_path: Path, prepared_review_desk: ReviewDesk) -> Any:
    """A Review Desk whose store does not answer (yet)."""
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    address = f"http://127.0.0.1:{free_port()}"
    settings = {"REVIEW_DESK_CHECK_OUTPUT_BUCKETS": "false"}
    desk = ReviewDesk(tmp_path, address, access_key=prepared_review_desk.access_key, settings=settings)
    desk.start()
    yield desk
    desk.stop()


def test_an_answer_survives_a_kill_and_a_dead_store(desk_on_dead_storage: ReviewDesk, s3: Any) -> None:
    desk = desk_on_dead_storage
    flow = desk.create_flow_definition("kill", "<crowd-form><input name='a'></crowd-form>")
    runtime = desk.client("sagemaker-a2i-runtime")
    for name in ("answered", "held"):
        runtime.start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": "{}"}
        )
    portal = desk.portal()
    task = portal.claim(human_loop="answered").json()
    assert portal.submit(task, {"a": "kept"}).status_code == 200
    held = portal.claim(human_loop="held").json()
    portal.http.put(f"/portal/api/tasks/{held['id']}/draft", json={"answer": {"a": "half"}, "version": 0})

    desk.kill()
    desk.start()

    uri = runtime.describe_human_loop(HumanLoopName="answered")["HumanLoopOutput"]["OutputS3Uri"]
    assert runtime.describe_human_loop(HumanLoopName="answered")["HumanLoopStatus"] == "Completed"
    again = portal.claim(human_loop="held").json()
    assert (again["id"], again["draft"]) == (held["id"], {"answer": {"a": "half"}, "version": 1})
    assert portal.submit(held, {"a": "whole"}).json()["human_loop_status"] == "Completed"
    wait_until(lambda: "could not be written" in desk.log)

    server = ThreadedMotoServer("127.0.0.1", int(desk.s3_endpoint_url.rsplit(":", 1)[1]), verbose=False)
    server.start()
    try:
        assert wait_for_json(s3, uri, seconds=90)["humanAnswers"][0]["answerContent"] == {"a": "kept"}
    finally:
        server.stop()
