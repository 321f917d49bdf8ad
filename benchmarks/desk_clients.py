"""The clients of ``bench_desk.py``, in processes of their own: stock boto3 that starts loops, workers in the portal."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

FIELDS = [{"name": f"field_{number}", "value": "x" * 30, "confidence": 87.5} for number in range(12)]
INPUT = json.dumps({"taskObject": "s3://documents/form.png", "fields": FIELDS})
"""A form of twelve fields, about 1 kB."""


@dataclass(frozen=True)
class Starts:
    """What one client process is to start, and where."""

    url: str
    access_key: dict[str, str]
    region: str
    flow_definition_arn: str
    prefix: str
    count: int


@cache
def client_of(url: str, region: str, access_key_id: str, secret_access_key: str) -> Any:
    """Return this process's boto3 client of a server."""
    return boto3.client(
        "sagemaker-a2i-runtime",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def start_loops(starts: Starts) -> None:
    """Start loops one after the other with stock boto3, by a client that is kept."""
    key = starts.access_key
    client = client_of(starts.url, starts.region, key["AccessKeyId"], key["SecretAccessKey"])
    for number in range(starts.count):
        client.start_human_loop(
            HumanLoopName=f"{starts.prefix}-{number}",
            FlowDefinitionArn=starts.flow_definition_arn,
            HumanLoopInput={"InputContent": INPUT},
        )


@dataclass(frozen=True)
class Shift:
    """How workers work.

    :param cycles_per_second: claims and submissions of each worker; 0 for as many as they can.
    :param seconds: how long.
    """

    host: str
    port: int
    usernames: list[str]
    password: str
    cycles_per_second: float
    seconds: float


@dataclass
class Latencies:
    """Seconds that each request took, as the worker's client saw it."""

    claim: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)


class Worker:
    """A worker signed in to the portal, over one connection that stays open."""

    def __init__(self, host: str, port: int, username: str, password: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self._headers = {"Content-Type": "application/json"}
        _, headers, answer = self._post("/portal/api/login", {"username": username, "password": password})
        cookies = [cookie.split(";", 1)[0] for cookie in headers.get_all("Set-Cookie")]
        self._headers["Cookie"] = "; ".join(cookies)
        self._headers["X-CSRF-Token"] = answer["csrf_token"]

    def cycle(self, latencies: Latencies) -> None:
        """Claim a task and submit an answer to it."""
        began = time.perf_counter()
        status, _, task = self._post("/portal/api/tasks/claim", {})
        claimed = time.perf_counter()
        if status != 200:
            raise RuntimeError(f"nothing was left to claim ({status})")
        body = {"answer": {"fields": FIELDS}, "lease_token": task["lease"]["token"]}
        submitting = time.perf_counter()
        status, _, answer = self._post(f"/portal/api/tasks/{task['id']}/submit", body)
        submitted = time.perf_counter()
        if status != 200:
            raise RuntimeError(f"the submission failed: {answer}")
        latencies.claim.append(claimed - began)
        latencies.submit.append(submitted - submitting)

    def _post(self, path: str, body: dict[str, Any]) -> tuple[int, Any, Any]:
        self._connection.request("POST", path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        content = response.read()
        return response.status, response.headers, json.loads(content) if content else None


def work(shift: Shift) -> Latencies:
    """Let each worker claim and submit in a thread of its own."""
    latencies = Latencies()
    workers = [Worker(shift.host, shift.port, name, shift.password) for name in shift.usernames]
    threads = [threading.Thread(target=_work, args=(worker, shift, latencies)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


def _work(worker: Worker, shift: Shift, latencies: Latencies) -> None:
    ends = time.perf_counter() + shift.seconds
    pause = 1 / shift.cycles_per_second if shift.cycles_per_second else 0.0
    due = time.perf_counter() + random.uniform(0, pause)
    while due < ends:
        time.sleep(max(0.0, due - time.perf_counter()))
        worker.cycle(latencies)
        due = due + pause if pause else time.perf_counter()
