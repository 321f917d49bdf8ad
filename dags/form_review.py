"""Scanned forms go in, people correct what the OCR is not sure of, corrected data comes out (custom task type).

The Dag runs unchanged on Amazon A2I and on Review Desk, with Amazon S3 and with any S3-compatible store: only the
Airflow connection ``aws_default`` differs, by the endpoint of each service in its ``service_config``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task

from a2i.batch.results import join_results
from a2i.exceptions import A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.s3 import A2IS3Hook
from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

log = logging.getLogger("form_review")

CONNECTION = "aws_default"
TEMPLATE_FILE = Path(__file__).parents[1] / "include" / "templates" / "form_review.liquid.html"
OUTPUT_FOLDER = "{{ params.output_prefix.rstrip('/') }}"
RUN_FOLDER = f"{OUTPUT_FOLDER}/{{{{ run_id }}}}"
# Amazon A2I takes this role to read the forms and to write the answers; Review Desk ignores it.
ROLE_ARN = "{{ var.value.get('a2i_role_arn', 'arn:aws:iam::000000000000:role/a2i-execution') }}"

S3_FOLDER = r"^s3://[a-z0-9][a-z0-9.\-]+(/.*)?$"
PARAMS = {
    "input_prefix": Param(
        type="string",
        pattern=S3_FOLDER,
        title="Forms",
        description="S3 folder with one image (JPEG, PNG or TIFF) a form, such as `s3://documents/applications`.",
    ),
    "output_prefix": Param(
        type="string",
        pattern=S3_FOLDER,
        title="Results",
        description="S3 folder for the answers and, in a folder for each run, `results.jsonl`.",
    ),
    "confidence_threshold": Param(
        90,
        type="number",
        minimum=0,
        maximum=100,
        title="Confidence threshold (percent)",
        description="A form goes to people if the OCR is less sure than this of any of its fields.",
    ),
    "reviewers_per_form": Param(
        1,
        type="integer",
        minimum=1,
        maximum=3,
        title="Reviewers for each form",
        description="One person decides alone; two or three decide field by field, by majority.",
    ),
    "round": Param(
        1,
        type="integer",
        minimum=1,
        title="Round",
        description="To clear a run and have people look at the same forms once more, raise it by one.",
    ),
}


@task
@one_line_failures
def read_forms(input_prefix: str, output_prefix: str, predictions_uri: str) -> dict[str, Any]:
    """Read every form with OCR into one row a form; a file that is no image becomes a row with an error."""
    folder = f"{input_prefix.rstrip('/')}/"
    if f"{output_prefix}/".startswith(folder):
        raise A2IUserError(
            f"The results folder {output_prefix} lies inside the forms folder {folder}: its files would be read as "
            "forms. Choose another one."
        )
    s3 = A2IS3Hook(CONNECTION)
    counts: Counter[str] = Counter()
    documents = s3.list_uris(folder)
    counts["documents"] = s3.write_json_lines(predictions_uri, _predictions(s3, documents, folder, counts))
    if not counts["documents"]:
        raise A2IUserError(f"There are no forms: nothing is under {folder} at {s3.place}.")
    return {
        "predictions_uri": predictions_uri,
        "documents": counts["documents"],
        "unreadable": counts["unreadable"],
    }


def _predictions(
    s3: A2IS3Hook, documents: Iterator[str], folder: str, counts: Counter[str]
) -> Iterator[dict[str, Any]]:
    # Loading the OCR engine takes seconds: not while Airflow parses this file.
    from include.ocr import UnreadableImage, read_form

    for number, uri in enumerate(documents, start=1):
        row: dict[str, Any] = {
            "item_id": uri.removeprefix(folder),
            "document": uri,
            "fields": [],
            "words": [],
            "error": None,
        }
        try:
            form = read_form(s3.read_bytes(uri))
            row |= {"fields": form["fields"], "words": form["words"]}
        except UnreadableImage as error:
            counts["unreadable"] += 1
            row["error"] = str(error)
            log.error("%s is left out: %s", uri, error)
        log.info("Form %d is read: %s", number, uri)
        yield row


@task
@one_line_failures
def choose_forms(predictions_uri: str, threshold: str, items_uri: str) -> dict[str, Any]:
    """Write the review items: the forms with a field that the OCR is less sure of than the threshold."""
    from include.form_fields import JOB_APPLICATION

    s3 = A2IS3Hook(CONNECTION)
    items = (
        {
            "id": form["item_id"],
            "input": {
                "taskObject": form["document"],
                "formTitle": JOB_APPLICATION.title,
                "confidenceThreshold": float(threshold),
                "fields": form["fields"],
                # Reviewers click them into a field. Predictions of an earlier version have none.
                "words": form.get("words", []),
            },
            "prediction": ocr_fields(form),
        }
        for form in s3.read_json_lines(predictions_uri)
        if any(field["confidence"] < float(threshold) for field in form["fields"])
    )
    count = s3.write_json_lines(items_uri, items)
    log.info("Forms with a field below %s %%, for people to review: %d", threshold, count)
    return {"items_uri": items_uri, "forms": count}


@task
@one_line_failures
def write_results(predictions_uri: str, answers_uri: str, results_uri: str) -> dict[str, Any]:
    """Write one row a form, sure, reviewed or unreadable, and return where they are."""
    s3 = A2IS3Hook(CONNECTION)
    counts: Counter[str] = Counter()

    def rows() -> Iterator[dict[str, Any]]:
        joined = join_results(s3.read_json_lines(predictions_uri), s3.read_json_lines(answers_uri))
        for form, review in joined:
            row = result_row(form, review)
            counts.update(
                {
                    "documents": 1,
                    "unreadable": row["source"] == "none",
                    "needed_review": row["needed_review"],
                    "reviewed": bool(row["answers"]),
                    "not_reviewed": row["needed_review"] and not row["answers"],
                    "disputed_fields": len(row["disputed_fields"]),
                }
            )
            yield row

    s3.write_json_lines(results_uri, rows())
    log.info("%s: %s", results_uri, dict(counts))
    if counts["needed_review"] and not counts["reviewed"]:
        raise A2IUserError(
            f"None of the {counts['needed_review']} forms that needed a person was reviewed; {results_uri} has the "
            "model's values, and the cause for each form."
        )
    return {"results_uri": results_uri, **counts}


def ocr_fields(form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the OCR read, by field."""
    return {
        field["name"]: {"value": field["value"], "confidence": field["confidence"]}
        for field in form["fields"]
    }


