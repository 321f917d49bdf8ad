"""A batch in a real Airflow whose processes are killed at random: every item is accounted for exactly once."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from a2i_support import connection
from airflow_processes import AirflowProcesses
from batch_accounts import (
    ITEMS,
    SEED,
    TEMPLATE,
    Reviewers,
    items,
    json_lines,
    ledger_rows,
    listed_loops,
    problems,
)
from cryptography.fernet import Fernet
from postgresql_server import PostgresqlServer
from support import ReviewDesk

DAGS = Path(__file__).parent / "review_dags"
DEADLINE_SECONDS = 240 + ITEMS
REVIEWERS = ("worker-1", "worker-2", "worker-3")
THINK_SECONDS = 0.1
KILLS = max(1, min(8, ITEMS // 250))
"""Kills of each kind."""

HELD_BACK = 0.9
"""Share of the items after which reviewers wait until the last planned kill has happened."""


@pytest.fixture
def desk(tmp_path: Path, postgresql: PostgresqlServer, s3_server: str, s3: Any) -> Iterator[ReviewDesk]:
    """A Review Desk on PostgreSQL, which is not prepared yet."""
    settings = {
        "REVIEW_DESK_DATABASE_URL": postgresql.new_database(),
        "REVIEW_DESK_SECRET_KEY": Fernet.generate_key().decode(),
    }
    directory = tmp_path / "review_desk"
    directory.mkdir()
    desk = ReviewDesk(directory, s3_server, settings=settings)
    yield desk
    desk.kill()


@pytest.fixture
def airflow(
    tmp_path: Path, postgresql: PostgresqlServer, desk: ReviewDesk, s3_server: str
) -> Iterator[AirflowProcesses]:
    """An Airflow that runs, with ``aws_default`` leading to Review Desk, which runs as well."""
    home = tmp_path / "airflow"
    home.mkdir()
    airflow = AirflowProcesses(home, postgresql.new_database(), DAGS)
    try:
        with ThreadPoolExecutor() as pool:
            prepared = pool.submit(airflow.prepare)
            desk.prepare()
            desk.start()
            prepared.result()
        airflow.start(connection(desk, s3_server, desk.url))
        yield airflow
    finally:
        airflow.stop()


class Killer:
    """Kills at points of the batch's way, which a seeded generator chose; starts again what was killed.

    The points are numbers of loops started and of answers taken, so that a slow machine sees the same kills.

    :ivar answers: as many as were taken at the last look.
    """

    def __init__(self, airflow: AirflowProcesses, desk: ReviewDesk, seed: int) -> None:
        self._airflow = airflow
        self._desk = desk
        self._random = random.Random(seed)
        address = desk.settings["REVIEW_DESK_DATABASE_URL"].replace("+psycopg", "")
        self._database = psycopg.connect(address, autocommit=True)
        self.answers = 0
        self._last_triggerer = 0
        self.kills: Counter[str] = Counter()
        self._plan = sorted(
            [
                *((self._point(0.05, 0.6), self._kill_worker_of_start) for _ in range(KILLS)),
                *((self._point(0.1, 0.9), self._kill_desk_while_starting) for _ in range(KILLS)),
                *((self._point(1.05, 1 + HELD_BACK), self._kill_desk) for _ in range(KILLS)),
                *((self._point(1.05, 1 + HELD_BACK), self._kill_triggerer) for _ in range(KILLS)),
            ],
            key=lambda kill: kill[0],
        )
        self._at_collect = self._random.uniform(0, 1)

    def _point(self, least: float, most: float) -> float:
        return self._random.uniform(least, most) * ITEMS

    def close(self) -> None:
        self._database.close()

    @property
    def is_through(self) -> bool:
        """Whether all that was planned for the time of the reviews has happened."""
        return not self._plan

    def _counts(self) -> tuple[int, int]:
        row = self._database.execute(
            "SELECT (SELECT count(*) FROM human_loop), (SELECT count(*) FROM task WHERE state = 'submitted')"
        ).fetchone()
        assert row is not None
        return row

    def look(self) -> None:
        """Kill what is due."""
        started, self.answers = self._counts()
        if started == ITEMS and self._has_started:
            self._plan = [kill for kill in self._plan if kill[1] != self._kill_worker_of_start]
        for kill in list(self._plan):
            point, strike = kill
            reached = started if point < ITEMS else ITEMS + self.answers
            if reached >= point and strike():
                self._plan.remove(kill)
                return
        if not self.kills["worker while it collects"]:
            self._kill_worker("collect", "worker while it collects", self._at_collect)

    @property
    def _has_started(self) -> bool:
        return self._airflow.rows("SELECT state FROM task_instance WHERE task_id = 'start'") == [("success",)]

    def _kill_worker_of_start(self) -> bool:
        return self._kill_worker("start", "worker while it starts")

    def _kill_worker(self, task_id: str, what: str, pause: float = 0.0) -> bool:
        running = self._airflow.rows(
            f"SELECT id FROM task_instance WHERE task_id = '{task_id}' AND state = 'running'"
        )
        process = self._airflow.task_process(str(running[0][0])) if running else None
        if process is None:
            return False
        time.sleep(pause)
        if not process.is_running():
            return False
        process.kill()
        self.kills[what] += 1
        return True

    def _kill_desk_while_starting(self) -> bool:
        return self._kill_desk("Review Desk while loops are started")

    def _kill_desk(self, what: str = "Review Desk while people answer") -> bool:
        self._desk.kill()
        time.sleep(self._random.uniform(0, 2))
        self._desk.start()
        self.kills[what] += 1
        return True

    def _kill_triggerer(self) -> bool:
        """Kill the triggerer once it has the batch's trigger."""
        found = self._airflow.rows(
            f"SELECT triggerer_id FROM trigger WHERE triggerer_id > {self._last_triggerer}"
        )
        if not found:
            return False
        [(self._last_triggerer,)] = found
        time.sleep(self._random.uniform(0, 2))
        self._airflow.kill("triggerer")
        self._airflow.launch("triggerer")
        self.kills["triggerer"] += 1
        return True


