"""The local stack: S3, Review Desk and Airflow as real processes, started in order and stopped together."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from include.demo import environment
from include.demo.credentials import (
    PERSON_NAMES,
    REVIEWER_NAMES,
    load_credentials,
    with_access_key,
    write_private,
)
from include.demo.processes import (
    Command,
    ManagedProcess,
    end_leftovers,
    process_at_port,
    run_once,
)
from include.demo.settings import BUCKET, CHECKOUT, HOST, REGION, TEAM, DemoError, Settings, script

AIRFLOW_PARTS = ("scheduler", "dag-processor", "triggerer", "api-server")
MAX_RESTARTS = 5
PATIENCE = 12.0
"""Seconds a process is given to end by itself."""


class Stack:
    """The processes of one build folder.

    :param say: is given a line for the person at the terminal.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        settings.build.mkdir(parents=True, exist_ok=True)
        for private in ("airflow", "review_desk", "s3", "logs"):
            (settings.build / private).mkdir(exist_ok=True)
            (settings.build / private).chmod(0o700)
        self.credentials = load_credentials(settings.build)
        self._say = say
        self._processes: dict[str, ManagedProcess] = {}
        self._restarts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def prepare(self) -> None:
        """End what a killed run left, then make sure that the ports are free.

        :raises DemoError: a port is in use; the message names the variable that moves it.
        """
        if ended := end_leftovers(self.settings.build):
            self._say(f"Ended what an earlier run left: {', '.join(ended)}")
        if not self.settings.s3_python.is_file():
            raise DemoError(
                f"there is no local S3 at {self.settings.s3_python}; `make .tools/s3` installs it."
            )
        ports = {
            "AIRFLOW_PORT": ("Airflow", self.settings.airflow_port),
            "REVIEW_DESK_PORT": ("Review Desk", self.settings.review_desk_port),
            "S3_PORT": ("the local S3", self.settings.s3_port),
        }
        busy = [
            f"port {port} for {what} is in use{process_at_port(port)}; choose another: "
            f"make … {variable}={free_port_after(port)}"
            for variable, (what, port) in ports.items()
            if not port_is_free(port)
        ]
        if busy:
            raise DemoError("\n".join(busy))

    def start(self) -> None:
        """Start everything and wait until it answers.

        :raises DemoError: a part does not come up; its last log lines are in the message.
        """
        migration = self._migrate_airflow()
        self._start_storage()
        self._start_review_desk()
        if migration:
            migration.finish(self.settings.start_timeout)
            with self._lock:
                del self._processes[migration.command.name]
            self._migrated.touch()
        self._start_airflow()

    def check(self) -> None:
        """Start again what has ended by itself, and say so.

        :raises DemoError: something ended for the sixth time.
        """
        with self._lock:
            if self._stopping:
                return
            for name, process in self._processes.items():
                status = process.exit_status()
                if status is None:
                    continue
                self._restarts[name] = self._restarts.get(name, 0) + 1
                if self._restarts[name] > MAX_RESTARTS:
                    raise DemoError(self._ended(name, f"{status} {MAX_RESTARTS + 1} times"))
                self._say(f"{name} {status}; starting it again")
                process.stop(0)
                process.start(keep_log=True)

    def stop(self) -> None:
        """Stop everything, last started first: asked to, then killed with all children."""
        with self._lock:
            self._stopping = True
            airflow = [self._processes[name] for name in reversed(AIRFLOW_PARTS) if name in self._processes]
            others = [process for name, process in self._processes.items() if name not in AIRFLOW_PARTS]
        # The API server goes after the others: tasks and triggers report to it until their end.
        _stop_together([process for process in airflow if process.command.name != "api-server"])
        for process in [p for p in airflow if p.command.name == "api-server"] + others[::-1]:
            process.stop(PATIENCE)

    def client(self, service: str) -> Any:
        """A stock boto3 client for ``s3`` (local S3), ``sagemaker`` or ``sagemaker-a2i-runtime`` (Review Desk)."""
        address = self.settings.s3_url if service == "s3" else self.settings.review_desk_url
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=address,
            region_name=REGION,
            aws_access_key_id=self.credentials.access_key_id or "none",
            aws_secret_access_key=self.credentials.secret_access_key or "none",
            config=Config(
                retries={"max_attempts": 3, "mode": "standard"},
                connect_timeout=3,
                read_timeout=20,
                proxies={},
            ),
        )

    def _start_storage(self) -> None:
        python = str(self.settings.s3_python)
        self._launch("s3", (python, "-m", "ministack"), environment.s3_environment(self.settings))
        self._wait("s3", f"{self.settings.s3_url}/_ministack/health")
        s3 = self.client("s3")
        if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=BUCKET)

    def _start_review_desk(self) -> None:
        settings = self.settings
        self._review_desk("migrate")
        port = str(settings.review_desk_port)
        self._launch(
            "review-desk",
            (script("review-desk"), "serve", "--host", HOST, "--port", port),
            environment.review_desk_environment(settings),
        )
        self._review_desk("team", "create", TEAM)
        for names, password in (
            (REVIEWER_NAMES, self.credentials.simulated_password),
            (PERSON_NAMES, self.credentials.reviewer_password),
        ):
            for name in names:
                self._review_desk("worker", "create", name, "--team", TEAM, "--password-stdin", text=password)
        self._wait("review-desk", f"{settings.review_desk_url}/readyz")
        if not self._access_key_works():
            key = json.loads(self._review_desk("access-key", "create", "--name", "demo"))
            self.credentials = with_access_key(
                self.credentials, key["AccessKeyId"], key["SecretAccessKey"], settings.build
            )

    def _access_key_works(self) -> bool:
        if not self.credentials.access_key_id:
            return False
        try:
            self.client("sagemaker").describe_workteam(WorkteamName=TEAM)
        except ClientError:
            return False
        except BotoCoreError as error:
            raise DemoError(self._ended("review-desk", f"does not answer: {error}")) from None
        return True

    @property
    def _migrated(self) -> Path:
        return self.settings.build / "airflow" / f"migrated-{version('apache-airflow')}"

    def _migrate_airflow(self) -> ManagedProcess | None:
        home = self.settings.build / "airflow"
        write_private(home / "passwords.json", json.dumps({"admin": self.credentials.airflow_password}))
        if self._migrated.exists() and (home / "airflow.db").exists():
            return None
        variables = environment.airflow_environment(self.settings, self.credentials)
        return self._launch("airflow-db-migrate", (script("airflow"), "db", "migrate"), variables)

    def _start_airflow(self) -> None:
        variables = environment.airflow_environment(self.settings, self.credentials)
        for part in AIRFLOW_PARTS:
            extra = ("--skip-serve-logs",) if part in ("scheduler", "triggerer") else ()
            self._launch(part, (script("airflow"), part, *extra), variables)
        health = f"{self.settings.airflow_url}/api/v2/monitor/health"
        self._wait("api-server", health)
        for part in ("scheduler", "dag_processor", "triggerer"):
            self._wait(part.replace("_", "-"), health, partial(_is_healthy, part))

    def _launch(self, name: str, arguments: tuple[str, ...], variables: dict[str, str]) -> ManagedProcess:
        process = ManagedProcess(Command(name, arguments, variables, CHECKOUT), self.settings.build)
        with self._lock:
            if self._stopping:
                raise DemoError("stopped while starting")
            self._processes[name] = process
            process.start()
        return process

    def _wait(self, name: str, url: str, accept: Callable[[Any], bool] = lambda body: True) -> None:
        process = self._processes[name]
        deadline = time.monotonic() + self.settings.start_timeout
        with httpx.Client(trust_env=False, timeout=5) as client:
            while time.monotonic() < deadline:
                if status := process.exit_status():
                    raise DemoError(self._ended(name, f"{status} while starting"))
                try:
                    answer = client.get(url)
                    if answer.status_code == 200 and accept(answer.json()):
                        return
                except (httpx.HTTPError, ValueError):
                    pass
                time.sleep(0.2)
        raise DemoError(
            self._ended(name, f"was not ready at {url} within {self.settings.start_timeout:g} seconds")
            + "\nOn a slow machine: make … START_TIMEOUT=600"
        )

    def _ended(self, name: str, what: str) -> str:
        process = self._processes[name]
        return f"{name} {what}. Its last log lines ({process.log_path}):\n{process.last_lines()}"

    def _review_desk(self, *arguments: str, text: str = "") -> str:
        variables = environment.review_desk_environment(self.settings)
        name = " ".join(("review-desk", *arguments[:2]))
        return run_once(
            Command(name, (script("review-desk"), *arguments), variables, CHECKOUT), input_text=text + "\n"
        )


def port_is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port_after(port: int) -> int:
    """The next free port, to propose it."""
    return next((other for other in range(port + 1, 65536) if port_is_free(other)), port)


def _is_healthy(part: str, body: Any) -> bool:
    return isinstance(body, dict) and (body.get(part) or {}).get("status") == "healthy"


def _stop_together(processes: list[ManagedProcess]) -> None:
    if processes:
        with ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(lambda process: process.stop(PATIENCE), processes))
