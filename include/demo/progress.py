"""How far a Dag run is, from its tasks' states and its human loops; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from include.demo.airflow_api import TaskState

PHASES = {
    "create_human_task_ui": "preparing",
    "create_flow_definition": "preparing",
    "read_forms": "reading (OCR)",
    "choose_forms": "choosing",
    "start_reviews": "sending",
    "wait_for_reviews": "reviewing",
    "collect_reviews": "collecting",
    "write_results": "writing",
}
_AT_WORK = {"running", "deferred", "up_for_retry", "up_for_reschedule", "queued", "scheduled"}


@dataclass(frozen=True)
class LoopCounts:
    """The run's human loops."""

    started: int = 0
    completed: int = 0
    open: int = 0


@dataclass
class RunProgress:
    """What is known of the run, renewed at every look."""

    documents: int
    loops: LoopCounts = LoopCounts()
    batch: dict[str, Any] | None = None
    _states: dict[str, str | None] = field(default_factory=dict)
    _told: set[tuple[str, int]] = field(default_factory=set)

    def update(self, tasks: Sequence[TaskState], loops: LoopCounts) -> bool:
        """Take over what was seen; whether anything changed."""
        states = {task.task_id: task.state for task in tasks}
        changed = states != self._states or loops != self.loops
        self._states, self.loops = states, loops
        return changed

    def line(self) -> str:
        """One line for the terminal."""
        loops = self.loops
        counts = f"{self.documents} forms, {loops.started} sent to review, {loops.completed} reviewed"
        return f"{self.phase()}: {counts}, {loops.open} open"

    def phase(self) -> str:
        """What the furthest task that is at work does."""
        known = [task for task in PHASES if self._states.get(task) in _AT_WORK]
        if known:
            return PHASES[known[-1]]
        done = self._states and all(state == "success" for state in self._states.values())
        return "done" if done else "scheduling"

    def new_retries(self, tasks: Sequence[TaskState]) -> list[TaskState]:
        """The tasks whose failed try has not been told yet."""
        new = [
            task
            for task in tasks
            if task.state == "up_for_retry" and (task.task_id, task.try_number) not in self._told
        ]
        self._told.update((task.task_id, task.try_number) for task in new)
        return new
