"""Trigger for batches of human loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.storage import ObjectStore
from a2i.batch.sweep import Sweep
from a2i.batch.watch import BatchWatch, Progress
from a2i.compat import BaseTrigger, TriggerEvent
from a2i.exceptions import A2IError, A2IServiceError
from a2i.failures import explain, is_passing
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.mixins import AwsArguments

_LONGEST_PAUSE_SECONDS: Final = 60.0


@asynccontextmanager
async def open_store(hook: A2IS3Hook, max_connections: int = 10) -> AsyncIterator[ObjectStore]:
    """Open the store of a batch's ledger.

    :param max_connections: connections to S3 that may be open at once.
    """
    async with await hook.get_batch_conn(max_connections) as client:
        yield ObjectStore(client, f"connection {hook.aws_conn_id!r}, endpoint {client.meta.endpoint_url}")


@asynccontextmanager
async def open_watch(
    batch: HumanLoopBatch, hook_arguments: dict[str, Any], sweep: Sweep | None = None
) -> AsyncIterator[BatchWatch]:
    """Open a watch of a batch on one client."""
    async with await A2IHook(**hook_arguments).get_async_conn() as client:
        yield BatchWatch(client, lambda: open_store(A2IS3Hook(**hook_arguments)), batch, sweep)


class A2IHumanLoopBatchTrigger(AwsArguments, BaseTrigger):
    """
    Trigger when no human loop of a batch is open any more.

    One trigger stands for a whole batch, so ``run`` is written by hand: a waiter cannot page through
    ``ListHumanLoops``. It only reads, and may run twice or be killed at any time. While the service does not answer
    it goes on asking, more and more slowly, until the deadline.

    The event has ``status`` (``success``, ``timeout`` or ``error``), ``counts`` of loops by status and some
    ``problems``; an error has ``message`` and says with ``retry`` whether it may pass.

    :param batch: what A2IStartHumanLoopBatchOperator returned.
    :param poke_interval: seconds between two sweeps.
    :param deadline: when to give up (Unix time in seconds).
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS Region.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary for the botocore client.
    """

    def __init__(
        self,
        *,
        batch: dict[str, Any],
        poke_interval: float,
        deadline: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch = batch
        self.poke_interval = poke_interval
        self.deadline = deadline
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize the trigger's arguments and class path."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "batch": self.batch,
                "poke_interval": self.poke_interval,
                "deadline": self.deadline,
                **self.aws_arguments,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sweep until nothing is open."""
        try:
            batch = HumanLoopBatch.from_value(self.batch)
            async with open_watch(batch, self.hook_arguments) as watch:
                yield _event(await self._wait(watch))
        except Exception as error:
            explained = explain(error)
            if explained is None:
                self.log.exception("The wait for batch %s broke off", self.batch.get("batch_id"))
            yield _event(
                {
                    "status": "error",
                    "message": str(explained or f"{type(error).__name__}: {error}"),
                    "retry": explained is None or isinstance(explained, A2IServiceError),
                }
            )

    async def _wait(self, watch: BatchWatch) -> dict[str, Any]:
        progress: Progress | None = None
        failures = 0
        while True:
            try:
                latest = await watch.look()
            except A2IError:
                raise
            except Exception as error:
                if not is_passing(error):
                    raise
                failures += 1
                delay = min(2.0**failures, max(_LONGEST_PAUSE_SECONDS, self.poke_interval))
                self.log.warning("%s; the reviews go on, next try in %.0f s", explain(error), delay)
            else:
                failures, delay = 0, self.poke_interval
                if progress is None or latest.counts != progress.counts:
                    self.log.info("%s", latest)
                progress = latest
                if progress.is_done:
                    return _outcome("success", progress)
            remaining = self.deadline - time.time()
            if remaining <= 0:
                return _outcome("timeout", progress or Progress({}, {}))
            await asyncio.sleep(max(0.0, min(delay, remaining)))


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _outcome(status: str, progress: Progress) -> dict[str, Any]:
    return {"status": status, "counts": progress.counts, "problems": progress.problems}
