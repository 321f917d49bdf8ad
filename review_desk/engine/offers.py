"""The task that a worker would get next, so that its page can be ready before it is claimed.

An offer takes nothing: whoever claims first has the loop, and no queue is kept from anybody. Workers of one process are
offered different loops; that spares most of the collisions, the claim settles the others.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.tables import flow_definition, human_loop, human_loop_input, human_task_ui, worker
from review_desk.engine.tasks import HELD, NEXT, TEAMS, WORKER, queues_of, wanted_of

OFFERED_FOR_SECONDS = 300.0
"""How long others of the same process are offered other loops."""

MOST_OFFERS = 10_000
LOOKED_THROUGH = 50
"""Open loops that are looked through for one that is offered to nobody else."""

FIRST = {order: statement.limit(LOOKED_THROUGH) for order, statement in NEXT.items()}
OPEN_TO = NEXT["id"].where(exists().where(worker.c.id == WORKER, worker.c.disabled_at.is_(None)))
MATERIAL = (
    select(
        human_task_ui.c.content.label("template"),
        human_loop_input.c.content.label("input"),
        flow_definition.c.task_time_limit_in_seconds,
        flow_definition.c.account_id,
        flow_definition.c.region,
        flow_definition.c.name,
    )
    .select_from(human_loop)
    .join(flow_definition, flow_definition.c.id == human_loop.c.flow_definition_id)
    .join(human_task_ui, human_task_ui.c.id == flow_definition.c.human_task_ui_id)
    .join(human_loop_input, human_loop_input.c.human_loop_id == human_loop.c.id)
)


@dataclass(frozen=True)
class Offer:
    """A loop that its worker could take now, and what its page is rendered from.

    :param flow_definition: ARN.
    :param time_limit: seconds that a task of it may take.
    """

    human_loop_id: int
    worker_id: int
    flow_definition: str
    template: str
    task_input: dict[str, Any]
    time_limit: int


class Offers:
    """Finds the next loop for a worker without taking it.

    :param monotonic: seconds, for how long an offer stands.
    """

    def __init__(
        self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offered: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def next(self, worker_id: int, flow_definition_arn: str | None = None) -> Offer | None:
        """Return what a claim would most likely give the worker, or ``None`` if there is nothing.

        :param flow_definition_arn: only loops of this flow definition.
        """
        now = self._clock.now()
        with self._database.read() as connection:
            wanted = wanted_of(connection, flow_definition_arn, None)
            teams = list(connection.execute(TEAMS, {"worker_id": worker_id}).scalars())
            values = {"worker_id": worker_id, "now": now, "loop_name": None}
            for queue in queues_of(connection, teams, wanted, values):
                loops = connection.execute(FIRST[queue.order], values | queue.values).all()
                found = next((loop.id for loop in loops if self._offer(loop.id, worker_id)), None)
                if found is not None:
                    row = connection.execute(MATERIAL.where(human_loop.c.id == found)).one_or_none()
                    if row is None:  # deleted just now
                        return None
                    return Offer(
                        found,
                        worker_id,
                        Scope(row.account_id, row.region).arn("flow-definition", row.name),
                        row.template,
                        json.loads(row.input),
                        row.task_time_limit_in_seconds,
                    )
        return None

    def is_open_to(self, human_loop_id: int, worker_id: int) -> bool:
        """Whether the worker, if not disabled since, could claim the loop now."""
        values = {
            "worker_id": worker_id,
            "now": self._clock.now(),
            "loop_id": human_loop_id,
            "any_flow": True,
            "flow_definition_id": 0,
        }
        with self._database.read() as connection:
            return connection.execute(OPEN_TO, values).first() is not None

    def is_held_by(self, human_loop_id: int, worker_id: int) -> bool:
        """Whether the worker holds a task of the loop now."""
        with self._database.read() as connection:
            held = HELD.where(human_loop.c.id == human_loop_id)
            values = {"worker_id": worker_id, "now": self._clock.now()}
            return connection.execute(held, values).first() is not None

    def _offer(self, human_loop_id: int, worker_id: int) -> bool:
        """Note the offer of a loop, unless it is offered to somebody else."""
        now = self._monotonic()
        with self._lock:
            while self._offered and (
                next(iter(self._offered.values()))[1] <= now or len(self._offered) >= MOST_OFFERS
            ):
                self._offered.popitem(last=False)
            if self._offered.get(human_loop_id, (worker_id, 0.0))[0] != worker_id:
                return False
            self._offered[human_loop_id] = worker_id, now + OFFERED_FOR_SECONDS
            self._offered.move_to_end(human_loop_id)
            return True
