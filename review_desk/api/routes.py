"""The AWS side over HTTP: ``POST /`` for the control plane, ``/human-loops`` for the runtime."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from review_desk.api import sigv4
from review_desk.api.errors import ApiError
from review_desk.api.keys import RememberedSecrets
from review_desk.api.operations import call
from review_desk.api.starts import StartLane
from review_desk.api.throttle import Throttle
from review_desk.api.wire import (
    ParsedRequest,
    error_response,
    load_models,
    parse_json_rpc,
    parse_rest,
    serialise,
)
from review_desk.engine.arns import Scope as AccountScope
from review_desk.engine.audit import Actor, ActorKind, become
from review_desk.engine.database import unavailability
from review_desk.logs import note
from review_desk.request_log import request_id
from review_desk.service import Service
from review_desk.settings import LONGEST_REGION, REGION_PATTERN

RUNTIME_PATH = "/human-loops"
REQUESTS_AT_ONCE = 16
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes. InputContent may hold 3 MiB of characters, each of which JSON may write as six bytes or more."""

SIGNING_NAME = "sagemaker"


class AwsSide:
    """ASGI middleware: answers the AWS protocols, and passes everything else on.

    It stands before the routing of the portal, which these requests have no use for.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        load_models()
        self._app = app
        self._service = service
        self._secret_of = RememberedSecrets(service.access.secret_of)
        self._throttle = Throttle(service.settings.requests_per_second)
        self._starts = StartLane(service)
        self._threads = ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="aws")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        rest = path == RUNTIME_PATH or path.startswith(f"{RUNTIME_PATH}/")
        if not rest and (path != "/" or scope["method"] != "POST"):
            await self._app(scope, receive, send)
            return
        status, headers, content = await self._answer(scope, receive, rest)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(
        self, scope: Scope, receive: Receive, rest: bool
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        headers: dict[str, str] = {}
        status = 200
        note(path=RUNTIME_PATH if rest else "/")
        try:
            body = await _read_body(receive)
            if scope["path"] == RUNTIME_PATH and scope["method"] == "POST":
                content = await self._starts.start(partial(self._admit, scope, body, rest))
            else:
                content = await asyncio.get_running_loop().run_in_executor(
                    self._threads, copy_context().run, self._carry_out, scope, body, rest
                )
        except ClientDisconnect:
            raise
        except Exception as raised:
            error = _refusal(raised)
            self._service.metrics.errors.labels(error.code).inc()
            status = error.status
            error_headers, content = error_response(error, rest=rest)
            headers |= error_headers
        headers["content-type"] = "application/json" if rest else "application/x-amz-json-1.1"
        headers["content-length"] = str(len(content))
        return status, [(name.encode(), value.encode()) for name, value in headers.items()], content

    def _carry_out(self, http: Scope, body: bytes, rest: bool) -> bytes:
        account, parsed = self._admit(http, body, rest)
        with self._service.metrics.api.labels(parsed.operation.name).time():
            result = call(self._service, account, parsed.operation.name, parsed.parameters)
        return serialise(parsed.operation, result)

    def _admit(self, http: Scope, body: bytes, rest: bool) -> tuple[AccountScope, ParsedRequest]:
        """Verify who makes a request, and parse it."""
        method = http["method"]
        path = http["raw_path"].decode("latin-1").split("?", 1)[0]
        query = http["query_string"].decode("latin-1")
        headers = _joined(http["headers"])
        caller = sigv4.verify(
            sigv4.SignedRequest(method=method, path=path, query=query, headers=headers, body=body),
            self._secret_of,
            self._service.clock.now(),
        )
        note(access_key_id=caller.access_key_id)
        if caller.service != SIGNING_NAME:
            raise ApiError(
                "InvalidSignatureException",
                f"Credential should be scoped to service '{SIGNING_NAME}', not '{caller.service}'.",
            )
        if len(caller.region) > LONGEST_REGION or not re.fullmatch(REGION_PATTERN, caller.region):
            raise ApiError("InvalidSignatureException", "Credential should be scoped to a valid Region.")
        self._throttle.admit(caller.access_key_id)
        parsed = (
            parse_rest(method, path, query, body)
            if rest
            else parse_json_rpc(headers.get("x-amz-target"), body)
        )
        account = AccountScope(self._service.settings.account_id, caller.region)
        client = http.get("client")
        become(Actor(ActorKind.ACCESS_KEY, caller.access_key_id, client[0] if client else None))
        return account, parsed


def _refusal(raised: Exception) -> ApiError:
    """Return what the sender is told; an error of ours goes to the log with its traceback."""
    if isinstance(raised, ApiError):
        note(error=raised.code, detail=raised.detail)
        return raised
    reason = unavailability(raised)
    if reason:
        note(error="InternalServerException", detail=f"the database does not serve: {reason}")
        return ApiError("InternalServerException", "The database does not answer just now: try again.")
    note(error="InternalServerException", failure=raised)
    return ApiError(
        "InternalServerException", f"The service failed; its log has the cause under {request_id()}."
    )


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name, repeated values joined by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise ApiError("RequestEntityTooLargeException", f"The request is over {LARGEST_BODY} bytes.")
        if not message.get("more_body"):
            return bytes(body)
