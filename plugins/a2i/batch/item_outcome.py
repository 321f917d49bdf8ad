"""What became of an item of a batch. Pure: neither Airflow nor boto3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from a2i.answers import HumanLoopOutput
from a2i.batch.ledger import LedgerRow

NOT_NEEDED: Final = "NotNeeded"
NOT_STARTED: Final = "NotStarted"
MISSING: Final = "Missing"
EXPIRED: Final = "Expired"
UNREADABLE: Final = "Unreadable"
#: Keys of the counts, by the status in a result row.
COUNT_NAMES: Final[Mapping[str, str]] = {
    "Completed": "completed",
    "Failed": "failed",
    EXPIRED: "expired",
    "Stopped": "stopped",
    MISSING: "missing",
    NOT_STARTED: "not_started",
    NOT_NEEDED: "not_needed",
    UNREADABLE: "unreadable",
    "InProgress": "open",
    "Stopping": "open",
}


@dataclass(frozen=True)
class LoopState:
    """What the service says of a human loop.

    :ivar status: ``HumanLoopStatus``, ``Expired`` for a loop that failed because nobody answered in time,
        ``Missing`` for a deleted one, or ``NotNeeded`` and ``NotStarted`` where there is none.
    :ivar output_uri: where its answers are, or will be.
    """

    status: str
    output_uri: str | None = None
    failure_code: str | None = None
    failure_reason: str | None = None


@dataclass(frozen=True)
class Outcome:
    """An item with what people said of it.

    :ivar output: its answers, None where there are none.
    :ivar error: why there are no answers that can be used, None where there are or where nobody was asked.
    """

    row: LedgerRow
    state: LoopState
    output: HumanLoopOutput | None = None
    error: str | None = None
