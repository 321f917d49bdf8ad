"""One chaos run: sets everything up, lets it happen, and reads what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import resource
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_stand_in import AwsStandIn, Journal
from chaos_checks import problems, read_facts, unexpected_log_lines, unfinished
from chaos_clients import Clients
from chaos_plan import LOOP_CONFIG, TASK_COUNT, Ledger, LoopKind, Outcome, Plan
from chaos_processes import Processes, wait_for
from chaos_workers import Worker
from cryptography.fernet import Fernet
from postgresql_server import PostgresqlServer
from sqlalchemy import Select, select
from sqlalchemy.exc import OperationalError
from support import ACCOUNT_ID, PASSWORD, REGION

from review_desk.engine.arns import Scope
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.tables import human_loop, outbox
from review_desk.secrets import create_key_file
from review_desk.service import Service
from review_desk.settings import Settings

SCOPE = Scope(ACCOUNT_ID, REGION)
TEAM = "reviewers"
BUCKET = "answers"
QUEUE = "events"
TEMPLATE = "<crowd-form>{{ task.input.text }}<crowd-input name='text'></crowd-input></crowd-form>"
DATABASE_RESTART_GAP = (5, 10)
"""Seconds from one restart of the database to the next."""

SETTLING_TIME = 150
"""Seconds in which all is delivered when nothing fails any more: a killed process holds rows for 20 s, and a row that
failed often waits for 60 s."""


@dataclass
class ChaosRun:
    """A run over a database of its own.

    :param database_url: an empty database.
    :param database_server: a server that is to be restarted now and then, too.
    """

    plan: Plan
    directory: Path
    database_url: str
    database_server: PostgresqlServer | None = None
    ledger: Ledger = field(default_factory=Ledger)
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self._secret_key = Fernet.generate_key().decode()
        settings = Settings(database_url=self.database_url, secret_key=self._secret_key)
        create_key_file(settings)
        self.service = Service(settings)
        self.storage = AwsStandIn(self.journal, {BUCKET}, self.plan.seed + 2)
        self.queue = AwsStandIn(self.journal, {QUEUE}, self.plan.seed + 3)
        self._over = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Let it happen; return the report.

        :raises AssertionError: loops are left when the plan's deadline has passed.
        """
        await self.storage.start()
        await self.queue.start()
        self.processes = self._new_processes()
        workers = await asyncio.to_thread(self._prepare)
        try:
            await self.processes.start()
            self.flow_definitions = await asyncio.to_thread(self._create_flow_definitions)
            return await self._happen(workers)
        finally:
            self.processes.stop()
            await self.storage.stop()
            await self.queue.stop()

    def problems(self) -> list[str]:
        """Everything that is not as it should be, one line each."""
        facts = read_facts(self.service.database, self.journal, BUCKET)
        found = list(problems(self.plan, self.ledger, facts, self.statuses))
        restarts = self.database_server is not None
        lines = unexpected_log_lines(self.processes.logs.splitlines(), database_restarts=restarts)
        found += [f"log: {line}" for line in lines]
        if not restarts:
            found += [f"the database was always there, but: {line}" for line in self.ledger.unavailable]
            found += ["a process ended by itself"] * self.processes.ended_by_themselves
        return found

    async def _happen(self, workers: list[str]) -> dict[str, Any]:
        clients = Clients(self.plan, self.processes, self.ledger, self.flow_definitions)
        began = time.monotonic()
        trouble = [
            asyncio.create_task(happening)
            for happening in (
                self.processes.kill_on_and_on(),
                self.storage.fail_on_and_off(),
                self.queue.fail_on_and_off(),
                self._restart_database_on_and_on(),
            )
        ]
        try:
            async with asyncio.timeout(self.plan.deadline), asyncio.TaskGroup() as group:
                for name in workers:
                    group.create_task(self._worker(name).work())
                group.create_task(clients.stop_some())
                await clients.start_all()
                started_in = time.monotonic() - began
                await wait_for(lambda: asyncio.to_thread(self._all_have_ended))
                ended_in = time.monotonic() - began
                self._over.set()
        except TimeoutError as error:
            left = list(unfinished(self.service.database))
            raise AssertionError(
                f"{len(self.ledger.started)} loops were started, and {len(left)} had not ended in time:\n"
                + "\n".join(left)
            ) from error
        finally:
            clients.give_up()
            for happening in trouble:
                happening.cancel()
            await asyncio.gather(*trouble, return_exceptions=True)
        settled_in = await self._settle()
        self.statuses = await asyncio.to_thread(self._list_statuses)
        return self._report(started_in, ended_in, settled_in)

    async def _restart_database_on_and_on(self) -> None:
        chance = random.Random(self.plan.seed + 5)
        while self.database_server is not None:
            await asyncio.sleep(chance.uniform(*DATABASE_RESTART_GAP))
            how = chance.choice([signal.SIGINT, signal.SIGQUIT])
            await asyncio.to_thread(self._restart, self.database_server, how, chance.uniform(0, 2))

    def _restart(self, server: PostgresqlServer, how: signal.Signals, away: float) -> None:
        server.shut_down(how)
        time.sleep(away)
        server.launch()
        self.ledger.counts["database restarts"] += 1

    async def _settle(self) -> float:
        """Wait until nothing is owed any more; return how long it took."""
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLING_TIME):
                await self.processes.ready()
                await wait_for(lambda: asyncio.to_thread(self._nothing_is_owed))
        return time.monotonic() - began

    def _new_processes(self) -> Processes:
        settings = {
            "REVIEW_DESK_DATABASE_URL": self.database_url,
            "REVIEW_DESK_SECRET_KEY": self._secret_key,
            "REVIEW_DESK_PUBLIC_URL": "http://portal.example",
            "REVIEW_DESK_EVENT_SQS_QUEUE_URL": f"{self.queue.url}/{ACCOUNT_ID}/{QUEUE}",
            "AWS_ENDPOINT_URL_SQS": self.queue.url,
        }
        return Processes(
            self.directory,
            self.plan.processes,
            settings,
            self.storage.url,
            self.plan.seed + 4,
            self.plan.kill_gap,
        )

    def _prepare(self) -> list[str]:
        """Create the database, an access key and the workers; return the workers' names."""
        self.service.database.migrate()
        key_id, secret = self.service.access.create_access_key("chaos")
        for desk in self.processes.desks:
            desk.access_key = {"AccessKeyId": key_id, "SecretAccessKey": secret}
        self.service.workteams.create(SCOPE, TEAM, "Everybody", {})
        names = [f"worker-{number:02}" for number in range(self.plan.workers)]
        for name in names:
            self.service.workers.ensure(SCOPE, name, PASSWORD, TEAM)
        return names

    def _create_flow_definitions(self) -> dict[LoopKind, str]:
        return {
            kind: self.processes.desks[0].create_flow_definition(
                str(kind), TEMPLATE, f"s3://{BUCKET}/a2i/", TaskCount=TASK_COUNT, **config
            )
            for kind, config in LOOP_CONFIG.items()
        }

    def _worker(self, name: str) -> Worker:
        return Worker(name, self.plan, self.processes, self.ledger, self.flow_definitions, self._over)

    def _all_have_ended(self) -> bool:
        unfinished = human_loop.c.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING))
        return self._are_none(select(human_loop.c.id).where(unfinished))

    def _nothing_is_owed(self) -> bool:
        owed = outbox.c.delivered_at.is_(None)
        return self._are_none(select(outbox.c.id).where(owed))

    def _are_none(self, rows: Select[Any]) -> bool:
        """Whether there is no such row; also false while the database is away."""
        try:
            with self.service.database.read() as connection:
                return connection.execute(rows.limit(1)).first() is None
        except OperationalError:
            return False

    def _list_statuses(self) -> dict[str, str]:
        pages = self.processes.desks[-1].client("sagemaker-a2i-runtime").get_paginator("list_human_loops")
        return {
            loop["HumanLoopName"]: loop["HumanLoopStatus"]
            for arn in self.flow_definitions.values()
            for page in pages.paginate(FlowDefinitionArn=arn)
            for loop in page["HumanLoopSummaries"]
        }

    def _report(self, started_in: float, ended_in: float, settled_in: float) -> dict[str, Any]:
        outcomes = {
            f"answers {outcome}": sum(found.outcome is outcome for found in self.ledger.submissions)
            for outcome in Outcome
        }
        return {
            "database": self.service.database.url.get_backend_name(),
            "loops": self.plan.loops,
            "workers": self.plan.workers,
            "processes": self.plan.processes,
            "seed": self.plan.seed,
            "seconds until all were started": round(started_in, 1),
            "seconds until all had ended": round(ended_in, 1),
            "seconds until all was delivered, from then": round(settled_in, 1),
            "cycles per second": round(outcomes["answers submitted"] / ended_in, 1),
            "CPU seconds of the clients": round(_cpu_seconds(resource.RUSAGE_SELF)),
            "CPU seconds of the killed processes": round(_cpu_seconds(resource.RUSAGE_CHILDREN)),
            "kills": self.processes.kills,
            "answers that the database is away": len(self.ledger.unavailable),
            "faults": dict(sorted(self.journal.faults.items())),
            **outcomes,
            "walked away": len(self.ledger.left),
            **dict(sorted(self.ledger.counts.items())),
        }


def _cpu_seconds(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def write_report(report: dict[str, Any], file: Path) -> None:
    text = json.dumps(report, indent=2)
    print(text)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + "\n")
