"""The S3-compatible store that holds documents and answers."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from review_desk.settings import Settings


class StorageError(Exception):
    """The store did not do what was asked; the message names the object and the cause in one line."""


class Storage:
    """Reads documents and writes answers. Clients of boto3 may be shared between threads."""

    def __init__(self, settings: Settings) -> None:
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            region_name=settings.region,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": 2},
                s3={"addressing_style": "path"} if settings.s3_endpoint_url else {},
            ),
        )

    def put_json(self, uri: str, document: dict[str, Any]) -> None:
        """Write a JSON object.

        :raises StorageError: with the URI and the cause.
        """
        bucket, key = split_uri(uri)
        body = json.dumps(document, ensure_ascii=False).encode()
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"{uri} could not be written: {error}") from error

    def check_bucket(self, bucket: str) -> None:
        """Ask for a bucket.

        :raises StorageError: it is not there, not ours, or the store does not answer.
        """
        try:
            self._client.head_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"The bucket {bucket} cannot be used: {error}") from error

    def clock_difference(self, now: datetime) -> float | None:
        """Return by how many seconds the store's clock is behind ``now``, or ``None`` if it does not answer."""
        try:
            metadata: Any = self._client.list_buckets()["ResponseMetadata"]
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
        except BotoCoreError:
            return None
        date = metadata.get("HTTPHeaders", {}).get("date")
        return (now - parsedate_to_datetime(date)).total_seconds() if date else None

    def get(self, bucket: str, key: str) -> dict[str, Any]:
        """Open an object: boto3's GetObject answer with its streaming ``Body``.

        :raises StorageError: with the URI and the cause.
        """
        try:
            return dict(self._client.get_object(Bucket=bucket, Key=key))
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"s3://{bucket}/{key} could not be read: {error}") from error


def split_uri(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``.

    :raises ValueError: it is no such URI.
    """
    match = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if not match:
        raise ValueError(f"{uri!r} is not an s3://bucket/key URI")
    return match[1], match[2]
