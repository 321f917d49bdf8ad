"""HTTP routes of the AWS side: ``POST /`` for the control plane, ``/human-loops`` for the runtime."""

from __future__ import annotations

import logging
import re
import uuid

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from review_desk.api import sigv4
from review_desk.api.errors import ApiError
from review_desk.api.operations import call
from review_desk.api.throttle import Throttle
from review_desk.api.wire import ParsedRequest, error_response, parse_json_rpc, parse_rest, serialise
from review_desk.engine.arns import Scope
from review_desk.engine.audit import Actor, ActorKind, become
from review_desk.service import Service
from review_desk.settings import REGION_PATTERN

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes. InputContent may hold 3 MiB of characters, each of which JSON may write as six bytes or more."""

SIGNING_NAME = "sagemaker"

log = logging.getLogger(__name__)


def routes(service: Service) -> list[Route]:
    """Build the routes over one service."""

    throttle = Throttle(service.settings.requests_per_second)

    async def control_plane(request: Request) -> Response:
        return await _answer(service, throttle, request, rest=False)

    async def runtime(request: Request) -> Response:
        return await _answer(service, throttle, request, rest=True)

    methods = ["GET", "POST", "DELETE"]
    return [
        Route("/", control_plane, methods=["POST"]),
        Route("/human-loops", runtime, methods=methods),
        Route("/human-loops/{rest:path}", runtime, methods=methods),
    ]


async def _answer(service: Service, throttle: Throttle, request: Request, *, rest: bool) -> Response:
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id}
    status = 200
    try:
        body = await _read_body(request)
        content = await run_in_threadpool(_carry_out, service, throttle, request, body, rest)
    except Exception as raised:
        error = _refusal(raised, request, request_id)
        service.metrics.errors.labels(error.code).inc()
        status = error.status
        error_headers, content = error_response(error, rest=rest)
        headers |= error_headers
    media_type = "application/json" if rest else "application/x-amz-json-1.1"
    return Response(content, status_code=status, headers=headers, media_type=media_type)


def _refusal(raised: Exception, request: Request, request_id: str) -> ApiError:
    """Return what the sender is told; an error of ours goes to the log with its traceback."""
    if isinstance(raised, ApiError):
        log.info("%s %s %s: %s", request_id, request.method, raised.code, raised.message)
        return raised
    log.error("%s %s %s failed", request_id, request.method, request.url.path, exc_info=raised)
    return ApiError(
        "InternalServerException", f"The service failed; its log has the cause under {request_id}."
    )


def _carry_out(service: Service, throttle: Throttle, request: Request, body: bytes, rest: bool) -> bytes:
    path = request.scope.get("raw_path", b"").decode("latin-1").split("?", 1)[0] or request.url.path
    signed = sigv4.SignedRequest(
        method=request.method,
        path=path,
        query=request.url.query,
        headers={name: ",".join(request.headers.getlist(name)) for name in request.headers},
        body=body,
    )
    caller = sigv4.verify(signed, service.access.secret_of, service.clock.now())
    if caller.service != SIGNING_NAME:
        raise ApiError(
            "InvalidSignatureException",
            f"Credential should be scoped to service '{SIGNING_NAME}', not '{caller.service}'.",
        )
    if not re.fullmatch(REGION_PATTERN, caller.region):
        raise ApiError("InvalidSignatureException", "Credential should be scoped to a valid Region.")
    throttle.admit(caller.access_key_id)
    parsed: ParsedRequest = (
        parse_rest(request.method, path, request.url.query, body)
        if rest
        else parse_json_rpc(request.headers.get("x-amz-target"), body)
    )
    scope = Scope(service.settings.account_id, caller.region)
    become(Actor(ActorKind.ACCESS_KEY, caller.access_key_id, request.client.host if request.client else None))
    with service.metrics.api.labels(parsed.operation.name).time():
        result = call(service, scope, parsed.operation.name, parsed.parameters)
    return serialise(parsed.operation, result)


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise ApiError("RequestEntityTooLargeException", f"The request is over {LARGEST_BODY} bytes.")
    return bytes(body)