def result_row(form: Mapping[str, Any], review: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put together what is known of one form; ``review`` is its row of the collected results."""
    read = {field["name"]: field["value"] for field in form["fields"]}
    return {
        "item_id": form["item_id"],
        "document": form["document"],
        "source": review["source"] if review else "model" if read else "none",
        "needed_review": review is not None,
        "ocr_fields": ocr_fields(form),
        "fields": review["fields"] if review else read,
        # In these the reviewers have no majority: the OCR's value stands.
        "disputed_fields": review["disputed_fields"] if review else [],
        "human_loop": review
        and {
            "name": review["human_loop_name"],
            "status": review["status"],
            "failure_reason": review["failure_reason"],
        },
        "answers": [
            {
                **{key: answer[key] for key in ("worker_id", "accepted", "submitted", "seconds", "marks")},
                # A form sends no empty inputs.
                "fields": {name: answer["content"].get(name, "") for name in read},
            }
            for answer in (review["answers"] if review else [])
        ],
        "error": review["error"] if review else form["error"],
    }


DOC = """
### People correct what the OCR is not sure of

1. Every image in the forms folder is read by a local OCR engine.
2. Forms with a field below the confidence threshold go to reviewers; the other ones need nobody.
3. The run waits, without holding a worker, until the reviewers have answered.
4. `results.jsonl` in the results folder has one row a form: what the OCR read, what people answered, who, and how
   long it took. Where two or three reviewers have no majority, the field is in `disputed_fields` and keeps the OCR's
   value.

**Needs** the connection `aws_default` (S3, `sagemaker` and `sagemaker-a2i-runtime`), a work team of the name in the
Variable `a2i_workteam` (default `reviewers`), and with Amazon A2I the role in the Variable `a2i_role_arn`.
Clearing or retrying a task starts no review twice.
"""


@dag(
    dag_id="form_review",
    schedule=None,
    params=PARAMS,
    max_active_runs=4,
    default_args={"owner": "a2i", "retries": 3, "retry_delay": timedelta(seconds=15)},
    tags=["a2i", "human review"],
    doc_md=DOC,
)
def form_review() -> None:
    """Wire the tasks."""
    forms = read_forms("{{ params.input_prefix }}", OUTPUT_FOLDER, f"{RUN_FOLDER}/predictions.jsonl")
    unsure = choose_forms(
        forms["predictions_uri"], "{{ params.confidence_threshold }}", f"{RUN_FOLDER}/review_items.jsonl"
    )
    human_task_ui = A2ICreateHumanTaskUiOperator(
        task_id="create_human_task_ui",
        aws_conn_id=CONNECTION,
        human_task_ui_name="form-review",
        template_file=TEMPLATE_FILE,
        if_exists="version",
    )
    flow_definition = A2ICreateFlowDefinitionOperator(
        task_id="create_flow_definition",
        aws_conn_id=CONNECTION,
        flow_definition_name="form-review",
        workteam="{{ var.value.get('a2i_workteam', 'reviewers') }}",
        human_task_ui_arn=human_task_ui.output,
        task_title="Check a scanned form",
        task_description="Compare the fields with the scan and correct what the machine got wrong.",
        task_count="{{ params.reviewers_per_form }}",
        output_path=f"{OUTPUT_FOLDER}/human-loops",
        role_arn=ROLE_ARN,
        if_exists="version",
    )
    batch = A2IStartHumanLoopBatchOperator(
        task_id="start_reviews",
        aws_conn_id=CONNECTION,
        flow_definition_arn=flow_definition.output,
        items=unsure["items_uri"],
        ledger_uri=f"{RUN_FOLDER}/human-loop-batch",
        round="{{ params.round }}",
    )
    reviewed = A2IHumanLoopBatchSensor(
        task_id="wait_for_reviews",
        aws_conn_id=CONNECTION,
        batch=batch.output,
        on_failure="continue",
        deferrable=True,
        poke_interval=10,
    )
    collected = A2ICollectHumanLoopBatchOperator(
        task_id="collect_reviews",
        aws_conn_id=CONNECTION,
        batch=batch.output,
        results_uri=f"{RUN_FOLDER}/answers.jsonl",
    )
    results = write_results(
        forms["predictions_uri"], f"{RUN_FOLDER}/answers.jsonl", f"{RUN_FOLDER}/results.jsonl"
    )
    reviewed >> collected >> results


form_review()
