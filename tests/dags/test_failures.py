"""How tasks end in Airflow's real task runner: one plain line, the right retries, no traceback for a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow_home import AirflowHome

NOWHERE = json.dumps(
    {
        "conn_type": "aws",
        "login": "x",
        "password": "y",
        "extra": {
            "region_name": "us-east-1",
            "endpoint_url": "http://127.0.0.1:9",
            "config_kwargs": {"retries": {"total_max_attempts": 1}},
        },
    }
)


@pytest.fixture(scope="module")
def log(airflow_home: AirflowHome) -> str:
    run = airflow_home.run_dag(
        "failures", Path(__file__).parent / "probes" / "failures.py", AIRFLOW_CONN_AWS_DEFAULT=NOWHERE
    )
    assert run.returncode != 0, run.stdout
    return run.stdout


def lines(log: str, text: str) -> list[str]:
    return [line for line in log.splitlines() if text in line]


def test_a_mistake_is_one_line_and_is_not_retried(log: str) -> None:
    assert len(lines(log, "try of mistake")) == 1
    assert len(lines(log, "a mistake that someone must correct")) == 1


def test_an_outage_is_one_line_a_try_and_is_retried(log: str) -> None:
    assert len(lines(log, "try of outage")) == 3
    assert len(lines(log, "a service that is down")) == 3


def test_a_mistyped_connection_is_one_line(log: str) -> None:
    assert len(lines(log, "There is no Airflow connection 'aws_defualt'")) == 1


def test_people_who_are_too_late_are_one_line(log: str) -> None:
    assert len(lines(log, "People did not finish within 1 s")) == 1


def test_only_the_bug_has_a_traceback(log: str) -> None:
    assert log.count("Traceback (most recent call last)") == 1
    assert lines(log, "RuntimeError: a bug of ours")
