"""What a chaos run does, how large it is, and what its parts remember of it."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

TASK_COUNT = 2
SHORT_TIME_LIMIT = 30
"""Seconds: the shortest TaskTimeLimitInSeconds of the model."""


class LoopKind(StrEnum):
    """Which flow definition a loop belongs to, and what may become of it."""

    STEADY = "steady"
    BRISK = "brisk"
    """Leases of 30 seconds: workers walk away from some, and come back too late."""
    FLEETING = "fleeting"
    """Available for 5 seconds only: fails as Expired if nobody takes it in time."""


LOOP_CONFIG: dict[LoopKind, dict[str, int]] = {
    LoopKind.STEADY: {"TaskTimeLimitInSeconds": 3600},
    LoopKind.BRISK: {"TaskTimeLimitInSeconds": SHORT_TIME_LIMIT},
    LoopKind.FLEETING: {"TaskTimeLimitInSeconds": 3600, "TaskAvailabilityLifetimeInSeconds": 5},
}


@dataclass(frozen=True)
class PlannedLoop:
    name: str
    kind: LoopKind
    is_stopped: bool
    may_be_left: bool
    """Whether workers may walk away from it; not from the last, or the run would end with a long wait for them."""


@dataclass(frozen=True)
class Plan:
    """Size and chance of a run. Another seed makes other people and faults; the same does not repeat a run exactly,
    as the processes race.

    :param deadline: seconds in which every loop must have ended.
    :param kill_gap: seconds from one kill to the next, at least and at most.
    """

    loops: int
    workers: int
    processes: int
    seed: int
    deadline: float
    kill_gap: tuple[float, float]
    starters: int = 8

    @classmethod
    def from_environment(cls, processes: int, kill_gap: tuple[float, float]) -> Plan:
        """Read ``CHAOS_LOOPS``, ``CHAOS_WORKERS``, ``CHAOS_SEED`` and ``CHAOS_DEADLINE``."""
        return cls(
            loops=int(os.environ.get("CHAOS_LOOPS", "500")),
            workers=int(os.environ.get("CHAOS_WORKERS", "50")),
            processes=processes,
            seed=int(os.environ.get("CHAOS_SEED", "1")),
            deadline=float(os.environ.get("CHAOS_DEADLINE", "600")),
            kill_gap=kill_gap,
        )

    @cached_property
    def planned(self) -> list[PlannedLoop]:
        chance = random.Random(self.seed)
        return [
            PlannedLoop(
                name=f"loop-{number:05}",
                kind=chance.choices(list(LoopKind), weights=[78, 20, 2])[0],
                is_stopped=chance.random() < 0.02,
                may_be_left=number < 0.9 * self.loops,
            )
            for number in range(self.loops)
        ]


class Outcome(StrEnum):
    """What a worker was told of an answer."""

    SUBMITTED = "submitted"
    LATE = "late"
    LOST = "lost"


@dataclass
class Submission:
    """An answer that a worker sent, once or more often; times are seconds since the epoch.

    :param is_stale: sent with the token of a lease that the worker gave back.
    """

    worker: str
    human_loop: str
    task_id: str
    answer: dict[str, Any]
    claimed_at: float
    sent_at: float
    is_stale: bool = False
    outcome: Outcome | None = None
    answered_at: float = 0.0

    @property
    def marker(self) -> str:
        """Tells this answer from all others."""
        marker: str = self.answer["marker"]
        return marker


@dataclass
class Ledger:
    """What the outside did and was told: what the database, the store and the queue must agree with.

    :param left: loops that a worker walked away from; nobody else does, or the run would end with several such waits.
    :param ended: when a worker was first told that a loop had ended.
    :param claims: loop and time of sending of each claim that was answered with a task.
    :param unavailable: answers of the service that its database is away.
    :param wrong: answers of the service that are wrong whatever was killed, such as a 500.
    """

    started: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    ended: dict[str, float] = field(default_factory=dict)
    claims: list[tuple[str, float]] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
