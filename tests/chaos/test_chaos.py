"""Processes killed at random, storage and queue failing on and off: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from chaos_plan import Plan
from chaos_run import ChaosRun, write_report
from postgresql_server import PostgresqlServer

BUILD = Path(__file__).parents[2] / "build"
PROBLEMS_SHOWN = 30


def check(run: ChaosRun, name: str) -> None:
    """Let it happen, report to ``build/chaos-NAME.json``, and list what is wrong."""
    try:
        report = asyncio.run(run.run())
        write_report(report, BUILD / f"chaos-{name}.json")
        found = run.problems()
    finally:
        run.service.database.engine.dispose()
    shown = "\n".join(found[:PROBLEMS_SHOWN])
    assert not found, f"{len(found)} problems:\n{shown}"
    assert run.processes.kills > 1
    assert run.journal.faults


def test_four_processes_on_postgresql(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    plan = Plan.from_environment(processes=4, kill_gap=(3, 8))
    check(ChaosRun(plan, tmp_path, postgresql.new_database()), "postgresql")


def test_two_processes_on_a_postgresql_that_is_restarted(
    own_postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    plan = replace(Plan.from_environment(processes=2, kill_gap=(3, 6)), loops=200, workers=10)
    run = ChaosRun(plan, tmp_path, own_postgresql.new_database(), own_postgresql)
    check(run, "postgresql-restarted")
    assert run.ledger.unavailable


def test_one_process_on_sqlite(tmp_path: Path) -> None:
    plan = Plan.from_environment(processes=1, kill_gap=(4, 12))
    check(ChaosRun(plan, tmp_path, f"sqlite:///{tmp_path}/review_desk.db"), "sqlite")
