"""A2IStartHumanLoopBatchOperator: every item once, through all that can go wrong."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from start_support import TEMPLATE, items, ledger, loops, start
from support import ReviewDesk

from a2i.batch import parts as parts_module
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2IStartHumanLoopBatchOperator


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("batch", TEMPLATE)


@pytest.fixture
def run_id(aws: FaultProxy) -> str:
    """A run of its own, so that tests do not meet each other's loops."""
    return f"manual__{uuid.uuid4()}"


def test_a_loop_for_every_item_and_a_ledger(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str
) -> None:
    context = task_context(run_id)
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start", flow_definition_arn=flow, items=items(25), ledger_uri="s3://answers/ledgers/"
    )
    batch = operator.execute(context)
    assert (batch["items"], batch["started"], batch["failed"]) == (25, 25, 0)
    assert set(loops(review_desk_server, flow, batch)) == {
        human_loop_name(batch["batch_id"], item["id"]) for item in items(25)
    }
    assert [row["item_id"] for row in ledger(s3, batch)] == [item["id"] for item in items(25)]
    assert len(json.dumps(batch)) < 1000
    assert context["ti"].xcoms["a2i_review_portal"]["url"].endswith("/portal")


def test_items_from_json_lines(review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str) -> None:
    body = "\n".join(json.dumps(item, ensure_ascii=False) for item in items(7, name="Zoë")) + "\n\n"
    s3.put_object(Bucket="documents", Key=f"{run_id}/items.jsonl", Body=body.encode())
    batch = start(flow, f"s3://documents/{run_id}/items.jsonl", run_id)
    assert batch["started"] == 7
    assert len(loops(review_desk_server, flow, batch)) == 7


def test_bad_items_are_named_and_the_rest_goes_on(
    s3: Any, flow: str, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        '{"id": "good", "input": {}}',
        '{"id": "good", "input": {"again": true}}',
        "{oops",
        '{"input": {}}',
        json.dumps({"id": "large", "input": {"x": "x" * 3_200_000}}),
        '{"id": "fine", "input": {}}',
    ]
    s3.put_object(Bucket="documents", Key=f"{run_id}/bad.jsonl", Body="\n".join(lines).encode())
    batch = start(flow, f"s3://documents/{run_id}/bad.jsonl", run_id)
    assert (batch["items"], batch["started"], batch["failed"]) == (6, 2, 4)
    errors = [(row["item_id"], row["error"]) for row in ledger(s3, batch) if row["error"]]
    assert errors[0] == ("good", "line 2: duplicate id: an earlier item has it")
    assert errors[1][1].startswith("line 3: not JSON")
    assert errors[2][1].startswith("line 4: no id")
    assert errors[3][0] == "large"
    assert "A2I takes 3,145,728" in errors[3][1]
    log = capsys.readouterr().out
    assert "No human loop for 'good' (line 2): duplicate id" in log
    assert "No human loop for line 3: not JSON" in log


def test_an_item_that_the_service_refuses_is_an_item_error(
    s3: Any, flow: str, run_id: str, aws: FaultProxy
) -> None:
    refused = iter([(400, "ValidationException", "Request has invalid parameters")])
    aws.faults = lambda method, path: next(refused, None) if method == "POST" else None
    batch = start(flow, items(3), run_id, max_concurrency=1)
    assert (batch["started"], batch["failed"]) == (2, 1)
    assert [row["error"] for row in ledger(s3, batch) if row["error"]] == [
        "item 1: Request has invalid parameters"
    ]


def test_another_try_starts_nothing_twice_and_asks_nothing_again(
    review_desk_server: ReviewDesk, flow: str, run_id: str, aws: FaultProxy
) -> None:
    first = start(flow, items(30), run_id)
    aws.requests.clear()
    second = start(flow, items(30), run_id)
    assert aws.count("POST", "/human-loops") == 0
    assert {**second, "created_before": ""} == {**first, "created_before": ""}
    assert len(loops(review_desk_server, flow, first)) == 30


def test_a_start_broken_off_in_the_middle_goes_on_where_it_was(
    review_desk_server: ReviewDesk, flow: str, run_id: str, aws: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "PART_ITEMS", 10)
    seen = 0

    def breaks_off(method: str, path: str) -> tuple[int, str, str] | None:
        nonlocal seen
        seen += method == "POST"
        return (500, "InternalServerException", "killed") if seen > 25 else None

    aws.faults = breaks_off
    with pytest.raises(A2IServiceError, match=r"No human loop could be started for \d+ s: .*killed"):
        start(flow, items(40), run_id, outage_tolerance=0.5)
    aws.reset()
    batch = start(flow, items(40), run_id)
    assert batch["started"] == 40
    assert len(loops(review_desk_server, flow, batch)) == 40
    # Two parts of ten were written at least; only the rest was asked for again.
    assert aws.count("POST", "/human-loops") <= 20


