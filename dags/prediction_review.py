"""Any model's predictions go in, two people check the unsure ones, a third decides disputes (custom task type).

The Dag runs unchanged on Amazon A2I and on Review Desk, with Amazon S3 and with any S3-compatible store: only the
Airflow connection ``aws_default`` differs, by the endpoint of each service in its ``service_config``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Param, dag, task

from a2i.exceptions import A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.s3 import A2IS3Hook
from a2i.human_review import human_review

log = logging.getLogger("prediction_review")

CONNECTION = "aws_default"
TEMPLATE_FILE = Path(__file__).parents[1] / "include" / "templates" / "prediction_review.liquid.html"
OUTPUT_FOLDER = "{{ params.output_prefix.rstrip('/') }}"
RUN_FOLDER = f"{OUTPUT_FOLDER}/{{{{ run_id }}}}"
# Amazon A2I takes this role to write the answers; Review Desk ignores it.
ROLE_ARN = "{{ var.value.get('a2i_role_arn', 'arn:aws:iam::000000000000:role/a2i-execution') }}"

# People see what the model is not sure of, and a share of the rest, to learn how often it errs while it is sure.
ACTIVATION_CONDITIONS = """
{"Conditions": [
  {"ConditionType": "ConfidenceCheck",
   "ConditionParameters": {"Path": "$.prediction.*.confidence",
                           "ConfidenceLessThan": {{ params.confidence_threshold }}}}
  {%- if params.sampling_percentage %},
  {"ConditionType": "Sampling",
   "ConditionParameters": {"RandomSamplingPercentage": {{ params.sampling_percentage }}}}
  {%- endif %}]}
"""

reviewed_predictions = Asset("reviewed_predictions")

PARAMS = {
    "predictions_uri": Param(
        type="string",
        pattern=r"^s3://[a-z0-9][a-z0-9.\-]+/.+$",
        title="Predictions",
        description="S3 object with one prediction a line, such as `s3://documents/predictions.jsonl`.",
    ),
    "output_prefix": Param(
        type="string",
        pattern=r"^s3://[a-z0-9][a-z0-9.\-]+(/.*)?$",
        title="Results",
        description="S3 folder for the answers and, in a folder for each run, `results.jsonl`.",
    ),
    "confidence_threshold": Param(
        80,
        type="number",
        minimum=0,
        maximum=100,
        title="Confidence threshold (percent)",
        description="A prediction goes to people if the model is less sure than this of any of its fields.",
    ),
    "sampling_percentage": Param(
        5,
        type="number",
        minimum=0,
        maximum=100,
        multipleOf=0.01,
        title="Sample (percent)",
        description="This share of all predictions goes to people, however sure the model is.",
    ),
    "max_reviews": Param(
        1000,
        type="integer",
        minimum=0,
        title="Reviews at most",
        description="If more predictions need a person, those that the model is least sure of go first.",
    ),
    "round": Param(
        1,
        type="integer",
        minimum=1,
        title="Round",
        description="To clear a run and have people look at the same predictions once more, raise it by one.",
    ),
}


@task
@one_line_failures
def write_items(predictions_uri: str, threshold: str, items_uri: str) -> str:
    """Write a review item for every prediction, and return where they are."""
    s3 = A2IS3Hook(CONNECTION)

    def items() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(s3.read_json_lines(predictions_uri), start=1):
            try:
                yield review_item(row, float(threshold))
            except (KeyError, TypeError):
                raise A2IUserError(
                    f"{predictions_uri}, prediction {number} (id {row.get('id')!r}) must have id, text and fields, a "
                    "list of objects with name, value and confidence: correct it."
                ) from None

    count = s3.write_json_lines(items_uri, items())
    log.info("Predictions: %d", count)
    return items_uri


def review_item(row: dict[str, Any], threshold: float) -> dict[str, Any]:
    """Return what people see of a prediction, and what the model said."""
    fields = [{"label": None, "choices": None, **field} for field in row["fields"]]
    return {
        "id": row["id"],
        "input": {"text": row["text"], "confidenceThreshold": threshold, "fields": fields},
        "prediction": {
            field["name"]: {"value": field["value"], "confidence": field["confidence"]} for field in fields
        },
    }


DOC = """
### People check what a model is not sure of

1. The predictions are a JSON Lines object, with one object a line:

       {"id": "m-17", "text": "My parcel is late.",
        "fields": [{"name": "topic", "label": "Topic", "value": "Return", "confidence": 41.5,
                    "choices": ["Delivery", "Return"]}]}

   `label` and `choices` may be left out; `confidence` is in percent, or null.
2. Predictions with a field below the confidence threshold, and a sample of the others, go to two reviewers. If they are
   more than people may see, those that the model is least sure of go first.
3. What the two are divided on goes to one person of another team, with both answers.
4. `results.jsonl` in the results folder has one row a prediction, reviewed or not, and the asset
   `reviewed_predictions` is updated.

**Needs** the connection `aws_default` (S3, `sagemaker` and `sagemaker-a2i-runtime`), work teams of the names in the
Variables `a2i_workteam` (default `reviewers`) and `a2i_adjudication_workteam` (default `adjudicators`), and with Amazon
A2I the role in the Variable `a2i_role_arn`. Clearing or retrying a task starts no review twice.
"""


@dag(
    dag_id="prediction_review",
    schedule=None,
    params=PARAMS,
    max_active_runs=4,
    default_args={"owner": "a2i", "retries": 3, "retry_delay": timedelta(seconds=15)},
    tags=["a2i", "human review", "assets"],
    doc_md=DOC,
)
def prediction_review() -> None:
    """Wire the tasks."""
    items = write_items(
        "{{ params.predictions_uri }}",
        "{{ params.confidence_threshold }}",
        f"{RUN_FOLDER}/review_items.jsonl",
    )
    human_review(
        items=items,
        workteam="{{ var.value.get('a2i_workteam', 'reviewers') }}",
        adjudication_workteam="{{ var.value.get('a2i_adjudication_workteam', 'adjudicators') }}",
        adjudication_kwargs={"task_title": "Decide where reviewers differ"},
        task_title="Check a prediction",
        task_description="Read the text and correct what the model got wrong.",
        task_count=2,
        template_file=TEMPLATE_FILE,
        output_path=f"{OUTPUT_FOLDER}/human-loops",
        role_arn=ROLE_ARN,
        ledger_uri=f"{RUN_FOLDER}/human-loop-batches",
        round="{{ params.round }}",
        activation_conditions=ACTIVATION_CONDITIONS,
        max_reviews="{{ params.max_reviews }}",
        on_failure="continue",
        poke_interval=10,
        results_uri=f"{RUN_FOLDER}/results.jsonl",
        results_asset=reviewed_predictions,
        aws_conn_id=CONNECTION,
    )


prediction_review()
