"""Documents and JSON Lines in S3, on the connection that the review runs on."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from botocore.config import Config
from botocore.exceptions import ClientError

from a2i.compat import BaseAwsLink, S3Hook
from a2i.exceptions import A2IUserError
from a2i.failures import error_code
from a2i.hooks.base import A2IHookMixin


class S3Location(NamedTuple):
    """Bucket and key of an ``s3://`` URI."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The location as a URI."""
        return f"s3://{self.bucket}/{self.key}"


def parse_s3_uri(uri: str) -> S3Location:
    """Split an ``s3://bucket/key`` URI; the key may be empty.

    :raises A2IUserError: for anything else.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme.lower() != "s3" or not bucket:
        raise A2IUserError(f"{uri!r} is not an S3 URI: write s3://bucket/key.")
    return S3Location(bucket, key)


class A2IS3Hook(A2IHookMixin, S3Hook):
    """
    Read and write what a review works on.

    Adds lists and JSON Lines of any length to :class:`airflow.providers.amazon.aws.hooks.s3.S3Hook`; memory does
    not grow with them.
    """

    async def get_batch_conn(self, max_connections: int) -> Any:
        """Return an aiobotocore client for many requests at once.

        :param max_connections: connections to S3 that may be open at once.
        """
        own = Config(max_pool_connections=max_connections)

        def build() -> Any:
            return self.get_client_type(
                region_name=self.region_name, config=self.config.merge(own), deferrable=True
            )

        return await asyncio.to_thread(build)

    def list_uris(self, prefix_uri: str) -> Iterator[str]:
        """Yield the URIs of the objects under a prefix in key order, without the ones that stand for folders.

        :raises A2IUserError: if there is no such bucket.
        """
        bucket, prefix = parse_s3_uri(prefix_uri)
        pages = self.conn.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            for page in pages:
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield f"s3://{bucket}/{entry['Key']}"
        except ClientError as error:
            raise self._missing(error, prefix_uri) or error from None

    def read_bytes(self, uri: str) -> bytes:
        """Return the content of an object.

        :raises A2IUserError: if there is no such object.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            return bytes(self.conn.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            raise self._missing(error, uri) or error from None

    def find_bytes(self, uri: str) -> bytes | None:
        """Return the content of an object, or None if there is no such object.

        :raises A2IUserError: if there is no such bucket.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            return bytes(self.conn.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self._missing(error, uri) or error from None

    def object_url(self, uri: str) -> str:
        """Where a person looks at an object or folder: the console of Amazon S3, or the store's own address."""
        bucket, key = parse_s3_uri(uri)
        if not self.is_amazon:
            return f"{str(self.conn_client_meta.endpoint_url).rstrip('/')}/{bucket}/{quote(key)}"
        domain = BaseAwsLink.get_aws_domain(self.conn_partition) or "aws.amazon.com"
        kind = "buckets" if not key or key.endswith("/") else "object"
        query = urlencode({"region": self.conn_region_name, "prefix": key})
        return f"https://{self.conn_region_name}.console.{domain}/s3/{kind}/{bucket}?{query}"

    def read_json_lines(self, uri: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a JSON Lines object as they arrive.

        :raises A2IUserError: if there is no such object or a line is not a JSON object.
        """
        bucket, key = parse_s3_uri(uri)
        try:
            body = self.conn.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            raise self._missing(error, uri) or error from None
        for number, line in enumerate(body.iter_lines(), start=1):
            if line.strip():
                yield _row(line, uri, number)

    def write_json_lines(self, uri: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write rows as one JSON Lines object, by way of a temporary file, and return how many they were."""
        bucket, key = parse_s3_uri(uri)
        count = 0
        with tempfile.TemporaryFile() as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                count += 1
            file.seek(0)
            self.conn.put_object(Bucket=bucket, Key=key, Body=file, ContentType="application/jsonl")
        return count

    def _missing(self, error: ClientError, uri: str) -> A2IUserError | None:
        if error_code(error) == "NoSuchBucket":
            return A2IUserError(f"There is no bucket {parse_s3_uri(uri).bucket!r} at {self.place}.")
        if error_code(error) in ("NoSuchKey", "404"):
            return A2IUserError(f"There is no object {uri} at {self.place}.")
        return None


def _row(line: bytes, uri: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise A2IUserError(f"{uri}, line {number} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise A2IUserError(f"{uri}, line {number} is not a JSON object.")
    return row
