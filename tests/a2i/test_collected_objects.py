"""Collecting beyond one object: Parquet, disputed items and their adjudication, asset events."""

from __future__ import annotations

import io
import json
import sys
import uuid
from typing import Any

import pyarrow.parquet
import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors
from support import Portal, ReviewDesk

from a2i.batch import parquet
from a2i.batch.results import COLUMNS
from a2i.exceptions import A2IUserError
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

TEMPLATE = "<crowd-form><input name='city'><input name='name'></crowd-form>"


@pytest.fixture(scope="module")
def pairs(review_desk_server: ReviewDesk) -> str:
    """A flow definition with two reviewers for each item."""
    return review_desk_server.create_flow_definition("pairs", TEMPLATE, TaskCount=2)


@pytest.fixture(scope="module")
def adjudicators(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("adjudicators", TEMPLATE)


@pytest.fixture(scope="module")
def people(review_desk_server: ReviewDesk) -> list[Portal]:
    return [review_desk_server.portal(f"worker-{number}") for number in (1, 2, 3)]


def start(flow: str, items: Any) -> dict[str, Any]:
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start", flow_definition_arn=flow, items=items, ledger_uri="s3://answers/ledgers"
    )
    return dict(operator.execute(task_context(f"manual__{uuid.uuid4()}")))


def collect(batch: dict[str, Any], context: Any = None, **arguments: Any) -> dict[str, Any]:
    operator = A2ICollectHumanLoopBatchOperator(task_id="collect", batch=batch, **arguments)
    return dict(operator.execute(context or task_context()))


def content(s3: Any, uri: str) -> bytes:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def rows(s3: Any, uri: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(s3, uri).splitlines()]


def exists(s3: Any, uri: str) -> bool:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=key)


def answer(person: Portal, batch: dict[str, Any], item_id: str, **given: str) -> None:
    task = person.claim(human_loop=human_loop_name(batch["batch_id"], item_id)).json()
    person.submit(task, given).raise_for_status()


def folder() -> str:
    return f"s3://answers/{uuid.uuid4().hex}"


def disputed_review(pairs: str, people: list[Portal]) -> dict[str, Any]:
    """Two reviewers agree on ``a`` and ``d`` and not on the city of ``b`` and ``c``."""
    batch = start(pairs, [{"id": item_id, "input": {"text": f"text {item_id}"}} for item_id in "abcd"])
    for item_id in "abcd":
        answer(people[0], batch, item_id, city="Rome", name=item_id)
        answer(people[1], batch, item_id, city="Roma" if item_id in "bc" else "rome", name=item_id)
    return batch


def test_a_dispute_goes_to_adjudicators_and_comes_back(
    aws: FaultProxy, s3: Any, pairs: str, adjudicators: str, people: list[Portal]
) -> None:
    uri = folder()
    first = collect(
        disputed_review(pairs, people), results_uri=f"{uri}/first.jsonl", disputed_uri=f"{uri}/disputed.jsonl"
    )
    assert (first["disputed"], first["disputed_uri"]) == (2, f"{uri}/disputed.jsonl")
    assert [row["disputed_fields"] for row in rows(s3, first["results_uri"])] == [[], ["city"], ["city"], []]
    assert all(row["input"] is None for row in rows(s3, first["results_uri"]))
    assert first["agreement"] == json.loads(content(s3, f"{uri}/first.agreement.json"))
    assert (first["agreement"]["city"]["items"], first["agreement"]["city"]["percent"]) == (4, 50.0)
    assert first["agreement"]["name"]["percent"] == 100.0
    items = rows(s3, first["disputed_uri"])
    assert [item["id"] for item in items] == ["b", "c"]
    assert items[0]["input"]["text"] == "text b"
    assert items[0]["input"]["disputedFields"] == ["city"]
    assert sorted(given["city"] for given in items[0]["input"]["answers"]) == ["Roma", "Rome"]

    second = start(adjudicators, first["disputed_uri"])
    answer(people[2], second, "b", city="Roma", name="overruled")
    joined = collect(second, adjudicates=first["results_uri"], results_uri=f"{uri}/joined.jsonl")
    assert (joined["items"], joined["disputed"]) == (4, 1)
    assert "agreement" not in joined
    a, b, c, d = rows(s3, joined["results_uri"])
    assert (a["source"], d["source"], a["adjudication"]) == ("consensus", "consensus", None)
    assert (b["source"], b["fields"], b["disputed_fields"]) == (
        "adjudication",
        {"city": "Roma", "name": "b"},
        [],
    )
    assert [given["adjudicator"] for given in b["answers"]] == [False, False, True]
    assert b["adjudication"]["status"] == "Completed"
    assert b["human_loop_name"] != b["adjudication"]["human_loop_name"]
    assert (c["source"], c["disputed_fields"]) == ("consensus", ["city"])
    assert c["error"] == "adjudication: not reviewed: InProgress"


def test_no_dispute_is_an_empty_batch(aws: FaultProxy, s3: Any, pairs: str, adjudicators: str) -> None:
    uri = folder()
    first = collect(
        start(pairs, [{"id": "bad"}]), results_uri=f"{uri}/first.jsonl", disputed_uri=f"{uri}/disputed.jsonl"
    )
    second = start(adjudicators, first["disputed_uri"])
    assert second["items"] == 0
    waited = A2IHumanLoopBatchSensor(task_id="wait", batch=second, deferrable=True).execute(task_context())
    assert waited["items"] == 0
    joined = collect(second, adjudicates=first["results_uri"], results_uri=f"{uri}/joined.jsonl")
    assert joined["items"] == 1
    assert rows(s3, joined["results_uri"]) == rows(s3, first["results_uri"])


