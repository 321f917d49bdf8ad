"""Documents on their way from the store to a reviewer's browser."""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from review_desk.storage import StorageError

LARGEST_AHEAD = 4 * 1024 * 1024
KEPT_AHEAD = 16
"""Documents: at most 64 MiB in memory."""

SECONDS_AHEAD = 20.0
THREADS = 4

Open = Callable[[str, str], dict[str, Any]]
Found = dict[str, Any]


class Documents:
    """Opens documents; those of a task whose page goes out are fetched before the browser asks for them.

    The browser asks when it has read the page, and the store takes its time: with both at once the person waits for the
    longer of the two. What is fetched is kept for some seconds and shown to nobody: who may see it is asked where it
    always is.

    :param open_document: GetObject of bucket and key.
    """

    def __init__(self, open_document: Open, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._open = open_document
        self._monotonic = monotonic
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="documents")
        self._ahead: OrderedDict[tuple[str, str], tuple[float, Future[Found | None]]] = OrderedDict()
        self._lock = threading.Lock()

    def fetch_ahead(self, bucket: str, key: str) -> None:
        """Begin to fetch a document, unless it is under way; failing is left to who opens it."""
        with self._lock:
            self._forget_old()
            if (bucket, key) in self._ahead:
                return
            if len(self._ahead) >= KEPT_AHEAD:
                self._ahead.popitem(last=False)
            fetched = self._threads.submit(self._fetch, bucket, key)
            self._ahead[bucket, key] = self._monotonic() + SECONDS_AHEAD, fetched

    def open(self, bucket: str, key: str) -> Found:
        """Return GetObject's answer; its ``Body`` has ``iter_chunks`` and ``close``.

        :raises StorageError: with the URI and the cause.
        """
        with self._lock:
            self._forget_old()
            _, ahead = self._ahead.get((bucket, key), (0.0, None))
        found = ahead.result() if ahead else None
        return {**found, "Body": _Body(found["Body"])} if found else self._open(bucket, key)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _forget_old(self) -> None:
        now = self._monotonic()
        while self._ahead and next(iter(self._ahead.values()))[0] <= now:
            self._ahead.popitem(last=False)

    def _fetch(self, bucket: str, key: str) -> Found | None:
        """Return the document with its content in ``Body``; ``None`` if it is large, or the store refuses it."""
        try:
            found = self._open(bucket, key)
        except StorageError:
            return None
        body = found["Body"]
        try:
            is_small = found.get("ContentLength", LARGEST_AHEAD + 1) <= LARGEST_AHEAD
            return {**found, "Body": body.read()} if is_small else None
        except Exception:
            return None
        finally:
            body.close()


class _Body:
    """A content in memory, as botocore's streaming body."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def iter_chunks(self, chunk_size: int) -> Any:
        return iter(lambda: self._content.read(chunk_size), b"")

    def close(self) -> None:
        self._content.close()
