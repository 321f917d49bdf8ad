"""What a wait does when people's time is over, when answers are missing, and when the task is ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import AirflowSensorTimeout
from batch_support import TEMPLATE, answer, deferred, fire, later, sensor, start
from support import Portal, ReviewDesk, wait_until

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.outcome import deadline_time
from a2i.exceptions import A2ITimeoutError, A2IUserError
from a2i.naming import human_loop_name
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

PAST = "2026-01-01T00:00:00+00:00"
WAYS = pytest.mark.parametrize("way", ["poke", "reschedule", "deferrable"])


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("deadline", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


def status(desk: ReviewDesk, batch: dict[str, Any], text: str) -> str:
    runtime = desk.client("sagemaker-a2i-runtime")
    loop = runtime.describe_human_loop(HumanLoopName=human_loop_name(batch["batch_id"], text))
    return str(loop["HumanLoopStatus"])


def wait(way: str, batch: dict[str, Any], **arguments: Any) -> dict[str, int]:
    """Wait in one of the three ways, over any number of deferrals or pokes."""
    waiting = sensor(
        batch,
        deferrable=way == "deferrable",
        mode="reschedule" if way == "reschedule" else "poke",
        **arguments,
    )
    if way == "poke":
        return dict(waiting.execute(task_context()))
    if way == "reschedule":
        while not (poked := waiting.poke(task_context())):
            time.sleep(waiting._get_next_poke_interval())
        return dict(poked.xcom_value)
    deferral = deferred(waiting)
    while True:
        try:
            return waiting.execute_complete(task_context(), fire(deferral.trigger))
        except BaseException as error:
            if type(error).__name__ != "TaskDeferred":
                raise
            deferral = error  # type: ignore[assignment]


@WAYS
def test_fail_is_a_timeout_that_says_how_far_people_got(
    aws: FaultProxy, flow: str, portal: Portal, way: str
) -> None:
    batch = start(flow, "quick", "slow")
    answer(portal, batch, "quick")
    with pytest.raises(A2ITimeoutError) as caught:
        wait(way, batch, deadline=PAST)
    assert isinstance(caught.value, AirflowSensorTimeout)
    assert f"before the deadline ({PAST}): 1 of 2 human loops ended, 1 open." in str(caught.value)
    assert "on_deadline='continue' or 'stop'" in str(caught.value)


@WAYS
def test_continue_goes_on_and_leaves_the_rest_open(
    aws: FaultProxy, flow: str, portal: Portal, way: str, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "quick", "slow")
    answer(portal, batch, "quick")
    counts = wait(way, batch, deadline=PAST, on_deadline="continue")
    assert (counts["items"], counts["completed"], counts["open"]) == (2, 1, 1)
    assert status(review_desk_server, batch, "slow") == "InProgress"


@WAYS
def test_stop_waits_for_who_is_at_work_and_is_no_failure(
    aws: FaultProxy, flow: str, portal: Portal, way: str, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "quick", "nobody", "at-work")
    answer(portal, batch, "quick")
    task = portal.claim(human_loop=human_loop_name(batch["batch_id"], "at-work")).json()

    def submit_when_stopped() -> None:
        wait_until(lambda: status(review_desk_server, batch, "nobody") == "Stopped")
        assert status(review_desk_server, batch, "at-work") == "Stopping"
        portal.submit(task, {"category": "late"}).raise_for_status()

    thread = later(0, submit_when_stopped)
    counts = wait(way, batch, deadline=PAST, on_deadline="stop", on_failure="fail")
    thread.join()
    assert counts["open"] == 0
    assert counts["completed"] + counts["stopped"] == 3
    assert counts["completed"] >= 1
    assert status(review_desk_server, batch, "nobody") == "Stopped"


def test_before_the_deadline_it_plays_no_part(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "a")
    thread = later(0.5, lambda: answer(portal, batch, "a"))
    assert wait("poke", batch, deadline=3600, on_deadline="stop")["completed"] == 1
    thread.join()


def test_a_service_that_does_not_answer_is_not_judged_at_the_deadline(
    aws: FaultProxy, flow: str, portal: Portal
) -> None:
    batch = start(flow, "a")
    answer(portal, batch, "a")
    failures = iter([(503, "ServiceUnavailable", "down")])
    aws.faults = lambda method, path: next(failures, None) if path.startswith("/human-loops?") else None
    assert wait("poke", batch, deadline=PAST)["completed"] == 1


def test_a_tolerated_share_may_have_no_answer(
    aws: FaultProxy, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "a", "b", "stopped", more=[{"id": "bad"}])
    answer(portal, batch, "a", "b")
    review_desk_server.client("sagemaker-a2i-runtime").stop_human_loop(
        HumanLoopName=human_loop_name(batch["batch_id"], "stopped")
    )
    counts = wait("poke", batch, failure_tolerance=0.5)
    assert (counts["stopped"], counts["not_started"]) == (1, 1)
    with pytest.raises(
        A2IUserError, match=r"2 of 4 items .* More than the tolerated share of 0\.49\. Use on_f"
    ):
        wait("poke", batch, failure_tolerance=0.49)


def test_what_nobody_started_fails_after_a_stop_too(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, "a", more=[{"id": "bad"}])
    with pytest.raises(A2IUserError, match=r"^1 of 2 items have no answer: 'bad' \(not started"):
        wait("deferrable", batch, deadline=PAST, on_deadline="stop")


class TestDeadlineTime:
    BATCH = HumanLoopBatch(
        "0" * 24, "arn", "s3://b/k", "2026-03-01T11:45:00+00:00", "2026-03-02T00:00:00+00:00", 1, 1, 0
    )

    @pytest.mark.parametrize(
        ("value", "time"),
        [
            (None, None),
            ("", None),
            (3600, "2026-03-01T13:00:00+00:00"),
            ("90.5", "2026-03-01T12:01:30.500+00:00"),
            (timedelta(hours=2), "2026-03-01T14:00:00+00:00"),
            ("2026-03-01T17:00:00+01:00", "2026-03-01T16:00:00+00:00"),
            ("2026-03-01 17:00:00", "2026-03-01T17:00:00+00:00"),
            (datetime(2026, 3, 1, 17, tzinfo=UTC), "2026-03-01T17:00:00+00:00"),
        ],
    )
    def test_seconds_and_times(self, value: Any, time: str | None) -> None:
        expected = time and pendulum.parse(time).timestamp()  # type: ignore[union-attr]
        assert deadline_time(value, self.BATCH) == expected

    @pytest.mark.parametrize("value", [-1, "nan", "inf", "soon", "2026-13-01", [1]])
    def test_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(A2IUserError, match=r"^deadline must be "):
            deadline_time(value, self.BATCH)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"on_failure": "panic"}, "on_failure must be 'fail' or 'continue', got 'panic'"),
        ({"on_deadline": "panic"}, "on_deadline must be 'fail', 'continue' or 'stop', got 'panic'"),
        ({"failure_tolerance": 5}, "failure_tolerance must be between 0 and 1, got 5"),
        ({"poke_interval": 60, "max_poke_interval": 30}, r"at least poke_interval \(60\), got 30"),
        ({"partial_results": 0}, "partial_results must be more than 0 seconds, got 0"),
        ({"sqs_queue_url": "http://q", "mode": "reschedule"}, "needs deferrable=True or mode='poke'"),
    ],
)
def test_wrong_parameters_fail_while_the_dag_is_read(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sensor({}, **arguments)


class TestKill:
    def test_the_reviews_go_on_by_default(
        self, aws: FaultProxy, flow: str, review_desk_server: ReviewDesk
    ) -> None:
        batch = start(flow, "a")
        sensor(batch).on_kill()
        asyncio.run(deferred(sensor(batch, deferrable=True)).trigger.on_kill())
        assert status(review_desk_server, batch, "a") == "InProgress"

    def test_a_worker_that_is_told_to_end_stops_them(
        self, aws: FaultProxy, flow: str, review_desk_server: ReviewDesk
    ) -> None:
        batch = start(flow, "a", "b")
        waiting = sensor(batch, cancel_on_kill=True)
        # As Airflow's task runner does: on_kill runs in the handler, in the middle of the wait's event loop.
        before = signal.signal(signal.SIGTERM, lambda *_: waiting.on_kill())
        thread = later(1, lambda: os.kill(os.getpid(), signal.SIGTERM))
        try:
            with pytest.raises(A2IUserError, match="2 of 2 items have no answer"):
                waiting.execute(task_context())
        finally:
            thread.join()
            signal.signal(signal.SIGTERM, before)
        assert status(review_desk_server, batch, "a") == "Stopped"

    def test_the_trigger_stops_them_when_a_user_ends_the_task(
        self, aws: FaultProxy, flow: str, review_desk_server: ReviewDesk
    ) -> None:
        batch = start(flow, "a", "b")
        asyncio.run(deferred(sensor(batch, deferrable=True, cancel_on_kill=True)).trigger.on_kill())
        assert status(review_desk_server, batch, "b") == "Stopped"

    def test_an_airflow_that_tells_no_trigger_is_said(
        self, aws: FaultProxy, flow: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        batch = start(flow, "a")
        monkeypatch.setattr("a2i.sensors.human_loop_batch.TRIGGERS_LEARN_OF_KILLS", True)
        deferred(sensor(batch, deferrable=True, cancel_on_kill=True))
        assert "cancel_on_kill has no effect" not in capsys.readouterr().out
        monkeypatch.setattr("a2i.sensors.human_loop_batch.TRIGGERS_LEARN_OF_KILLS", False)
        deferred(sensor(batch, deferrable=True, cancel_on_kill=True))
        assert "cancel_on_kill has no effect on a deferred task before Airflow 3.3" in capsys.readouterr().out

    def test_a_triggerer_that_ends_stops_nothing(
        self, aws: FaultProxy, flow: str, review_desk_server: ReviewDesk
    ) -> None:
        batch = start(flow, "a")
        trigger = deferred(sensor(batch, deferrable=True, cancel_on_kill=True)).trigger

        async def cancelled() -> None:
            task = asyncio.ensure_future(anext(trigger.run()))
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        assert status(review_desk_server, batch, "a") == "InProgress"


class TestTaskStateStore:
    @pytest.mark.parametrize("way", ["poke", "deferrable"])
    def test_the_counts_stand_there(self, aws: FaultProxy, flow: str, portal: Portal, way: str) -> None:
        batch = start(flow, "a")
        answer(portal, batch, "a")
        stored: dict[str, Any] = {}
        context = {**task_context(), "task_state_store": SimpleNamespace(set=stored.__setitem__)}
        waiting = sensor(batch, deferrable=way == "deferrable")
        if way == "poke":
            waiting.execute(context)
        else:
            waiting.execute_complete(context, fire(deferred(waiting).trigger))
        assert stored["human_loops"]["Completed"] == 1

    def test_a_store_that_refuses_ends_nothing(
        self, aws: FaultProxy, flow: str, portal: Portal, capsys: pytest.CaptureFixture[str]
    ) -> None:
        batch = start(flow, "a")
        answer(portal, batch, "a")

        def refuse(key: str, value: Any) -> None:
            raise RuntimeError("no state for this task")

        context = {**task_context(), "task_state_store": SimpleNamespace(set=refuse)}
        waiting: A2IHumanLoopBatchSensor = sensor(batch)
        assert waiting.execute(context)["completed"] == 1
        assert "did not take the progress: no state for this task" in capsys.readouterr().out
