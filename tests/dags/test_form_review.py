"""dags/form_review.py, unchanged, against moto's S3 and Review Desk: the connection alone says where."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from airflow_home import ROOT, AirflowHome
from support import REGION, ReviewDesk

from include.demo.forms import Form, make_form

DAG_FILE = ROOT / "dags" / "form_review.py"
CLEAN, UNSURE = make_form(7, seed=7), make_form(3, seed=7)


@pytest.fixture
def home(airflow_home: AirflowHome, review_desk_server: ReviewDesk, s3_server: str) -> AirflowHome:
    """An Airflow whose ``aws_default`` leads to moto and Review Desk."""
    connection = {
        "conn_type": "aws",
        "login": review_desk_server.access_key["AccessKeyId"],
        "password": review_desk_server.access_key["SecretAccessKey"],
        "extra": {
            "region_name": REGION,
            "config_kwargs": {"retries": {"total_max_attempts": 1}},
            "service_config": {
                "s3": {"endpoint_url": s3_server},
                "sagemaker": {"endpoint_url": review_desk_server.url},
                "sagemaker-a2i-runtime": {"endpoint_url": review_desk_server.url},
            },
        },
    }
    return AirflowHome(airflow_home.directory, {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)})


@pytest.fixture
def folder(s3: Any) -> str:
    """A folder with a form that the OCR is sure of, one that it is not sure of, and a file that is no image."""
    name = f"forms-{uuid.uuid4().hex[:8]}"
    for form in (CLEAN, UNSURE):
        s3.put_object(Bucket="documents", Key=f"{name}/{form.file_name}", Body=form.image)
    s3.put_object(Bucket="documents", Key=f"{name}/notes.txt", Body=b"not an image at all")
    return name


@contextmanager
def reviewers(
    desk: ReviewDesk, names: list[str], answer: Callable[[str, dict[str, Any]], dict[str, str]]
) -> Iterator[list[str]]:
    """Simulated reviewers who answer what they can claim through the portal's JSON API; yields what they did."""
    done: list[str] = []
    stop = threading.Event()

    def work(name: str) -> None:
        portal = desk.portal(name)
        held: dict[str, Any] | None = None
        while not stop.wait(0.2):
            # A person who meets an error page tries again, with what was filled in.
            with suppress(httpx.TransportError):
                if held is None:
                    task = portal.claim()
                    held = task.json() if task.status_code == 200 else None
                if held is not None:
                    portal.submit(held, answer(name, held)).raise_for_status()
                    held = None
                    done.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def conf(folder: str, **more: Any) -> dict[str, Any]:
    return {"input_prefix": f"s3://documents/{folder}", "output_prefix": f"s3://answers/{folder}/", **more}


def results(s3: Any, folder: str) -> dict[str, dict[str, Any]]:
    listed = s3.list_objects_v2(Bucket="answers", Prefix=f"{folder}/").get("Contents", [])
    [key] = [entry["Key"] for entry in listed if entry["Key"].endswith("/results.jsonl")]
    rows = [json.loads(line) for line in s3.get_object(Bucket="answers", Key=key)["Body"].read().splitlines()]
    return {row["item_id"]: row for row in rows}


def filled_in(form: Form) -> dict[str, str]:
    return {name: value for name, value in form.truth.items() if value}


def test_from_forms_to_results(
    home: AirflowHome, review_desk_server: ReviewDesk, s3: Any, folder: str
) -> None:
    with reviewers(review_desk_server, ["worker-1"], lambda name, task: filled_in(UNSURE)) as done:
        run = home.run_dag("form_review", DAG_FILE, conf(folder))
    assert run.returncode == 0, run.stdout
    assert done == ["worker-1"]
    assert f"s3://documents/{folder}/notes.txt is left out: not an image" in run.stdout
    assert "Traceback" not in run.stdout

    listed = s3.list_objects_v2(Bucket="answers", Prefix=f"{folder}/")["Contents"]
    [key] = [entry["Key"] for entry in listed if entry["Key"].endswith("/review_items.jsonl")]
    item = json.loads(s3.get_object(Bucket="answers", Key=key)["Body"].read())
    # What people can click into a field, labels too.
    assert {"First", "name"} <= {word["text"] for word in item["input"]["words"]}

    rows = results(s3, folder)
    assert list(rows) == [UNSURE.file_name, CLEAN.file_name, "notes.txt"]
    clean = rows[CLEAN.file_name]
    assert (clean["source"], clean["needed_review"], clean["human_loop"], clean["answers"]) == (
        "model",
        False,
        None,
        [],
    )
    assert clean["fields"] == CLEAN.truth

    unsure = rows[UNSURE.file_name]
    assert (unsure["source"], unsure["needed_review"]) == ("person", True)
    assert unsure["fields"] == UNSURE.truth
    assert unsure["human_loop"]["status"] == "Completed"
    assert {name: field["value"] for name, field in unsure["ocr_fields"].items()} != UNSURE.truth
    [answer] = unsure["answers"]
    assert answer["fields"] == UNSURE.truth
    assert answer["seconds"] >= 0
    assert answer["accepted"] <= answer["submitted"]
    assert answer["worker_id"]

    unreadable = rows["notes.txt"]
    assert (unreadable["source"], unreadable["needed_review"], unreadable["fields"]) == ("none", False, {})
    assert unreadable["error"].startswith("not an image")


