"""A real Airflow for benchmarks: its four services on SQLite, set up as ``make demo`` does."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support import free_port, wait_until

from include.demo.airflow_api import FINAL_STATES, AirflowApi
from include.demo.credentials import load_credentials, write_private
from include.demo.environment import airflow_environment
from include.demo.processes import Command, ManagedProcess, run_once
from include.demo.settings import CHECKOUT, Settings, script

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
DAGS = Path(__file__).parent / "dags"
DAG_IDS = ("bench_batch", "bench_mapped", "bench_resume")
PARALLELISM = 32
START_SECONDS = 180


@dataclass(frozen=True)
class Times:
    """When a task instance was scheduled, queued, began and ended, in Unix time; None for what has not happened."""

    state: str | None
    scheduled: float | None
    queued: float | None
    started: float | None
    ended: float | None


class Airflow:
    """A running Airflow.

    :param connections: of its environment, by id, as JSON.
    """

    def __init__(self, folder: Path, connections: Mapping[str, str]) -> None:
        settings = Settings(build=folder, s3_python=Path(sys.executable), airflow_port=free_port())
        credentials = load_credentials(folder)
        write_private(
            folder / "airflow" / "passwords.json", json.dumps({"admin": credentials.airflow_password})
        )
        self._environment = {
            **airflow_environment(settings, credentials),
            "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'plugins'}",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            # As Airflow has it by default; the demo makes do with less.
            "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
            **{f"AIRFLOW_CONN_{name.upper()}": text for name, text in connections.items()},
        }
        self._folder = folder
        self._database = folder / "airflow" / "airflow.db"
        self._processes: list[ManagedProcess] = []
        self._password = credentials.airflow_password
        self._url = settings.airflow_url

    def start(self) -> None:
        run_once(self._command("db", "migrate"), deadline=START_SECONDS)
        for part in PARTS:
            extra = ("--skip-serve-logs",) if part in ("scheduler", "triggerer") else ()
            process = ManagedProcess(self._command(part, *extra), self._folder)
            process.start()
            self._processes.append(process)
        self.api = AirflowApi(self._url, "admin", self._password, patience=START_SECONDS)
        for dag_id in DAG_IDS:
            self.api.wait_for_dag(dag_id, START_SECONDS)
            self.api.unpause(dag_id)

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.stop(15)

    def begin(self, dag_id: str, run_id: str, **params: Any) -> None:
        """Start a Dag run."""
        self.api.trigger(dag_id, run_id, params)

    def finish(self, dag_id: str, run_id: str, seconds: float) -> None:
        """Wait until a Dag run has succeeded."""
        wait_until(lambda: self.api.run_state(dag_id, run_id) in FINAL_STATES, seconds)
        if self.api.run_state(dag_id, run_id) != "success":
            raise RuntimeError(f"{dag_id} {run_id}: {self.api.why_failed(dag_id, run_id)}")

    def task_instances(self, run_id: str) -> int:
        """How many task instances a Dag run has, by Airflow's database."""
        [(count,)] = self._rows("SELECT count(*) FROM task_instance WHERE run_id = ?", run_id)
        return int(count)

    def task_times(self, run_id: str, task_id: str) -> list[Times]:
        """The times of a task, of each of its mapped instances."""
        rows = self._rows(
            "SELECT state, scheduled_dttm, queued_dttm, start_date, end_date FROM task_instance "
            "WHERE run_id = ? AND task_id = ?",
            run_id,
            task_id,
        )
        return [Times(state, *map(_seconds, times)) for state, *times in rows]

    def wait_for_state(self, run_id: str, task_id: str, state: str, seconds: float = 120) -> None:
        wait_until(lambda: any(time.state == state for time in self.task_times(run_id, task_id)), seconds)

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(statement, values).fetchall()

    def _command(self, *arguments: str) -> Command:
        return Command(arguments[0], (script("airflow"), *arguments), self._environment, CHECKOUT)


@contextmanager
def airflow(folder: Path, connections: Mapping[str, str]) -> Iterator[Airflow]:
    """Serve an Airflow of its own."""
    running = Airflow(folder, connections)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _seconds(text: str | None) -> float | None:
    """Unix time of a UTC time as SQLite has it."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
