"""Documents that are fetched before the browser asks for them."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from review_desk.documents import KEPT_AHEAD, LARGEST_AHEAD, SECONDS_AHEAD, Documents
from review_desk.storage import StorageError


class Body(io.BytesIO):
    """botocore's streaming body."""

    def iter_chunks(self, size: int) -> Any:
        return iter(lambda: self.read(size), b"")


class Store:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.contents: dict[str, bytes] = {"a.png": b"picture"}
        self.let_go = threading.Event()
        self.let_go.set()

    def open(self, bucket: str, key: str) -> dict[str, Any]:
        self.asked.append(f"{bucket}/{key}")
        self.let_go.wait(10)
        if key not in self.contents:
            raise StorageError("not there")
        content = self.contents[key]
        return {"Body": Body(content), "ContentLength": len(content), "ContentType": "image/png"}


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def content(found: dict[str, Any]) -> bytes:
    return b"".join(found["Body"].iter_chunks(3))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def documents(store: Store, time: Time) -> Documents:
    return Documents(store.open, time)


def test_a_document_is_asked_for_once_though_it_is_opened_while_it_comes(
    documents: Documents, store: Store
) -> None:
    store.let_go.clear()
    documents.fetch_ahead("b", "a.png")
    documents.fetch_ahead("b", "a.png")
    threading.Timer(0.1, store.let_go.set).start()
    for _ in range(2):  # a page may show it twice
        found = documents.open("b", "a.png")
        assert content(found) == b"picture"
        assert found["ContentType"] == "image/png"
    assert store.asked == ["b/a.png"]


def test_what_was_not_fetched_is_opened(documents: Documents, store: Store) -> None:
    documents.fetch_ahead("b", "a.png")
    store.contents["c.png"] = b"other"
    assert content(documents.open("b", "c.png")) == b"other"
    assert content(documents.open("other", "a.png")) == b"picture"


def test_it_is_kept_for_some_seconds(documents: Documents, store: Store, time: Time) -> None:
    documents.fetch_ahead("b", "a.png")
    assert content(documents.open("b", "a.png")) == b"picture"
    store.contents["a.png"] = b"newer"
    time.now = SECONDS_AHEAD - 0.1
    assert content(documents.open("b", "a.png")) == b"picture"
    time.now = SECONDS_AHEAD
    assert content(documents.open("b", "a.png")) == b"newer"


def test_a_large_one_is_not_kept(documents: Documents, store: Store) -> None:
    store.contents["large.tif"] = b"x" * (LARGEST_AHEAD + 1)
    documents.fetch_ahead("b", "large.tif")
    assert len(content(documents.open("b", "large.tif"))) == LARGEST_AHEAD + 1
    assert store.asked == ["b/large.tif"] * 2


def test_one_that_is_not_there_is_refused_by_the_store(documents: Documents) -> None:
    documents.fetch_ahead("b", "missing.png")
    with pytest.raises(StorageError, match="not there"):
        documents.open("b", "missing.png")


def test_only_so_many_are_kept(documents: Documents, store: Store) -> None:
    for number in range(KEPT_AHEAD + 1):
        store.contents[f"{number}.png"] = b"x"
        documents.fetch_ahead("b", f"{number}.png")
        documents.open("b", f"{number}.png")
    documents.open("b", "1.png")
    assert len(store.asked) == KEPT_AHEAD + 1
    documents.open("b", "0.png")
    assert len(store.asked) == KEPT_AHEAD + 2
