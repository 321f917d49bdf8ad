"""As much of Amazon S3 and SQS as Review Desk writes to, with faults on and off, and a journal of what it took.

PutObject, HeadBucket and SendMessage, with the errors that a wrong bucket, queue or checksum gets. moto does not stand
here because its SendMessage takes longer with every message that it keeps: 5 ms at 200 messages, 43 ms at 4,000.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import struct
import uuid
import zlib
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 503: "Slow Down"}


class Fault(StrEnum):
    """What may befall a request; after the last three it was carried out all the same."""

    RESET = "reset"
    ERROR_500 = "500"
    ERROR_503 = "503"
    SLOW = "slow"
    ANSWER_LOST = "done, but the answer was lost"
    ANSWER_WRONG = "done, but answered 500"


REFUSED = "refused connections for a while"
FAULTS = tuple(Fault)


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Accepted:
    """Something that a service took.

    :param where: ``s3://bucket/key``, or the queue's name.
    """

    where: str
    body: bytes


@dataclass
class Journal:
    """What all services took, in the order in which they took it."""

    entries: list[Accepted] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


class AwsStandIn:
    """One service on a port of its own. It is in order until :meth:`fail_on_and_off` runs."""

    def __init__(self, journal: Journal, names: set[str], seed: int) -> None:
        self._journal = journal
        self._names = names
        self._random = random.Random(seed)
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._fault_rate = 0.0
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server is not None:
            self._server.close()
            for writer in self._connections.values():
                _reset(writer)
            await asyncio.gather(*self._connections, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def fail_on_and_off(self) -> None:
        """Be in order for some seconds, in trouble for some, and so on until cancelled; then be in order."""
        try:
            while True:
                self._fault_rate = 0.01
                await asyncio.sleep(self._random.uniform(1, 4))
                if self._random.random() < 0.3:
                    self._journal.faults[REFUSED] += 1
                    await self.stop()
                    await asyncio.sleep(self._random.uniform(0.5, 2))
                    await self.start()
                else:
                    self._fault_rate = self._random.choice([0.3, 0.6, 1.0])
                    await asyncio.sleep(self._random.uniform(0.5, 2.5))
        finally:
            self._fault_rate = 0.0
            if self._server is None:
                await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while True:
                request = await _read_request(reader, writer)
                if not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._connections[task]
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection may be used again."""
        fault = self._random.choice(FAULTS) if self._random.random() < self._fault_rate else None
        if fault:
            self._journal.faults[fault] += 1
        if fault is Fault.RESET:
            _reset(writer)
            return False
        if fault in (Fault.ERROR_500, Fault.ERROR_503):
            status = int(fault)
            headers, body = _error(request, status, "InternalError" if status == 500 else "SlowDown")
        else:
            if fault is Fault.SLOW:
                await asyncio.sleep(self._random.uniform(0.3, 2))
            status, headers, body = self._carry_out(request)
        if fault is Fault.ANSWER_LOST:
            _reset(writer)
            return False
        if fault is Fault.ANSWER_WRONG:
            status = 500
            headers, body = _error(request, status, "InternalError")
        writer.write(_head(status, headers, body) + (b"" if request.method == "HEAD" else body))
        await writer.drain()
        return True

    def _carry_out(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if "x-amz-target" in request.headers:
            return self._send_message(request)
        bucket, _, key = unquote(request.path).lstrip("/").partition("/")
        if bucket not in self._names:
            return 404, *_error(request, 404, "NoSuchBucket")
        if request.method == "HEAD" and not key:
            return 200, {}, b""
        assert request.method == "PUT", f"the stand-in does not know {request.method} {request.path}"
        checksum = b64encode(zlib.crc32(request.body).to_bytes(4, "big")).decode()
        if request.headers.get("x-amz-checksum-crc32", checksum) != checksum:
            return 400, *_error(request, 400, "BadDigest")
        self._journal.entries.append(Accepted(f"s3://{bucket}/{key}", request.body))
        return 200, {"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'}, b""

    def _send_message(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        target = request.headers["x-amz-target"]
        assert target == "AmazonSQS.SendMessage", f"the stand-in does not know {target}"
        parameters = json.loads(request.body)
        queue = parameters["QueueUrl"].rsplit("/", 1)[-1]
        if queue not in self._names:
            return 400, *_error(request, 400, "QueueDoesNotExist")
        body = parameters["MessageBody"].encode()
        self._journal.entries.append(Accepted(queue, body))
        answer = {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": hashlib.md5(body).hexdigest()}
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Read a whole request, so that one that breaks off is not carried out."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if headers.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


def _head(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _error(request: Request, status: int, code: str) -> tuple[dict[str, str], bytes]:
    """Word an error as the service does that was asked."""
    message = f"The stand-in answers {status}."
    if "x-amz-target" in request.headers:
        headers = {"Content-Type": "application/x-amz-json-1.0"}
        if code == "QueueDoesNotExist":
            headers["x-amzn-query-error"] = "AWS.SimpleQueueService.NonExistentQueue;Sender"
        content: dict[str, Any] = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
        return headers, json.dumps(content).encode()
    xml = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return {"Content-Type": "application/xml"}, xml.encode()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection so that its other end sees a reset, not an orderly end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
