"""Fixtures for the operator library's tests: an Airflow connection that leads to real services."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Iterator

# Before Airflow is imported anywhere: it writes its configuration there.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest
from a2i_support import FaultProxy, Server, connection, handler
from support import ReviewDesk


@pytest.fixture(scope="module")
def proxy(review_desk_server: ReviewDesk) -> Iterator[FaultProxy]:
    """A proxy in front of Review Desk."""
    proxy = FaultProxy(review_desk_server.url)
    server = Server(("127.0.0.1", 0), handler(proxy))
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield proxy
    server.shutdown()
    server.server_close()


@pytest.fixture
def aws(
    monkeypatch: pytest.MonkeyPatch, review_desk_server: ReviewDesk, s3_server: str, proxy: FaultProxy
) -> Iterator[FaultProxy]:
    """``aws_default`` leads to moto's S3 and, through the proxy, to Review Desk; yields the proxy."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(review_desk_server, s3_server, proxy.url))
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_DIRECT", connection(review_desk_server, s3_server, review_desk_server.url)
    )
    proxy.reset()
    yield proxy
    proxy.reset()


@pytest.fixture
def silent_log() -> logging.Logger:
    """A log for what is not tested for what it logs."""
    return logging.getLogger("silent")
