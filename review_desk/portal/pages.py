"""The portal's pages: static files under a strict policy."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/portal")
def root() -> Response:
    return RedirectResponse("/portal/")


@router.get("/portal/")
def index() -> Response:
    return _file("index.html")


@router.get("/portal/static/{name}")
def static(name: str) -> Response:
    return _file(name)


def _file(name: str) -> Response:
    path = _files().get(name)
    if path is None:
        return Response("Not found", 404, media_type="text/plain")
    return FileResponse(path, media_type=TYPES[path.suffix], headers=HEADERS)


@cache
def _files() -> dict[str, Path]:
    """The files that are served, by name: what a request names is looked up, never made a path."""
    return {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}
