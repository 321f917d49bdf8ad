"""Who is told that a human loop ended: an SQS queue, a webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from review_desk.engine.clock import Clock
from review_desk.settings import Settings

WEBHOOK_TIMEOUT = urllib3.Timeout(connect=5, read=10)


class DeliveryError(Exception):
    """A receiver did not take an event; the message names it and the cause in one line."""


class Receiver(Protocol):
    """Takes events; a repetition has the same id."""

    name: str

    def send(self, event: dict[str, Any]) -> None:
        """Send an event.

        :raises DeliveryError: it was not taken.
        """
        ...


class SqsReceiver:
    """An SQS queue. The message's body is the event; on a FIFO queue its id removes repetitions."""

    name = "sqs"

    def __init__(self, queue_url: str, region: str) -> None:
        self._queue_url = queue_url
        self._client = boto3.session.Session().client(
            "sqs",
            region_name=region,
            config=Config(
                connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 2}
            ),
        )

    def send(self, event: dict[str, Any]) -> None:
        fifo = {}
        if self._queue_url.endswith(".fifo"):
            fifo = {"MessageGroupId": event["detail"]["humanLoopName"], "MessageDeduplicationId": event["id"]}
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(event), **fifo)
        except (BotoCoreError, ClientError) as error:
            raise DeliveryError(f"the queue {self._queue_url} did not take the event: {error}") from error


class WebhookReceiver:
    """An HTTPS address. Requests are signed as the Standard Webhooks specification says, version ``v1``.

    The signature covers ``id.timestamp.body``; receivers check it with the shared secret and refuse old timestamps.
    A redirect is not followed.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._url = url
        self._secret = webhook_key(secret)
        self._clock = clock
        self._pool = urllib3.PoolManager(timeout=WEBHOOK_TIMEOUT, retries=False)

    def send(self, event: dict[str, Any]) -> None:
        body = json.dumps(event, separators=(",", ":")).encode()
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event["id"],
            "webhook-timestamp": str(timestamp),
            "webhook-signature": webhook_signature(self._secret, event["id"], timestamp, body),
        }
        try:
            response = self._pool.request("POST", self._url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise DeliveryError(f"{self._where} did not answer: {type(error).__name__}") from error
        if not 200 <= response.status < 300:
            raise DeliveryError(f"{self._where} answered {response.status}")

    @property
    def _where(self) -> str:
        """The address without what may be secret in it."""
        parts = urlsplit(self._url)
        return f"the webhook {parts.scheme}://{parts.hostname}{parts.path}"


def webhook_key(secret: str) -> bytes:
    """Return the key of a secret: base64 after ``whsec_``, else the text itself."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def webhook_signature(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Sign a webhook request (Standard Webhooks: HMAC-SHA256 over ``id.timestamp.body``, base64, after ``v1,``)."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def configured_receivers(settings: Settings, clock: Clock) -> list[Receiver]:
    """Build the receivers that the settings name."""
    receivers: list[Receiver] = []
    if settings.event_sqs_queue_url:
        receivers.append(SqsReceiver(settings.event_sqs_queue_url, settings.region))
    if settings.event_webhook_url and settings.event_webhook_secret:
        receivers.append(WebhookReceiver(settings.event_webhook_url, settings.event_webhook_secret, clock))
    return receivers
