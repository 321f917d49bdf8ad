"""Gives every request an id, logs how it ended, and answers for a handler that failed."""

from __future__ import annotations

import logging
import re
import uuid
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_desk.logs import RequestFacts, current_request

PORTAL_HEADER = b"x-request-id"
AWS_HEADER = b"x-amzn-requestid"
ACCEPTED_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")
WORTH_A_WARNING = (401, 403, 429)

log = logging.getLogger("review_desk.requests")


class RequestLog:
    """ASGI middleware, to be the outermost: ids, the log's line for each request, and the answer 500.

    An ``X-Request-Id`` that comes with the request, from a proxy, is taken over. The answer has the id as
    ``X-Request-Id`` in the portal and ``x-amzn-requestid`` elsewhere. Refusals and failures are always logged.

    :param access_log: log requests that went well, too.
    """

    def __init__(self, app: ASGIApp, access_log: bool = False) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        facts = RequestFacts(_request_id(scope))
        header = (
            PORTAL_HEADER if scope["path"].startswith("/portal") else AWS_HEADER,
            facts.request_id.encode(),
        )
        status = 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        token = current_request.set(facts)
        try:
            await self._app(scope, receive, answered)
        except ClientDisconnect:
            facts.error = "ClientDisconnected"
        except Exception as error:
            facts.failure = error
            if not status:
                await _failure(facts.request_id)(scope, receive, answered)
        finally:
            current_request.reset(token)
        self._write(scope, facts, status, perf_counter() - started)

    def _write(self, scope: Scope, facts: RequestFacts, status: int, seconds: float) -> None:
        if facts.failure is not None or status >= 500:
            level = logging.ERROR
        elif status in WORTH_A_WARNING:
            level = logging.WARNING
        elif status >= 400 or facts.error or self._access_log:
            level = logging.INFO
        else:
            return
        if not log.isEnabledFor(level):
            return
        words = {logging.ERROR: "request failed", logging.WARNING: "request refused"}
        log.log(
            level,
            words.get(level, "request refused" if status >= 400 else "request"),
            exc_info=facts.failure,
            extra={
                "request_id": facts.request_id,
                "method": scope["method"],
                # The route's template: a frame's or a document's path is a key to it.
                "path": facts.path or getattr(scope.get("route"), "path", None),
                "operation": facts.operation,
                "status": status or None,
                "duration_ms": round(seconds * 1000, 1),
                "access_key_id": facts.access_key_id,
                "worker_id": facts.worker_id,
                "error": facts.error,
                "detail": facts.detail,
            },
        )


def request_id() -> str:
    """Return the id of the request at hand."""
    facts = current_request.get()
    return facts.request_id if facts else str(uuid.uuid4())


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == PORTAL_HEADER and ACCEPTED_ID.fullmatch(value):
            return str(value, "ascii")
    return str(uuid.uuid4())


def _failure(request_id: str) -> JSONResponse:
    message = f"The service failed; its log has the cause under {request_id}."
    return JSONResponse({"error": {"code": "Internal", "message": message}}, 500)
