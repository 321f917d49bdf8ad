"""The preview of ``review-desk template serve``: a page of its own around the frame that the portal shows."""

from __future__ import annotations

import hashlib
import html
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from review_desk import strict_json
from review_desk.elements import bundle
from review_desk.portal import drawings
from review_desk.portal.frame import SCRIPT_PATH, frame_headers, media_headers, with_elements
from review_desk.portal.pages import HEADERS as PAGE_HEADERS
from review_desk.templates import TemplateError, render
from review_desk.templates.lint import lint

STATIC = Path(__file__).parent / "preview"
FILES = {
    "index.html": "text/html; charset=utf-8",
    "preview.css": "text/css; charset=utf-8",
    "preview.js": "text/javascript; charset=utf-8",
}
TELLS_FIRST_ANSWER = """
<script>
document.addEventListener("all-crowd-elements-ready", () => {
  const form = document.querySelector("crowd-form");
  if (form && form._serializeForm) {
    const answer = JSON.parse(form._serializeForm().taskAnswers)[0];
    window.parent.postMessage({ type: "review-desk:change", answer }, "*");
  }
});
</script>
"""
"""The portal learns of an answer when it changes; the preview shows it from the beginning."""

MISSING_PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 600" width="800" height="600">
<rect x="1" y="1" width="798" height="598" fill="#f6f8fa" stroke="#a3201a" stroke-width="2" stroke-dasharray="12 8"/>
<text x="400" y="290" text-anchor="middle" font-family="sans-serif" font-size="24" fill="#a3201a">missing</text>
<text x="400" y="330" text-anchor="middle" font-family="sans-serif" font-size="18" fill="#1c2430">{uri}</text>
</svg>"""


@dataclass
class Preview:
    """A template with its sample of an input, as the files have them now.

    :param documents: folder that stands for S3.
    :param crowd_script: whose elements the template gets (REVIEW_DESK_CROWD_SCRIPT).
    """

    template: Path
    task_input: Path
    documents: Path | None
    crowd_script: Literal["own", "cdn"]
    _missing: set[str] = field(default_factory=set)

    def state(self) -> dict[str, Any]:
        """What the page shows beside the frame; ``version`` changes with the files."""
        try:
            content, sample = self.template.read_bytes(), self.task_input.read_bytes()
        except OSError as error:
            return self._state("", [_finding(self.template, 1, f"it cannot be read: {error.strerror}")])
        version = hashlib.sha256(b"%d:%b%b" % (len(content), content, sample)).hexdigest()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return self._state(version, [_finding(self.template, 1, "it is not UTF-8")])
        try:
            parsed = strict_json.parse(sample)
        except ValueError as error:
            return self._state(
                version, [_finding(self.task_input, 1, f"it is not the JSON of an input: {error}")]
            )
        findings = [
            _finding(self.template, found.line, found.text, found.level)
            for found in lint(text, parsed, crowd_script=self.crowd_script)
        ]
        return self._state(version, findings)

    def page(self) -> str:
        """The rendered template.

        :raises TemplateError: it does not render.
        :raises ValueError: a file is not what it has to be.
        """
        self._missing.clear()
        task_input = strict_json.parse(self.task_input.read_bytes())
        page = render(self.template.read_bytes().decode(), task_input, grant_read_access=self._granted)
        return with_elements(page, self.crowd_script) + TELLS_FIRST_ANSWER

    def document(self, bucket: str, key: str) -> Path | None:
        """The file that stands for an object, if it is there."""
        if self.documents is None:
            return None
        folder = self.documents.resolve()
        for candidate in (folder / bucket / key, folder / key):
            path = candidate.resolve()
            if path.is_relative_to(folder) and path.is_file():
                return path
        return None

    def _granted(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if self.document(bucket, key) is None:
            self._missing.add(uri)
        return f"/portal/media/{quote(bucket)}/{quote(key)}"

    def _state(self, version: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "template": self.template.name,
            "version": version,
            "findings": findings,
            "missing": sorted(self._missing),
        }


def create_preview(preview: Preview, address: str) -> FastAPI:
    """Build the application of a preview.

    :param address: scheme, host and port under which the browser sees it.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Another name for this address would let a page of the network read the documents (DNS rebinding).
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])
    app.include_router(drawings.router)

    @app.get("/")
    def index() -> Response:
        return static("index.html")

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in FILES:
            return Response("Not found", 404, media_type="text/plain")
        return FileResponse(STATIC / name, media_type=FILES[name], headers=PAGE_HEADERS)

    @app.get("/state")
    def state() -> JSONResponse:
        return JSONResponse(preview.state(), headers={"Cache-Control": "no-store"})

    @app.get("/frame")
    def frame() -> HTMLResponse:
        headers = frame_headers([address], crowd_script=preview.crowd_script)
        try:
            page = preview.page()
        except (TemplateError, ValueError, OSError) as error:
            notice = f"<!doctype html><meta charset=utf-8><title>Task</title><p>{html.escape(str(error))}</p>"
            return HTMLResponse(notice, 422, headers)
        return HTMLResponse(page.encode(errors="replace"), headers=headers)

    @app.get(SCRIPT_PATH)
    def elements() -> Response:
        headers = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(bundle(), media_type="text/javascript", headers=headers)

    @app.get("/portal/media/{bucket}/{key:path}")
    def media(bucket: str, key: str) -> Response:
        path = preview.document(bucket, key)
        if path is not None:
            return FileResponse(path, headers=media_headers({}, path.name))
        kind = mimetypes.guess_type(key)[0] or ""
        if not kind.startswith("image/"):
            return Response(f"s3://{bucket}/{key} is missing.", 404, media_type="text/plain")
        picture = MISSING_PICTURE.format(uri=html.escape(f"s3://{bucket}/{key}"))
        return Response(picture, 404, media_headers({}, "missing.svg"))

    return app


def _finding(file: Path, line: int, text: str, level: str = "error") -> dict[str, Any]:
    return {"file": file.name, "line": line, "level": level, "text": text}
