"""Helpers for the operator library's tests: connections, contexts, and a proxy that injects faults."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from support import REGION, ReviewDesk

Fault = tuple[int, str, str]


@dataclass
class FaultProxy:
    """Passes requests on to Review Desk, after answering some of them itself as a troubled service would.

    ``faults`` decides by method and path; an answer is (HTTP status, error code, message). ``hidden`` loops are left
    out of lists, as if the service's list lagged behind.
    """

    target: str
    port: int = 0
    faults: Callable[[str, str], Fault | None] = lambda method, path: None
    requests: list[tuple[str, str]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str, path: str) -> int:
        """Requests seen so far with this method and a path that begins so."""
        return sum(m == method and p.startswith(path) for m, p in self.requests)

    def reset(self) -> None:
        self.faults = lambda method, path: None
        self.requests.clear()
        self.hidden.clear()


def handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.requests.append((self.command, self.path))
            fault = proxy.faults(self.command, self.path)
            if fault is not None:
                status, code, message = fault
                self.answer(
                    status,
                    json.dumps({"__type": code, "Message": message}).encode(),
                    {"x-amzn-ErrorType": code},
                )
                return
            host, port = proxy.target.removeprefix("http://").split(":")
            upstream = http.client.HTTPConnection(host, int(port), timeout=30)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                reply = upstream.getresponse()
                content = reply.read()
            except OSError as error:
                self.answer(503, str(error).encode(), {})
                return
            finally:
                upstream.close()
            if proxy.hidden and self.path.startswith("/human-loops?"):
                document = json.loads(content)
                document["HumanLoopSummaries"] = [
                    entry
                    for entry in document["HumanLoopSummaries"]
                    if entry["HumanLoopName"] not in proxy.hidden
                ]
                content = json.dumps(document).encode()
            skipped = {"content-length", "transfer-encoding", "connection", "date", "server"}
            self.answer(
                reply.status, content, {k: v for k, v in reply.getheaders() if k.lower() not in skipped}
            )

        def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = handle_request  # noqa: N815

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def connection(desk: ReviewDesk, s3_url: str, review_url: str, **config: Any) -> str:
    """An AWS connection as JSON, as it would stand in ``AIRFLOW_CONN_…``."""
    return json.dumps(
        {
            "conn_type": "aws",
            "login": desk.access_key["AccessKeyId"],
            "password": desk.access_key["SecretAccessKey"],
            "extra": {
                "region_name": REGION,
                "config_kwargs": {"retries": {"total_max_attempts": 1}, "connect_timeout": 2, **config},
                "service_config": {
                    "s3": {"endpoint_url": s3_url},
                    "sqs": {"endpoint_url": s3_url},
                    "sagemaker": {"endpoint_url": review_url},
                    "sagemaker-a2i-runtime": {"endpoint_url": review_url},
                },
            },
        }
    )


class FakeTaskInstance(SimpleNamespace):
    """As much of a task instance as an operator touches outside of the task runner."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def task_context(run_id: str = "manual__1", task_id: str = "start", map_index: int = -1) -> Any:
    """A context for ``execute``."""
    ti = FakeTaskInstance(
        dag_id="some_dag", run_id=run_id, task_id=task_id, map_index=map_index, try_number=1, xcoms={}
    )
    return {"ti": ti, "task_instance": ti}
