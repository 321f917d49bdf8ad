"""The S3-compatible store that holds documents and answers."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from review_desk.settings import Settings

PROBE_TIMEOUT_IN_SECONDS = 2


class StorageError(Exception):
    """The store did not do what was asked; the message names the object and the cause in one line."""


class StoreUnreachableError(StorageError):
    """The store did not answer, or said that it could not just now: asking again later may help."""


class Storage:
    """Reads documents and writes answers. Clients of boto3 may be shared between threads."""

    def __init__(self, settings: Settings) -> None:
        session = boto3.session.Session()

        def client(**config: Any) -> Any:
            return session.client(
                "s3",
                endpoint_url=settings.s3_endpoint_url,
                region_name=settings.region,
                config=Config(
                    s3={"addressing_style": "path"} if settings.s3_endpoint_url else {},
                    **config,
                ),
            )

        self._client = client(
            connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 2}
        )
        self._impatient_client = client(
            connect_timeout=PROBE_TIMEOUT_IN_SECONDS,
            read_timeout=PROBE_TIMEOUT_IN_SECONDS,
            retries={"total_max_attempts": 1},
        )

    def put_json(self, uri: str, document: dict[str, Any], kms_key_id: str | None = None) -> None:
        """Write a JSON object.

        :param kms_key_id: key of the store's key management with which the store encrypts the object; by default the
            bucket's setting decides.
        :raises StorageError: with the URI and the cause.
        """
        bucket, key = split_uri(uri)
        # Half a surrogate pair of an input becomes its JSON escape; UTF-8 has no other way to write it.
        body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
        try:
            self._client.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/json", **encryption
            )
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"{uri} could not be written: {error}") from error

    def check_bucket(self, bucket: str) -> None:
        """Ask for a bucket once, with little patience: somebody waits for the answer.

        :raises StoreUnreachableError: the store does not answer, or answers that it cannot now.
        :raises StorageError: the bucket is not there or not ours.
        """
        try:
            self._impatient_client.head_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            kind = StorageError if _is_final(error) else StoreUnreachableError
            raise kind(f"The bucket {bucket} cannot be used: {_cause(error)}") from error

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


def _is_final(error: BotoCoreError | ClientError) -> bool:
    """Tell a refusal, which asking again does not change, from a store in trouble."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return 400 <= status < 500 and status not in (408, 429)
    return isinstance(error, NoCredentialsError | PartialCredentialsError | ParamValidationError)


def _cause(error: BotoCoreError | ClientError) -> str:
    """Say in one line why a bucket does not answer; S3 answers HeadBucket without a body."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    if code == "404":
        return "it does not exist"
    if code == "403":
        return "access is forbidden (403); the credentials need s3:ListBucket and s3:PutObject there"
    return " ".join(str(error).split())


def split_uri(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``.

    :raises ValueError: it is no such URI.
    """
    match = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if not match:
        raise ValueError(f"{uri!r} is not an s3://bucket/key URI")
    return match[1], match[2]
