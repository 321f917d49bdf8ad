"""Human review of a batch as one task group: from the worker task template to the results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from a2i.compat import Asset, AssetAlias, TaskGroup
from a2i.normalisers import Normaliser
from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor, OnDeadline, OnFailure

_OTHER_THAN_NAME: Final = re.compile(r"[^a-z0-9]+")


class HumanReview(TaskGroup):
    """The tasks of a review, to be put between others with ``>>``.

    :ivar output: what the last task returns, as an XComArg: ``output["results_uri"]``, ``output["reviewed"]`` and the
        other members that A2ICollectHumanLoopBatchOperator has.
    """

    output: Any


def human_review(
    group_id: str = "human_review",
    *,
    items: Any,
    workteam: str,
    task_title: str,
    task_description: str,
    output_path: str,
    role_arn: str,
    template: str | None = None,
    template_file: str | Path | None = None,
    task_count: int | str = 1,
    flow_definition_name: str | None = None,
    ledger_uri: str | None = None,
    item_input: dict[str, Any] | None = None,
    round: int | str = 1,  # noqa: A002
    activation_conditions: dict[str, Any] | str | None = None,
    max_reviews: int | str | None = None,
    max_open_loops: int | str | None = None,
    on_failure: OnFailure = "fail",
    deadline: float | str | datetime | timedelta | None = None,
    on_deadline: OnDeadline = "fail",
    poke_interval: float = 60,
    results_uri: str | None = None,
    parquet_uri: str | None = None,
    consensus: Literal["majority", "dawid_skene"] | None = "majority",
    fields: Sequence[str] | None = None,
    normalisers: Mapping[str, str | Normaliser] | None = None,
    results_asset: Asset | AssetAlias | None = None,
    adjudication_workteam: str | None = None,
    adjudication_template: str | None = None,
    adjudication_template_file: str | Path | None = None,
    deferrable: bool = True,
    aws_conn_id: str | None = "aws_default",
    region_name: str | None = None,
    verify: bool | str | None = None,
    botocore_config: dict[str, Any] | None = None,
    flow_definition_kwargs: dict[str, Any] | None = None,
    start_kwargs: dict[str, Any] | None = None,
    wait_kwargs: dict[str, Any] | None = None,
    collect_kwargs: dict[str, Any] | None = None,
    adjudication_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> HumanReview:
    """
    Send a batch to people, wait for them, and write their answers to S3: five tasks in a group.

    The tasks are ``create_human_task_ui``, ``create_flow_definition``, ``start_reviews``, ``wait_for_reviews`` and
    ``collect_reviews``. With ``adjudication_workteam`` a second team decides what the first is divided on, in
    ``create_adjudication_flow_definition``, ``start_adjudication``, ``wait_for_adjudication`` and
    ``collect_adjudication``; without a dispute they end at once. Human task UIs and flow definitions are made once for
    a template and configuration (``if_exists="version"``), and shared by all runs.

    A parameter is that of the operator it belongs to, under the same name, and templated where it is there.

    :param group_id: id of the task group; the ids of its tasks begin with it.
    :param items: a list of items, the ``s3://`` URI of a JSON Lines object, or that of a folder, ending in ``/``.
        (templated)
    :param workteam: name or ARN of the work team. (templated)
    :param task_title: what reviewers see in their list, up to 128 characters. (templated)
    :param task_description: up to 255 characters. (templated)
    :param output_path: ``s3://`` URI under which A2I writes the answers. Keep it the same from run to run: another path
        is another flow definition. (templated)
    :param role_arn: role that A2I takes to read documents and write answers; Review Desk ignores it. (templated)
    :param template: text of the worker task template.
    :param template_file: path of a file with it, instead of ``template``. (templated)
    :param task_count: reviewers for each item, 1 to 3. (templated)
    :param flow_definition_name: what the names of flow definitions and human task UIs begin with; by default Dag and
        group.
    :param ledger_uri: ``s3://`` URI of a folder for the ledgers; ``batches`` under ``output_path`` by default.
        (templated)
    :param item_input: input of every item of a folder. (templated)
    :param round: raise it to send the same items to people again. (templated)
    :param activation_conditions: which items people have to see; all by default. (templated)
    :param max_reviews: how many items people may see at most. (templated)
    :param max_open_loops: how many human loops of the batch may be open at once. (templated)
    :param on_failure: what to do about items without an answer: ``fail``, or ``continue`` with what there is.
        Adjudication continues: what it leaves open stays disputed.
    :param deadline: seconds after the first start, or a time (ISO 8601), at which people's time is over. For
        adjudication seconds count from its own start. (templated)
    :param on_deadline: what to do then: ``fail``, ``continue`` or ``stop``.
    :param poke_interval: seconds between two looks while things move.
    :param results_uri: ``s3://`` URI for the results; ``results.jsonl`` beside the ledger by default. With adjudication
        the results after it. (templated)
    :param parquet_uri: ``s3://`` URI for the same rows as Parquet. (templated)
    :param consensus: how several answers to an item become one: ``majority``, ``dawid_skene`` or None.
    :param fields: the fields that are decided. (templated)
    :param normalisers: by field what its values are compared by.
    :param results_asset: an asset that the results update.
    :param adjudication_workteam: name or ARN of a team that decides the fields that the reviewers are divided on.
        (templated)
    :param adjudication_template: text of the adjudicators' worker task template; by default the reviewers', which then
        has ``task.input.answers`` and ``task.input.disputedFields``.
    :param adjudication_template_file: path of a file with it. (templated)
    :param deferrable: Whether to wait for people, and for room to start, in the triggerer.
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    :param flow_definition_kwargs: more for A2ICreateFlowDefinitionOperator, of both teams, such as
        ``human_loop_config``.
    :param start_kwargs: more for A2IStartHumanLoopBatchOperator, such as ``content_classifiers``.
    :param wait_kwargs: more for A2IHumanLoopBatchSensor, such as ``failure_tolerance``, ``sqs_queue_url`` or
        ``timeout``.
    :param collect_kwargs: more for A2ICollectHumanLoopBatchOperator, such as ``include_input``.
    :param adjudication_kwargs: for the adjudicators' A2ICreateFlowDefinitionOperator alone, such as ``task_title``,
        ``task_description`` and ``task_count`` (1 by default).
    :param kwargs: of Airflow's TaskGroup, such as ``tooltip``, ``default_args`` and ``prefix_group_id``.
    :return: the task group; its ``output`` is what the last task returns.
    """
    adjudicates = adjudication_workteam is not None
    if not adjudicates and (adjudication_template or adjudication_template_file or adjudication_kwargs):
        raise ValueError("adjudication_template, _template_file and _kwargs need adjudication_workteam")
    if adjudicates and (consensus is None or task_count in (1, "1")):
        raise ValueError(
            "adjudication_workteam needs consensus and a task_count of 2 or 3: one reviewer is never divided"
        )
    connection: dict[str, Any] = {
        "aws_conn_id": aws_conn_id,
        "region_name": region_name,
        "verify": verify,
        "botocore_config": botocore_config,
    }
    start: dict[str, Any] = {
        "ledger_uri": ledger_uri or f"{output_path.rstrip('/')}/batches",
        "round": round,
        "max_open_loops": max_open_loops,
        "deferrable": deferrable,
        **connection,
        **(start_kwargs or {}),
    }
    wait: dict[str, Any] = {
        "deadline": deadline,
        "on_deadline": on_deadline,
        "poke_interval": poke_interval,
        "deferrable": deferrable,
        **connection,
        **(wait_kwargs or {}),
    }
    collect: dict[str, Any] = {
        "consensus": consensus,
        "fields": fields,
        "normalisers": normalisers,
        **connection,
        **(collect_kwargs or {}),
    }
    results: dict[str, Any] = {
        "results_uri": results_uri,
        "parquet_uri": parquet_uri,
        "results_asset": results_asset,
    }

    group = HumanReview(group_id, **kwargs)
    name = flow_definition_name or default_name(group.dag.dag_id, group.node_id)
    human_task_ui: dict[str, Any] = {"human_task_ui_name": name, "if_exists": "version", **connection}
    with group:
        reviewers: dict[str, Any] = {
            "flow_definition_name": name,
            "workteam": workteam,
            "human_task_ui_arn": _output(
                A2ICreateHumanTaskUiOperator(
                    task_id="create_human_task_ui",
                    template=template,
                    template_file=template_file,
                    **human_task_ui,
                )
            ),
            "task_title": task_title,
            "task_description": task_description,
            "task_count": task_count,
            "output_path": output_path,
            "role_arn": role_arn,
            "if_exists": "version",
            **connection,
            **(flow_definition_kwargs or {}),
        }
        batch = A2IStartHumanLoopBatchOperator(
            task_id="start_reviews",
            flow_definition_arn=_output(
                A2ICreateFlowDefinitionOperator(task_id="create_flow_definition", **reviewers)
            ),
            items=items,
            item_input=item_input,
            activation_conditions=activation_conditions,
            max_reviews=max_reviews,
            **start,
        )
        waited = A2IHumanLoopBatchSensor(
            task_id="wait_for_reviews", batch=_output(batch), on_failure=on_failure, **wait
        )
        if adjudication_workteam is None:
            collect.update(results)
        else:
            ledger = f"{{{{ ti.xcom_pull(task_ids='{batch.task_id}')['ledger_uri'] }}}}"
            collect["disputed_uri"] = f"{ledger}/disputed.jsonl"
        collected = A2ICollectHumanLoopBatchOperator(
            task_id="collect_reviews", batch=_output(batch), **collect
        )
        waited >> collected
        group.output = _output(collected)
        if adjudication_workteam is not None:
            adjudicators = {
                **reviewers,
                "workteam": adjudication_workteam,
                "task_count": 1,
                **(adjudication_kwargs or {}),
            }
            if adjudication_template is not None or adjudication_template_file is not None:
                adjudicators["human_task_ui_arn"] = _output(
                    A2ICreateHumanTaskUiOperator(
                        task_id="create_adjudication_human_task_ui",
                        template=adjudication_template,
                        template_file=adjudication_template_file,
                        **human_task_ui,
                    )
                )
            del collect["disputed_uri"]
            group.output = _adjudicate(_output(collected), adjudicators, start, wait, {**collect, **results})
    return group


def _adjudicate(
    first: Any,
    adjudicators: dict[str, Any],
    start: dict[str, Any],
    wait: dict[str, Any],
    collect: dict[str, Any],
) -> Any:
    """Send what reviewers are divided on to a second team, and return what the task that joins the two returns.

    :param first: what the collecting of the first review returns.
    """
    batch = A2IStartHumanLoopBatchOperator(
        task_id="start_adjudication",
        flow_definition_arn=_output(
            A2ICreateFlowDefinitionOperator(task_id="create_adjudication_flow_definition", **adjudicators)
        ),
        items=first["disputed_uri"],
        **start,
    )
    waited = A2IHumanLoopBatchSensor(
        task_id="wait_for_adjudication", batch=_output(batch), on_failure="continue", **wait
    )
    joined = A2ICollectHumanLoopBatchOperator(
        task_id="collect_adjudication", batch=_output(batch), adjudicates=first["results_uri"], **collect
    )
    waited >> joined
    return _output(joined)


def _output(task: Any) -> Any:
    """Return what a task will return; a templated parameter of any type takes it."""
    return task.output


def default_name(dag_id: str, group_id: str | None) -> str:
    """Return what the names of a group's flow definitions begin with: Dag and group in A2I's characters."""
    return _OTHER_THAN_NAME.sub("-", f"{dag_id} {group_id or ''}".lower()).strip("-") or "human-review"