def test_three_reviewers_decide_by_majority_and_disputes_are_listed(
    home: AirflowHome, review_desk_server: ReviewDesk, s3: Any, folder: str
) -> None:
    def answer(name: str, task: dict[str, Any]) -> dict[str, str]:
        wrong_city = {"city": "Atlantis"} if name == "worker-2" else {}
        return {**filled_in(UNSURE), "position": f"as {name} reads it", **wrong_city}

    workers = ["worker-1", "worker-2", "worker-3"]
    with reviewers(review_desk_server, workers, answer) as done:
        run = home.run_dag("form_review", DAG_FILE, conf(folder, reviewers_per_form=3))
    assert run.returncode == 0, run.stdout
    assert sorted(done) == workers
    row = results(s3, folder)[UNSURE.file_name]
    assert row["source"] == "consensus"
    assert row["disputed_fields"] == ["position"]
    assert row["fields"]["position"] == row["ocr_fields"]["position"]["value"]
    assert row["fields"]["city"] == UNSURE.truth["city"]
    assert len(row["answers"]) == 3


def test_nobody_is_needed(home: AirflowHome, s3: Any, folder: str) -> None:
    run = home.run_dag("form_review", DAG_FILE, conf(folder, confidence_threshold=0))
    assert run.returncode == 0, run.stdout
    rows = results(s3, folder)
    assert not any(row["needed_review"] for row in rows.values())


def test_review_desk_may_be_killed_while_people_work(
    home: AirflowHome, review_desk_server: ReviewDesk, s3: Any, folder: str
) -> None:
    """SIGKILL after the first of two answers; it is away for longer than the Dag's poll interval."""
    killed = threading.Event()

    def kill_and_start() -> None:
        killed.set()
        review_desk_server.kill()
        time.sleep(12)
        review_desk_server.start()

    def answer(name: str, task: dict[str, Any]) -> dict[str, str]:
        if name == "worker-2" and not killed.is_set():
            while "worker-1" not in done:
                time.sleep(0.1)
            killing.start()
            killed.wait()
        return filled_in(UNSURE)

    killing = threading.Thread(target=kill_and_start)
    with reviewers(review_desk_server, ["worker-1", "worker-2"], answer) as done:
        run = home.run_dag("form_review", DAG_FILE, conf(folder, reviewers_per_form=2))
    killing.join()
    assert run.returncode == 0, run.stdout
    assert "No answer from the service" in run.stdout
    assert sorted(done) == ["worker-1", "worker-2"]
    row = results(s3, folder)[UNSURE.file_name]
    assert len(row["answers"]) == 2
    assert row["fields"] == UNSURE.truth


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        (
            {"input_prefix": "s3://documents/no-such-folder"},
            "There are no forms: nothing is under s3://documents/no-such-folder/ at connection 'aws_default'",
        ),
        ({"output_prefix": "s3://documents/no-such-folder/results"}, "lies inside the forms folder"),
    ],
)
def test_mistakes_are_one_line(home: AirflowHome, mistake: dict[str, str], line: str) -> None:
    run = home.run_dag(
        "form_review", DAG_FILE, conf("unused", input_prefix="s3://documents/no-such-folder") | mistake
    )
    assert run.returncode != 0
    assert sum(line in entry for entry in run.stdout.splitlines()) == 1, run.stdout
    assert "Traceback" not in run.stdout


def test_an_unknown_work_team_is_one_line(home: AirflowHome, folder: str) -> None:
    run = home.run_dag("form_review", DAG_FILE, conf(folder), AIRFLOW_VAR_A2I_WORKTEAM="night-shift")
    assert run.returncode != 0
    line = "There is no work team 'night-shift' in the account of connection 'aws_default', Region us-east-1"
    assert sum(line in entry for entry in run.stdout.splitlines()) == 1, run.stdout
    assert "Traceback" not in run.stdout
