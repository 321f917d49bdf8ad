"""Review Desk under load: starts, claims and submissions over HTTP, on SQLite and PostgreSQL.

StartHumanLoop is measured as a share of a no-op ASGI handler behind the same stock boto3 clients, in rounds that
alternate between the two. ``start_ratio`` is with 50 requests in flight, as the batch operator has them by default; 8
are measured too. Each client is a process that competes with the service for the machine's cores.

Claims and submissions are measured by 8 workers at 5 cycles a second each, with 1,000 and with 100,000 open tasks,
then without a pause for the most cycles a second that one process sustains. What filling the database left to write
is written before.

Everything runs on 127.0.0.1 and stops by itself; PostgreSQL runs with its default, durable settings. The no-op handler
also stands in for S3, so outputs are delivered, and cost nothing there.

Prints a table and writes ``build/bench-desk.json``.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from cryptography.fernet import Fernet
from desk_clients import Latencies, Shift, Starts, start_loops, work
from sqlalchemy import func, insert, select

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from postgresql_server import PostgresqlServer
from support import PASSWORD, REGION, ReviewDesk, free_port, wait_until

from review_desk.engine.database import Database
from review_desk.engine.tables import human_loop, human_loop_input

REPORT = ROOT / "build" / "bench-desk.json"
CLIENTS = (8, 50)
"""How many start loops at once; the last is ``max_concurrency`` of A2IStartHumanLoopBatchOperator."""

ROUNDS = 7
LOOPS_PER_ROUND = 1_600
OPEN_TASKS = (1_000, 100_000)
WORKERS = 8
CYCLES_PER_SECOND = 5
SECONDS = 20
SETTLING_SECONDS = 3
FULL_SPEED_SECONDS = 10
TEMPLATE = "<crowd-form>{{ task.input.taskObject }}</crowd-form>"

NO_OP = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"HumanLoopArn": "arn"}' if scope["method"] == "POST" else b""})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


@contextmanager
def no_op_server() -> Iterator[str]:
    """Serve the no-op handler from a process of its own; yields its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", NO_OP, str(port)])
    try:
        wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def desk_on(folder: Path, database_url: str, store: str) -> Iterator[ReviewDesk]:
    """Serve Review Desk from one process on an empty database, with workers.

    :param store: stands in for S3, says yes to everything.
    """
    folder.mkdir()
    settings = {
        "REVIEW_DESK_SECRET_KEY": Fernet.generate_key().decode(),
        "REVIEW_DESK_CHECK_OUTPUT_BUCKETS": "false",
    }
    if database_url:
        settings["REVIEW_DESK_DATABASE_URL"] = database_url
    desk = ReviewDesk(folder, store, settings=settings)
    desk.prepare()
    for number in range(4, WORKERS + 1):
        desk.add_worker(f"worker-{number}")
    desk.start()
    try:
        yield desk
    finally:
        desk.stop()