def test_an_adjudication_of_something_else_is_refused(
    aws: FaultProxy, s3: Any, pairs: str, adjudicators: str
) -> None:
    uri = folder()
    first = collect(start(pairs, []), results_uri=f"{uri}/first.jsonl")
    other = start(adjudicators, [{"id": "x", "input": {}}])
    with pytest.raises(
        A2IUserError, match=r"Item 'x' of the adjudicating batch is no disputed item of s3://"
    ):
        collect(other, adjudicates=first["results_uri"], results_uri=f"{uri}/joined.jsonl")
    assert not exists(s3, f"{uri}/joined.jsonl")
    s3.put_object(Bucket="answers", Key=f"{uri.removeprefix('s3://answers/')}/odd.jsonl", Body=b'{"a": 1}\n')
    with pytest.raises(A2IUserError, match=r"odd.jsonl, line 1 is no row of results"):
        collect(other, adjudicates=f"{uri}/odd.jsonl", results_uri=f"{uri}/joined.jsonl")
    with pytest.raises(A2IUserError, match="There is no object"):
        collect(other, adjudicates=f"{uri}/nothing.jsonl", results_uri=f"{uri}/joined.jsonl")
    with pytest.raises(A2IUserError, match="adjudicates and results_uri are both s3://"):
        collect(other, adjudicates=first["results_uri"], results_uri=first["results_uri"])


def test_parquet_has_the_same_rows(
    aws: FaultProxy, s3: Any, pairs: str, people: list[Portal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 3)
    result = collect(disputed_review(pairs, people), parquet_uri=f"{folder()}/results.parquet")
    file = pyarrow.parquet.ParquetFile(io.BytesIO(content(s3, result["parquet_uri"])))
    assert file.metadata.num_row_groups == 2
    assert file.schema_arrow.names == [column.name for column in COLUMNS]
    found = file.read().to_pylist()
    json_columns = [column.name for column in COLUMNS if column.kind == "json"]
    for row in found:
        for name in json_columns:
            row[name] = json.loads(row[name]) if row[name] is not None else None
        for given in row["answers"]:
            given["content"], given["marks"] = json.loads(given["content"]), json.loads(given["marks"])
    assert found == rows(s3, result["results_uri"])


def test_parquet_of_nothing_can_be_read(aws: FaultProxy, s3: Any, pairs: str) -> None:
    result = collect(start(pairs, []), parquet_uri=f"{folder()}/results.parquet")
    assert pyarrow.parquet.read_table(io.BytesIO(content(s3, result["parquet_uri"]))).num_rows == 0


def test_parquet_without_pyarrow_is_one_sentence(
    aws: FaultProxy, pairs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = start(pairs, [])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        A2IUserError, match=r"parquet_uri needs pyarrow: install 'airflow-provider-a2i\[parquet\]'"
    ):
        collect(batch, parquet_uri=f"{folder()}/results.parquet")
    assert collect(batch)["items"] == 0


def test_assets_are_told_where_the_results_are(aws: FaultProxy, pairs: str) -> None:
    batch = start(pairs, [{"id": "bad"}])
    outlet, results_asset, alias = Asset("s3://answers/forms"), Asset("reviewed"), AssetAlias("any")
    context = task_context()
    context["outlet_events"] = OutletEventAccessors()
    operator = A2ICollectHumanLoopBatchOperator(
        task_id="collect", batch=batch, outlets=[outlet, alias], results_asset=results_asset
    )
    assert list(operator.outlets) == [outlet, alias, results_asset]
    result = operator.execute(context)
    for asset in (outlet, results_asset):
        assert context["outlet_events"][asset].extra == result
    assert result["not_started"] == 1
    [event] = context["outlet_events"][alias].asset_alias_events
    assert (event.dest_asset_key.uri, event.extra) == (result["results_uri"], result)


def test_dawid_skene_writes_rows_in_order(aws: FaultProxy, s3: Any, pairs: str, people: list[Portal]) -> None:
    batch = disputed_review(pairs, people)
    result = collect(batch, consensus="dawid_skene", disputed_uri=f"{folder()}/disputed.jsonl")
    found = rows(s3, result["results_uri"])
    assert [row["item_id"] for row in found] == ["a", "b", "c", "d"]
    assert [row["fields"]["name"] for row in found] == ["a", "b", "c", "d"]
    assert all(list(row) == [column.name for column in COLUMNS] for row in found)
    assert len(rows(s3, result["disputed_uri"])) == result["disputed"]


def test_wrong_parameters_fail_while_airflow_parses_the_dag() -> None:
    with pytest.raises(ValueError, match="consensus must be 'majority', 'dawid_skene' or None, got 'mode'"):
        A2ICollectHumanLoopBatchOperator(task_id="t", batch={}, consensus="mode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The normaliser of 'total' is 'money'"):
        A2ICollectHumanLoopBatchOperator(task_id="t", batch={}, normalisers={"total": "money"})
