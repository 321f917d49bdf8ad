"""The frame of a task: a worker task template, rendered, in a page that has no rights of ours.

Templates are other people's HTML and scripts. The frame has an opaque origin (sandbox, in the header as well as on the
iframe), may load documents only through links that were signed for its task, and talks to the portal by postMessage.
"""

from __future__ import annotations

import html
import mimetypes
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from review_desk.elements import aws_bridge, bundle, bundle_version, compressed_bundle
from review_desk.engine.offers import Offer
from review_desk.engine.tasks import Task
from review_desk.links import FRAME, MEDIA
from review_desk.portal.desk import Desk
from review_desk.service import Service
from review_desk.storage import StorageError
from review_desk.templates import AWS_ORIGIN, TemplateError, localise, render

SHORTEST_LINK_IN_SECONDS = 900
FETCHED_AHEAD = 4
"""Documents of a task that are fetched while its page is on its way."""

SCRIPT_PATH = "/portal/elements/crowd-html-elements.js"
PREPARED_PATH = "/portal/prepared-frame"
SHOWN_TYPES = ("image/", "audio/", "video/", "application/pdf", "text/plain")
CHUNK = 256 * 1024
FOR_A_YEAR = "public, max-age=31536000, immutable"
ORIGIN = re.compile(r"https?://([\w.-]{1,255}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)


def frame_url(service: Service, task: Task) -> str:
    """Return the address of a task's frame: signed, good for as long as the task can be held, at least 15 minutes."""
    return service.links.frame(task.id, _lifetime(service, task.time_limit))


def script_url() -> str:
    """Return the address of the elements' script as it is now: another script has another address."""
    return f"{SCRIPT_PATH}?v={bundle_version()}"


def task_page(service: Service, task_id: str) -> tuple[int, str]:
    """Return the page of a task that is held, and its HTTP status; one that does not render says why."""
    template, task_input, task = service.tasks.material(task_id)
    return _page(service, template, task_input, _lifetime(service, task.time_limit), {"task": task_id})


def offered_page(service: Service, offer: Offer) -> dict[str, str] | None:
    """Return what the portal gets of a task that is not claimed yet, if its page renders."""
    lifetime = _lifetime(service, offer.time_limit)
    ends = int(service.clock.now().timestamp()) + SHORTEST_LINK_IN_SECONDS
    shown_in = {
        "loop": str(offer.human_loop_id),
        "worker": str(offer.worker_id),
        "offered_until": str(ends),
    }
    status, page = _page(service, offer.template, offer.task_input, lifetime, shown_in)
    if status != 200:
        return None
    return {
        "page": as_text(page),
        "offer": service.links.offer(offer.human_loop_id, offer.worker_id, SHORTEST_LINK_IN_SECONDS),
        "flow_definition": offer.flow_definition,
    }


def as_text(page: str) -> str:
    """Return a page as JSON can carry it: without the halves of characters that a template may print."""
    return page.encode(errors="replace").decode()


def _page(
    service: Service, template: str, task_input: dict[str, Any], lifetime: int, shown_in: dict[str, str]
) -> tuple[int, str]:
    granted: set[tuple[str, str]] = set()

    def grant_read_access(uri: str) -> str:
        link = service.links.media(uri, lifetime, shown_in)
        if len(granted) < FETCHED_AHEAD:
            granted.add(service.links.check(uri))
        return link

    try:
        page = render(template, task_input, grant_read_access=grant_read_access)
    except TemplateError as error:
        return 422, _notice(f"This task could not be shown: {error}")
    for bucket, key in granted:
        service.documents.fetch_ahead(bucket, key)
    return 200, with_elements(page, service.settings.crowd_script)


router = APIRouter(include_in_schema=False)


@router.get("/portal/frame/{token}", response_class=HTMLResponse)
def frame(desk: Desk, request: Request, token: str) -> Response:
    """The page of a task."""
    sealed = desk.links.opened(FRAME, token)
    headers = frame_headers(_origins(desk, request), crowd_script=desk.settings.crowd_script)
    if sealed is None or not desk.tasks.is_held(sealed["task"]):
        return HTMLResponse(_notice("This page is out of date. Open the task again."), 403, headers)
    status, page = task_page(desk, sealed["task"])
    return HTMLResponse(page.encode(errors="replace"), status, headers)


@router.get(PREPARED_PATH, response_class=HTMLResponse)
def prepared_frame(desk: Desk, request: Request) -> Response:
    """A frame with the elements, ready before the page of its task is known; it has no rights but a frame's."""
    if desk.settings.crowd_script != "own":
        return HTMLResponse("", 404)
    headers = frame_headers(_origins(desk, request), is_prepared=True)
    page = f'<!doctype html><title>Task</title><script src="{script_url()}" data-prepared></script>'
    return HTMLResponse(page, headers=headers)


@router.get("/portal/media/{token}/{name}", response_model=None)
def media(desk: Desk, token: str, name: str) -> Response:
    """A document that a task names; ``name`` is only for people who save it."""
    sealed = desk.links.opened(MEDIA, token)
    if sealed is None or not _may_be_seen(desk, sealed):
        return Response("This link is out of date. Open the task again.", 403, media_type="text/plain")
    try:
        found = desk.documents.open(sealed["bucket"], sealed["key"])
    except StorageError as error:
        return Response(f"The document is not there: {error}", 404, media_type="text/plain")
    return StreamingResponse(_chunks(found["Body"]), headers=media_headers(found, sealed["key"]))


@router.get(SCRIPT_PATH)
def elements(v: str = "", accept_encoding: Annotated[str, Header()] = "") -> Response:
    """The crowd elements, as one classic script; under the address of its version it may be kept for good.

    Chromium keeps nothing for a frame whose origin is opaque and loads it with each task, so it is compressed.
    """
    headers = {
        "Cache-Control": FOR_A_YEAR if v == bundle_version() else "no-cache",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" not in [coding.strip() for coding in accept_encoding.lower().split(",")]:
        return Response(bundle(), media_type="text/javascript", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(compressed_bundle(), media_type="text/javascript", headers=headers)


def with_elements(page: str, crowd_script: Literal["own", "cdn"]) -> str:
    """Give a rendered page the elements that the installation has chosen."""
    if crowd_script == "own":
        return localise(page, script_url())
    return f"{page}<script>{aws_bridge()}</script>"


def frame_headers(
    origins: list[str], *, crowd_script: Literal["own", "cdn"] = "own", is_prepared: bool = False
) -> dict[str, str]:
    """Headers of a frame.

    :param origins: scheme, host and port under which browsers may see the portal; 'self' means nothing in an
        opaque origin.
    :param crowd_script: with ``cdn`` the frame may load AWS's elements with their styles, pictures and fonts, too.
    :param is_prepared: a task's page will be written into this one; a ``data:`` script takes the elements' place there,
        which is no more than the scripts within the page may do.
    """
    data = " data:" if is_prepared else ""
    aws = f" {AWS_ORIGIN}" if crowd_script == "cdn" else ""

    def at(*paths: str) -> str:
        return " ".join(f"{origin}{path}" for origin in origins for path in paths)

    policy = (
        "sandbox allow-scripts allow-forms",
        "default-src 'none'",
        f"script-src {at('/portal/elements/')}{aws}{data} 'unsafe-inline' 'unsafe-eval'",
        f"style-src {at('/portal/elements/')}{aws} 'unsafe-inline'",
        f"img-src {at('/portal/media/', '/portal/elements/')}{aws} data: blob:",
        f"media-src {at('/portal/media/')} data: blob:",
        f"frame-src {at('/portal/media/')}",
        f"font-src{aws} data:",
        "connect-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        f"frame-ancestors {at('')}",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def media_headers(found: dict[str, Any], key: str) -> dict[str, str]:
    """Headers of a document: shown as what it is if that is harmless, else downloaded; never run."""
    stated = str(found.get("ContentType") or "")
    if not stated.startswith(SHOWN_TYPES):
        stated = mimetypes.guess_type(key)[0] or ""
    shown = stated.startswith(SHOWN_TYPES)
    headers = {
        "Content-Type": stated if shown else "application/octet-stream",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, max-age=900",
    }
    if not shown:
        headers["Content-Disposition"] = "attachment"
    if found.get("ContentLength") is not None:
        headers["Content-Length"] = str(found["ContentLength"])
    return headers


def _may_be_seen(desk: Service, sealed: dict[str, str]) -> bool:
    """Whether the page that shows a document is there: its task is held, or offered and not taken by others."""
    if "task" in sealed:
        return desk.tasks.is_held(sealed["task"])
    if "loop" not in sealed:
        return True
    loop_id, worker_id = int(sealed["loop"]), int(sealed["worker"])
    is_offered = desk.clock.now().timestamp() < int(sealed["offered_until"])
    return (is_offered and desk.offers.is_open_to(loop_id, worker_id)) or desk.offers.is_held_by(
        loop_id, worker_id
    )


def _lifetime(service: Service, time_limit: int) -> int:
    return max(SHORTEST_LINK_IN_SECONDS, time_limit * (1 + service.extension.most))


def _origins(desk: Service, request: Request) -> list[str]:
    """The address that the browser used and the public one; they differ behind a proxy that ends TLS."""
    public = urlsplit(desk.settings.public_url)
    used = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    origins = {f"{public.scheme}://{public.netloc}", *([used] if ORIGIN.fullmatch(used) else [])}
    return sorted(origins)


def _chunks(body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(CHUNK)
    finally:
        body.close()


def _notice(text: str) -> str:
    return f"<!doctype html><meta charset=utf-8><title>Task</title><p>{html.escape(text)}</p>"
