"""How a wait ends: counts, the share of items without an answer, the items behind it, and the deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pendulum

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import Ledger
from a2i.batch.log import Log
from a2i.batch.storage import ObjectStore
from a2i.batch.sweep import PROBLEMS_KEPT, open_loops
from a2i.batch.watch import MISSING, Progress
from a2i.exceptions import A2IUserError


def batch_counts(batch: HumanLoopBatch, statuses: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a batch's items; ``failed`` has the expired ones, too."""
    return {
        "items": batch.items,
        "completed": statuses.get("Completed", 0),
        "failed": statuses.get("Failed", 0),
        "stopped": statuses.get("Stopped", 0),
        "missing": statuses.get(MISSING, 0),
        "open": open_loops(statuses),
        "not_started": batch.failed,
        "not_needed": batch.not_needed,
    }


def without_answer(counts: Mapping[str, int], *, after_stop: bool) -> int:
    """Return how many items have no answer for another reason than the deadline.

    :param after_stop: whether the deadline's stop is why loops are stopped.
    """
    names = (
        ("failed", "missing", "not_started")
        if after_stop
        else ("failed", "stopped", "missing", "not_started")
    )
    return sum(counts[name] for name in names)


async def find_causes(
    store: ObjectStore, batch: HumanLoopBatch, problems: Mapping[str, str], *, after_stop: bool
) -> list[str]:
    """Name the items behind some of the loops without an answer, and behind those that were not started."""
    causes: list[str] = []
    async for rows in Ledger(store, batch.ledger_uri).read_parts():
        for row in rows:
            name = row.human_loop_name
            if row.error is not None:
                causes.append(f"{row.item_id!r} (not started: {row.error})")
            elif (
                name is not None
                and name in problems
                and not (after_stop and problems[name].startswith("Stopped"))
            ):
                causes.append(f"{row.item_id!r} (human loop {name} {problems[name]})")
        if len(causes) >= PROBLEMS_KEPT:
            break
    return causes[:PROBLEMS_KEPT]


def failure_text(batch: HumanLoopBatch, missed: int, causes: Sequence[str], tolerance: float) -> str:
    """Say which items have no answer, and why."""
    more = f" and {missed - len(causes)} more" if missed > len(causes) else ""
    tolerated = f" More than the tolerated share of {tolerance:.4g}." if tolerance else ""
    return (
        f"{missed} of {batch.items} items have no answer: {'; '.join(causes)}{more}.{tolerated} "
        "Use on_failure='continue' to go on without them."
    )


def deadline_time(value: Any, batch: HumanLoopBatch) -> float | None:
    """Return a deadline as Unix time.

    :param value: seconds after the batch's first start began, a time (ISO 8601, UTC where it names no zone), or either
        as text, since templates render to text.
    :raises A2IUserError: if it is neither.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return float(pendulum.instance(value).timestamp())
    if isinstance(value, timedelta):
        value = value.total_seconds()
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return _iso_time(value)
    if not 0 <= seconds < float("inf"):
        raise A2IUserError(f"deadline must be 0 seconds or more after the batch's start, got {value!r}.")
    return float((batch.start_began + timedelta(seconds=seconds)).timestamp())


def _iso_time(value: Any) -> float:
    try:
        return float(pendulum.instance(datetime.fromisoformat(str(value).strip())).timestamp())
    except ValueError:
        raise A2IUserError(
            f"deadline must be a number of seconds or a time such as 2026-01-31T17:00:00+01:00, got {value!r}."
        ) from None


def report_progress(context: Mapping[str, Any], log: Log, progress: Progress) -> None:
    """Put the counts into the task state store, which Airflow has from 3.3 on, and in workers only."""
    store = context.get("task_state_store")
    if store is not None:
        try:
            store.set("human_loops", {**progress.counts, "time": pendulum.now("UTC").isoformat()})
        except Exception as error:
            log.warning("The task state store did not take the progress: %s", error)
