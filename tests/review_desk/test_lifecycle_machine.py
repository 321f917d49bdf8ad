"""The engine against a small model of it: whatever people, clients and time do, in whatever order."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.errors import InvalidError, LateAnswerError, LeaseLostError
from review_desk.engine.tasks import NoTask, NoTaskReason, Task

WORKERS = ("ann", "bob", "cat")
TIME_LIMIT = 600
AVAILABILITY = 3600


@dataclass
class ModelLoop:
    """What a loop should be; times are seconds since the start."""

    task_count: int
    available_until: float
    status: str = "InProgress"
    holders: dict[str, float] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Workers who answered late or declined: they never see the loop again."""

    def open_to(self, worker: str, now: float) -> bool:
        return self.has_room(now) and worker not in (*self.holders, *self.answers, *self.gone)

    def has_room(self, now: float) -> bool:
        taken = len(self.holders) + len(self.answers)
        return self.status == "InProgress" and now < self.available_until and taken < self.task_count

    def settle(self, now: float) -> None:
        if self.status not in ("InProgress", "Stopping"):
            return
        if len(self.answers) == self.task_count:
            self.status = "Completed"
        elif not self.holders and self.status == "Stopping":
            self.status = "Stopped"
        elif not self.holders and now >= self.available_until:
            self.status = "Failed"


