"""Objects in S3 for code that runs many requests at once; memory does not grow with an object's size."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from botocore.exceptions import ClientError

from a2i.batch.pace import pause
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import error_code, is_passing
from a2i.hooks.s3 import A2IS3Hook, parse_s3_uri

_READ_BYTES: Final = 8 * 1024 * 1024
_PART_BYTES: Final = 8 * 1024 * 1024
#: A longer line is not kept; its item is reported. An input of 3 MiB may be escaped up to six times as long.
LONGEST_LINE: Final = 20 * 1024 * 1024
_FIRST_ANSWER_SECONDS: Final = 10.0

T = TypeVar("T")


class Patience:
    """Repeats a request through what may pass.

    :param seconds: without an answer before the error is raised; at most 10 while nothing has ever answered, since an
        endpoint that was mistyped shall be told soon.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_there = False

    async def __call__(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a request, which must do no harm when it is carried out twice."""
        attempt, since = 0, time.monotonic()
        while True:
            try:
                answer = await request()
            except Exception as error:
                self._is_there = self._is_there or isinstance(error, ClientError)
                limit = self._seconds if self._is_there else min(self._seconds, _FIRST_ANSWER_SECONDS)
                if not is_passing(error) or time.monotonic() - since >= limit:
                    raise
            else:
                self._is_there = True
                return answer
            await asyncio.sleep(pause(attempt))
            attempt += 1


class ObjectStore:
    """S3 through an aiobotocore client.

    :param client: an open ``s3`` client.
    :param place: where the client's requests go, for messages.
    :param outage_tolerance: seconds without an answer before an error that may pass is raised.
    """

    def __init__(self, client: Any, place: str, outage_tolerance: float = 0.0) -> None:
        self._client = client
        self._place = place
        self._ask = Patience(outage_tolerance)

    async def get(
        self, uri: str, before_read: Callable[[int], Awaitable[None]] | None = None
    ) -> bytes | None:
        """Return an object's content, or None if there is no such object.

        :param before_read: is told how many bytes it has, and may take its time to let them in.
        """
        bucket, key = parse_s3_uri(uri)

        async def read() -> bytes:
            answer = await self._client.get_object(Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                if before_read is not None:
                    await before_read(answer["ContentLength"])
                return bytes(await body.read())

        try:
            return await self._ask(read)
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self._explained(error, uri) from None

    async def put(self, uri: str, content: bytes) -> None:
        """Write an object."""
        bucket, key = parse_s3_uri(uri)
        try:
            await self._ask(partial(self._client.put_object, Bucket=bucket, Key=key, Body=content))
        except ClientError as error:
            raise self._explained(error, uri) from None

    async def delete(self, uri: str) -> None:
        """Delete an object; one that is not there is no error."""
        bucket, key = parse_s3_uri(uri)
        await self._ask(partial(self._client.delete_object, Bucket=bucket, Key=key))

    async def names(self, folder_uri: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""
        folder = f"{folder_uri.rstrip('/')}/"
        prefix = parse_s3_uri(folder).key
        return sorted([key.removeprefix(prefix) async for key in self._keys(folder, Delimiter="/")])

    async def uris(self, folder_uri: str) -> AsyncIterator[str]:
        """Yield the URIs of all objects below a folder in the order of their keys, without those of folders.

        :param folder_uri: ends in ``/``.
        """
        bucket = parse_s3_uri(folder_uri).bucket
        async for key in self._keys(folder_uri):
            if not key.endswith("/"):
                yield f"s3://{bucket}/{key}"

    async def _keys(self, folder_uri: str, **options: str) -> AsyncIterator[str]:
        bucket, prefix = parse_s3_uri(folder_uri)
        request = {"Bucket": bucket, "Prefix": prefix, **options}
        try:
            while True:
                page = await self._ask(partial(self._client.list_objects_v2, **request))
                for entry in page.get("Contents", ()):
                    yield entry["Key"]
                if "NextContinuationToken" not in page:
                    return
                request["ContinuationToken"] = page["NextContinuationToken"]
        except ClientError as error:
            raise self._explained(error, folder_uri) from None

    async def lines(self, uri: str) -> AsyncIterator[bytes | None]:
        """Yield an object's lines; None stands for a line longer than :data:`LONGEST_LINE`.

        Read in ranges, so that a reader who takes hours loses no connection on the way.

        :raises A2IUserError: if there is no such object, or it changed while it was read.
        """
        rest, too_long = b"", False
        async for block in self._blocks(uri):
            head, *tail = (rest + block).split(b"\n")
            for line in [head, *tail][:-1]:
                yield None if too_long else line
                too_long = False
            rest = tail[-1] if tail else head
            if len(rest) > LONGEST_LINE:
                rest, too_long = b"", True
        if rest or too_long:
            yield None if too_long else rest

    async def _blocks(self, uri: str) -> AsyncIterator[bytes]:
        bucket, key = parse_s3_uri(uri)

        async def read(start: int, etag: str) -> bytes:
            answer = await self._client.get_object(
                Bucket=bucket,
                Key=key,
                IfMatch=etag,
                Range=f"bytes={start}-{start + _READ_BYTES - 1}",
            )
            async with answer["Body"] as body:
                return bytes(await body.read())

        try:
            head = await self._ask(partial(self._client.head_object, Bucket=bucket, Key=key))
            for start in range(0, head["ContentLength"], _READ_BYTES):
                yield await self._ask(partial(read, start, head["ETag"]))
        except ClientError as error:
            raise self._explained(error, uri) from None

    def _explained(self, error: ClientError, uri: str) -> Exception:
        code = error_code(error)
        if code == "NoSuchBucket":
            return A2IUserError(f"There is no bucket {parse_s3_uri(uri).bucket!r} at {self._place}.")
        if code in ("NoSuchKey", "404"):
            return A2IUserError(f"There is no object {uri} at {self._place}.")
        if code in ("PreconditionFailed", "412"):
            return A2IUserError(f"{uri} was replaced while it was read; clear the task to read the new one.")
        return error

    def writer(self, uri: str) -> JsonLinesWriter:
        """Return a writer of one JSON Lines object."""
        return JsonLinesWriter(self._client, uri, self._ask)

    def object_writer(self, uri: str, content_type: str) -> ObjectWriter:
        """Return a writer of one object."""
        return ObjectWriter(self._client, uri, content_type, self._ask)


@asynccontextmanager
async def open_store(
    hook: A2IS3Hook, max_connections: int = 10, outage_tolerance: float = 0.0
) -> AsyncIterator[ObjectStore]:
    """Open a store on a client of its own.

    :param max_connections: connections to S3 that may be open at once.
    :param outage_tolerance: seconds without an answer before an error that may pass is raised.
    """
    async with await hook.get_batch_conn(max_connections) as client:
        place = f"connection {hook.aws_conn_id!r}, endpoint {client.meta.endpoint_url}"
        yield ObjectStore(client, place, outage_tolerance)


class ObjectWriter:
    """Writes bytes as they come: one request for a small object, a multipart upload for a large one.

    The object appears when the ``async with`` block ends well, and not at all when it does not.
    """

    def __init__(self, client: Any, uri: str, content_type: str, ask: Patience) -> None:
        self._client = client
        self._uri = uri
        self._ask = ask
        self._target = dict(zip(("Bucket", "Key"), parse_s3_uri(uri), strict=True))
        self._content_type = content_type
        self._buffer = bytearray()
        self._upload: dict[str, str] | None = None
        self._parts: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def add(self, content: bytes) -> None:
        """Add bytes."""
        self._buffer += content
        if len(self._buffer) >= _PART_BYTES:
            await self._flush()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            if self._upload is not None:
                await self._client.abort_multipart_upload(**self._upload)
            return
        if self._upload is None:
            await self._ask(
                partial(
                    self._client.put_object,
                    **self._target,
                    Body=bytes(self._buffer),
                    ContentType=self._content_type,
                )
            )
            return
        if self._buffer:
            await self._flush()
        await self._complete(self._upload)

    async def _complete(self, upload: dict[str, str]) -> None:
        parts = {"Parts": self._parts}
        try:
            await self._ask(partial(self._client.complete_multipart_upload, **upload, MultipartUpload=parts))
        except ClientError as error:
            # So some stores answer a repetition when the answer to the first request was lost.
            if error_code(error) != "NoSuchUpload":
                raise
            raise A2IServiceError(
                f"Whether {self._uri} was written is not known: its upload is gone."
            ) from None

    async def _flush(self) -> None:
        if self._upload is None:
            answer = await self._ask(
                partial(self._client.create_multipart_upload, **self._target, ContentType=self._content_type)
            )
            self._upload = {**self._target, "UploadId": answer["UploadId"]}
        number = len(self._parts) + 1
        part = await self._ask(
            partial(self._client.upload_part, **self._upload, PartNumber=number, Body=bytes(self._buffer))
        )
        self._parts.append({"ETag": part["ETag"], "PartNumber": number})
        self._buffer.clear()


class JsonLinesWriter(ObjectWriter):
    """Writes rows as they come."""

    def __init__(self, client: Any, uri: str, ask: Patience) -> None:
        super().__init__(client, uri, "application/jsonl", ask)

    async def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        await self.add(json.dumps(row, ensure_ascii=False).encode() + b"\n")
