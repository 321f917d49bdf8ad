"""A gate before an AWS service: hands requests on, and lets some of them meet with trouble."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
NOT_HANDED_ON = {"connection", "expect"}
NOT_HANDED_BACK = {"content-length", "transfer-encoding", "connection", "date", "server"}


class Trouble(StrEnum):
    """What may befall a request; after the last two it was carried out all the same."""

    RESET = "reset"
    ERROR = "answered 500"
    ANSWER_LOST = "done, but reset"
    ANSWER_WRONG = "done, but answered 500"


@dataclass
class FaultGate:
    """Stands before one service.

    :param target: address of the service.
    :param trouble: says what befalls a request, by method and path.
    :ivar injected: how often what befell a request.
    :ivar statuses: how often the service itself answered what.
    """

    target: str
    trouble: Callable[[str, str], Trouble | None]
    port: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[FaultGate]:
        server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def befalls(self, method: str, path: str) -> Trouble | None:
        with self.lock:
            trouble = self.trouble(method, path)
            if trouble is not None:
                self.injected[trouble] += 1
            return trouble


class Share:
    """Trouble for a share of the requests, of any kind.

    :param seed: of the generator that says which.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._random = random.Random(seed)

    def __call__(self, method: str, path: str) -> Trouble | None:
        if self._random.random() >= self._share:
            return None
        return self._random.choice(list(Trouble))


class Outages:
    """Answers 500 to every write for a while, from the first write on whose path has one of ``marks`` in it.

    Each mark begins one outage. Between them ``otherwise`` says what befalls.
    """

    def __init__(
        self, seconds: float, marks: tuple[str, ...], otherwise: Callable[[str, str], Trouble | None]
    ) -> None:
        self._seconds = seconds
        self._marks = list(marks)
        self._otherwise = otherwise
        self._until = 0.0
        self.begun: list[str] = []

    def __call__(self, method: str, path: str) -> Trouble | None:
        if method != "PUT":
            return self._otherwise(method, path)
        mark = next((mark for mark in self._marks if mark in path), None)
        if mark is not None and time.monotonic() >= self._until:
            self._marks.remove(mark)
            self.begun.append(mark)
            self._until = time.monotonic() + self._seconds
        return Trouble.ERROR if time.monotonic() < self._until else self._otherwise(method, path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _handler(gate: FaultGate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            trouble = gate.befalls(self.command, self.path)
            if trouble is Trouble.RESET:
                self.reset()
                return
            status, headers, content = 500, {}, self.error()
            if trouble is not Trouble.ERROR:
                status, headers, content = self.hand_on(body)
            if trouble is Trouble.ANSWER_LOST:
                self.reset()
                return
            if trouble is Trouble.ANSWER_WRONG:
                status, headers, content = 500, {}, self.error()
            self.answer(status, headers, content)

        def hand_on(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
            host, port = gate.target.removeprefix("http://").split(":")
            upstream = http.client.HTTPConnection(host, int(port), timeout=30)
            try:
                sent = {k: v for k, v in self.headers.items() if k.lower() not in NOT_HANDED_ON}
                upstream.request(self.command, self.path, body, sent)
                reply = upstream.getresponse()
                content = reply.read()
            except OSError:
                return 503, {}, self.error()
            finally:
                upstream.close()
            with gate.lock:
                gate.statuses[reply.status] += 1
            kept = {k: v for k, v in reply.getheaders() if k.lower() not in NOT_HANDED_BACK}
            if self.command == "HEAD":
                kept["Content-Length"] = reply.getheader("Content-Length", "0")
            return reply.status, kept, content

        def error(self) -> bytes:
            if "X-Amz-Target" in self.headers or self.path.startswith("/human-loops"):
                return json.dumps({"__type": "InternalServerException", "Message": "trouble"}).encode()
            return b"<Error><Code>InternalError</Code><Message>trouble</Message></Error>"

        def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if self.command == "HEAD":
                    content = b""
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except ConnectionError:
                self.close_connection = True

        def reset(self) -> None:
            """Break the connection so that its other end sees a reset, not an orderly end."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.close_connection = True
            os.close(self.connection.detach())

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815

    return Handler
