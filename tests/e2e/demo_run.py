"""The demo's supervisor as a process of its own, and what a test does to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
from support import REGION, free_port

ROOT = Path(__file__).resolve().parents[2]
PARTS = {"s3", "review-desk", "scheduler", "dag-processor", "triggerer", "api-server"}


@dataclass
class Demo:
    """One build folder with its ports; commands are run in it one after another."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    sessions: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for variable in ("AIRFLOW_PORT", "REVIEW_DESK_PORT", "S3_PORT"):
            self.ports[variable] = free_port()

    @property
    def build(self) -> Path:
        return self.folder / "build"

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text()

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.build / "demo-report.json").read_text())
        return report

    def start(self, command: str = "demo", **settings: object) -> None:
        """Start the supervisor; its output goes to ``output.txt``."""
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "BUILD": str(self.build),
            **{name: str(port) for name, port in self.ports.items()},
            **{name: str(value) for name, value in settings.items()},
        }
        with (self.folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "include.demo", command],
                cwd=ROOT,
                env=variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self, seconds: float = 300) -> int:
        """Wait for the supervisor's end, and give its exit status."""
        assert self.process
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.sessions |= set(self.recorded().values())
            assert time.monotonic() < end, f"the demo did not end:\n{self.output}\n{self.logs()}"
            time.sleep(0.2)
        return self.process.returncode

    def run(self, **settings: object) -> None:
        """Run the demo to its end, which must be a good one."""
        self.start(**settings)
        status = self.wait()
        assert status == 0, f"{self.output}\n{self.logs()}"

    def recorded(self) -> dict[str, int]:
        """The started processes' ids, by name."""
        found = {}
        for path in (self.build / "run").glob("*.json"):
            with suppress(OSError, ValueError, KeyError):
                found[path.stem] = int(json.loads(path.read_text())["pid"])
        return found

    def kill_everything(self) -> None:
        """SIGKILL for the supervisor and for every process and child that it started."""
        assert self.process
        self.process.kill()
        self.process.wait()
        pids = self.recorded()
        assert set(pids) >= PARTS
        for pid in pids.values():
            kill_session(pid)

    def leftovers(self) -> list[str]:
        """What is still running of all that was ever started here."""
        return [str(process) for sid in self.sessions for process in session_members(sid)]

    def client(self, service: str) -> Any:
        """A stock client with the key that the demo's Airflow connection has."""
        credentials = json.loads((self.build / "credentials.json").read_text())
        port = self.ports["S3_PORT" if service == "s3" else "REVIEW_DESK_PORT"]
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id=credentials["access_key_id"],
            aws_secret_access_key=credentials["secret_access_key"],
        )

    def flow_definition(self) -> str | None:
        """The flow definition that has something open, as a person sees it in the portal."""
        credentials = json.loads((self.build / "credentials.json").read_text())
        url = f"http://127.0.0.1:{self.ports['REVIEW_DESK_PORT']}"
        with suppress(httpx.HTTPError), httpx.Client(base_url=url, trust_env=False) as http:
            http.post(
                "/portal/api/login",
                json={"username": "reviewer-1", "password": credentials["reviewer_password"]},
            ).raise_for_status()
            for found in http.get("/portal/api/queue").json()["flow_definitions"]:
                if found["open"]:
                    return str(found["flow_definition"])
        return None

    def loops(self, flow_definition: str, batch: str = "") -> dict[str, str]:
        """The human loops of a flow definition, or of one batch in it: status by name."""
        pages = self.client("sagemaker-a2i-runtime").get_paginator("list_human_loops")
        return {
            loop["HumanLoopName"]: loop["HumanLoopStatus"]
            for page in pages.paginate(FlowDefinitionArn=flow_definition)
            for loop in page["HumanLoopSummaries"]
            if loop["HumanLoopName"].startswith(batch)
        }

    def wait_for_some_answers(self) -> tuple[str, str, set[str]]:
        """Wait until some forms are reviewed and others are open.

        Gives the flow definition, the beginning of the batch's names and the names of the reviewed loops.
        """
        flow_definition = self.until(self.flow_definition, 200)
        loops = self.loops(flow_definition)
        batch = next(name for name, status in loops.items() if status == "InProgress").partition("-")[0]

        def some() -> set[str] | None:
            loops = self.loops(flow_definition, batch)
            done = {name for name, status in loops.items() if status == "Completed"}
            return done if done and len(done) < len(loops) else None

        return flow_definition, batch, self.until(some, 60)

    def results(self) -> list[dict[str, Any]]:
        """The rows of ``results.jsonl``, read where the local S3 keeps its objects."""
        uri = self.report["results_uri"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        found = list((self.build / "s3" / "objects").glob(f"*/{bucket}/{key}"))
        assert len(found) == 1, found
        return [json.loads(line) for line in found[0].read_text().splitlines()]

    def until(self, condition: Callable[[], Any], seconds: float) -> Any:
        """Wait until the condition gives something."""
        assert self.process
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            self.sessions |= set(self.recorded().values())
            with suppress(Exception):
                if found := condition():
                    return found
            time.sleep(0.2)
        raise AssertionError(f"{condition} did not come true:\n{self.output}\n{self.logs()}")

    def logs(self) -> str:
        """The end of every log, for a failed test's message."""
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            for path in sorted((self.build / "logs").glob("*.log"))
        )

    def close(self) -> None:
        """End whatever is left."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(40)
            self.process.kill()
            self.process.wait()
        for pid in {*self.recorded().values(), *self.sessions}:
            kill_session(pid)


def session_members(leader: int) -> Iterator[psutil.Process]:
    """The live processes of a session."""
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if os.getsid(pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def kill_session(leader: int) -> None:
    """SIGKILL for a session's members."""
    for process in list(session_members(leader)):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(10)
