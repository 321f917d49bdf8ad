"""`make demo` as it is run: real local S3, Review Desk and Airflow processes, killed where it hurts."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo_run import PARTS, Demo, kill_session

pytestmark = pytest.mark.e2e

REPORT_KEYS = {
    "documents",
    "fields",
    "fields_correct_before",
    "fields_correct_after",
    "human_loops_started",
    "human_loops_completed",
    "seconds",
    "results_uri",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One build folder for all tests: a later demo works on what the earlier ones left."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.close()


@pytest.fixture(autouse=True)
def nothing_left(demo: Demo) -> Iterator[None]:
    yield
    if demo.process and demo.process.poll() is None:
        demo.close()
    assert demo.leftovers() == []


def answers_of(demo: Demo, names: set[str]) -> dict[str, list[Any]]:
    """The answers of some human loops as the results have them."""
    return {
        row["human_loop"]["name"]: row["answers"]
        for row in demo.results()
        if row["human_loop"] and row["human_loop"]["name"] in names
    }


def test_review_makes_the_data_better_and_a_second_demo_starts_nothing_twice(demo: Demo) -> None:
    demo.run(FORMS=6, THINK_SECONDS=1)
    first, first_rows = demo.report, demo.results()

    assert set(first) >= REPORT_KEYS
    assert first["documents"] == 6
    assert first["fields"] == 72
    assert first["fields_correct_after"] > first["fields_correct_before"]
    assert 0 < first["human_loops_started"] == first["human_loops_completed"] == first["human_loops_new"] < 6
    assert first["reviewers"] == "simulated"
    assert "simulated reviewer" in demo.output
    assert len(first_rows) == 6

    demo.run(FORMS=6, THINK_SECONDS=1)
    second = demo.report

    assert second["human_loops_new"] == 0
    assert "Nothing new was started" in demo.output
    changing = {"human_loops_new", "seconds"}
    assert {key: value for key, value in second.items() if key not in changing} == {
        key: value for key, value in first.items() if key not in changing
    }
    assert demo.results() == first_rows


def test_killed_as_a_whole_in_the_middle_it_goes_on_and_ends_the_same(demo: Demo) -> None:
    # Another threshold is another run over the same forms, with reviews of its own.
    settings = {"FORMS": 6, "THRESHOLD": 91, "THINK_SECONDS": 4}
    demo.start(**settings)
    flow_definition, batch, reviewed = demo.wait_for_some_answers()
    demo.kill_everything()
    assert demo.leftovers() == []

    demo.start(**settings)

    def all_reviewed() -> dict[str, str] | None:
        loops = demo.loops(flow_definition, batch)
        return loops if set(loops.values()) == {"Completed"} else None

    loops = demo.until(all_reviewed, 200)
    assert demo.wait() == 0, f"{demo.output}\n{demo.logs()}"
    assert "going on with run" in demo.output

    report = demo.report
    names = [row["human_loop"]["name"] for row in demo.results() if row["human_loop"]]
    assert report["fields_correct_after"] > report["fields_correct_before"]
    assert sorted(names) == sorted(loops)
    assert reviewed <= set(names)
    assert report["human_loops_completed"] == len(names)
    assert all(len(answers) == 1 for answers in answers_of(demo, set(names)).values())


def test_review_desk_killed_while_people_review_loses_no_answer(demo: Demo) -> None:
    demo.start(FORMS=6, THRESHOLD=92, THINK_SECONDS=4)
    _, _, reviewed = demo.wait_for_some_answers()
    old = demo.recorded()["review-desk"]
    kill_session(old)
    demo.until(lambda: demo.recorded()["review-desk"] != old, 30)

    assert demo.wait() == 0, f"{demo.output}\n{demo.logs()}"
    assert "review-desk was ended by SIGKILL; starting it again" in demo.output
    report = demo.report
    assert report["human_loops_completed"] == report["human_loops_started"] > len(reviewed)
    answers = answers_of(demo, reviewed)
    assert set(answers) == reviewed
    assert all(len(given) == 1 and given[0]["fields"] for given in answers.values())


def test_stopped_while_starting_it_leaves_nothing_behind(demo: Demo) -> None:
    demo.start("up", FORMS=1)
    demo.until(lambda: set(demo.recorded()) >= PARTS - {"api-server"}, 60)
    assert demo.process
    demo.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    demo.until(lambda: "Stopping" in demo.output, 10)
    demo.process.send_signal(signal.SIGINT)  # an impatient second one
    assert demo.wait(60) == 130
    assert time.monotonic() - began < 30
    assert demo.recorded() == {}


def test_a_second_demo_in_the_same_folder_says_who_is_in_the_way(demo: Demo, tmp_path: Path) -> None:
    demo.start("up", FORMS=1)
    demo.until(lambda: demo.recorded(), 60)
    other = Demo(tmp_path, ports=demo.ports)
    (tmp_path / "build").symlink_to(demo.build)
    other.start()
    assert other.wait(30) == 1
    assert demo.process
    assert f"process {demo.process.pid}" in other.output

    demo.process.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130
    assert "Stopped." in demo.output