def wait_for_run(airflow: AirflowProcesses, each_time: Callable[[], None]) -> None:
    """Let the Dag run come to its end, and keep the parts running as a supervisor does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        [(state,)] = airflow.rows("SELECT state FROM dag_run")
        if state == "success":
            return
        tasks = airflow.rows("SELECT task_id, state, try_number FROM task_instance")
        assert state != "failed", tasks
        assert time.monotonic() < deadline, f"the Dag run is {state}: {tasks}"
        for part in airflow.ended():
            airflow.launch(part)
        each_time()
        time.sleep(0.05)


def test_worker_triggerer_and_review_desk_killed(
    airflow: AirflowProcesses, desk: ReviewDesk, s3: Any
) -> None:
    print(f"CHAOS_SEED={SEED} CHAOS_ITEMS={ITEMS}")
    flow = desk.create_flow_definition("chaos", TEMPLATE)
    given = items(ITEMS)
    s3.put_object(
        Bucket="documents",
        Key="chaos/items.jsonl",
        Body="".join(f"{json.dumps(item)}\n" for item in given).encode(),
    )
    conf = {
        "flow_definition_arn": flow,
        "items": "s3://documents/chaos/items.jsonl",
        "ledger_uri": "s3://answers/chaos",
    }
    airflow.trigger("chaos_batch", "chaos", conf)
    airflow.ready()
    with closing(Killer(airflow, desk, SEED)) as killer:

        def hold() -> bool:
            return not killer.is_through and killer.answers >= HELD_BACK * ITEMS

        with Reviewers(desk, list(REVIEWERS), THINK_SECONDS, hold) as reviewers:

            def each_time() -> None:
                reviewers.check()
                killer.look()

            wait_for_run(airflow, each_time)

    print(f"Killed: {dict(killer.kills)}; requests of reviewers sent again: {reviewers.repeated}")
    tries = dict(airflow.rows("SELECT task_id, try_number FROM task_instance"))
    print(f"Tries: {tries}")
    values = dict(airflow.rows("SELECT task_id, value FROM xcom WHERE key = 'return_value'"))
    batch, collected = (_value(values[task]) for task in ("start", "collect"))
    found = list(
        problems(
            batch,
            [item["id"] for item in given],
            json_lines(s3, collected["results_uri"]),
            ledger_rows(s3, batch),
            listed_loops(desk, flow),
            reviewers.taken,
        )
    )
    assert not found, "\n".join(found[:30])
    assert _value(values["wait"])["completed"] == collected["completed"] == ITEMS
    assert killer.is_through
    assert killer.kills["worker while it starts"]
    assert tries["start"] > 1
    assert killer.kills["triggerer"]
    assert killer.kills["Review Desk while loops are started"]
    assert killer.kills["Review Desk while people answer"]


def _value(value: Any) -> dict[str, Any]:
    while isinstance(value, str):
        value = json.loads(value)
    return dict(value)
