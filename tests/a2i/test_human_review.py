"""The task group human_review(): the tasks it is made of, what they are given, and what it refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from airflow.sdk import DAG, Asset, task

from a2i.human_review import HumanReview, human_review

GIVEN: dict[str, Any] = {
    "items": "s3://documents/items.jsonl",
    "workteam": "reviewers",
    "template": "<crowd-form></crowd-form>",
    "task_title": "Check",
    "task_description": "Check it.",
    "output_path": "s3://answers/reviews/",
    "role_arn": "arn:aws:iam::000000000000:role/a2i-execution",
}
FIRST = [
    "create_human_task_ui",
    "create_flow_definition",
    "start_reviews",
    "wait_for_reviews",
    "collect_reviews",
]
SECOND = [
    "create_adjudication_flow_definition",
    "start_adjudication",
    "wait_for_adjudication",
    "collect_adjudication",
]


def made(group_id: str = "review", **given: Any) -> tuple[DAG, HumanReview]:
    with DAG("Invoices_2026") as dag:
        group = human_review(group_id, **{**GIVEN, **given})
    return dag, group


def test_five_tasks_one_after_the_other() -> None:
    dag, group = made()
    assert [task.task_id for task in dag.topological_sort()] == [f"review.{name}" for name in FIRST]
    for before, after in pairwise(FIRST):
        assert f"review.{before}" in dag.get_task(f"review.{after}").upstream_task_ids
    assert group.output.operator is dag.get_task("review.collect_reviews")


def test_names_and_ledger_have_defaults() -> None:
    dag, _ = made()
    assert dag.get_task("review.create_human_task_ui").human_task_ui_name == "invoices-2026-review"
    assert dag.get_task("review.create_flow_definition").flow_definition_name == "invoices-2026-review"
    assert dag.get_task("review.start_reviews").ledger_uri == "s3://answers/reviews/batches"


def test_people_are_waited_for_in_the_triggerer() -> None:
    dag, _ = made()
    assert dag.get_task("review.wait_for_reviews").deferrable
    assert dag.get_task("review.start_reviews").deferrable


def test_it_stands_between_other_tasks() -> None:
    with DAG("between") as dag:

        @task
        def prepare() -> None: ...

        @task
        def use(uri: str, reviewed: int) -> None: ...

        group = human_review(**GIVEN)
        prepare() >> group >> use(group.output["results_uri"], group.output["reviewed"])
    assert dag.get_task("prepare").downstream_task_ids == {"human_review.create_human_task_ui"}
    assert dag.get_task("use").upstream_task_ids == {"human_review.collect_reviews"}


def test_two_groups_in_a_dag_share_nothing() -> None:
    with DAG("twice") as dag:
        human_review("first", **GIVEN)
        human_review("second", **GIVEN)
    names = {task.flow_definition_name for task in dag.tasks if "create_flow_definition" in task.task_id}
    assert names == {"twice-first", "twice-second"}


def test_every_task_has_the_connection() -> None:
    connection = {
        "aws_conn_id": "review",
        "region_name": "eu-west-1",
        "verify": False,
        "botocore_config": {"read_timeout": 9},
    }
    dag, _ = made(
        task_count=2, adjudication_workteam="seniors", adjudication_template="<crowd-form/>", **connection
    )
    assert len(dag.tasks) == 10
    for operator in dag.tasks:
        assert {name: getattr(operator, name) for name in connection} == connection


def test_the_rest_goes_through() -> None:
    asset = Asset("reviewed")
    dag, _ = made(
        tooltip="people",
        results_asset=asset,
        flow_definition_kwargs={"human_loop_config": {"TaskTimeLimitInSeconds": 600}},
        start_kwargs={"max_concurrency": 9},
        wait_kwargs={"failure_tolerance": 0.5},
        collect_kwargs={"include_input": True},
    )
    assert dag.task_group.children["review"].tooltip == "people"
    assert dag.get_task("review.create_flow_definition").human_loop_config == {"TaskTimeLimitInSeconds": 600}
    assert dag.get_task("review.start_reviews").max_concurrency == 9
    assert dag.get_task("review.wait_for_reviews").failure_tolerance == 0.5
    assert dag.get_task("review.collect_reviews").include_input
    assert dag.get_task("review.collect_reviews").outlets == [asset]


def test_a_second_team_decides_disputes() -> None:
    asset = Asset("reviewed")
    dag, group = made(
        task_count=2,
        results_uri="s3://answers/results.jsonl",
        results_asset=asset,
        on_failure="fail",
        adjudication_workteam="seniors",
        adjudication_kwargs={"task_title": "Decide"},
    )
    assert {task.task_id for task in dag.tasks} == {f"review.{name}" for name in FIRST + SECOND}
    first, joined = dag.get_task("review.collect_reviews"), dag.get_task("review.collect_adjudication")
    assert (first.outlets, joined.outlets) == ([], [asset])
    assert (first.results_uri, joined.results_uri) == (None, "s3://answers/results.jsonl")
    assert first.disputed_uri == (
        "{{ ti.xcom_pull(task_ids='review.start_reviews')['ledger_uri'] }}/disputed.jsonl"
    )
    assert joined.disputed_uri is None
    assert joined.upstream_task_ids == {
        "review.collect_reviews",
        "review.start_adjudication",
        "review.wait_for_adjudication",
    }
    assert group.output.operator is joined
    team = dag.get_task("review.create_adjudication_flow_definition")
    assert (team.workteam, team.task_count, team.task_title) == ("seniors", 1, "Decide")
    assert team.task_description == "Check it."
    assert dag.get_task("review.wait_for_reviews").on_failure == "fail"
    assert dag.get_task("review.wait_for_adjudication").on_failure == "continue"


def test_adjudicators_may_have_a_template_of_their_own() -> None:
    dag, _ = made(
        task_count=3, adjudication_workteam="seniors", adjudication_template_file="/templates/decide.html"
    )
    ui = dag.get_task("review.create_adjudication_human_task_ui")
    assert ui.template_file == "/templates/decide.html"
    assert ui.task_id in dag.get_task("review.create_adjudication_flow_definition").upstream_task_ids


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"template": None}, "give either template or template_file"),
        ({"adjudication_workteam": "seniors"}, "task_count of 2 or 3"),
        ({"adjudication_workteam": "seniors", "task_count": 2, "consensus": None}, "needs consensus"),
        ({"adjudication_kwargs": {"task_title": "Decide"}}, "need adjudication_workteam"),
        ({"on_failure": "ignore"}, "on_failure must be"),
    ],
)
def test_what_cannot_work_is_refused_when_the_dag_is_read(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**given)
