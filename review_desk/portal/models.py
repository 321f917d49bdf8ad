"""What the portal's JSON API takes and answers, as models.

A request is checked against its model. An answer is only described by its model; tests hold the answers to it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
)

from review_desk.engine.flow_report import Age
from review_desk.engine.lifecycle import LoopStatus, TaskState
from review_desk.engine.roles import Role
from review_desk.engine.tasks import NoTaskReason
from review_desk.strict_json import scalar_text

WITHOUT_NUL = r"^[^\x00]*$"
"""PostgreSQL stores no text with U+0000."""

FLOW_DEFINITION_ARN = r"^([^:\x00]*:){5}flow-definition/[^\x00]*$"

Text = Annotated[str, Field(pattern=WITHOUT_NUL)]
Content = Annotated[dict[str, Any], BeforeValidator(scalar_text)]
"""An answer's content: what output.json can hold."""

Moment = str
"""UTC with milliseconds, as A2I writes it."""


class Claim(BaseModel):
    flow_definition: Text | None = None
    human_loop: Text | None = None


class GridClaim(BaseModel):
    flow_definition: Annotated[str, Field(pattern=FLOW_DEFINITION_ARN)]


class Draft(BaseModel):
    answer: Content
    version: Annotated[int, Field(ge=0, lt=2**31 - 1, strict=True)]


class NextClaim(BaseModel):
    """What to claim once an answer is in; only well-formed, so that it refuses no answer afterwards.

    ``with_page`` asks for the task's page, too, which saves the way to its frame's address. ``offer`` is the token of
    the task that is rather wanted, because its page is there.
    """

    flow_definition: Annotated[str, Field(pattern=FLOW_DEFINITION_ARN)] | None = None
    with_page: bool = False
    offer: Text | None = None


class Preparation(BaseModel):
    """Which task to offer."""

    flow_definition: Annotated[str, Field(pattern=FLOW_DEFINITION_ARN)] | None = None


class Submission(BaseModel):
    answer: Content
    lease_token: Text
    claim_next: NextClaim | None = None


Name = Annotated[Text, Field(max_length=256)]
Names = Annotated[list[Name], Field(min_length=1, max_length=100)]


class ChosenLoops(BaseModel):
    """Human loops by name; a Region only where loops of several have one name."""

    names: Names
    region: Name | None = None


class ChosenTasks(BaseModel):
    task_ids: Names


class NewHolder(BaseModel):
    username: Name


class Decline(BaseModel):
    reason: Annotated[Text, Field(min_length=1, max_length=1000)]


LARGEST_PREFERENCES = 16 * 1024
"""Bytes, as JSON in ASCII."""
MOST_PREFERENCES = 100
LARGEST_NUMBER = 1e15

