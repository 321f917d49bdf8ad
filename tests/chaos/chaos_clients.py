"""Those who start human loops, and stop some: stock boto3, repeating what broke."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from chaos_plan import Ledger, LoopKind, Plan, PlannedLoop
from chaos_processes import Processes, wait_for

RETRY_AFTER = 0.1


class Clients:
    """Uses all processes in turn by chance, through threads."""

    def __init__(
        self, plan: Plan, processes: Processes, ledger: Ledger, flow_definitions: dict[LoopKind, str]
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._flow_definitions = flow_definitions
        self._random = random.Random(plan.seed + 1)
        self._given_up = threading.Event()
        self._runtimes = [desk.client("sagemaker-a2i-runtime") for desk in processes.desks]

    async def start_all(self) -> None:
        """Start every planned loop, several at once, in order."""
        loops = iter(self._plan.planned)
        await asyncio.gather(*(self._start_from(loops) for _ in range(self._plan.starters)))

    async def stop_some(self) -> None:
        """Stop the loops that are planned so, each some time after its start."""
        await asyncio.gather(*(self._stop(loop) for loop in self._plan.planned if loop.is_stopped))

    def give_up(self) -> None:
        """Let no thread go on repeating: the run has failed."""
        self._given_up.set()

    async def _start_from(self, loops: Any) -> None:
        for loop in loops:
            await asyncio.to_thread(self._start, loop)

    async def _stop(self, loop: PlannedLoop) -> None:
        await wait_for(lambda: self._is_started(loop))
        await asyncio.sleep(self._random.uniform(0, 5))
        await asyncio.to_thread(
            self._until_answered, lambda runtime: runtime.stop_human_loop(HumanLoopName=loop.name)
        )

    async def _is_started(self, loop: PlannedLoop) -> bool:
        return loop.name in self._ledger.started

    def _start(self, loop: PlannedLoop) -> None:
        parameters = {
            "HumanLoopName": loop.name,
            "FlowDefinitionArn": self._flow_definitions[loop.kind],
            "HumanLoopInput": {"InputContent": json.dumps(input_of(loop))},
        }
        tries = self._until_answered(lambda runtime: runtime.start_human_loop(**parameters))
        self._ledger.counts["repeated starts"] += tries - 1
        self._ledger.started.append(loop.name)

    def _until_answered(self, call: Callable[[Any], Any]) -> int:
        """Repeat a call on any process until one answers; return the number of tries."""
        tries = 0
        while not self._given_up.is_set():
            tries += 1
            try:
                call(self._random.choice(self._runtimes))
            except BotoCoreError:
                self._ledger.counts["broken API calls"] += 1
                time.sleep(RETRY_AFTER)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status >= 500:
                    is_away = "database does not answer" in str(error)
                    (self._ledger.unavailable if is_away else self._ledger.wrong).append(str(error))
                    time.sleep(RETRY_AFTER)
                elif tries > 1 and error.response["Error"]["Code"] == "ConflictException":
                    # An earlier try started it, and the workers finished it meanwhile.
                    return tries
                else:
                    raise
            else:
                return tries
        return tries


def input_of(loop: PlannedLoop) -> dict[str, Any]:
    """What a loop asks about."""
    return {
        "document": f"s3://documents/{loop.name}.png",
        "kind": loop.kind,
        "text": f"What is in {loop.name}?",
    }
