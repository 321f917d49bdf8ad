"""An Airflow of the test's own on PostgreSQL: scheduler with workers, triggerer, API server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from cryptography.fernet import Fernet
from support import free_port, wait_until

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).parent / "airflow")
PARTS: dict[str, tuple[str, ...]] = {
    "api-server": ("--apps", "execution"),
    "scheduler": ("--skip-serve-logs",),
    "triggerer": ("--skip-serve-logs",),
}


class AirflowProcesses:
    """Starts the parts, and ends and starts them again as asked.

    :param database_url: an empty PostgreSQL database.
    """

    def __init__(self, home: Path, database_url: str, dags: Path) -> None:
        self._home = home
        self._address = database_url.replace("+psycopg", "")
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._database: psycopg.Connection[tuple[Any, ...]] | None = None
        port = free_port()
        config = {
            "CORE__DAGS_FOLDER": dags,
            "CORE__LOAD_EXAMPLES": False,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": 2,
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "DATABASE__SQL_ALCHEMY_CONN": database_url,
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database_url.replace("+psycopg", "+psycopg_async"),
            "LOGGING__BASE_LOG_FOLDER": home / "logs",
            "API__HOST": "127.0.0.1",
            "API__PORT": port,
            "API__WORKERS": 1,
            "API__SECRET_KEY": Fernet.generate_key().decode(),
            "API_AUTH__JWT_SECRET": Fernet.generate_key().decode(),
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 1,
            "SCHEDULER__JOB_HEARTBEAT_SEC": 2,
            # A killed triggerer's triggers are taken over after this, instead of half a minute.
            "TRIGGERER__JOB_HEARTBEAT_SEC": 1,
            "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": 6,
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AIRFLOW"))}
        self._environment = {
            **inherited,
            **{f"AIRFLOW__{name}": str(value) for name, value in config.items()},
            "AIRFLOW_HOME": str(home),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
            "NO_COLOR": "1",
        }

    def prepare(self) -> None:
        """Create the tables and read the Dags; nothing reads them again."""
        self.command("db", "migrate")
        self.command("dags", "reserialize")

    def command(self, *arguments: str) -> None:
        """Run ``airflow …`` to its end."""
        ended = subprocess.run(
            [COMMAND, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._home,
            timeout=300,
        )
        assert ended.returncode == 0, ended.stdout

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        self.command("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(conf))

    def start(self, connection: str) -> None:
        """Start all parts.

        :param connection: ``aws_default``, as JSON.
        """
        self._environment["AIRFLOW_CONN_AWS_DEFAULT"] = connection
        for part in PARTS:
            self.launch(part)

    def launch(self, part: str) -> None:
        """Start a part, in a session of its own."""
        with (self._home / f"{part}.log").open("ab") as log:
            self._parts[part] = subprocess.Popen(
                [COMMAND, part, *PARTS[part]],
                env=self._environment,
                stdout=log,
                stderr=log,
                cwd=self._home,
                start_new_session=True,
            )

    def kill(self, part: str) -> None:
        """SIGKILL a part with all that it has started."""
        process = self._parts.pop(part)
        family = _family(process.pid)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGKILL)
        process.wait(20)

    def stop(self) -> None:
        for part in list(self._parts):
            self.kill(part)
        if self._database is not None:
            self._database.close()

    def ended(self) -> list[str]:
        """Parts that have ended by themselves."""
        return [part for part, process in self._parts.items() if process.poll() is not None]

    def task_process(self, task_instance_id: str) -> psutil.Process | None:
        """The process that runs a task, below the scheduler's; it tells of itself by its title."""
        for member in _family(self._parts["scheduler"].pid):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if f"airflow worker -- {task_instance_id}" in " ".join(member.cmdline()):
                    return member
        return None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's database."""
        if self._database is None:
            self._database = psycopg.connect(self._address, autocommit=True)
        return self._database.execute(statement.encode()).fetchall()

    def ready(self) -> None:
        """Wait until the triggerer has reported; the scheduler and the workers start faster."""
        reported = "SELECT 1 FROM job WHERE job_type = 'TriggererJob' AND latest_heartbeat > start_date"
        wait_until(lambda: self.rows(reported), 120)

    def log(self, part: str) -> str:
        return (self._home / f"{part}.log").read_text(errors="replace")


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
