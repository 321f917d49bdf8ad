"""One AWS connection, with a connection of its own for Review Desk: both sets of keys where they belong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from a2i_support import connection
from support import STORAGE_KEYS, ReviewDesk

from a2i.exceptions import A2IUserError
from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.hooks.s3 import A2IS3Hook


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch, review_desk_server: ReviewDesk, s3_server: str) -> None:
    """``aws_default`` has the storage's keys and names ``review_desk`` for the other two services."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_REVIEW_DESK", connection(review_desk_server, s3_server, review_desk_server.url)
    )
    own = {"aws_conn_id": "review_desk"}
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_DEFAULT",
        json.dumps(
            {
                "conn_type": "aws",
                "login": STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
                "password": STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
                "extra": {
                    "region_name": "us-east-1",
                    "service_config": {
                        "s3": {"endpoint_url": s3_server},
                        "sagemaker": own,
                        "sagemaker-a2i-runtime": own,
                    },
                },
            }
        ),
    )


@pytest.mark.usefixtures("split")
def test_each_service_gets_its_own_keys(review_desk_server: ReviewDesk, s3: Any) -> None:
    s3.put_object(Bucket="documents", Key="split.txt", Body=b"x")
    storage = A2IS3Hook()
    assert storage.read_bytes("s3://documents/split.txt") == b"x"
    assert storage.get_credentials().access_key == STORAGE_KEYS["AWS_ACCESS_KEY_ID"]
    control = A2IControlPlaneHook()
    assert control.conn.describe_workteam(WorkteamName="reviewers")["Workteam"]["WorkteamName"] == "reviewers"
    assert control.get_credentials().access_key == review_desk_server.access_key["AccessKeyId"]
    assert "connection 'review_desk'" in control.place


@pytest.mark.usefixtures("split")
def test_the_async_client_too() -> None:
    async def describe() -> None:
        hook = A2IHook()
        async with await hook.get_async_conn() as client:
            await client.describe_human_loop(HumanLoopName="nobody-started-this")

    with pytest.raises(Exception, match="ResourceNotFoundException"):
        asyncio.run(describe())


@pytest.mark.usefixtures("split")
def test_a_mistyped_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"conn_type": "aws", "extra": {"service_config": {"sagemaker": {"aws_conn_id": "review_dusk"}}}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(wrong))
    with pytest.raises(A2IUserError, match="no Airflow connection 'review_dusk'"):
        _ = A2IControlPlaneHook().conn_config
