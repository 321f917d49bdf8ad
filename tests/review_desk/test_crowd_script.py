"""Whose crowd-* elements a template gets, and what its frame may load for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import Served
from pydantic import ValidationError
from review_desk_fixtures import SCOPE, Desk

from review_desk.elements import aws_bridge, drawings
from review_desk.engine.tasks import Task
from review_desk.portal.frame import SCRIPT_PATH, frame_headers, frame_url, with_elements
from review_desk.settings import Settings
from review_desk.templates import AWS_ORIGIN, AWS_SCRIPT_URL

PICTURE = "https://assets.crowd.aws/images/a2i-console/value-is-blank.png"


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split("; "))}


def shown(directory: Path, **settings: str) -> tuple[str, dict[str, list[str]]]:
    """The page of a task and the policy of its frame."""
    desk = Desk(directory, **settings)
    content = f'<script src="{AWS_SCRIPT_URL}"></script><crowd-form><img src="{PICTURE}"></crowd-form>'
    desk.service.human_task_uis.create(SCOPE, "aws", content, [])
    desk.start(desk.flow(HumanTaskUiArn=SCOPE.arn("human-task-ui", "aws")), "loop")
    task = desk.tasks.claim(desk.worker("worker"), loop_name="loop")
    assert isinstance(task, Task)
    with Served(desk) as served:
        answer = served.request("GET", frame_url(desk.service, task))
    desk.service.database.engine.dispose()
    return answer.body.decode(), directives(answer.headers["content-security-policy"])


def test_by_itself_nothing_of_aws_is_named_or_allowed(tmp_path: Path) -> None:
    page, policy = shown(tmp_path)
    assert "crowd.aws" not in page
    assert 'src="/portal/elements/crowd-html-elements.js' in page
    assert 'src="/portal/elements/images/blank-value.svg"' in page
    assert not [values for values in policy.values() if any("crowd.aws" in value for value in values)]


def test_with_the_cdn_the_addresses_stay_and_are_allowed(tmp_path: Path) -> None:
    page, policy = shown(tmp_path, crowd_script="cdn")
    assert f'src="{AWS_SCRIPT_URL}"' in page
    assert f'src="{PICTURE}"' in page
    allowed = {name for name, values in policy.items() if AWS_ORIGIN in values}
    assert allowed == {"script-src", "style-src", "img-src", "font-src"}
    assert policy["connect-src"] == policy["form-action"] == ["'none'"]


def test_the_two_policies_differ_in_nothing_else() -> None:
    own, cdn = (
        frame_headers(["http://desk.test"], crowd_script=script)["Content-Security-Policy"]
        for script in ("own", "cdn")
    )
    assert cdn.replace(f" {AWS_ORIGIN}", "") == own


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DESK_CROWD_SCRIPT", "aws")
    with pytest.raises(ValidationError, match="crowd_script"):
        Settings()


def test_drawings_are_served_to_frames_and_nothing_else_is(tmp_path: Path) -> None:
    with Served(Desk(tmp_path)) as served:
        for name in drawings():
            answer = served.request("GET", f"/portal/elements/images/{name}")
            assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
            # A frame has an opaque origin: to it the portal is another site.
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            assert answer.headers["content-security-policy"].startswith("sandbox")
        for name in ("other.svg", "..%2F__init__.py", "../__init__.py", "..%2Fruntime%2Fstart.js"):
            assert served.request("GET", f"/portal/elements/images/{name}").status == 404


def test_only_elements_of_aws_get_the_bridge_to_the_portal() -> None:
    page = f'<script src="{AWS_SCRIPT_URL}"></script>'
    assert with_elements(page, "cdn") == f"{page}<script>{aws_bridge()}</script>"
    assert with_elements(page, "own").startswith(f'<script src="{SCRIPT_PATH}')
    assert aws_bridge() not in with_elements(page, "own")
    assert "</script" not in aws_bridge()
