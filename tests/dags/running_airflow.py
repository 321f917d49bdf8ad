"""A whole Airflow at work: scheduler, triggerer, Dag processor and API server as processes of their own."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from airflow_home import ROOT, AirflowHome
from support import free_port, wait_until

from include.demo.airflow_api import FINAL_STATES, AirflowApi
from include.demo.processes import Command, ManagedProcess
from include.demo.settings import script

PARTS = ("scheduler", "dag-processor", "triggerer", "api-server")
PASSWORD = secrets.token_urlsafe(12)


class RunningAirflow:
    """The processes and a signed-in client of the REST API.

    :param dag_folders: by bundle name.
    """

    def __init__(self, home: AirflowHome, dag_folders: dict[str, Path]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.api = AirflowApi(self.url, "admin", PASSWORD)
        self._folder = home.directory / "processes"
        passwords = home.directory / "passwords.json"
        passwords.write_text(json.dumps({"admin": PASSWORD}))
        bundles = [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(path), "refresh_interval": 30},
            }
            for name, path in dag_folders.items()
        ]
        config = {
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": 4,
            "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords,
            "LOGGING__BASE_LOG_FOLDER": home.directory / "logs",
            "API__HOST": "127.0.0.1",
            "API__PORT": self.url.rpartition(":")[2],
            "API__BASE_URL": self.url,
            "API__WORKERS": 1,
            "API__SECRET_KEY": secrets.token_urlsafe(32),
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 30,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
            "SCHEDULER__JOB_HEARTBEAT_SEC": 2,
            "TRIGGERER__JOB_HEARTBEAT_SEC": 2,
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        self._environment = {
            **home.environment,
            **{f"AIRFLOW__{name}": str(value) for name, value in config.items()},
        }
        self._processes: list[ManagedProcess] = []

    def start(self) -> None:
        """Start every part, and wait until the API server answers."""
        for part in PARTS:
            extra = ("--skip-serve-logs",) if part in ("scheduler", "triggerer") else ()
            command = Command(part, (script("airflow"), part, *extra), self._environment, ROOT)
            process = ManagedProcess(command, self._folder)
            process.start()
            self._processes.append(process)
        wait_until(self._answers, 120)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/monitor/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End every part; tasks and triggers report to the API server until their end, so it goes last."""
        *others, api_server = self._processes or [None]
        if others:
            with ThreadPoolExecutor(len(others)) as pool:
                list(pool.map(lambda process: process.stop(10), others))
        if api_server is not None:
            api_server.stop(10)
        self.api.close()

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str) -> None:
        """Start a run as soon as the Dag is known."""
        self.unpause(dag_id)
        self.api.trigger(dag_id, run_id, conf)

    def unpause(self, dag_id: str) -> None:
        """Let a Dag run as soon as it is known."""
        self.api.wait_for_dag(dag_id, 120)
        self.api.unpause(dag_id)

    def runs(self, dag_id: str) -> list[str]:
        """The ids of a Dag's runs."""
        runs = self.call("GET", f"/dags/{dag_id}/dagRuns").raise_for_status().json()["dag_runs"]
        return [str(run["dag_run_id"]) for run in runs]

    def wait(self, dag_id: str, run_id: str, seconds: float = 150) -> str:
        """Wait for a run's end, and return its state."""
        self.until(lambda: self.api.run_state(dag_id, run_id) in FINAL_STATES, seconds)
        return str(self.api.run_state(dag_id, run_id))

    def until(self, condition: Callable[[], Any], seconds: float = 120) -> Any:
        """Wait until a condition gives something, and return it."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, self.logs
            time.sleep(0.5)
        return found

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ask the REST API for what the demo's client has no method for."""
        answer = httpx.post(
            f"{self.url}/auth/token", json={"username": "admin", "password": PASSWORD}, trust_env=False
        )
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        return httpx.request(
            method, f"{self.url}/api/v2{path}", json=body, headers=headers, timeout=20, trust_env=False
        )

    @property
    def logs(self) -> str:
        """The end of every log, for a failed test's message."""
        return "\n".join(f"--- {process.command.name}\n{process.last_lines()}" for process in self._processes)


@contextmanager
def running(home: AirflowHome, dag_folders: dict[str, Path]) -> Iterator[RunningAirflow]:
    """An Airflow from start to stop."""
    airflow = RunningAirflow(home, dag_folders)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()
