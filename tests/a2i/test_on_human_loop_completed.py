"""dags/on_human_loop_completed.py: what watches the queue, and what a run makes of the events that started it."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
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


class Events(list[SimpleNamespace]):
    """The events of an asset, as a task finds them in ``inlet_events``."""

    def after(self, time: str) -> Events:
        return Events(event for event in self if event.timestamp >= datetime.fromisoformat(time))


def read(module: ModuleType, *payloads: dict[str, Any], given: int | None = None) -> list[dict[str, Any]]:
    """Run the task with the events of these loops.

    :param given: how many of them Airflow says have started the run; the others came close behind.
    """
    extras = [{"from_trigger": True, "payload": payload} for payload in payloads] + [{}]
    events = Events(
        SimpleNamespace(extra=extra, timestamp=datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC))
        for second, extra in enumerate(extras, start=1)
    )
    earlier = SimpleNamespace(
        extra={"payload": loop("earlier", None)}, timestamp=datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    )
    asset = module.human_loop_ended
    triggering = {asset: events[:given]}
    return list(module.read_answers.function(triggering, {asset: Events([earlier, *events])}))


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


def test_events_that_came_close_behind_the_first_are_read_with_it(dag_file: ModuleType) -> None:
    loops = read(dag_file, loop("a", None, "Failed"), loop("b", None, "Failed"), given=1)
    assert [found["human_loop_name"] for found in loops] == ["a", "b"]


def test_a_run_that_no_event_started_reads_nothing(dag_file: ModuleType) -> None:
    assert read(dag_file, loop("a", None, "Failed"), given=0) == []
