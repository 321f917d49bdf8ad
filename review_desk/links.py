"""Addresses that open one thing for a while, without a cookie: a task's frame, and the documents in it."""

from __future__ import annotations

from urllib.parse import quote

from review_desk.engine.clock import Clock
from review_desk.secrets import SecretBox
from review_desk.storage import split_uri

FRAME = "frame"
MEDIA = "media"
OFFER = "offer"


class Links:
    """Makes and opens signed addresses. All are paths on the portal's own address.

    :param readable_buckets: buckets whose objects may be shown; empty for every bucket that the service can read.
    """

    def __init__(self, secret_box: SecretBox, clock: Clock, readable_buckets: frozenset[str]) -> None:
        self._secret_box = secret_box
        self._clock = clock
        self._readable_buckets = readable_buckets

    def frame(self, task_id: str, lifetime: int) -> str:
        """Return the path of a task's frame, good for ``lifetime`` seconds."""
        return f"/portal/frame/{self._seal(FRAME, {'task': task_id}, lifetime)}"

    def check(self, uri: str) -> tuple[str, str]:
        """Return bucket and key of an object that may be shown.

        :raises ValueError: ``uri`` is not ``s3://bucket/key``, or its bucket is not one of the readable ones.
        """
        bucket, key = split_uri(uri)
        if self._readable_buckets and bucket not in self._readable_buckets:
            raise ValueError(f"the bucket {bucket!r} is not in REVIEW_DESK_READABLE_BUCKETS")
        return bucket, key

    def offer(self, human_loop_id: int, worker_id: int, lifetime: int) -> str:
        """Return a token for the loop that a worker was offered, good for ``lifetime`` seconds."""
        return self._seal(OFFER, {"loop": str(human_loop_id), "worker": str(worker_id)}, lifetime)

    def media(self, uri: str, lifetime: int, shown_in: dict[str, str] | None = None) -> str:
        """Return the path of one S3 object, good for ``lifetime`` seconds; it ends with the object's name.

        :param shown_in: the page that shows it, without which the path opens nothing: of a ``task`` that is held; or of
            a ``loop`` that a ``worker`` holds, or may have still until ``offered_until`` (Unix time).
        :raises ValueError: as :meth:`check`.
        """
        bucket, key = self.check(uri)
        token = self._seal(MEDIA, {"bucket": bucket, "key": key, **(shown_in or {})}, lifetime)
        return f"/portal/media/{token}/{quote(key.rsplit('/', 1)[-1])}"

    def opened(self, purpose: str, token: str) -> dict[str, str] | None:
        """Return what a token stands for, or ``None`` if it is forged, of another purpose or out of date."""
        return self._secret_box.unseal(purpose, token, now=self._now())

    def _seal(self, purpose: str, value: dict[str, str], lifetime: int) -> str:
        return self._secret_box.seal(purpose, value, now=self._now(), lifetime=lifetime)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())
