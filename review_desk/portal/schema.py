"""The portal's JSON API as OpenAPI: which answers a route has, and the whole document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from review_desk.portal.models import WITHOUT_NUL, ErrorAnswer, StaleDraftAnswer

PathText = Annotated[str, Path(pattern=WITHOUT_NUL)]
"""A name or an id in a path."""

REASONS = {
    400: "The request is not as it should be.",
    401: "Nobody is signed in.",
    403: "The worker's role does not reach, or the CSRF token is missing or wrong.",
    404: "There is no such thing, or not for this worker.",
    409: "The thing is no longer what the request took it for, or its name is taken.",
    413: "The request is too large.",
    429: "Too much is being asked for; wait.",
    503: "The database does not answer just now.",
}

Responses = dict[int | str, dict[str, Any]]


def answers(model: type[BaseModel] | None, *refusals: int, status: int = 200) -> Responses:
    """Describe a route's answers.

    :param model: of the answer, if it has a body.
    :param refusals: statuses that come with an error; every route has 503 beside them.
    :param status: of an answer with a body.
    """
    described: Responses = {} if model is None else {status: {"model": model}}
    for refusal in (*refusals, 503):
        described[refusal] = {"model": ErrorAnswer, "description": REASONS[refusal]}
    return described


def csv_answers(*refusals: int) -> Responses:
    """Describe the answers of a route that answers with a table; its refusals are JSON all the same."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
    table = {"text/csv": {"schema": {"type": "string"}}}
    described: Responses = {200: {"content": table, "description": "A table with a header."}}
    for refusal in (*refusals, 503):
        described[refusal] = {"content": error, "description": REASONS[refusal]}
    return described


SIGNED_IN = (401, 403)
ACTING = (400, 401, 403, 413)
ON_ONE = (*ACTING, 404, 409)
"""For a route that changes one thing."""

NO_TASK: Responses = {
    204: {
        "description": "There is no task for this worker now.",
        "headers": {
            "X-Review-Desk-Reason": {
                "required": True,
                "schema": {"type": "string", "enum": ["empty", "held", "done"]},
            },
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
        },
    }
}
NO_OFFER: Responses = {204: {"description": "There is nothing to offer now."}}
STALE_DRAFT: Responses = {409: {"model": StaleDraftAnswer, "description": REASONS[409]}}

CREDENTIALS = {
    ("cookie", "review_desk_session"): (
        "session",
        {"type": "apiKey", "in": "cookie", "name": "review_desk_session"},
    ),
    ("header", "x-csrf-token"): ("csrf", {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"}),
}
SAFE_METHODS = ("get", "head")


def describe_as_openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document; it is not served.

    Cookie and CSRF token are credentials there, not parameters, and what FastAPI would refuse with 422 is 400.
    """
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes.update(CREDENTIALS.values())
    for operations in document["paths"].values():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            parameters = operation.pop("parameters", [])
            places = [(item["in"], item["name"]) for item in parameters]
            needed = [CREDENTIALS[place][0] for place in places if place in CREDENTIALS]
            if "csrf" in needed:
                credentials = ["session"] if method in SAFE_METHODS else needed
                operation["security"] = [{name: [] for name in sorted(credentials)}]
            rest = [item for item in parameters if item["in"] != "cookie" and item["name"] != "x-csrf-token"]
            if rest:
                operation["parameters"] = rest
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document
