"""Addresses that open one thing for a while, without a cookie: a task's frame, and the documents in it."""

from __future__ import annotations

from urllib.parse import quote

from review_desk.engine.clock import Clock
from review_desk.secrets import SecretBox
from review_desk.storage import split_uri

FRAME = "frame"
MEDIA = "media"


class Links:
    """Makes and opens signed addresses. All are paths on the portal's own address."""

    def __init__(self, secret_box: SecretBox, clock: Clock) -> None:
        self._secret_box = secret_box
        self._clock = clock

    def frame(self, task_id: str, lifetime: int) -> str:
        """Return the path of a task's frame, good for ``lifetime`` seconds."""
        return f"/portal/frame/{self._seal(FRAME, {'task': task_id}, lifetime)}"

    def media(self, uri: str, lifetime: int) -> str:
        """Return the path of one S3 object, good for ``lifetime`` seconds; it ends with the object's name.

        :raises ValueError: ``uri`` is not ``s3://bucket/key``.
        """
        bucket, key = split_uri(uri)
        token = self._seal(MEDIA, {"bucket": bucket, "key": key}, lifetime)
        return f"/portal/media/{token}/{quote(key.rsplit('/', 1)[-1])}"

    def opened(self, purpose: str, token: str) -> dict[str, str] | None:
        """Return what a token stands for, or ``None`` if it is forged, of another purpose or out of date."""
        return self._secret_box.unseal(purpose, token, now=self._now())

    def _seal(self, purpose: str, value: dict[str, str], lifetime: int) -> str:
        return self._secret_box.seal(purpose, value, now=self._now(), lifetime=lifetime)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())
