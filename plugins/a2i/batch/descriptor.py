"""What stands for a batch between the tasks of a Dag: small, JSON-safe, without secrets."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Final

import pendulum

from a2i.exceptions import A2IUserError
from a2i.naming import human_loop_prefix

#: How far the clocks of a worker and of the service may differ.
CLOCK_SLACK: Final = pendulum.duration(minutes=15)


@dataclass(frozen=True)
class HumanLoopBatch:
    """A started batch of human loops.

    :ivar ledger_uri: S3 folder with the batch's ledger; the rows of its items are there, not here.
    :ivar created_after: no loop of the batch was created before (ISO 8601, UTC).
    :ivar created_before: no loop of the batch was created later.
    :ivar items: items given, of which ``started`` have a human loop, ``failed`` have an error in the ledger, and
        ``not_needed`` need nobody by the batch's activation conditions.
    """

    batch_id: str
    flow_definition_arn: str
    ledger_uri: str
    created_after: str
    created_before: str
    items: int
    started: int
    failed: int
    not_needed: int = 0

    @property
    def prefix(self) -> str:
        """What the names of the batch's human loops begin with."""
        return human_loop_prefix(self.batch_id)

    @property
    def window(self) -> tuple[pendulum.DateTime, pendulum.DateTime]:
        """The creation times between which all loops of the batch lie."""
        return parse_time(self.created_after), parse_time(self.created_before)

    @property
    def start_began(self) -> pendulum.DateTime:
        """When the batch's first start began, by the worker's clock."""
        return parse_time(self.created_after) + CLOCK_SLACK

    def to_dict(self) -> dict[str, Any]:
        """Return the batch as a task returns it."""
        return asdict(self)

    @classmethod
    def from_value(cls, value: Any) -> HumanLoopBatch:
        """Read a batch from a task's return value, or from the JSON text that a template made of it.

        :raises A2IUserError: if it is none.
        """
        try:
            data = json.loads(value) if isinstance(value, str) else dict(value)
            # A batch that an earlier version started may lack fields with a default.
            names = [f.name for f in fields(cls) if f.name in data or f.default is MISSING]
            return cls(**{name: data[name] for name in names})
        except (KeyError, TypeError, ValueError):
            raise A2IUserError(
                "batch must be what A2IStartHumanLoopBatchOperator returns (its .output), got "
                f"{str(value)[:200]!r}."
            ) from None


def parse_time(text: str) -> pendulum.DateTime:
    """Read an ISO 8601 time."""
    return pendulum.DateTime.fromisoformat(text).in_timezone("UTC")
