"""AWS's two wire protocols that A2I uses: JSON 1.1 (SageMaker) and REST-JSON (the A2I runtime).

Operations, members and their places in a request come from botocore's models; nothing is listed twice here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from review_desk import strict_json
from review_desk.api.errors import ApiError
from review_desk.api.models import CONTROL_PLANE, RUNTIME, service_model
from review_desk.api.operations import OPERATIONS
from review_desk.api.validation import shown_timestamp, validate
from review_desk.logs import note

TARGET_PREFIX = "SageMaker."


@dataclass(frozen=True)
class ParsedRequest:
    """A request that its model accepts."""

    operation: OperationModel
    parameters: dict[str, Any]


def load_models() -> None:
    """Read both models now rather than at the first request, which would wait for it."""
    service_model(CONTROL_PLANE)
    _routes()


def parse_json_rpc(target: str | None, body: bytes) -> ParsedRequest:
    """Parse a JSON 1.1 request by its ``X-Amz-Target`` header.

    :raises ApiError: unknown operation, body that is no JSON object, or a broken rule of the model.
    """
    name = (target or "").removeprefix(TARGET_PREFIX)
    model = service_model(CONTROL_PLANE)
    if not target or not target.startswith(TARGET_PREFIX) or name not in model.operation_names:
        raise ApiError("UnknownOperationException", f"Unknown operation {target!r}: X-Amz-Target names none.")
    if name not in OPERATIONS:
        raise ApiError("UnknownOperationException", f"Review Desk does not serve {name}.")
    operation = model.operation_model(name)
    return ParsedRequest(operation, _validated(operation, _json_object(body)))


def parse_rest(method: str, path: str, query: str, body: bytes) -> ParsedRequest:
    """Parse a REST-JSON request by its method and path.

    :raises ApiError: as :func:`parse_json_rpc`.
    """
    for operation, pattern in _routes():
        match = pattern.fullmatch(path)
        if match and operation.http["method"] == method:
            values: dict[str, Any] = dict(_json_object(body)) if body else {}
            shape = operation.input_shape
            if isinstance(shape, StructureShape):
                _read_uri_and_query(shape, match, query, values)
            return ParsedRequest(operation, _validated(operation, values))
    raise ApiError("UnknownOperationException", f"There is no operation at {method} {path}.")


def serialise(operation: OperationModel, result: dict[str, Any]) -> bytes:
    """Write an operation's result as its output shape says; members that are ``None`` are left out."""
    shape = operation.output_shape
    protocol = operation.service_model.metadata["protocol"]
    default_format = "unixtimestamp" if protocol == "json" else "iso8601"
    return json.dumps(_written(shape, result, default_format) if shape else {}).encode()


def error_response(error: ApiError, *, rest: bool) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an error, in either protocol's way."""
    body: dict[str, str] = {"Message": error.message}
    if not rest:
        body = {"__type": error.code, **body}
    return {"x-amzn-errortype": error.code}, json.dumps(body).encode()


@cache
def _routes() -> list[tuple[OperationModel, re.Pattern[str]]]:
    model = service_model(RUNTIME)
    operations = [model.operation_model(name) for name in model.operation_names]
    return [
        (operation, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])))
        for operation in operations
    ]


def _read_uri_and_query(
    shape: StructureShape, match: re.Match[str], query: str, values: dict[str, Any]
) -> None:
    sent = dict(parse_qsl(query, keep_blank_values=True))
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        location = member.serialization.get("location")
        if location == "uri":
            values[name] = unquote(match[wire_name])
        elif location == "querystring" and wire_name in sent:
            values[name] = _from_text(member, sent[wire_name])


def _from_text(shape: Shape, text: str) -> Any:
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = strict_json.parse(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"The request body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "The request body must be a JSON object.")
    return value


def _validated(operation: OperationModel, values: dict[str, Any]) -> dict[str, Any]:
    note(operation=operation.name)
    shape = operation.input_shape
    result: dict[str, Any] = validate(shape, values) if shape else {}
    return result


def _written(shape: Shape, value: Any, timestamp_format: str) -> Any:
    if isinstance(shape, StructureShape):
        return {
            name: _written(shape.members[name], item, timestamp_format)
            for name, item in value.items()
            if item is not None and name in shape.members
        }
    if isinstance(shape, ListShape):
        return [_written(shape.member, item, timestamp_format) for item in value]
    if isinstance(value, datetime):
        return shown_timestamp(value, shape.serialization.get("timestampFormat", timestamp_format))
    return value
