"""Signed addresses: of which buckets, for how long, for which purpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.links import FRAME, MEDIA, Links


def token_of(path: str) -> str:
    return path.split("/")[3]


def test_a_link_opens_until_it_is_out_of_date(desk: Desk) -> None:
    token = token_of(desk.service.links.media("s3://documents/a b/page.png", 60, {"task": "task"}))
    assert desk.service.links.opened(MEDIA, token) == {
        "bucket": "documents",
        "key": "a b/page.png",
        "task": "task",
    }
    assert desk.service.links.opened(FRAME, token) is None
    assert desk.service.links.opened(MEDIA, token[:-4] + "AAA=") is None
    desk.clock.advance(61)
    assert desk.service.links.opened(MEDIA, token) is None


def test_only_readable_buckets_are_signed(desk: Desk) -> None:
    links = Links(desk.service.secret_box, desk.clock, frozenset({"documents"}))
    assert links.media("s3://documents/page.png", 60)
    with pytest.raises(ValueError, match="'secrets' is not in REVIEW_DESK_READABLE_BUCKETS"):
        links.media("s3://secrets/page.png", 60)


def test_a_loop_that_shows_another_bucket_fails(tmp_path: Path) -> None:
    desk = Desk(tmp_path, readable_buckets="documents, more")
    template = "<crowd-form>{{ task.input.text | grant_read_access }}</crowd-form>"
    desk.service.human_task_uis.create(SCOPE, "shows", template, [])
    flow = desk.flow("shows", HumanTaskUiArn=SCOPE.arn("human-task-ui", "shows"))
    desk.loops.start(SCOPE, "allowed", flow, '{"text": "s3://more/page.png"}')
    desk.loops.start(SCOPE, "refused", flow, '{"text": "s3://secrets/page.png"}')
    assert desk.status("allowed") == "InProgress"
    failed = desk.loops.describe(SCOPE, "refused")
    assert (str(failed.status), failed.failure_code) == ("Failed", "ValidationError")
    assert "READABLE_BUCKETS" in (failed.failure_reason or "")