def test_throttling_and_short_outages_slow_it_down_only(
    review_desk_server: ReviewDesk, flow: str, run_id: str, aws: FaultProxy
) -> None:
    seen = 0
    answers = [
        (429, "ThrottlingException", "Rate exceeded"),
        (402, "ServiceQuotaExceededException", "Too many open loops"),
        (500, "InternalServerException", "oops"),
    ]

    def troubled(method: str, path: str) -> tuple[int, str, str] | None:
        nonlocal seen
        seen += method == "POST"
        return answers[seen % 9 // 3] if method == "POST" and seen % 3 == 0 and seen < 30 else None

    aws.faults = troubled
    batch = start(flow, items(40), run_id)
    assert (batch["started"], batch["failed"]) == (40, 0)
    assert len(loops(review_desk_server, flow, batch)) == 40


def test_a_conflict_means_look_again(
    review_desk_server: ReviewDesk, flow: str, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = start(flow, items(2), run_id)
    second = start(flow, [items(1)[0] | {"input": {"corrected": True}}, items(2)[1]], run_id)
    assert (second["started"], second["failed"]) == (2, 0)
    assert len(loops(review_desk_server, flow, first)) == 2
    assert (
        "'form-0000' (item 1) has a human loop with another input from an earlier run"
        in capsys.readouterr().out
    )


def test_the_name_of_a_finished_loop_is_looked_up(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str
) -> None:
    first = start(flow, items(1), run_id)
    name = human_loop_name(first["batch_id"], "form-0000")
    portal = review_desk_server.portal()
    portal.submit(portal.claim(human_loop=name).json(), {"category": "a"})
    for entry in s3.list_objects_v2(Bucket="answers", Prefix="ledgers/" + first["batch_id"])["Contents"]:
        s3.delete_object(Bucket="answers", Key=entry["Key"])
    again = start(flow, items(1), run_id)
    assert (again["started"], again["failed"]) == (1, 0)
    assert loops(review_desk_server, flow, again)[name]["HumanLoopStatus"] == "Completed"


def test_a_new_round_is_a_new_batch(review_desk_server: ReviewDesk, flow: str, run_id: str) -> None:
    first, second = start(flow, items(2), run_id), start(flow, items(2), run_id, round="2")
    assert first["batch_id"] != second["batch_id"]
    assert len(loops(review_desk_server, flow, second)) == 2


@pytest.mark.parametrize("given", [[], "s3://documents/no-such-folder/"])
def test_an_empty_batch_ends_well_and_says_so(
    given: Any, s3: Any, flow: str, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(flow, given, run_id)["items"] == 0
    assert "The batch is empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"ledger_uri": "/tmp/ledger"}, "'/tmp/ledger' is not an S3 URI: write s3://bucket/key."),
        (
            {"ledger_uri": "s3://no-such-bucket/x"},
            "There is no bucket 'no-such-bucket' at connection 'aws_default'",
        ),
        ({"items": "s3://documents/none.jsonl"}, "There is no object s3://documents/none.jsonl"),
        ({"round": "one"}, "round must be a whole number, got 'one'"),
        ({"max_concurrency": 0}, "max_concurrency must be between 1 and 500, got 0"),
        ({"aws_conn_id": "aws_defualt"}, "There is no Airflow connection 'aws_defualt'"),
        (
            {"flow_definition_arn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/none"},
            "There is no flow definition arn:aws:sagemaker:us-east-1:000000000000:flow-definition/none at connection",
        ),
    ],
)
def test_mistakes_are_one_line(flow: str, run_id: str, arguments: dict[str, Any], complaint: str) -> None:
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start",
        **{
            "flow_definition_arn": flow,
            "items": items(1),
            "ledger_uri": "s3://answers/ledgers",
            **arguments,
        },
    )
    with pytest.raises(A2IUserError) as caught:
        operator.execute(task_context(run_id))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refused_credentials_are_a_mistake(
    flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch, review_desk_server: ReviewDesk, s3_server: str
) -> None:
    from a2i_support import connection

    wrong = json.loads(connection(review_desk_server, s3_server, review_desk_server.url))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({**wrong, "password": "wrong"}))
    with pytest.raises(A2IUserError, match="Check the login, password and rights of the connection"):
        start(flow, items(1), run_id)


def test_storage_that_is_down_is_worth_a_retry(
    flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch, review_desk_server: ReviewDesk
) -> None:
    from a2i_support import connection

    nowhere = connection(review_desk_server, "http://127.0.0.1:9", review_desk_server.url)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", nowhere)
    with pytest.raises(A2IServiceError, match=r"127\.0\.0\.1:9"):
        start(flow, items(1), run_id, outage_tolerance=0)


def test_without_aiobotocore_it_says_what_to_install(
    flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("a2i.mixins.aiobotocore_is_installed", lambda: False)
    with pytest.raises(
        A2IUserError, match=r"needs aiobotocore: install 'apache-airflow-providers-amazon\[aiobotocore\]'"
    ):
        start(flow, items(1), run_id)
