"""The service's processes, one of which is killed now and then and started again at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from support import ReviewDesk

KILLED_WHILE_STARTING = 0.1
"""Share of the kills that may meet a process which does not serve yet; else a slow machine would never serve."""


class Processes:
    """``review-desk serve``, several times over one database.

    :param gap: seconds from one kill to the next, at least and at most.
    """

    def __init__(
        self,
        directory: Path,
        count: int,
        settings: dict[str, str],
        s3_url: str,
        seed: int,
        gap: tuple[float, float],
    ) -> None:
        self.desks = []
        for number in range(count):
            folder = directory / f"process-{number}"
            folder.mkdir()
            self.desks.append(ReviewDesk(folder, s3_url, settings=settings))
        self.kills = 0
        self.ended_by_themselves = 0
        self._random = random.Random(seed)
        self._gap = gap

    @property
    def urls(self) -> list[str]:
        return [desk.url for desk in self.desks]

    @property
    def logs(self) -> str:
        return "".join(desk.log for desk in self.desks)

    async def start(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(desk.start) for desk in self.desks))

    async def ready(self) -> None:
        """Wait until all serve."""
        await wait_for(self._all_serve)

    async def kill_on_and_on(self) -> None:
        """SIGKILL one at random moments, whatever it does, until cancelled; start again what ended by itself."""
        while True:
            await asyncio.sleep(self._random.uniform(*self._gap))
            for desk in self.desks:
                if desk.process is None or desk.process.poll() is not None:
                    self.ended_by_themselves += 1
                    desk.launch()
            desk = self._random.choice(self.desks)
            if self._random.random() < KILLED_WHILE_STARTING or await _serves(desk):
                desk.kill()
                self.kills += 1
                desk.launch()

    def stop(self) -> None:
        for desk in self.desks:
            desk.kill()

    async def _all_serve(self) -> bool:
        return all([await _serves(desk) for desk in self.desks])


async def wait_for(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask again and again until a condition holds."""
    while True:
        if await condition():
            return
        await asyncio.sleep(0.3)


async def _serves(desk: ReviewDesk) -> bool:
    try:
        async with httpx.AsyncClient(verify=False) as http:
            return (await http.get(f"{desk.url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False
