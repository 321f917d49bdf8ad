"""Fixtures that start the real things: Review Desk as a process, moto's S3 server, stock boto3 clients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis
import pytest
from moto.server import ThreadedMotoServer
from support import REGION, STORAGE_KEYS, ReviewDesk

# How long an example takes says something of the machine, not of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A moto S3 server; yields its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3(s3_server: str) -> Any:
    """A boto3 S3 client on the moto server, with the buckets ``documents`` and ``answers``."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    for bucket in ("documents", "answers"):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture(scope="session")
def prepared_review_desk(tmp_path_factory: pytest.TempPathFactory) -> ReviewDesk:
    """A prepared database that is never served; others start from a copy of it."""
    desk = ReviewDesk(tmp_path_factory.mktemp("prepared"), s3_endpoint_url="")
    desk.prepare()
    return desk


@pytest.fixture(scope="module")
def review_desk_server(
    tmp_path_factory: pytest.TempPathFactory, prepared_review_desk: ReviewDesk, s3_server: str, s3: Any
) -> Iterator[ReviewDesk]:
    """A running Review Desk with the team ``reviewers`` and the workers ``worker-1`` to ``worker-3``."""
    directory = tmp_path_factory.mktemp("review_desk")
    shutil.copytree(prepared_review_desk.directory, directory, dirs_exist_ok=True)
    desk = ReviewDesk(directory, s3_server, access_key=prepared_review_desk.access_key)
    desk.start()
    yield desk
    desk.stop()
