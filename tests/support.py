"""Real things for tests: Review Desk as a process of its own, and a worker who is signed in to its portal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/a2i-execution"
PASSWORD = "correct horse battery"
STORAGE_KEYS = {"AWS_ACCESS_KEY_ID": "storage", "AWS_SECRET_ACCESS_KEY": "storage-secret"}
COMMAND = shutil.which("review-desk", path=str(Path(sys.executable).parent)) or "review-desk"


def free_port() -> int:
    """A port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ReviewDesk:
    """A Review Desk process of its own, with its own SQLite file; it can be killed and started again."""

    directory: Path
    s3_endpoint_url: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    access_key: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    serve_options: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.directory / "serve.log").read_text()

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AWS_", "REVIEW_DESK_"))
            },
            **STORAGE_KEYS,
            "REVIEW_DESK_DATABASE_URL": f"sqlite:///{self.directory}/review_desk.db",
            "REVIEW_DESK_PUBLIC_URL": self.url,
            "REVIEW_DESK_S3_ENDPOINT_URL": self.s3_endpoint_url,
            **self.settings,
        }

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a ``review-desk`` command and return what it prints."""
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def prepare(self) -> None:
        """Create the database, an access key, the team ``reviewers`` and three workers in it."""
        self.command("migrate")
        self.access_key = json.loads(self.command("access-key", "create", "--name", "tests"))
        self.command("team", "create", "reviewers")
        for number in (1, 2, 3):
            self.add_worker(f"worker-{number}")

    def add_worker(self, name: str, team: str = "reviewers") -> None:
        self.command("worker", "create", name, "--team", team, "--password-stdin", stdin=PASSWORD)

    def launch(self) -> None:
        """Start the process, and do not wait until it answers."""
        with (self.directory / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--port", str(self.port), *self.serve_options],
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        self.launch()
        assert self.process is not None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"Review Desk did not start:\n{self.log}")

    def kill(self) -> None:
        """SIGKILL: no clean shutdown."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def client(self, service: str, region: str = REGION, *, parameter_validation: bool = True) -> Any:
        """A stock boto3 client of ``sagemaker`` or ``sagemaker-a2i-runtime``."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=self.access_key["AccessKeyId"],
            aws_secret_access_key=self.access_key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=parameter_validation),
        )

    def create_flow_definition(
        self,
        name: str,
        template: str,
        output_path: str = "s3://answers/a2i",
        *,
        wait: bool = True,
        **loop_config: Any,
    ) -> str:
        """Create a human task UI and a flow definition of the same name; return the latter's ARN.

        :param wait: until it is no longer Initializing, as it may be on a machine that is busy.
        """
        control = self.client("sagemaker")
        ui = control.create_human_task_ui(HumanTaskUiName=name, UiTemplate={"Content": template})
        arn: str = control.create_flow_definition(
            FlowDefinitionName=name,
            HumanLoopConfig={
                "WorkteamArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:workteam/private-crowd/reviewers",
                "HumanTaskUiArn": ui["HumanTaskUiArn"],
                "TaskTitle": "Check the form",
                "TaskDescription": "Correct what the machine got wrong.",
                "TaskCount": 1,
                **loop_config,
            },
            OutputConfig={"S3OutputPath": output_path},
            RoleArn=ROLE_ARN,
        )["FlowDefinitionArn"]
        if wait:
            wait_until(lambda: self.flow_definition_status(name) != "Initializing")
        return arn

    def flow_definition_status(self, name: str) -> str:
        described = self.client("sagemaker").describe_flow_definition(FlowDefinitionName=name)
        return str(described["FlowDefinitionStatus"])

    def portal(self, username: str = "worker-1") -> Portal:
        """Sign a worker in."""
        return Portal(self.url, username)


class Portal:
    """A signed-in worker, as a script uses the portal's JSON API."""

    def __init__(self, url: str, username: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        answer = self.http.post("/portal/api/login", json={"username": username, "password": PASSWORD})
        answer.raise_for_status()
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf_token"]

    def claim(self, **wanted: str) -> httpx.Response:
        return self.http.post("/portal/api/tasks/claim", json=wanted)

    def submit(self, task: dict[str, Any], answer: dict[str, Any]) -> httpx.Response:
        body = {"answer": answer, "lease_token": task["lease"]["token"]}
        return self.http.post(f"/portal/api/tasks/{task['id']}/submit", json=body)


def wait_for_json(s3: Any, uri: str, seconds: float = 10) -> dict[str, Any]:
    """Read a JSON object from S3 as soon as it is there."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    deadline = time.monotonic() + seconds
    while True:
        try:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            document: dict[str, Any] = json.loads(body)
            return document


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
