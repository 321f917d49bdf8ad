"""dags/on_human_loop_completed.py: what watches the queue, and what a run makes of the events that started it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support import REGION, STORAGE_KEYS

from a2i.exceptions import A2IUserError

DAG_FILE = Path(__file__).parents[2] / "dags" / "on_human_loop_completed.py"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/000000000000/ended"


@pytest.fixture
def dag_file(monkeypatch: pytest.MonkeyPatch, s3_server: str) -> ModuleType:
    """The Dag's file, read with a queue; ``aws_default`` leads to moto's S3."""
    connection = {
        "conn_type": "aws",
        "login": STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        "password": STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
        "extra": {"region_name": REGION, "service_config": {"s3": {"endpoint_url": s3_server}}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("A2I_EVENT_SQS_QUEUE_URL", QUEUE_URL)
    return load()


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("on_human_loop_completed_under_test", DAG_FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(module: ModuleType, *payloads: dict[str, Any]) -> list[dict[str, Any]]:
    events = [SimpleNamespace(extra={"from_trigger": True, "payload": payload}) for payload in payloads]
    by_hand = SimpleNamespace(extra={})
    return list(module.read_answers.function({module.human_loop_ended: [*events, by_hand]}))


def loop(name: str, output_uri: str | None, status: str = "Completed") -> dict[str, Any]:
    return {"human_loop_name": name, "status": status, "output_uri": output_uri, "failure_reason": None}


def test_a_queue_is_watched_where_one_is_named(dag_file: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    [watcher] = dag_file.human_loop_ended.watchers
    assert watcher.trigger.serialize()[1]["sqs_queue_url"] == QUEUE_URL
    monkeypatch.delenv("A2I_EVENT_SQS_QUEUE_URL")
    assert load().human_loop_ended.watchers == []


def test_answers_are_logged_once_for_each_loop(
    dag_file: ModuleType, s3: Any, caplog: pytest.LogCaptureFixture
) -> None:
    output = {"humanLoopName": "a", "humanAnswers": [{"workerId": "w1", "answerContent": {"city": "Rome"}}]}
    s3.put_object(Bucket="answers", Key="ended/a/output.json", Body=json.dumps(output))
    answered = loop("a", "s3://answers/ended/a/output.json")
    with caplog.at_level("INFO", "on_human_loop_completed"):
        # An event may come twice.
        loops = read(dag_file, answered, answered, loop("b", None, "Failed"))
    assert [(found["human_loop_name"], found["answers"]) for found in loops] == [("a", 1), ("b", 0)]
    assert 'w1 answered: {"city": "Rome"}' in caplog.text


def test_answers_of_another_form_are_one_line(dag_file: ModuleType, s3: Any) -> None:
    s3.put_object(Bucket="answers", Key="ended/odd/output.json", Body=b"<html>")
    with pytest.raises(A2IUserError, match=r"s3://answers/ended/odd/output.json cannot be read: not JSON"):
        read(dag_file, loop("odd", "s3://answers/ended/odd/output.json"))
