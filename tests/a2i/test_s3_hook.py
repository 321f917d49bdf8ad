"""Lists and JSON Lines in S3."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.exceptions import A2IUserError
from a2i.hooks.s3 import A2IS3Hook, S3Location, parse_s3_uri

pytestmark = pytest.mark.usefixtures("aws")


@given(st.from_regex(r"[a-z0-9][a-z0-9.-]{1,60}", fullmatch=True), st.text())
def test_uris_round_trip(bucket: str, key: str) -> None:
    location = S3Location(bucket, key)
    assert parse_s3_uri(location.uri) == location


@pytest.mark.parametrize("uri", ["", "bucket/key", "/tmp/file", "s3:///key", "https://bucket/key"])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(A2IUserError, match=r"is not an S3 URI: write s3://bucket/key"):
        parse_s3_uri(uri)


def test_lists_have_no_folders(s3: Any) -> None:
    for key in ("list/b.png", "list/a.png", "list/", "list/sub/", "list/sub/c.png", "list-not/d.png"):
        s3.put_object(Bucket="documents", Key=key, Body=b"x")
    assert list(A2IS3Hook().list_uris("s3://documents/list/")) == [
        "s3://documents/list/a.png",
        "s3://documents/list/b.png",
        "s3://documents/list/sub/c.png",
    ]


def test_json_lines_round_trip(s3: Any) -> None:
    rows = [{"name": "Zoë\u2028\n", "number": number} for number in range(1000)]
    hook = A2IS3Hook()
    assert hook.write_json_lines("s3://documents/rows.jsonl", rows) == 1000
    assert list(hook.read_json_lines("s3://documents/rows.jsonl")) == rows
    assert hook.write_json_lines("s3://documents/empty.jsonl", []) == 0
    assert list(hook.read_json_lines("s3://documents/empty.jsonl")) == []


def test_mistakes_name_the_object(s3: Any) -> None:
    hook = A2IS3Hook()
    s3.put_object(Bucket="documents", Key="odd.jsonl", Body=b'{"a": 1}\n[]\n')
    with pytest.raises(A2IUserError, match=r"s3://documents/odd\.jsonl, line 2 is not a JSON object"):
        list(hook.read_json_lines("s3://documents/odd.jsonl"))
    with pytest.raises(
        A2IUserError, match=r"There is no object s3://documents/gone at connection 'aws_default'"
    ):
        hook.read_bytes("s3://documents/gone")
    with pytest.raises(A2IUserError, match="There is no bucket 'no-such-bucket' at connection 'aws_default'"):
        list(hook.list_uris("s3://no-such-bucket/x"))
