"""A stand-in for A2I's runtime and for S3 in one process: answers at once, or after a given time, and counts.

``python a2i_stub.py PORT`` serves on 127.0.0.1 until it is ended. It is no test double: human loops end when it is told
so, objects are kept in memory, signatures are not looked at. The address ``/stub`` takes and gives JSON:

``POST {"latency": seconds, "rate": starts a second or null, "burst": starts}`` sets how StartHumanLoop answers;
``POST {"flow": ARN, "ended": bool}`` or ``{"flow": ARN, "ended_after_lists": number}`` says how its loops stand;
``POST {"forget": true}`` empties everything; ``GET /stub?flow=ARN`` returns what was counted for a flow definition.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

PAGE = 100
LIST_PAGE = 1_000
ANSWERS = "s3://answers/a2i"
JSON = "application/json"
ANSWER = {"accepted": True, "category": "invoice", "note": "as the stub answers every time"}


@dataclass
class Flow:
    """The human loops of one flow definition, in the order of their start."""

    created: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    throttled: int = 0
    lists: int = 0
    describes: int = 0
    ended: bool = True
    ended_after_lists: int | None = None

    def counted(self) -> dict[str, Any]:
        return {
            "started": len(self.names),
            "repeated": self.repeated,
            "throttled": self.throttled,
            "lists": self.lists,
            "describes": self.describes,
            "times": [round(at - self.created[0], 4) for at in self.created[:20_000]],
        }


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: str = ""


class Stub:
    """All state; every request is answered by :meth:`reply`."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.rate: float | None = None
        self.forget()

    def forget(self) -> None:
        self.flows: dict[str, Flow] = {}
        self.loops: dict[str, Flow] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}

    def limit(self, rate: float | None, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.tokens, self.filled_at = burst, time.monotonic()

    def has_token(self) -> bool:
        if self.rate is None:
            return True
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def reply(self, method: str, target: str, headers: dict[bytes, bytes], body: bytes) -> Reply:
        path, _, query = target.partition("?")
        if path == "/human-loops" and method == "POST":
            return self.start(json.loads(body))
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        if path == "/human-loops":
            return self.list_loops(parameters)
        if path.startswith("/human-loops/"):
            return self.describe(unquote(path.removeprefix("/human-loops/")))
        if path == "/stub":
            return self.control(method, parameters, body)
        return self.storage(method, unquote(path), parameters, headers, body)

    def control(self, method: str, parameters: dict[str, str], body: bytes) -> Reply:
        if method == "GET":
            return answered(self.flow(parameters["flow"]).counted())
        wanted = json.loads(body)
        if wanted.get("forget"):
            self.forget()
        if "latency" in wanted:
            self.latency = wanted["latency"]
            self.limit(wanted.get("rate"), wanted.get("burst", 0))
        if "flow" in wanted:
            flow = self.flow(wanted["flow"])
            flow.ended = wanted.get("ended", False)
            flow.ended_after_lists = wanted.get("ended_after_lists")
        return answered({})

    def flow(self, arn: str) -> Flow:
        return self.flows.setdefault(arn, Flow())

    def start(self, request: dict[str, Any]) -> Reply:
        flow, name = self.flow(request["FlowDefinitionArn"]), request["HumanLoopName"]
        if not self.has_token():
            flow.throttled += 1
            return refused(429, "ThrottlingException", "Rate exceeded")
        if name in flow.places:
            flow.repeated += 1
        else:
            flow.places[name] = len(flow.names)
            flow.names.append(name)
            flow.created.append(time.time())
            self.loops[name] = flow
        return answered({"HumanLoopArn": f"arn:aws:sagemaker:us-east-1:000000000000:human-loop/{name}"})

    def list_loops(self, parameters: dict[str, str]) -> Reply:
        flow = self.flow(parameters["FlowDefinitionArn"])
        flow.lists += 1
        if flow.ended_after_lists is not None and flow.lists > flow.ended_after_lists:
            flow.ended = True
        first, size = int(parameters.get("NextToken", 0)), int(parameters.get("MaxResults", PAGE))
        after = datetime.fromisoformat(parameters.get("CreationTimeAfter", "1970-01-01T00:00:00Z"))
        while first < len(flow.names) and flow.created[first] < after.timestamp():
            first += 1
        page: dict[str, Any] = {
            "HumanLoopSummaries": [
                {
                    "HumanLoopName": flow.names[place],
                    "HumanLoopStatus": status(flow),
                    "CreationTime": iso(flow.created[place]),
                    "FlowDefinitionArn": parameters["FlowDefinitionArn"],
                }
                for place in range(first, min(first + size, len(flow.names)))
            ]
        }
        if first + size < len(flow.names):
            page["NextToken"] = str(first + size)
        return answered(page)

    def describe(self, name: str) -> Reply:
        flow = self.loops.get(name)
        if flow is None:
            return refused(404, "ResourceNotFoundException", "There is no such human loop")
        flow.describes += 1
        created = flow.created[flow.places[name]]
        folder = datetime.fromtimestamp(created, UTC).strftime("%Y/%m/%d/%H/%M/%S")
        return answered(
            {
                "HumanLoopName": name,
                "HumanLoopArn": f"arn:aws:sagemaker:us-east-1:000000000000:human-loop/{name}",
                "HumanLoopStatus": status(flow),
                "CreationTime": iso(created),
                "FlowDefinitionArn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/stub",
                "HumanLoopOutput": {"OutputS3Uri": f"{ANSWERS}/stub/{folder}/{name}/output.json"},
            }
        )

    def storage(
        self, method: str, path: str, parameters: dict[str, str], headers: dict[bytes, bytes], body: bytes
    ) -> Reply:
        if "uploads" in parameters or "uploadId" in parameters:
            return self.multipart(method, path, parameters, body)
        if "list-type" in parameters:
            return self.list_objects(path.strip("/"), parameters)
        if method == "PUT":
            self.objects[path] = body
            return Reply(200, headers=etag(body))
        if method == "DELETE":
            self.objects.pop(path, None)
            return Reply(204)
        content = output_of(path) if path.endswith("/output.json") else self.objects.get(path)
        if content is None:
            return Reply(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", "text/xml")
        if (wanted := headers.get(b"range")) is not None:
            first, last = map(int, wanted.decode().removeprefix("bytes=").split("-"))
            part = content[first : last + 1]
            place = f"Content-Range: bytes {first}-{first + len(part) - 1}/{len(content)}\r\n"
            return Reply(206, part, "binary/octet-stream", place + etag(content))
        return Reply(200, content, "binary/octet-stream", etag(content))

    def multipart(self, method: str, path: str, parameters: dict[str, str], body: bytes) -> Reply:
        if "uploads" in parameters:
            self.uploads[path] = {}
            text = f"<InitiateMultipartUploadResult><UploadId>{escape(path)}</UploadId></InitiateMultipartUploadResult>"
            return Reply(200, text.encode(), "text/xml")
        if method == "PUT":
            self.uploads[path][int(parameters["partNumber"])] = body
            return Reply(200, headers=etag(body))
        parts = self.uploads.pop(path)
        self.objects[path] = b"".join(parts[number] for number in sorted(parts))
        return Reply(
            200,
            b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
            "text/xml",
        )

    def list_objects(self, bucket: str, parameters: dict[str, str]) -> Reply:
        prefix, after = parameters.get("prefix", ""), parameters.get("continuation-token", "")
        begin = f"/{bucket}/"
        keys = sorted(path.removeprefix(begin) for path in self.objects if path.startswith(begin + prefix))
        if "delimiter" in parameters:
            keys = [key for key in keys if parameters["delimiter"] not in key.removeprefix(prefix)]
        keys = [key for key in keys if key > after]
        page = keys[:LIST_PAGE]
        more = len(keys) > len(page)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[begin + key])}</Size></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}"
        return Reply(200, f"<ListBucketResult>{text}</ListBucketResult>".encode(), "text/xml")


