"""How the portal's JSON API says no: ``{"error": {"code", "message"}}`` with one sentence for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from review_desk.engine.errors import (
    EngineError,
    InUseError,
    InvalidError,
    LateAnswerError,
    LeaseLostError,
    NotFoundError,
    StaleDraftError,
)
from review_desk.engine.sign_in import SignInError, SignInThrottledError

STATUS_OF_ERROR: dict[type[EngineError], tuple[int, str]] = {
    SignInError: (401, "SignInFailed"),
    SignInThrottledError: (429, "SignInThrottled"),
    NotFoundError: (404, "NotFound"),
    InUseError: (409, "InUse"),
    InvalidError: (400, "Invalid"),
    StaleDraftError: (409, "StaleDraft"),
    LeaseLostError: (409, "LeaseLost"),
    LateAnswerError: (409, "LateAnswer"),
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


def engine_error(_request: Request, error: Exception) -> JSONResponse:
    """Turn an engine's refusal into an answer."""
    status, code = STATUS_OF_ERROR.get(type(error), (400, "Invalid"))  # type: ignore[arg-type]
    body: dict[str, Any] = {"error": {"code": code, "message": str(error)}}
    if isinstance(error, StaleDraftError):
        body["draft"] = {"answer": error.draft, "version": error.version}
    return JSONResponse(body, status)


def portal_error(_request: Request, error: Exception) -> JSONResponse:
    """Turn a portal's refusal into an answer."""
    if not isinstance(error, PortalError):
        raise error
    body = {"error": {"code": error.code, "message": str(error)}}
    return JSONResponse(body, error.status, error.headers)


def invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """Name the fields of a request that its model does not accept, without repeating their values."""
    problems = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}"
        for item in error.errors()  # type: ignore[attr-defined]
    )
    return JSONResponse({"error": {"code": "Invalid", "message": problems}}, 400)
