"""Checks what a service sent against the service's model: members, types, patterns, lengths, enums."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from review_desk.api.errors import ApiError
from review_desk.api.validation import validate


class ResponseCheck:
    """Looks at every answer that a boto3 client gets, and remembers what the model does not allow."""

    def __init__(self, client: Any) -> None:
        self.problems: list[str] = []
        self.seen: list[str] = []
        client.meta.events.register("after-call", self._look)

    def _look(self, http_response: Any, model: Any, **_: Any) -> None:
        self.seen.append(model.name)
        body = json.loads(http_response.content or b"{}")
        shape = model.output_shape
        if http_response.status_code >= 300:
            code = http_response.headers["x-amzn-errortype"]
            shape = next((shape for shape in model.error_shapes if shape.name == code), None)
        self.problems += [f"{model.name}: {problem}" for problem in problems_of(shape, body)]


def problems_of(shape: Shape | None, body: Any) -> list[str]:
    """Return what is wrong with a body, in words."""
    if shape is None:
        return [f"{name} is not in the model" for name in body if name not in ("__type", "Message")]
    found = [f"{path} is not in the model" for path in _unknown(shape, body, "")]
    try:
        validate(shape, body)
    except ApiError as error:
        found.append(error.message)
    return found


def _unknown(shape: Shape, value: Any, path: str) -> list[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return [
            unknown
            for name, item in value.items()
            if name != "__type"
            for unknown in (
                _unknown(shape.members[name], item, f"{path}.{name}")
                if name in shape.members
                else [f"{path}.{name}"]
            )
        ]
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [unknown for item in value for unknown in _unknown(shape.member, item, f"{path}[]")]
    return []
