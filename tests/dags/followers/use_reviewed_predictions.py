"""A Dag that runs whenever dags/prediction_review.py has results, and is told where they are."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, dag, task

reviewed_predictions = Asset("reviewed_predictions")


@dag(schedule=[reviewed_predictions])
def use_reviewed_predictions() -> None:
    @task
    def read(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        return [event.extra for event in triggering_asset_events[reviewed_predictions]]

    read()


use_reviewed_predictions()