def answers(port: int) -> bool:
    """Whether somebody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_rates(
    pool: ProcessPoolExecutor, clients: int, desk: ReviewDesk, flow: str, no_op: str
) -> dict[str, Any]:
    """Alternate rounds of both servers; return the rates and the median of the rounds' ratios."""
    rates: dict[str, list[float]] = {no_op: [], desk.url: []}
    for number in range(ROUNDS + 1):
        for url, measured in rates.items():
            starts = [
                Starts(
                    url,
                    desk.access_key,
                    REGION,
                    flow,
                    f"{clients}-r{number}-c{client}",
                    LOOPS_PER_ROUND // clients,
                )
                for client in range(clients)
            ]
            began = time.perf_counter()
            list(pool.map(start_loops, starts))
            if number:  # the first round warms both up
                measured.append(LOOPS_PER_ROUND / (time.perf_counter() - began))
    ratios = [own / other for own, other in zip(rates[desk.url], rates[no_op], strict=True)]
    return {
        "no_op_per_second": round(statistics.median(rates[no_op]), 1),
        "start_per_second": round(statistics.median(rates[desk.url]), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def fill(url: str, wanted: int) -> None:
    """Copy one started loop, its input included, until so many are open, and let the database write it all out."""
    database = Database(url)
    with database.write() as connection:
        model = connection.execute(select(human_loop).where(human_loop.c.open).limit(1)).one()._asdict()
        content = connection.execute(
            select(human_loop_input.c.content).where(human_loop_input.c.human_loop_id == model.pop("id"))
        ).scalar_one()
        present = connection.execute(select(func.count()).where(human_loop.c.open)).scalar_one()
        add_input = insert(human_loop_input)
        for first in range(present, wanted, 10_000):
            rows = [
                {**model, "name": f"copy-{number}"} for number in range(first, min(first + 10_000, wanted))
            ]
            ids = connection.execute(insert(human_loop).returning(human_loop.c.id), rows).scalars().all()
            connection.execute(add_input, [{"human_loop_id": number, "content": content} for number in ids])
    if database.is_sqlite:
        settling = ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)")
        connection = sqlite3.connect(database.url.database or "", timeout=30)
    else:
        settling = ("VACUUM ANALYZE", "CHECKPOINT")
        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    with closing(connection):
        for statement in settling:
            connection.execute(statement)
    database.engine.dispose()


def shift(desk: ReviewDesk, cycles_per_second: float, seconds: float) -> Shift:
    usernames = [f"worker-{number}" for number in range(1, WORKERS + 1)]
    return Shift("127.0.0.1", desk.port, usernames, PASSWORD, cycles_per_second, seconds)


def percentile(values: list[float], share: int) -> float:
    """In milliseconds."""
    return round(statistics.quantiles(values, n=100, method="inclusive")[share - 1] * 1000, 2)


def memory(desk: ReviewDesk) -> float:
    """Resident memory of the service in MiB."""
    assert desk.process is not None
    return round(psutil.Process(desk.process.pid).memory_info().rss / 2**20, 1)


def measure(folder: Path, database: str, database_url: str, no_op: str) -> dict[str, Any]:
    """Measure everything on one database."""
    result: dict[str, Any] = {"by_open_tasks": {}}
    with desk_on(folder, database_url, no_op) as desk:
        flow = desk.create_flow_definition("benchmark", TEMPLATE, TaskAvailabilityLifetimeInSeconds=864_000)
        result["start"] = {}
        for clients in CLIENTS:
            with ProcessPoolExecutor(clients) as pool:
                result["start"][clients] = start_rates(pool, clients, desk, flow, no_op)
            print(f"{database}: StartHumanLoop, {clients} clients {result['start'][clients]}", flush=True)
        url = desk.environment["REVIEW_DESK_DATABASE_URL"]
        with ProcessPoolExecutor(1) as workers:
            workers.submit(work, shift(desk, 0, 2)).result()
            for open_tasks in OPEN_TASKS:
                fill(url, open_tasks)
                time.sleep(SETTLING_SECONDS)
                measured: Latencies = workers.submit(work, shift(desk, CYCLES_PER_SECOND, SECONDS)).result()
                result["by_open_tasks"][open_tasks] = {
                    f"{name}_p{share}_ms": percentile(values, share)
                    for name, values in (("claim", measured.claim), ("submit", measured.submit))
                    for share in (50, 95)
                } | {"cycles": len(measured.submit)}
                print(f"{database}: {open_tasks} open {result['by_open_tasks'][open_tasks]}", flush=True)
            fastest: Latencies = workers.submit(work, shift(desk, 0, FULL_SPEED_SECONDS)).result()
        result["cycles_per_second"] = round(len(fastest.submit) / FULL_SPEED_SECONDS, 1)
        result["rss_mb"] = memory(desk)
    return result


def report(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Put the numbers under the names by which they are looked up."""
    summary: dict[str, Any] = {
        "start_ratio": min(result["start"][CLIENTS[-1]]["ratio"] for result in results.values()),
        "start": {database: result["start"] for database, result in results.items()},
    }
    for name in ("claim_p50_ms", "claim_p95_ms", "submit_p50_ms", "submit_p95_ms"):
        summary[name] = {
            database: {str(count): figures[name] for count, figures in result["by_open_tasks"].items()}
            for database, result in results.items()
        }
    for name in ("cycles_per_second", "rss_mb"):
        summary[name] = {database: result[name] for database, result in results.items()}
    return summary


def show(summary: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n{'StartHumanLoop':<22}{'clients':>8}{'no-op/s':>10}{'start/s':>10}{'ratio':>8}   bar 50 %")
    for database, by_clients in summary["start"].items():
        for clients, start in by_clients.items():
            rates = f"{start['no_op_per_second']:>10}{start['start_per_second']:>10}"
            print(f"  {database:<20}{clients:>8}{rates}{start['ratio']:>8.0%}")
    print(
        f"\n{'8 workers, 5 cycles/s':<22}{'open':>8}{'claim p50/p95 ms':>20}{'submit p50/p95 ms':>20}   bars 10 / 20 ms"
    )
    for database, by_count in summary["claim_p95_ms"].items():
        for count in by_count:
            claim, submit = (
                f"{summary[f'{name}_p50_ms'][database][count]} / {summary[f'{name}_p95_ms'][database][count]}"
                for name in ("claim", "submit")
            )
            print(f"  {database:<20}{count:>8}{claim:>20}{submit:>20}")
        for name in ("claim", "submit"):
            few, many = (summary[f"{name}_p95_ms"][database][str(count)] for count in OPEN_TASKS)
            print(
                f"{'':<22}{name} p95 at {OPEN_TASKS[1]:,}: {many / few:.2f} times that at {OPEN_TASKS[0]:,}   bar 1.5"
            )
    print(f"\n{'One process':<22}{'cycles/s':>10}{'RSS MiB':>10}")
    for database, cycles in summary["cycles_per_second"].items():
        print(f"  {database:<20}{cycles:>10}{summary['rss_mb'][database]:>10}")


def main() -> None:
    results = {}
    server = PostgresqlServer(durable=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as name, no_op_server() as no_op:
            for database, url in (("sqlite", ""), ("postgresql", server.new_database())):
                results[database] = measure(Path(name) / database, database, url, no_op)
    finally:
        server.stop()
    summary = report(results)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(summary, indent=2) + "\n")
    show(summary)
    print(f"\n{REPORT.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    main()
