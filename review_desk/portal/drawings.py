"""The drawings of instructions, in the place of those that A2I's templates load from AWS."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from review_desk.elements import drawings

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


@router.get("/portal/elements/images/{name}")
def drawing(name: str) -> Response:
    """One drawing; frames of templates load it, from their opaque origin."""
    path = drawings().get(name)
    if path is None:
        return Response("Not found", 404, media_type="text/plain")
    return FileResponse(path, media_type="image/svg+xml", headers=HEADERS)
