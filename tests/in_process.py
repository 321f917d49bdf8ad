"""A service's application driven without a network: requests go in as bytes, just as a server would hand them over."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from unittest import mock
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fastapi import FastAPI
from review_desk_fixtures import PASSWORD, Desk
from support import REGION

from review_desk.app import create_app

HOST = "127.0.0.1:8700"


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A desk's application, an access key, and the loop that runs both; no background work."""

    def __init__(self, desk: Desk, **options: bool) -> None:
        self.desk = desk
        self.app: FastAPI = create_app(desk.service, **options)
        self.access_key_id, self.secret = desk.service.access.create_access_key("tests")
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    def request(
        self,
        method: str,
        target: str | bytes,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        chunks: int = 1,
    ) -> Answer:
        """Send a request.

        :param target: path and query as they stand in the request line.
        :param chunks: how many pieces the body comes in.
        """
        raw = target.encode("latin-1") if isinstance(target, str) else target
        raw_path, _, query = raw.partition(b"?")
        sent = {"host": HOST, **{name.lower(): value for name, value in (headers or {}).items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 8700),
            "state": {},
        }
        return self._runner.run(self._exchange(scope, _pieces(body, chunks)))

    async def _exchange(self, scope: dict[str, Any], pieces: list[dict[str, Any]]) -> Answer:
        waiting = iter(pieces)
        status, body = 0, bytearray()
        headers: dict[str, str] = {}

        async def receive() -> Any:
            piece = next(waiting, None)
            if piece is None:
                await asyncio.Event().wait()  # the client stays connected
            return piece

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    before = f"{headers[name.decode()]}\n" if name.decode() in headers else ""
                    headers[name.decode()] = before + value.decode("latin-1")
            else:
                body.extend(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(status, headers, bytes(body))

    def signed_headers(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        region: str = REGION,
        secret: str | None = None,
    ) -> dict[str, str]:
        """Headers with botocore's own signature at the desk's time."""
        request = AWSRequest(method, f"http://{HOST}{target}", data=body, headers=headers or {})
        request.headers["Host"] = HOST
        now = self.desk.clock.now().replace(tzinfo=None)
        with mock.patch("botocore.auth.get_current_datetime", return_value=now):
            SigV4Auth(Credentials(self.access_key_id, secret or self.secret), "sagemaker", region).add_auth(
                request
            )
        return dict(request.headers.items())

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        region: str = REGION,
    ) -> Answer:
        """Send a request that is signed as it is."""
        return self.request(
            method, target, body, self.signed_headers(method, target, body, headers, region=region)
        )

    def sagemaker(self, operation: str, parameters: Any, *, region: str = REGION) -> Answer:
        """Call an operation of the control plane; ``parameters`` may be bytes, sent as they are."""
        body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
        headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        return self.signed("POST", "/", body, headers, region=region)

    def start(self, flow: str, name: str, content: str = '{"text": "x"}') -> Answer:
        """Start a human loop."""
        body = {
            "HumanLoopName": name,
            "FlowDefinitionArn": flow,
            "HumanLoopInput": {"InputContent": content},
        }
        return self.signed("POST", "/human-loops", json.dumps(body).encode())

    def sign_in(self, username: str, password: str = PASSWORD) -> PortalHeaders:
        """Sign a worker in and return the headers of a request that changes something."""
        body = json.dumps({"username": username, "password": password}).encode()
        answer = self.request("POST", "/portal/api/login", body, {"Content-Type": "application/json"})
        assert answer.status == 200, answer.body
        return {
            "Cookie": "; ".join(line.split(";")[0] for line in answer.headers["set-cookie"].splitlines()),
            "X-CSRF-Token": answer.json()["csrf_token"],
            "Content-Type": "application/json",
        }


PortalHeaders = dict[str, str]


def _pieces(body: bytes, chunks: int) -> list[dict[str, Any]]:
    size = max(1, -(-len(body) // chunks))
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    return [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ]
