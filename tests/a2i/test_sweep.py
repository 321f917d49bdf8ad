"""Counting a batch over many sweeps gives what one look at everything would."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from a2i.batch.sweep import PROBLEMS_KEPT, Sweep, open_loops

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = ("Completed", "Failed", "Stopped")


def summary(name: str, status: str, second: float, reason: str | None = None) -> dict[str, Any]:
    entry = {
        "HumanLoopName": name,
        "HumanLoopStatus": status,
        "CreationTime": START + timedelta(seconds=second),
    }
    return entry if reason is None else {**entry, "FailureReason": reason}


def listed(loops: dict[str, list[Any]], after: datetime) -> list[dict[str, Any]]:
    rows = [summary(name, status, second) for name, (status, second) in loops.items()]
    return sorted((row for row in rows if row["CreationTime"] >= after), key=lambda row: row["CreationTime"])


@settings(max_examples=200)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.data())
def test_the_counts_are_those_of_a_full_look(seconds: list[int], data: st.DataObject) -> None:
    loops = {f"mine-{number}": ["InProgress", second] for number, second in enumerate(seconds)}
    others = {f"yours-{number}": ["InProgress", second] for number, second in enumerate(seconds)}
    sweep = Sweep("mine-", START)
    for _ in range(6):
        for row in listed(loops | others, sweep.list_after):
            sweep.feed(row)
        if data.draw(st.booleans(), label="broken off"):
            sweep.abandon()
            continue
        assert sweep.finish() == Counter(status for status, _ in loops.values())
        for name in data.draw(st.lists(st.sampled_from(sorted(loops)))):
            if loops[name][0] == "InProgress":
                loops[name][0] = data.draw(st.sampled_from(ENDS))


def test_a_later_sweep_asks_from_the_oldest_open_loop_only() -> None:
    sweep = Sweep("mine-", START)
    for second in range(100):
        sweep.feed(summary(f"mine-{second}", "InProgress" if second == 90 else "Completed", second))
    assert open_loops(sweep.finish()) == 1
    assert sweep.list_after == START + timedelta(seconds=88)


def test_a_list_that_is_not_in_order_is_listed_again_as_a_whole() -> None:
    sweep = Sweep("mine-", START)
    for second in (3, 1, 2):
        sweep.feed(summary(f"mine-{second}", "InProgress" if second == 2 else "Completed", second))
    assert sweep.finish() == {"Completed": 2, "InProgress": 1}
    assert sweep.list_after < START


def test_some_of_the_loops_without_an_answer_are_named() -> None:
    sweep = Sweep("mine-", START)
    sweep.feed(summary("mine-a", "Failed", 1, "Task failed to render"))
    for number in range(50):
        sweep.feed(summary(f"mine-{number}", "Stopped", 2))
    sweep.finish()
    assert sweep.problems["mine-a"] == "Failed: Task failed to render"
    assert len(sweep.problems) == PROBLEMS_KEPT
