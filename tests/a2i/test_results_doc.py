"""docs/results.md says what the code does: its tables are the code's, its examples make Dags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, dag, task

from a2i.batch.parquet import load_pyarrow, parquet_schema
from a2i.batch.results import ANSWER_COLUMNS, COLUMNS, Column
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor
from a2i.triggers.human_loop_event import A2IHumanLoopEventTrigger

DOCUMENT = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
KINDS = {
    "text": ("text", "string"),
    "json": ("any value", "string (JSON)"),
    "boolean": ("true, false", "bool"),
    "number": ("number", "double"),
    "texts": ("list of texts", "list&lt;string&gt;"),
    "record": ("object", "struct"),
    "records": ("list of objects", "list&lt;struct&gt;"),
}


def table(columns: tuple[Column, ...]) -> str:
    rows = (
        f"| `{column.name}` | {' | '.join(KINDS[column.kind])} | {column.meaning} |\n" for column in columns
    )
    return "".join(rows)


def test_the_tables_are_the_codes() -> None:
    assert table(COLUMNS) in DOCUMENT
    assert table(ANSWER_COLUMNS) in DOCUMENT


def test_every_column_has_a_type_in_parquet() -> None:
    assert parquet_schema(load_pyarrow()).names == [column.name for column in COLUMNS]


def test_the_examples_make_dags() -> None:
    names: dict[str, Any] = {
        "A2ICollectHumanLoopBatchOperator": A2ICollectHumanLoopBatchOperator,
        "A2IHumanLoopBatchSensor": A2IHumanLoopBatchSensor,
        "A2IHumanLoopEventTrigger": A2IHumanLoopEventTrigger,
        "A2IStartHumanLoopBatchOperator": A2IStartHumanLoopBatchOperator,
        "Asset": Asset,
        "AssetWatcher": AssetWatcher,
        "adjudicators": "arn:aws:sagemaker:eu-west-1:111122223333:flow-definition/adjudicators",
        "dag": dag,
        "task": task,
    }
    examples = re.findall(r"^```python\n(.*?)^```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
    assert len(examples) == 4
    for number, example in enumerate(examples):
        with DAG(f"example_{number}") as example_dag:
            names["batch"] = A2IStartHumanLoopBatchOperator(
                task_id="start",
                flow_definition_arn="arn:aws:sagemaker:eu-west-1:111122223333:flow-definition/reviewers",
                items=[],
                ledger_uri="s3://review/first",
            )
            exec(compile(example, f"results.md, example {number}", "exec"), names)
    adjudication = names["joined"]
    assert adjudication.upstream_task_ids == {"wait_for_adjudication", "start_adjudication", "collect"}
    assert example_dag.task_ids == ["start"]
