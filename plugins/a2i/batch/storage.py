"""Objects in S3 for code that runs many requests at once; memory does not grow with an object's size."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from a2i.exceptions import A2IUserError
from a2i.failures import error_code
from a2i.hooks.s3 import A2IS3Hook, parse_s3_uri

_READ_BYTES: Final = 8 * 1024 * 1024
_PART_BYTES: Final = 8 * 1024 * 1024
#: A longer line is not kept; its item is reported. An input of 3 MiB may be escaped up to six times as long.
LONGEST_LINE: Final = 20 * 1024 * 1024


class ObjectStore:
    """S3 through an aiobotocore client.

    :param client: an open ``s3`` client.
    :param place: where the client's requests go, for messages.
    """

    def __init__(self, client: Any, place: str) -> None:
        self._client = client
        self._place = place

    async def get(
        self, uri: str, before_read: Callable[[int], Awaitable[None]] | None = None
    ) -> bytes | None:
        """Return an object's content, or None if there is no such object.

        :param before_read: is told how many bytes it has, and may take its time to let them in.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            answer = await self._client.get_object(Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                if before_read is not None:
                    await before_read(answer["ContentLength"])
                return bytes(await body.read())
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self._explained(error, uri) from None

    async def put(self, uri: str, content: bytes) -> None:
        """Write an object."""
        bucket, key = parse_s3_uri(uri)
        try:
            await self._client.put_object(Bucket=bucket, Key=key, Body=content)
        except ClientError as error:
            raise self._explained(error, uri) from None

    async def delete(self, uri: str) -> None:
        """Delete an object; one that is not there is no error."""
        bucket, key = parse_s3_uri(uri)
        await self._client.delete_object(Bucket=bucket, Key=key)

    async def names(self, folder_uri: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""
        bucket, prefix = parse_s3_uri(f"{folder_uri.rstrip('/')}/")
        found: list[str] = []
        try:
            async for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, Delimiter="/"
            ):
                found.extend(entry["Key"].removeprefix(prefix) for entry in page.get("Contents", ()))
        except ClientError as error:
            raise self._explained(error, folder_uri) from None
        return sorted(found)

    async def uris(self, folder_uri: str) -> AsyncIterator[str]:
        """Yield the URIs of all objects below a folder in the order of their keys, without those of folders.

        :param folder_uri: ends in ``/``.
        """
        bucket, prefix = parse_s3_uri(folder_uri)
        try:
            async for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix
            ):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield f"s3://{bucket}/{entry['Key']}"
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
        try:
            head = await self._client.head_object(Bucket=bucket, Key=key)
            for start in range(0, head["ContentLength"], _READ_BYTES):
                answer = await self._client.get_object(
                    Bucket=bucket,
                    Key=key,
                    IfMatch=head["ETag"],
                    Range=f"bytes={start}-{start + _READ_BYTES - 1}",
                )
                async with answer["Body"] as body:
                    yield await body.read()
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
        return JsonLinesWriter(self._client, uri)

    def object_writer(self, uri: str, content_type: str) -> ObjectWriter:
        """Return a writer of one object."""
        return ObjectWriter(self._client, uri, content_type)


@asynccontextmanager
async def open_store(hook: A2IS3Hook, max_connections: int = 10) -> AsyncIterator[ObjectStore]:
    """Open a store on a client of its own.

    :param max_connections: connections to S3 that may be open at once.
    """
    async with await hook.get_batch_conn(max_connections) as client:
        yield ObjectStore(client, f"connection {hook.aws_conn_id!r}, endpoint {client.meta.endpoint_url}")


class ObjectWriter:
    """Writes bytes as they come: one request for a small object, a multipart upload for a large one.

    The object appears when the ``async with`` block ends well, and not at all when it does not.
    """

    def __init__(self, client: Any, uri: str, content_type: str) -> None:
        self._client = client
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
            await self._client.put_object(
                **self._target, Body=bytes(self._buffer), ContentType=self._content_type
            )
            return
        if self._buffer:
            await self._flush()
        await self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": self._parts})

    async def _flush(self) -> None:
        if self._upload is None:
            answer = await self._client.create_multipart_upload(
                **self._target, ContentType=self._content_type
            )
            self._upload = {**self._target, "UploadId": answer["UploadId"]}
        number = len(self._parts) + 1
        part = await self._client.upload_part(**self._upload, PartNumber=number, Body=bytes(self._buffer))
        self._parts.append({"ETag": part["ETag"], "PartNumber": number})
        self._buffer.clear()


class JsonLinesWriter(ObjectWriter):
    """Writes rows as they come."""

    def __init__(self, client: Any, uri: str) -> None:
        super().__init__(client, uri, "application/jsonl")

    async def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        await self.add(json.dumps(row, ensure_ascii=False).encode() + b"\n")