PreferenceName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]
PreferenceValue = (
    StrictBool
    | Annotated[StrictInt, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
    | Annotated[StrictFloat, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
    | Annotated[Text, Field(max_length=200)]
)


def _small(value: Any) -> Any:
    if len(json.dumps(value)) > LARGEST_PREFERENCES:
        raise ValueError(f"preferences have at most {LARGEST_PREFERENCES} bytes")
    return value


class ChangedPreferences(BaseModel):
    """Each part if it shall change; a part is replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    notices: StrictBool | None = None
    task: (
        Annotated[
            dict[PreferenceName, PreferenceValue],
            BeforeValidator(scalar_text),
            AfterValidator(_small),
            Field(max_length=MOST_PREFERENCES),
        ]
        | None
    ) = None


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(_Answer):
    code: str
    message: str


class ErrorAnswer(_Answer):
    error: Error


class DraftAnswer(_Answer):
    answer: dict[str, Any] | None
    version: int


class StaleDraftAnswer(ErrorAnswer):
    draft: DraftAnswer | None = None


class ProviderAnswer(_Answer):
    name: str
    url: str


class SignInMethodsAnswer(_Answer):
    password: bool
    oidc: ProviderAnswer | None


class SignedInWorkerAnswer(_Answer):
    username: str
    role: Role
    lead: bool


class SessionAnswer(_Answer):
    csrf_token: str
    worker: SignedInWorkerAnswer


class LeaseAnswer(_Answer):
    token: str
    expires_at: Moment
    seconds_left: int
    time_limit_seconds: int


class TaskAnswer(_Answer):
    id: str
    human_loop: str
    flow_definition: str
    title: str
    instructions: str
    state: str
    frame_url: str
    accepted_at: Moment
    lease: LeaseAnswer
    draft: DraftAnswer | None


class TasksAnswer(_Answer):
    tasks: list[TaskAnswer]


class QueueEntryAnswer(_Answer):
    """``grid``: how many tasks may be reviewed at once in a grid, if the flow definition allows one."""

    flow_definition: str
    name: str
    title: str
    description: str
    open: int
    grid: int | None


class QueueAnswer(_Answer):
    flow_definitions: list[QueueEntryAnswer]
    working: list[TaskAnswer]
    done_today: int


class VersionAnswer(_Answer):
    version: int


class HeartbeatAnswer(_Answer):
    lease: LeaseAnswer
    human_loop_status: LoopStatus


class NextTaskAnswer(_Answer):
    """What a claim after a submission found: a task, or the reason why there is none.

    ``page`` is HTML with scripts of others: it belongs into a sandboxed frame and nowhere else. ``is_offered`` tells
    whether it is the task that was rather wanted.
    """

    task: TaskAnswer | None = None
    is_offered: bool | None = None
    page: str | None = None
    reason: NoTaskReason | None = None
    retry_after: int | None = None


class OfferAnswer(_Answer):
    """``page`` is as in a claim after a submission; ``offer`` is the token that claims its task, for 15 minutes."""

    page: str
    offer: str
    flow_definition: str


class SubmissionAnswer(_Answer):
    """``next`` if it was asked for; ``undo_seconds`` if the answer can be taken back for so long."""

    state: str
    human_loop_status: LoopStatus
    undo_seconds: int | None = None
    next: NextTaskAnswer | None = None


class PreferencesAnswer(_Answer):
    """``notified_by`` has the channels by which this worker can be told of new work."""

    notices: bool
    notified_by: list[str]
    task: dict[str, bool | int | float | str]


class FinishedTaskAnswer(_Answer):
    id: str
    human_loop: str
    flow_definition: str
    title: str
    outcome: TaskState
    accepted_at: Moment
    ended_at: Moment
    handling_seconds: float


class HistoryAnswer(_Answer):
    tasks: list[FinishedTaskAnswer]
    before: str | None


class FlowProgressAnswer(_Answer):
    flow_definition: str
    name: str
    title: str
    open: int
    working: int
    answered_today: int
    oldest_open: Moment | None


class TeamAnswer(_Answer):
    name: str
    arn: str
    members: int
    flow_definitions: list[FlowProgressAnswer]


class TeamsAnswer(_Answer):
    teams: list[TeamAnswer]


class LoopAnswer(_Answer):
    name: str
    flow_definition: str
    status: LoopStatus
    task_count: int
    working: int
    answers: int
    created_at: Moment | None
    available_until: Moment | None
    ended_at: Moment | None
    failure_reason: str | None


class LoopsAnswer(_Answer):
    loops: list[LoopAnswer]
    before: int | None


class LoopTaskAnswer(_Answer):
    id: str
    worker: str
    state: str
    accepted_at: Moment | None
    lease_expires_at: Moment | None
    submitted_at: Moment | None


class LoopEventAnswer(_Answer):
    at: Moment
    action: str
    worker: str | None


class WholeLoopAnswer(LoopAnswer):
    """``candidates`` are the user names of who could be given a task of the loop."""

    candidates: list[str]
    tasks: list[LoopTaskAnswer]
    history: list[LoopEventAnswer]


class StopAnswer(_Answer):
    status: LoopStatus


class StoppedLoopAnswer(_Answer):
    """``status`` of a loop that was stopped, ``error`` of one that was not."""

    name: str
    status: LoopStatus | None
    error: str | None


class StoppedLoopsAnswer(_Answer):
    results: list[StoppedLoopAnswer]


class RequeuedLoopAnswer(_Answer):
    """``requeued`` counts tasks; ``error`` says why one was not."""

    name: str
    requeued: int
    error: str | None


class RequeuedLoopsAnswer(_Answer):
    results: list[RequeuedLoopAnswer]


class RequeuedTaskAnswer(_Answer):
    task_id: str
    requeued: bool
    error: str | None


class RequeuedTasksAnswer(_Answer):
    results: list[RequeuedTaskAnswer]


class ThroughputAnswer(_Answer):
    at: Moment
    answers: int


class HandlingAnswer(_Answer):
    """Seconds; none where there are no answers."""

    p50: float | None
    p90: float | None


class AgeAnswer(_Answer):
    age: Age
    loops: int


class BacklogAnswer(_Answer):
    loops: int
    tasks: int
    oldest: Moment | None
    ages: list[AgeAnswer]


class ShareAnswer(_Answer):
    field: str
    count: int
    of: int


class AgreementAnswer(_Answer):
    loops: int
    equal: int
    fields: list[ShareAnswer]


class ReportAnswer(_Answer):
    """``looked_at`` is of how many answers handling time, edits and agreement are: ``capped`` if not of all."""

    flow_definition: str | None
    team: str | None
    days: int
    step: str
    since: Moment
    until: Moment
    answers: int
    looked_at: int
    capped: bool
    throughput: list[ThroughputAnswer]
    handling_seconds: HandlingAnswer
    backlog: BacklogAnswer
    expired_leases: int
    expired_loops: int
    declines: int
    edits: list[ShareAnswer]
    agreement: AgreementAnswer


class MembershipAnswer(_Answer):
    name: str
    source: str


class WorkerAnswer(_Answer):
    username: str
    role: Role
    teams: list[MembershipAnswer]
    disabled: bool
    created_at: Moment
    signs_in_with: str
    email: str | None


class WorkersAnswer(_Answer):
    workers: list[WorkerAnswer]


class AuditEventAnswer(_Answer):
    id: int
    at: Moment
    actor_kind: str
    actor: str
    client: str | None
    action: str
    resource_kind: str
    resource: str
    detail: dict[str, Any] | None


class AuditAnswer(_Answer):
    events: list[AuditEventAnswer]
    before: int | None