@cache
def prepared() -> Path:
    """A folder with a database that has the workers and flow definitions; each run starts from a copy."""
    folder = Path(tempfile.mkdtemp(prefix="lifecycle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    desk = Desk(folder)
    for name in WORKERS:
        desk.worker(name)
    limits = {"TaskTimeLimitInSeconds": TIME_LIMIT, "TaskAvailabilityLifetimeInSeconds": AVAILABILITY}
    for count in (1, 2, 3):
        desk.flow(f"flow-{count}", TaskCount=count, **limits)
    desk.service.database.engine.dispose()
    return folder


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        shutil.copytree(prepared(), self.folder.name, dirs_exist_ok=True)
        self.desk = Desk(Path(self.folder.name), prepared=True)
        self.workers = {name: self.desk.worker_id(name) for name in WORKERS}
        self.flows = {count: SCOPE.arn("flow-definition", f"flow-{count}") for count in (1, 2, 3)}
        self.now = 0.0
        self.loops: dict[str, ModelLoop] = {}
        self.tasks: dict[tuple[str, str], Task] = {}

    def teardown(self) -> None:
        self.desk.service.database.engine.dispose()
        self.folder.cleanup()

    @rule(task_count=st.sampled_from([1, 2, 3]))
    def start(self, task_count: int) -> None:
        name = f"loop-{len(self.loops)}"
        self.desk.start(self.flows[task_count], name)
        self.loops[name] = ModelLoop(task_count, self.now + AVAILABILITY)

    @rule(first=st.sampled_from(WORKERS), second=st.sampled_from(WORKERS))
    def claim(self, first: str, second: str) -> None:
        """Twice, so that runs are not mostly about loops that nobody has taken."""
        self._claim(first)
        self._claim(second)

    def _claim(self, worker: str) -> None:
        held = [name for name, loop in self.loops.items() if worker in loop.holders]
        expected = held or [name for name, loop in self.loops.items() if loop.open_to(worker, self.now)]
        found = self.desk.tasks.claim(self.workers[worker])
        if not expected:
            assert isinstance(found, NoTask)
            others = any(
                loop.status == "InProgress" and self.now < loop.available_until and loop.holders
                for loop in self.loops.values()
            )
            assert others or found.reason is not NoTaskReason.HELD
            return
        assert isinstance(found, Task)
        assert found.human_loop in expected
        if not held:
            assert found.human_loop == expected[0]
            self.loops[found.human_loop].holders[worker] = self.now + TIME_LIMIT
        self.tasks[worker, found.human_loop] = found

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        worker, name = data.draw(st.sampled_from(sorted(self.tasks)))
        loop, task = self.loops[name], self.tasks[worker, name]
        outcome = self._submit(worker, task)
        if worker in loop.holders:
            del loop.holders[worker]
            loop.answers.append(worker)
            assert outcome == "counted"
        elif worker in loop.answers:
            assert outcome == "counted", "submitting again changes nothing"
        elif task.id in self.given_up:
            assert outcome == "lost"
        elif worker not in loop.gone and loop.has_room(self.now):
            loop.answers.append(worker)
            assert outcome == "counted"
        else:
            loop.gone.add(worker)
            assert outcome == "late"
        loop.settle(self.now)

    @precondition(lambda self: any(loop.holders for loop in self.loops.values()))
    @rule(data=st.data(), decline=st.booleans(), claim_again=st.booleans())
    def give_up(self, data: st.DataObject, decline: bool, claim_again: bool) -> None:
        holding = [(name, worker) for name, loop in self.loops.items() for worker in loop.holders]
        name, worker = data.draw(st.sampled_from(holding))
        task_id = self.tasks[worker, name].id
        if decline:
            self.desk.tasks.decline(self.workers[worker], task_id, "reason")
            self.loops[name].gone.add(worker)
        else:
            self.desk.tasks.release(self.workers[worker], task_id)
        del self.loops[name].holders[worker]
        self.loops[name].settle(self.now)
        if claim_again:
            self._claim(worker)

    @precondition(lambda self: self.loops)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.loops)))
        self.desk.loops.stop(SCOPE, name)
        if self.loops[name].status == "InProgress":
            self.loops[name].status = "Stopping"
        self.loops[name].settle(self.now)

    @precondition(lambda self: self.loops)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.loops)))
        loop = self.loops[name]
        try:
            self.desk.loops.delete(SCOPE, name)
        except InvalidError:
            assert loop.status in ("InProgress", "Stopping")
        else:
            assert loop.status in ("Completed", "Failed", "Stopped")
            # The name may be used again; the model keeps the loop under one that nobody asks for.
            self.desk.start(self.flows[loop.task_count], name)
            self.tasks = {key: task for key, task in self.tasks.items() if key[1] != name}
            del self.loops[name]
            self.loops[name] = ModelLoop(loop.task_count, self.now + AVAILABILITY)

    @rule(seconds=st.sampled_from([1, 1, TIME_LIMIT - 1, TIME_LIMIT, TIME_LIMIT, AVAILABILITY // 2]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.desk.clock.advance(seconds)
        self.desk.tasks.tidy()
        for loop in self.loops.values():
            for worker, until in list(loop.holders.items()):
                if until <= self.now:
                    del loop.holders[worker]
            loop.settle(self.now)

    @invariant()
    def the_engine_agrees(self) -> None:
        for name, loop in self.loops.items():
            assert self.desk.status(name) == loop.status, name
        for worker, ident in self.workers.items():
            held = sorted(task.human_loop for task in self.desk.tasks.working(ident))
            assert held == sorted(name for name, loop in self.loops.items() if worker in loop.holders)

    @invariant()
    def outputs_hold_the_answers(self) -> None:
        while self.desk.outbox.deliver_due():
            pass
        written = {
            document["humanLoopName"]: len(document["humanAnswers"])
            for document in self.desk.store.documents.values()
        }
        for name, loop in self.loops.items():
            if loop.status in ("Completed", "Failed", "Stopped") and loop.answers:
                assert written[name] == len(loop.answers)

    @property
    def given_up(self) -> set[str]:
        """Ids of tasks that the engine knows as released or declined."""
        with self.desk.service.database.read() as connection:
            return set(
                connection.exec_driver_sql(
                    "SELECT id FROM task WHERE state IN ('released', 'declined')"
                ).scalars()
            )

    def _submit(self, worker: str, task: Task) -> str:
        try:
            self.desk.tasks.submit(self.workers[worker], task.id, {"by": worker}, task.lease_token)
        except LateAnswerError:
            return "late"
        except LeaseLostError:
            return "lost"
        return "counted"


Lifecycle.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.too_slow],
)
TestLifecycle = Lifecycle.TestCase
