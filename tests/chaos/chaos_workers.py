"""Simulated workers: each signed in once, using any process, in the ways in which people and browsers behave badly."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpx
from chaos_plan import Ledger, LoopKind, Outcome, Plan, Submission
from chaos_processes import Processes
from support import PASSWORD

PATIENCE = 10.0
IMPATIENCE = 0.03
"""Seconds a client waits for an answer; an impatient one hangs up and asks again."""

IDLE = (0.3, 1.2)
"""Seconds until a worker who found nothing looks again."""

LINKED = 50
"""How many of the latest loops a worker may have a link to."""

RETRY_AFTER = 0.15
AWAY_AT_ONCE = 2
ENDED = ("Completed", "Stopped", "Failed")

TLS = ssl.create_default_context()
"""Made once: httpx would make one for each client, and none is used."""


@dataclass
class Away:
    """A task that the worker walked away from."""

    task: dict[str, Any]
    claimed_at: float
    back_at: float
    comes_back: bool


class Worker:
    """Claims and answers until told that every loop has ended."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        processes: Processes,
        ledger: Ledger,
        flow_definitions: dict[LoopKind, str],
        over: asyncio.Event,
    ) -> None:
        self._name = name
        self._processes = processes
        self._ledger = ledger
        self._over = over
        self._steady = {"flow_definition": flow_definitions[LoopKind.STEADY]}
        self._may_be_left = {
            loop.name for loop in plan.planned if loop.kind is LoopKind.BRISK and loop.may_be_left
        }
        self._random = random.Random(f"{plan.seed} {name}")
        self._http = httpx.AsyncClient(verify=TLS)
        self._away: list[Away] = []
        self._answers = 0

    async def work(self) -> None:
        async with self._http:
            await self._sign_in()
            while not self._over.is_set() or any(away.comes_back for away in self._away):
                await self._come_back()
                if not await self._take_and_handle():
                    await asyncio.sleep(self._random.uniform(*IDLE))

    async def _sign_in(self) -> None:
        while True:
            answer = await self._ask("POST", "login", {"username": self._name, "password": PASSWORD})
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            # Everybody signs in at once here, more than the service hashes passwords for at a time.
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        answer.raise_for_status()
        self._http.headers["X-CSRF-Token"] = answer.json()["csrf_token"]

    async def _take_and_handle(self) -> bool:
        """Claim in one window or in two at once, and do something with what came; return whether something did."""
        windows = 2 if self._chance(0.05) else 1
        wanted = self._steady if self._away else {}
        if windows == 2 and self._ledger.started:
            # The link to one loop, opened twice.
            wanted = {"human_loop": self._random.choice(self._ledger.started[-LINKED:])}
        found = await asyncio.gather(*(self._claim(wanted) for _ in range(windows)))
        tasks = [claimed for claimed in found if claimed is not None]
        left = {away.task["id"] for away in self._away}
        tasks = [(task, at) for task, at in tasks if task["id"] not in left]
        if len(tasks) == 2 and tasks[0][0]["id"] == tasks[1][0]["id"]:
            await self._rival_answers(*tasks)
        else:
            for task, claimed_at in tasks:
                await self._handle(task, claimed_at)
        return bool(tasks)

    async def _claim(self, wanted: dict[str, str]) -> tuple[dict[str, Any], float] | None:
        sent_at = time.time()
        answer = await self._ask("POST", "tasks/claim", wanted)
        if answer.status_code == 204 and wanted:
            sent_at = time.time()
            answer = await self._ask("POST", "tasks/claim", {})
        if answer.status_code == 204:
            return None
        answer.raise_for_status()
        task = answer.json()
        self._ledger.claims.append((task["human_loop"], sent_at))
        return task, sent_at

    async def _handle(self, task: dict[str, Any], claimed_at: float) -> None:
        path = f"tasks/{task['id']}"
        if self._chance(0.1):
            await self._ask("POST", f"{path}/heartbeat")
        if self._chance(0.15):
            await self._draft(task)
        if self._chance(0.02):
            await self._give_back(f"{path}/release", {})
            if self._chance(0.5):
                await self._answer_from_a_forgotten_window(task, claimed_at)
        elif self._chance(0.005):
            await self._give_back(f"{path}/decline", {"reason": "I know this person."})
        elif self._walks_away(task):
            self._leave(task, claimed_at)
        else:
            await self._submit(task, claimed_at)

    async def _draft(self, task: dict[str, Any]) -> None:
        """Save a draft in two windows at once: at most one of two from the same version may be taken."""
        version = (task["draft"] or {"version": 0})["version"]
        body = {"answer": {"half": self._name}, "version": version}
        answers = await asyncio.gather(
            *(self._once("PUT", f"tasks/{task['id']}/draft", body, PATIENCE) for _ in range(2))
        )
        taken = sum(answer is not None and answer.status_code == 200 for answer in answers)
        self._ledger.counts["drafts"] += 1
        if taken > 1:
            self._ledger.wrong.append(f"{task['human_loop']}: two drafts were taken for version {version}")

    async def _give_back(self, path: str, body: dict[str, Any]) -> None:
        answer = await self._ask("POST", path, body)
        self._ledger.counts[path.rsplit("/", 1)[1]] += answer.status_code == 204

    def _walks_away(self, task: dict[str, Any]) -> bool:
        return (
            len(self._away) < AWAY_AT_ONCE
            and task["human_loop"] in self._may_be_left - self._ledger.left
            and not self._over.is_set()
            and self._chance(0.1)
        )

    def _leave(self, task: dict[str, Any], claimed_at: float) -> None:
        over_in = task["lease"]["seconds_left"] + 1
        back_at = time.time() + over_in + self._random.uniform(0, 5)
        self._ledger.left.add(task["human_loop"])
        self._away.append(Away(task, claimed_at, back_at, comes_back=self._chance(0.8)))

    async def _come_back(self) -> None:
        """Answer what was left when its time is over."""
        due = [away for away in self._away if away.back_at <= time.time()]
        self._away = [away for away in self._away if away not in due]
        for away in due:
            if away.comes_back:
                await self._submit(away.task, away.claimed_at)

    async def _submit(self, task: dict[str, Any], claimed_at: float) -> None:
        submission = self._new_answer(task, claimed_at)
        windows = 2 if self._chance(0.05) else 1
        await asyncio.gather(*(self._send(submission, task) for _ in range(windows)))

    async def _rival_answers(self, *windows: tuple[dict[str, Any], float]) -> None:
        """Two windows show the same task, and each sends an answer of its own."""
        self._ledger.counts["rival answers"] += 1
        await asyncio.gather(*(self._send(self._new_answer(*window), window[0]) for window in windows))

    async def _answer_from_a_forgotten_window(self, task: dict[str, Any], claimed_at: float) -> None:
        """Take a loop that was given back once more, and answer it with the former lease first."""
        answer = await self._ask("POST", "tasks/claim", {"human_loop": task["human_loop"]})
        stale = self._new_answer(task, claimed_at)
        stale.is_stale = True
        await self._send(stale, task)
        if answer.status_code == 200:
            await self._submit(answer.json(), claimed_at)

    def _new_answer(self, task: dict[str, Any], claimed_at: float) -> Submission:
        self._answers += 1
        answer = {
            "marker": f"{self._name}/{self._answers}",
            "loop": task["human_loop"],
            "text": 'Grüße, "quoted" and \\ and 😀',
        }
        submission = Submission(
            self._name, task["human_loop"], task["id"], answer, claimed_at, sent_at=time.time()
        )
        self._ledger.submissions.append(submission)
        return submission

    async def _send(self, submission: Submission, task: dict[str, Any]) -> None:
        """Send an answer until the service says what became of it; what it says must not change."""
        body = {"answer": submission.answer, "lease_token": task["lease"]["token"]}
        path = f"tasks/{submission.task_id}/submit"
        if self._chance(0.05):
            await self._once("POST", path, body, IMPATIENCE)
            self._ledger.counts["repeated submits"] += 1
        answer = await self._ask("POST", path, body)
        outcome = _outcome(answer)
        if submission.outcome not in (None, outcome):
            self._ledger.wrong.append(
                f"{submission.human_loop}: the answer {submission.marker} was {submission.outcome}, then {outcome}"
            )
        submission.outcome = outcome
        if outcome is Outcome.SUBMITTED and answer.json()["human_loop_status"] in ENDED:
            self._ledger.ended.setdefault(submission.human_loop, time.time())
        submission.answered_at = submission.answered_at or time.time()

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ask any process, and again until one answers."""
        while True:
            answer = await self._once(method, path, body, PATIENCE)
            if answer is not None:
                return answer
            self._ledger.counts["repeated submits"] += path.endswith("/submit")
            await asyncio.sleep(RETRY_AFTER)

    async def _once(
        self, method: str, path: str, body: dict[str, Any] | None, patience: float
    ) -> httpx.Response | None:
        url = self._random.choice(self._processes.urls)
        try:
            answer = await self._http.request(
                method, f"{url}/portal/api/{path}", json=body or {}, timeout=patience
            )
        except httpx.TransportError as error:
            self._ledger.counts[f"broken portal calls: {type(error).__name__}"] += 1
            return None
        if answer.status_code >= 500:
            known = self._ledger.unavailable if '"Unavailable"' in answer.text else self._ledger.wrong
            known.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return None
        return answer

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def _outcome(answer: httpx.Response) -> Outcome:
    if answer.status_code == 200:
        return Outcome(answer.json()["state"])
    code = answer.json()["error"]["code"]
    return {"LateAnswer": Outcome.LATE, "LeaseLost": Outcome.LOST}[code]
