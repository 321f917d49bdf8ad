"""Throttling and the quota of loops in progress."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from review_desk_fixtures import SCOPE, Desk
from support import ReviewDesk

from review_desk.api.errors import ApiError
from review_desk.api.throttle import Throttle
from review_desk.engine.arns import Scope
from review_desk.engine.errors import QuotaError
from review_desk.engine.quota import OpenLoopQuota


def admitted(throttle: Throttle, key: str, requests: int) -> int:
    count = 0
    for _ in range(requests):
        try:
            throttle.admit(key)
        except ApiError:
            continue
        count += 1
    return count


def test_each_key_has_its_own_rate() -> None:
    now = [0.0]
    throttle = Throttle(10, clock=lambda: now[0])
    assert admitted(throttle, "a", 50) == 10
    assert admitted(throttle, "b", 50) == 10
    now[0] = 0.5
    assert admitted(throttle, "a", 50) == 5
    now[0] = 100
    assert admitted(throttle, "a", 50) == 10


def test_a_rate_below_one_lets_something_through() -> None:
    now = [0.0]
    throttle = Throttle(0.5, clock=lambda: now[0])
    assert admitted(throttle, "a", 3) == 1
    now[0] = 2.0
    assert admitted(throttle, "a", 3) == 1


def test_the_quota_counts_what_is_unfinished(desk: Desk) -> None:
    flow = desk.flow()
    for name in ("one", "two"):
        desk.start(flow, name)
    quota = OpenLoopQuota(desk.service.database, desk.clock, 3)
    quota.reserve(SCOPE)
    with pytest.raises(QuotaError, match="the quota is 3"):
        quota.reserve(SCOPE)
    quota.reserve(Scope(SCOPE.account_id, "eu-west-1"))
    desk.loops.stop(SCOPE, "one")
    desk.loops.stop(SCOPE, "two")
    desk.clock.advance(1)
    quota.reserve(SCOPE)


@pytest.fixture
def limited(
    tmp_path: Path, prepared_review_desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReviewDesk]:
    """A Review Desk with five requests a second and two loops at once."""
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    limits = {
        "REVIEW_DESK_REQUESTS_PER_SECOND": "5",
        "REVIEW_DESK_OPEN_LOOP_QUOTA": "2",
        "REVIEW_DESK_CHECK_OUTPUT_BUCKETS": "false",
    }
    desk = ReviewDesk(tmp_path, "", access_key=prepared_review_desk.access_key, settings=limits)
    desk.start()
    yield desk
    desk.stop()


def outcome(call: Any, **parameters: Any) -> tuple[str, int]:
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "ok", 200


def test_clients_see_429_and_402(limited: ReviewDesk) -> None:
    flow = limited.create_flow_definition("limited", "<crowd-form></crowd-form>", wait=False)
    runtime = limited.client("sagemaker-a2i-runtime")
    seen = {
        outcome(
            runtime.start_human_loop,
            HumanLoopName=f"loop-{number}",
            FlowDefinitionArn=flow,
            HumanLoopInput={"InputContent": "{}"},
        )
        for number in range(20)
    }
    assert ("ThrottlingException", 429) in seen
    assert ("ServiceQuotaExceededException", 402) in seen
    assert seen <= {("ThrottlingException", 429), ("ServiceQuotaExceededException", 402), ("ok", 200)}
