"""The commands for daily operation, beside a running service."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from oidc_provider import OidcServer
from support import ReviewDesk, wait_for_json


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk, s3: Any) -> str:
    flow = review_desk_server.create_flow_definition("daily", "<crowd-form></crowd-form>")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    for name in ("done", "open"):
        runtime.start_human_loop(
            HumanLoopName=name,
            FlowDefinitionArn=flow,
            HumanLoopInput={"InputContent": '{"secret": "content"}'},
        )
    portal = review_desk_server.portal()
    portal.submit(portal.claim(human_loop="done").json(), {"answer": "secret answer"})
    wait_for_json(s3, runtime.describe_human_loop(HumanLoopName="done")["HumanLoopOutput"]["OutputS3Uri"])
    return flow


def lines(desk: ReviewDesk, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.command(*arguments).splitlines()]


@pytest.mark.usefixtures("flow")
def test_loops_are_listed(review_desk_server: ReviewDesk) -> None:
    listed = lines(review_desk_server, "loop", "list", "--flow-definition", "daily")
    assert [loop["HumanLoopName"] for loop in listed] == ["open", "done"]
    listed = lines(review_desk_server, "loop", "list", "--status", "Completed")
    assert [(loop["HumanLoopName"], loop["Answers"]) for loop in listed] == [("done", 1)]


@pytest.mark.usefixtures("flow")
def test_a_loop_is_shown_with_its_history_and_without_content(review_desk_server: ReviewDesk) -> None:
    shown = review_desk_server.command("loop", "show", "done")
    assert "secret" not in shown
    loop, *rest = [json.loads(line) for line in shown.splitlines()]
    assert loop["HumanLoopStatus"] == "Completed"
    assert [(line["Action"], line["Worker"]) for line in rest if "Action" in line] == [
        ("claimed", "worker-1"),
        ("submitted", "worker-1"),
        ("loop-completed", None),
    ]
    [output, event] = [line for line in rest if "Delivery" in line]
    assert (output["Delivery"], event["Delivery"]) == ("output", "event")
    assert output["DeliveredAt"]


def doctor(desk: ReviewDesk, **settings: str) -> subprocess.CompletedProcess[str]:
    from support import COMMAND

    environment = {**desk.environment, **settings}
    return subprocess.run([COMMAND, "doctor"], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("flow")
def test_the_doctor_finds_nothing(review_desk_server: ReviewDesk) -> None:
    result = doctor(review_desk_server)
    assert result.returncode == 0, result.stdout
    for words in (
        "is up to date",
        "the bucket answers answers",
        "reviewers has 3 members",
        "no dead letters",
    ):
        assert words in result.stdout


@pytest.mark.usefixtures("flow")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"REVIEW_DESK_S3_ENDPOINT_URL": "http://127.0.0.1:1"}, "The bucket answers cannot be used"),
        ({"REVIEW_DESK_PUBLIC_URL": "http://review.example.com"}, "Use https"),
        ({"REVIEW_DESK_READABLE_BUCKETS": "documents,not-there"}, "The bucket not-there cannot be used"),
        ({"REVIEW_DESK_SECRET_KEY": "x" * 43 + "="}, "encrypted with another key"),
    ],
)
def test_the_doctor_says_what_to_do(
    review_desk_server: ReviewDesk, settings: dict[str, str], words: str
) -> None:
    result = doctor(review_desk_server, **settings)
    assert result.returncode == 1
    assert words in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_the_doctor_looks_at_the_provider(review_desk_server: ReviewDesk) -> None:
    with OidcServer() as provider:
        result = doctor(review_desk_server, **provider.settings)
        assert result.returncode == 0, result.stdout
        assert f"{provider.issuer} answers, with 1 signing key" in result.stdout
        assert f"redirect URI {review_desk_server.url}/portal/oidc/callback" in result.stdout
        for settings, words in (
            ({"REVIEW_DESK_OIDC_SCOPES": "openid groups email"}, "does not offer the scope email"),
            ({"REVIEW_DESK_OIDC_GROUP_TEAMS": "staff=nowhere"}, "review-desk team create nowhere"),
            ({"REVIEW_DESK_OIDC_ISSUER": f"{provider.issuer}/"}, f"is of the issuer {provider.issuer!r}"),
        ):
            result = doctor(review_desk_server, **{**provider.settings, **settings})
            assert result.returncode == 1
            assert words in result.stdout
        provider.down = {"keys"}
        assert "does not answer as a provider does" in doctor(review_desk_server, **provider.settings).stdout
    result = doctor(review_desk_server, **provider.settings)
    assert "does not answer as a provider does" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
