"""What the demo tells of a run: the comparison with the truth, the progress line, the cause of a failure."""

from __future__ import annotations

import io
from typing import Any

import pytest

from include.demo.airflow_api import TaskState, cause_in_log
from include.demo.progress import LoopCounts, RunProgress
from include.demo.report import compare, table, totals
from include.demo.terminal import Terminal

TRUTH = {"a.jpg": {"city": "New Ian", "id": "JA-1"}, "b.jpg": {"city": "York", "id": "JA-2"}}


def result(name: str, read: dict[str, str], fields: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "document": f"s3://bucket/forms/{name}",
        "source": "model",
        "ocr_fields": {key: {"value": value, "confidence": 95} for key, value in read.items()},
        "fields": fields,
        "human_loop": None,
        "answers": [],
        **more,
    }


RESULTS = [
    result("a.jpg", {"city": "New lan", "id": " JA-1 "}, {"city": "New lan", "id": " JA-1 "}),
    result(
        "b.jpg",
        {"city": "Y0rk", "id": ""},
        {"city": "York"},
        source="person",
        human_loop={"name": "n", "status": "Completed"},
        answers=[{"seconds": 3.0}],
    ),
]


def test_fields_are_compared_exactly_but_for_blanks() -> None:
    rows = compare(RESULTS, TRUTH, 90)
    assert [(row.before, row.after) for row in rows] == [(1, 1), (0, 1)]
    assert totals(rows, RESULTS) == {
        "documents": 2,
        "documents_reviewed": 1,
        "fields": 4,
        "fields_correct_before": 1,
        "fields_correct_after": 2,
        "fields_sure_but_wrong": 3,
        "fields_wrong_unseen": 1,
        "human_loops_started": 1,
        "human_loops_completed": 1,
    }


def test_a_form_that_is_missing_in_the_results_is_named() -> None:
    with pytest.raises(ValueError, match=r"the results lack b\.jpg"):
        compare(RESULTS[:1], TRUTH, 90)


def test_the_table_says_who_decided() -> None:
    text = table(compare(RESULTS, TRUTH, 90), "simulated reviewer")
    assert "OCR alone" in text
    assert "one simulated reviewer, 3 s" in text
    assert "25.0% → 50.0%" in text


def test_the_progress_line_names_phase_and_counts() -> None:
    progress = RunProgress(documents=12)
    assert progress.update([TaskState("read_forms", "running", 1)], LoopCounts())
    assert progress.line() == "reading (OCR): 12 forms, 0 sent to review, 0 reviewed, 0 open"
    waiting = [TaskState("read_forms", "success", 1), TaskState("wait_for_reviews", "deferred", 1)]
    assert progress.update(waiting, LoopCounts(7, 3, 4))
    assert not progress.update(waiting, LoopCounts(7, 3, 4))
    assert progress.line() == "reviewing: 12 forms, 7 sent to review, 3 reviewed, 4 open"


def test_a_failed_try_is_told_once() -> None:
    progress = RunProgress(documents=1)
    failed = TaskState("read_forms", "up_for_retry", 1)
    assert progress.new_retries([failed]) == [failed]
    assert progress.new_retries([failed]) == []
    assert progress.new_retries([TaskState("read_forms", "up_for_retry", 2)])


@pytest.mark.parametrize(
    ("entries", "cause"),
    [
        ([], ""),
        (["plain text", "last line"], "last line"),
        ([{"event": "bad", "level": "error"}, {"event": "bye", "level": "info"}], "bad"),
        ([{"event": "bad", "level": "error"}, {"event": "Task exited", "level": "error"}], "bad"),
        (
            [
                {
                    "event": "Task failed with exception",
                    "level": "error",
                    "error_detail": [{"exc_type": "A2IUserError", "exc_value": "no such\nteam"}],
                }
            ],
            "A2IUserError: no such team",
        ),
    ],
)
def test_the_cause_of_a_failure_is_one_line(entries: list[Any], cause: str) -> None:
    assert cause_in_log(entries) == cause


def test_without_a_terminal_there_are_no_control_characters_and_few_lines() -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    terminal.phase("Begin")
    for number in range(50):
        terminal.progress(f"step {number}")
    terminal.problem("It failed")
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()
    assert out.getvalue().count("\n") == 3
