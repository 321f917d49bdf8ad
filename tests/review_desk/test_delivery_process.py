"""Deliveries come from a child of the serving process, and go on when it is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import ReviewDesk, wait_for_json, wait_until


@pytest.fixture
def desk(tmp_path: Path, s3_server: str) -> Any:
    made = ReviewDesk(tmp_path, s3_server)
    made.prepare()
    made.start()
    yield made
    made.stop()


def child(desk: ReviewDesk) -> psutil.Process:
    assert desk.process is not None
    [found] = psutil.Process(desk.process.pid).children()
    return found


def complete(desk: ReviewDesk, s3: Any, flow: str, name: str) -> None:
    """Start and answer a loop, and wait for its output."""
    runtime = desk.client("sagemaker-a2i-runtime")
    runtime.start_human_loop(
        HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": '{"taskObject": "x"}'}
    )
    portal = desk.portal()
    portal.submit(portal.claim(human_loop=name).json(), {"a": name}).raise_for_status()
    uri = runtime.describe_human_loop(HumanLoopName=name)["HumanLoopOutput"]["OutputS3Uri"]
    assert wait_for_json(s3, uri, 30)["humanAnswers"][0]["answerContent"] == {"a": name}


def test_deliveries_go_on_when_their_process_is_killed(desk: ReviewDesk, s3: Any) -> None:
    flow = desk.create_flow_definition("deliveries", "<crowd-form><input name='a'></crowd-form>")
    complete(desk, s3, flow, "by-the-child")
    assert "has ended" not in desk.log
    child(desk).kill()
    complete(desk, s3, flow, "by-the-parent")
    assert desk.log.count("the process that delivers has ended") == 1


def test_a_killed_service_leaves_no_process(desk: ReviewDesk) -> None:
    left = child(desk)
    assert desk.process is not None
    os.kill(desk.process.pid, signal.SIGKILL)
    desk.process.wait(10)
    wait_until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
