"""Work in Review Desk's portal from a script: sign in, claim, read the rendered form, submit.

It uses nothing but what a reviewer's browser uses: the portal's JSON API and the task's frame.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx

MAX_PAUSE = 4.0
_INPUTS = {"input", "textarea", "select", "crowd-input", "crowd-text-area"}
_NO_VALUE = {"submit", "button", "reset", "image", "file"}


class StoppedError(Exception):
    """The work ended while the client was waiting."""


class SignInRefusedError(Exception):
    """Name or password are wrong."""


@dataclass(frozen=True)
class RenderedForm:
    """What a reviewer sees in a task's frame: the document's URI and the inputs' present values by name."""

    document: str
    values: dict[str, str]


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = ""
        self.values: dict[str, str] = {}
        self._text_of = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.document = self.document or found.get("data-document", "")
        name = found.get("name", "")
        if tag in _INPUTS and name and found.get("type", "text").lower() not in _NO_VALUE:
            self.values[name] = found.get("value", "")
            self._text_of = name if tag == "textarea" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text_of = ""

    def handle_data(self, data: str) -> None:
        if self._text_of:
            self.values[self._text_of] += data


def parse_form(html: str) -> RenderedForm:
    """Read a rendered worker task template.

    :raises ValueError: no element names its document in ``data-document``.
    """
    parser = _FormParser()
    parser.feed(html)
    parser.close()
    if not parser.document:
        raise ValueError("the task's page names no document (data-document)")
    return RenderedForm(parser.document, parser.values)


class PortalClient:
    """One reviewer's session.

    Review Desk being away, restarting or busy is waited out with growing pauses (at most 4 s); a session
    that has ended is opened again. Only ``stop`` ends the waiting.
    """

    def __init__(self, url: str, username: str, password: str, stop: threading.Event) -> None:
        self._username, self._password, self._stop = username, password, stop
        self._csrf_token = ""
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=20)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def claim(self) -> dict[str, Any] | float:
        """Claim a task; or return the seconds after which to ask again (204: nothing to do now)."""
        answer = self._call("POST", "/portal/api/tasks/claim", {})
        if answer.status_code == 204:
            return min(MAX_PAUSE, float(answer.headers.get("Retry-After", "1")))
        answer.raise_for_status()
        task: dict[str, Any] = answer.json()
        return task

    def open_form(self, task_id: str) -> tuple[dict[str, Any], RenderedForm]:
        """Fetch a task and its rendered form; a damaged page is a ValueError."""
        answer = self._call("GET", f"/portal/api/tasks/{task_id}")
        answer.raise_for_status()
        task: dict[str, Any] = answer.json()
        page = self._call("GET", task["frame_url"])
        page.raise_for_status()
        return task, parse_form(page.text)

    def submit(self, task: dict[str, Any], answer: dict[str, str]) -> bool:
        """Submit; False if Review Desk had the task's answer already or had taken the task back (409)."""
        body = {"answer": answer, "lease_token": task["lease"]["token"]}
        reply = self._call("POST", f"/portal/api/tasks/{task['id']}/submit", body)
        if reply.status_code == 409:
            return False
        reply.raise_for_status()
        return True

    def release(self, task_id: str) -> None:
        """Give a task back unanswered."""
        self._call("POST", f"/portal/api/tasks/{task_id}/release", {})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        pause = 0.25
        while True:
            answer = self._try(method, path, body)
            if answer is not None:
                return answer
            if self._stop.wait(pause):
                raise StoppedError
            pause = min(MAX_PAUSE, pause * 2)

    def _try(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response | None:
        """One try; None: again later."""
        try:
            if not self._csrf_token and not self._sign_in():
                return None
            headers = {"X-CSRF-Token": self._csrf_token}
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        if answer.status_code in (401, 403):
            self._csrf_token = ""
            return None
        return None if answer.status_code == 429 or answer.status_code >= 500 else answer

    def _sign_in(self) -> bool:
        credentials = {"username": self._username, "password": self._password}
        answer = self._http.post("/portal/api/login", json=credentials)
        if answer.status_code == 401:
            raise SignInRefusedError(
                f"{self._username} cannot sign in at {self._http.base_url}: wrong name or password"
            )
        if answer.status_code == 200:
            self._csrf_token = answer.json()["csrf_token"]
        return bool(self._csrf_token)
