"""The example Dags in a whole Airflow, against Review Desk: people answer in the portal and in Airflow's API."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import httpx
import pytest
from airflow_home import ROOT, AirflowHome
from running_airflow import RunningAirflow, running
from support import REGION, STORAGE_KEYS, ReviewDesk

pytestmark = pytest.mark.e2e

FOLDER = "predictions"
PREDICTIONS_URI = f"s3://documents/{FOLDER}/in.jsonl"
TOPICS = ["Delivery", "Return", "Invoice"]
TRUTH = {"sure": "Delivery", "agreed": "Return", "disputed": "Invoice", "left-out": "Invoice"}
#: What each reviewer says; the adjudicator settles what they differ on.
SAID = {
    "worker-1": {**TRUTH, "disputed": "Delivery"},
    "worker-2": TRUTH,
    "adjudicator": TRUTH,
}
RUNS = ("approved", "rejected")


def prediction(name: str, topic: str, confidence: float) -> dict[str, Any]:
    field = {"name": "topic", "value": topic, "confidence": confidence, "choices": TOPICS}
    return {"id": name, "text": f"Message {name}.", "fields": [field]}


PREDICTIONS = [
    prediction("sure", "Delivery", 97.0),
    prediction("agreed", "Delivery", 40.0),
    prediction("disputed", "Return", 50.0),
    prediction("left-out", "Invoice", 70.0),
]


@pytest.fixture(scope="module")
def queue_url(s3_server: str) -> str:
    """A queue on moto's server."""
    sqs = boto3.client(
        "sqs",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    return str(sqs.create_queue(QueueName="example-dags")["QueueUrl"])


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_review_desk: ReviewDesk,
    s3_server: str,
    s3: Any,
    queue_url: str,
) -> Iterator[ReviewDesk]:
    """A Review Desk with a second team, which sends its events to the queue."""
    directory = tmp_path_factory.mktemp("review_desk")
    shutil.copytree(prepared_review_desk.directory, directory, dirs_exist_ok=True)
    settings = {"REVIEW_DESK_EVENT_SQS_QUEUE_URL": queue_url, "AWS_ENDPOINT_URL_SQS": s3_server}
    desk = ReviewDesk(directory, s3_server, access_key=prepared_review_desk.access_key, settings=settings)
    desk.command("team", "create", "adjudicators")
    desk.add_worker("adjudicator", "adjudicators")
    desk.start()
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def people(desk: ReviewDesk) -> Iterator[None]:
    """Simulated people of both teams, who answer what they can claim through the portal's JSON API."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(desk, name, stop)) for name in SAID]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def work(desk: ReviewDesk, name: str, stop: threading.Event) -> None:
    portal = desk.portal(name)
    while not stop.wait(0.5):
        with suppress(httpx.TransportError):
            claimed = portal.claim()
            if claimed.status_code != 200:
                continue
            task = claimed.json()
            page = portal.http.get(task["frame_url"]).raise_for_status().text
            portal.submit(task, answer(name, page)).raise_for_status()


def answer(name: str, page: str) -> dict[str, str]:
    if 'name="reply"' in page:
        return {"reply": "It comes on Monday."}
    [about] = [message for message in TRUTH if f"Message {message}." in page]
    if name == "adjudicator":
        assert all(f"“{SAID[reviewer][about]}”" in page for reviewer in ("worker-1", "worker-2"))
    return {"topic": SAID[name][about]}


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory,
    airflow_home: AirflowHome,
    desk: ReviewDesk,
    people: None,
    s3_server: str,
    s3: Any,
    queue_url: str,
) -> Iterator[RunningAirflow]:
    """An Airflow in which every example Dag runs; a home of its own, so that other tests do not meet its runs."""
    directory = tmp_path_factory.mktemp("running_airflow")
    shutil.copy(airflow_home.directory / "airflow.db", directory)
    review, storage = {"endpoint_url": desk.url}, {"endpoint_url": s3_server}
    connection = {
        "conn_type": "aws",
        "login": desk.access_key["AccessKeyId"],
        "password": desk.access_key["SecretAccessKey"],
        "extra": {
            "region_name": REGION,
            "service_config": {
                "s3": storage,
                "sqs": storage,
                "sagemaker": review,
                "sagemaker-a2i-runtime": review,
            },
        },
    }
    home = AirflowHome(
        directory, {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection), "A2I_EVENT_SQS_QUEUE_URL": queue_url}
    )
    lines = "".join(json.dumps(row) + "\n" for row in PREDICTIONS)
    s3.put_object(Bucket="documents", Key=f"{FOLDER}/in.jsonl", Body=lines.encode())
    folders = {"examples": ROOT / "dags", "followers": ROOT / "tests" / "dags" / "followers"}
    with running(home, folders) as airflow:
        airflow.unpause("use_reviewed_predictions")
        airflow.trigger(
            "prediction_review",
            {
                "predictions_uri": PREDICTIONS_URI,
                "output_prefix": f"s3://answers/{FOLDER}",
                "sampling_percentage": 0,
                "max_reviews": 2,
            },
            "one",
        )
        for run_id in RUNS:
            item = {"text": "Where is it?", "reply": "Soon.", "output_prefix": "s3://answers/replies"}
            airflow.trigger("single_item_review", item, run_id)
        airflow.unpause("on_human_loop_completed")
        yield airflow


def results(s3: Any, uri: str) -> dict[str, dict[str, Any]]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    rows = [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    return {row["item_id"]: row for row in rows}


def test_predictions_are_checked_and_disputes_decided(airflow: RunningAirflow, s3: Any) -> None:
    state = airflow.wait("prediction_review", "one")
    assert state == "success", airflow.api.why_failed("prediction_review", "one")
    counts = airflow.api.returned("prediction_review", "one", "human_review.collect_adjudication")
    assert counts["results_uri"] == f"s3://answers/{FOLDER}/one/results.jsonl"
    rows = results(s3, counts["results_uri"])
    assert list(rows) == [row["id"] for row in PREDICTIONS]
    assert {name: row["fields"]["topic"] for name, row in rows.items()} == TRUTH
    assert {name: row["source"] for name, row in rows.items()} == {
        "sure": "model",
        "agreed": "consensus",
        "disputed": "adjudication",
        "left-out": "model",
    }
    assert rows["left-out"]["reasons"][-1].startswith("left out")
    assert [len(row["answers"]) for row in rows.values()] == [0, 2, 3, 0]


def test_a_dag_follows_on_the_asset_of_the_results(airflow: RunningAirflow) -> None:
    dag_id = "use_reviewed_predictions"
    [run_id] = airflow.until(lambda: airflow.runs(dag_id))
    assert airflow.wait(dag_id, run_id) == "success"
    [extra] = airflow.api.returned(dag_id, run_id, "read")
    assert extra == airflow.api.returned("prediction_review", "one", "human_review.collect_adjudication")


@pytest.mark.parametrize(("run_id", "option"), [("approved", "Approve"), ("rejected", "Reject")])
def test_an_item_is_corrected_and_then_decided(airflow: RunningAirflow, run_id: str, option: str) -> None:
    dag_id = "single_item_review"
    request = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    airflow.until(lambda: airflow.call("GET", request).status_code == 200)
    body = airflow.call("GET", request).json()["body"]
    assert body == "Where is it?\n\n---\n\nIt comes on Monday."
    airflow.call("PATCH", request, {"chosen_options": [option]}).raise_for_status()

    assert airflow.wait(dag_id, run_id) == "success", airflow.api.why_failed(dag_id, run_id)
    decision = airflow.api.returned(dag_id, run_id, "decision")
    assert decision == {"approved": option == "Approve", "reply": "It comes on Monday."}
    states = {task.task_id: task.state for task in airflow.api.tasks(dag_id, run_id)}
    assert states["release"] == ("success" if option == "Approve" else "skipped")


def test_human_loops_that_end_start_a_run(airflow: RunningAirflow) -> None:
    """Airflow 3.3 gives a run only the first of events that come close together: not every loop need be seen."""
    dag_id = "on_human_loop_completed"

    def seen() -> dict[str, dict[str, Any]]:
        returned = [airflow.api.returned(dag_id, run_id, "read_answers") for run_id in airflow.runs(dag_id)]
        return {loop["human_loop_name"]: loop for loops in returned for loop in loops or ()}

    airflow.until(lambda: bool(seen()))
    # Two predictions, one dispute and two single items have ended.
    assert {loop["status"] for loop in seen().values()} == {"Completed"}
    assert {loop["answers"] for loop in seen().values()} <= {1, 2}
