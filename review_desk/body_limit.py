"""Refuses request bodies that are too large before they are read whole."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_desk.logs import note


class BodyLimit:
    """ASGI middleware: a body over ``most`` bytes under ``prefix`` is answered with 413.

    A stated length is refused at once; an unstated one as soon as more has come, in place of the rest.
    """

    def __init__(self, app: ASGIApp, prefix: str, most: int) -> None:
        self._app = app
        self._prefix = prefix
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or len(stated) > 18 or int(stated) > self._most:
            await self._refusal()(scope, receive, send)
            return
        received = 0
        refused = False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def answered(message: Message) -> None:
            if not refused:
                await send(message)

        try:
            await self._app(scope, counted, answered)
        except Exception:
            if not refused:
                raise
        if refused:
            await self._refusal()(scope, receive, send)

    def _refusal(self) -> JSONResponse:
        note(error="TooLarge")
        message = f"The request is too large: at most {self._most} bytes."
        return JSONResponse({"error": {"code": "TooLarge", "message": message}}, 413)
