"""The rules by which a human loop changes state: pure functions over its counts and times.

States are A2I's: ``InProgress``, ``Stopping``, ``Completed``, ``Stopped``, ``Failed``. What A2I leaves undocumented is
decided here: a loop whose availability passed waits for those who already work on it, then fails as ``Expired``
even if some answers are in; those answers are written to its output all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class LoopStatus(StrEnum):
    """``HumanLoopStatus`` of the runtime API."""

    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    STOPPED = "Stopped"
    FAILED = "Failed"

    @property
    def is_final(self) -> bool:
        return self in (LoopStatus.COMPLETED, LoopStatus.STOPPED, LoopStatus.FAILED)


class FailureCode(StrEnum):
    """``FailureCode`` of DescribeHumanLoop."""

    VALIDATION_ERROR = "ValidationError"
    EXPIRED = "Expired"


class TaskState(StrEnum):
    """State of one worker's task (one reviewer's assignment of a loop)."""

    WORKING = "working"
    SUBMITTED = "submitted"
    RELEASED = "released"
    DECLINED = "declined"
    REQUEUED = "requeued"
    EXPIRED = "expired"
    LATE = "late"


RECLAIMABLE = (TaskState.RELEASED, TaskState.EXPIRED)
"""States of a worker's own task in which the same worker may take the loop again."""


@dataclass(frozen=True)
class LoopProgress:
    """What the rules look at.

    :param task_count: answers wanted, 1 to 3.
    :param active_count: tasks that workers hold now.
    :param answer_count: answers submitted in time.
    :param available_until: after this nobody new may take the loop.
    """

    status: LoopStatus
    task_count: int
    active_count: int
    answer_count: int
    available_until: datetime
    failure_code: FailureCode | None = None
    failure_reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether one more worker could take the loop, its availability aside."""
        return (
            self.status is LoopStatus.IN_PROGRESS and self.answer_count + self.active_count < self.task_count
        )

    def claimed(self) -> LoopProgress:
        return replace(self, active_count=self.active_count + 1)

    def given_up(self, now: datetime) -> LoopProgress:
        """A worker's task ended without an answer: released, declined or its lease ran out."""
        return replace(self, active_count=self.active_count - 1).settled(now)

    def answered(self, now: datetime, *, lease_held: bool = True) -> LoopProgress:
        """A worker's answer came in; without a held lease it takes a slot that is still free."""
        active_count = self.active_count - (1 if lease_held else 0)
        return replace(self, active_count=active_count, answer_count=self.answer_count + 1).settled(now)

    def reopened(self) -> LoopProgress:
        """A worker took a counted answer back to go on with it; the slot stays theirs."""
        return replace(self, active_count=self.active_count + 1, answer_count=self.answer_count - 1)

    def stopped(self, now: datetime) -> LoopProgress:
        """StopHumanLoop: nobody new starts; who already works may finish. No effect on a loop that ended."""
        if self.status is not LoopStatus.IN_PROGRESS:
            return self
        return replace(self, status=LoopStatus.STOPPING).settled(now)

    def settled(self, now: datetime) -> LoopProgress:
        """Take the state change that is due, if any."""
        if self.status.is_final:
            return self
        if self.answer_count >= self.task_count:
            return replace(self, status=LoopStatus.COMPLETED)
        if self.active_count > 0:
            return self
        if self.status is LoopStatus.STOPPING:
            return replace(self, status=LoopStatus.STOPPED)
        if self.available_until <= now:
            return replace(
                self,
                status=LoopStatus.FAILED,
                failure_code=FailureCode.EXPIRED,
                failure_reason=(
                    f"{self.answer_count} of {self.task_count} answers were submitted before "
                    "TaskAvailabilityLifetimeInSeconds passed."
                ),
            )
        return self
