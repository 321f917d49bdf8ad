"""The portal's refusals as answers: ``{"error": {"code", "message"}}``, one sentence for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from review_desk.engine.database import unavailability
from review_desk.engine.errors import (
    EngineError,
    InUseError,
    InvalidError,
    LateAnswerError,
    LeaseLostError,
    NotFoundError,
    StaleDraftError,
    TooLateError,
)
from review_desk.engine.sign_in import SignInError, SignInThrottledError
from review_desk.logs import note

STATUS_OF_ERROR: dict[type[EngineError], tuple[int, str]] = {
    SignInError: (401, "SignInFailed"),
    SignInThrottledError: (429, "SignInThrottled"),
    NotFoundError: (404, "NotFound"),
    InUseError: (409, "InUse"),
    InvalidError: (400, "Invalid"),
    StaleDraftError: (409, "StaleDraft"),
    LeaseLostError: (409, "LeaseLost"),
    LateAnswerError: (409, "LateAnswer"),
    TooLateError: (409, "TooLate"),
}

HTTP_ERRORS = {
    404: ("NotFound", "There is nothing at this address."),
    405: ("MethodNotAllowed", "This address does not take this method."),
}


class PortalError(Exception):
    """A request that the portal refuses before it reaches the engine."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def portal_error(_request: Request, error: Exception) -> Response:
    """Answer a portal's refusal."""
    assert isinstance(error, PortalError)
    return _answer(error.status, error.code, str(error), error.headers)


def engine_error(_request: Request, error: Exception) -> Response:
    """Answer an engine's refusal."""
    assert isinstance(error, EngineError)
    status, code = STATUS_OF_ERROR.get(type(error), (400, "Invalid"))
    if isinstance(error, StaleDraftError):
        return _answer(status, code, str(error), draft={"answer": error.draft, "version": error.version})
    return _answer(status, code, str(error))


def database_error(_request: Request, error: Exception) -> Response:
    """Ask the sender to come again when the database does not serve just now; other errors of it are faults."""
    reason = unavailability(error)
    if reason is None:
        raise error
    note(detail=f"the database does not serve: {reason}")
    message = "The database does not answer just now: try again."
    return _answer(503, "Unavailable", message, {"Retry-After": "1"})


def invalid_request(_request: Request, error: Exception) -> Response:
    """Name the fields of a request that its model does not accept, without repeating their values."""
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}"
        for item in error.errors()
    )
    return _answer(400, "Invalid", problems)


def http_error(_request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: an unknown address or method, a body that it cannot read."""
    assert isinstance(error, HTTPException)
    code, message = HTTP_ERRORS.get(error.status_code, ("Invalid", "The request body cannot be read."))
    return _answer(error.status_code, code, message, error.headers)


def _answer(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    note(error=code)
    # In ASCII: a message may name a field whose name is no Unicode text.
    content = json.dumps({"error": {"code": code, "message": message}, **more})
    return Response(content, status, headers, media_type="application/json")