def answered(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode())


def refused(code: int, name: str, message: str) -> Reply:
    return Reply(code, json.dumps({"message": message}).encode(), headers=f"x-amzn-ErrorType: {name}\r\n")


def status(flow: Flow) -> str:
    return "Completed" if flow.ended else "InProgress"


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def etag(content: bytes) -> str:
    return f'ETag: "{hashlib.md5(content, usedforsecurity=False).hexdigest()}"\r\n'


def output_of(path: str) -> bytes:
    """The answers of the human loop that a path names: one reviewer's."""
    document = {
        "flowDefinitionArn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/stub",
        "humanLoopName": path.split("/")[-2],
        "inputContent": {"text": "x" * 100},
        "humanAnswers": [
            {
                "acceptanceTime": "2026-01-01T00:00:00.000Z",
                "submissionTime": "2026-01-01T00:00:10.000Z",
                "timeSpentInSeconds": 10.0,
                "workerId": "stub-worker",
                "answerContent": ANSWER,
            }
        ],
    }
    return json.dumps(document).encode()


class Connection(asyncio.Protocol):
    """One client's connection: a request, its answer, the next request."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.received = bytearray()
        self.wanted = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) >= self.wanted:
            self.take()

    def take(self) -> None:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self.received[:end]).split(b"\r\n")
        pairs = (line.split(b":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        length = int(headers.get(b"content-length", 0))
        before, self.wanted = self.wanted, end + 4 + length
        if len(self.received) < self.wanted:
            if not before and b"expect" in headers:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = bytes(self.received[end + 4 : self.wanted])
        del self.received[: self.wanted]
        self.wanted = 0
        method, target, _ = first.decode().split(" ")
        if method == "POST" and target == "/human-loops" and self.stub.latency:
            loop = asyncio.get_running_loop()
            loop.call_later(self.stub.latency, self.answer, method, target, headers, body)
        else:
            self.answer(method, target, headers, body)

    def answer(self, method: str, target: str, headers: dict[bytes, bytes], body: bytes) -> None:
        reply = self.stub.reply(method, target, headers, body)
        head = (
            f"HTTP/1.1 {reply.status} -\r\nContent-Type: {reply.content_type}\r\n"
            f"Content-Length: {len(reply.body)}\r\n{reply.headers}\r\n"
        )
        self.transport.write(head.encode() + (b"" if method == "HEAD" else reply.body))


async def serve(port: int) -> None:
    stub = Stub()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(stub), "127.0.0.1", port, backlog=1_024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
