"""Flow definitions (human review workflows): what a loop is started on. They cannot be changed, only deleted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, exists, literal, select, update

from review_desk.engine.activation_conditions import parse_activation_conditions
from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InUseError, InvalidError, NotFoundError
from review_desk.engine.human_task_uis import HumanTaskUiStore
from review_desk.engine.initialization import ACTIVE, FAILED, INITIALIZING, Initialization
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.named import Kind, NamedStore
from review_desk.engine.owed import owe
from review_desk.engine.tables import Timestamp, flow_definition, human_loop, human_task_ui
from review_desk.engine.workteams import WorkteamStore

DELETING = "Deleting"
DEFAULT_TIME_LIMIT_IN_SECONDS = 3_600
LONGEST_TIME_LIMIT_IN_SECONDS = 28_800
PUBLIC_WORKFORCE_ACCOUNT = "394669845002"
DEFAULT_AVAILABILITY_IN_SECONDS = 864_000
FINISH_DELETIONS = (
    update(flow_definition)
    .where(
        flow_definition.c.status == DELETING,
        flow_definition.c.deleted_at.is_(None),
        ~exists().where(
            human_loop.c.flow_definition_id == flow_definition.c.id,
            human_loop.c.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING)),
        ),
    )
    .values(deleted_at=bindparam("now", type_=Timestamp))
)


@dataclass(frozen=True)
class FlowDefinition:
    """A human review workflow as it was created.

    :param request: the CreateFlowDefinition request, for DescribeFlowDefinition.
    """

    id: int
    arn: str
    name: str
    status: str
    failure_reason: str | None
    workteam_id: int
    template: str
    human_task_ui_name: str
    human_task_ui_is_deleted: bool
    task_title: str
    task_description: str
    task_count: int
    task_time_limit_in_seconds: int
    task_availability_lifetime_in_seconds: int
    output_path: str
    created_at: datetime
    request: dict[str, Any]

    @property
    def refusal(self) -> str | None:
        """Why no human loop can be started on it, or ``None``."""
        if self.status == INITIALIZING:
            return "is Initializing: its output bucket has not answered yet. Start human loops once it is Active."
        if self.status == FAILED:
            return f"is Failed: {self.failure_reason}"
        return None if self.status == ACTIVE else f"is {self.status}: it starts no more human loops."


class FlowDefinitionStore(NamedStore):
    """The only door to flow definitions.

    :param workteams: where the teams that they name are.
    :param human_task_uis: where the templates that they name are.
    :param initialization: decides whether a new one is Active.
    """

    kind = Kind(flow_definition, "flow-definition", "flow definition", "REVIEW_DESK_FLOW_DEFINITION_LIMIT")

    def __init__(
        self,
        database: Database,
        clock: Clock,
        workteams: WorkteamStore,
        human_task_uis: HumanTaskUiStore,
        initialization: Initialization,
        most: int = 0,
    ) -> None:
        super().__init__(database, clock, most)
        self._workteams = workteams
        self._human_task_uis = human_task_uis
        self._initialization = initialization

    def create(self, scope: Scope, request: dict[str, Any]) -> str:
        """Create a flow definition from a CreateFlowDefinition request and return its ARN.

        It is Active on return if its bucket answers, Failed if that cannot be used, and Initializing if the store
        does not answer yet.

        :raises InvalidError: a rule of the control plane forbids it.
        :raises InUseError: the name is taken.
        :raises QuotaError: there are as many as there may be.
        """
        _check_rules(request)
        loop_config = request["HumanLoopConfig"]
        team = _referenced(self._workteams, scope, loop_config["WorkteamArn"], "Workteam")
        task_ui = _referenced(self._human_task_uis, scope, loop_config["HumanTaskUiArn"], "HumanTaskUi")
        values = {
            "status": INITIALIZING,
            "workteam_id": team.id,
            "human_task_ui_id": task_ui.id,
            "task_title": loop_config["TaskTitle"],
            "task_description": loop_config["TaskDescription"],
            "task_count": loop_config["TaskCount"],
            "task_time_limit_in_seconds": loop_config.get(
                "TaskTimeLimitInSeconds", DEFAULT_TIME_LIMIT_IN_SECONDS
            ),
            "task_availability_lifetime_in_seconds": loop_config.get(
                "TaskAvailabilityLifetimeInSeconds", DEFAULT_AVAILABILITY_IN_SECONDS
            ),
            "output_path": request["OutputConfig"]["S3OutputPath"],
            "request": request,
        }
        name = request["FlowDefinitionName"]
        arn = self._create(scope, name, values, request.get("Tags", []))
        columns = flow_definition.c
        self._initialization.check(
            columns.account_id == scope.account_id, columns.region == scope.region, columns.name == name
        )
        return arn

    def get(self, scope: Scope, name: str) -> FlowDefinition:
        """Return a flow definition by name.

        :raises NotFoundError: no such flow definition in this account and Region.
        """
        columns = flow_definition.c
        with self._database.read() as connection:
            row = connection.execute(
                select(
                    flow_definition,
                    human_task_ui.c.content,
                    human_task_ui.c.name.label("ui_name"),
                    human_task_ui.c.deleted_at.label("ui_deleted_at"),
                )
                .join_from(flow_definition, human_task_ui)
                .where(
                    columns.account_id == scope.account_id,
                    columns.region == scope.region,
                    columns.name == name,
                    columns.deleted_at.is_(None),
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"The flow definition {scope.arn('flow-definition', name)} does not exist.")
        return FlowDefinition(
            id=row.id,
            arn=scope.arn("flow-definition", row.name),
            name=row.name,
            status=row.status,
            failure_reason=row.failure_reason,
            workteam_id=row.workteam_id,
            template=row.content,
            human_task_ui_name=row.ui_name,
            human_task_ui_is_deleted=row.ui_deleted_at is not None,
            task_title=row.task_title,
            task_description=row.task_description,
            task_count=row.task_count,
            task_time_limit_in_seconds=row.task_time_limit_in_seconds,
            task_availability_lifetime_in_seconds=row.task_availability_lifetime_in_seconds,
            output_path=row.output_path,
            created_at=row.created_at,
            request=row.request,
        )

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a flow definition, as A2I does (A2I guide, "Delete a Human Review Workflow").

        Loops that nobody has started are stopped and deleted. While somebody still works on one, the flow
        definition is Deleting; it goes when the last of them has ended, and its name may be used again.
        A Failed one goes, too: its name would be lost otherwise.

        :raises NotFoundError: no such flow definition.
        :raises InUseError: it is being deleted already, or Initializing.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = self._existing(connection, scope, name, lock=True)
            if row.status not in (ACTIVE, FAILED):
                raise InUseError(
                    f"The flow definition {name!r} is {row.status}: only an Active or Failed one can be deleted."
                )
            connection.execute(
                update(flow_definition).where(flow_definition.c.id == row.id).values(status=DELETING)
            )
            _stop_loops(connection, row.id, now)
            finish_deletion(connection, row.id, now)
            arn = scope.arn(self.kind.arn_kind, name)
            record(connection, now, "DeleteFlowDefinition", self.kind.arn_kind, arn)


def finish_deletion(connection: Connection, flow_definition_id: int, now: datetime) -> None:
    """Delete a flow definition that is Deleting and has no unfinished loop left."""
    connection.execute(FINISH_DELETIONS.where(flow_definition.c.id == flow_definition_id), {"now": now})


def finish_deletions(connection: Connection, now: datetime) -> None:
    """Delete every such flow definition: where two last loops ended at once, neither saw the other's end."""
    connection.execute(FINISH_DELETIONS, {"now": now})


def _stop_loops(connection: Connection, flow_definition_id: int, now: datetime) -> None:
    """Stop every loop of a flow definition in few statements, however many there are."""
    loops = human_loop.c
    in_progress = (loops.flow_definition_id == flow_definition_id, loops.status == LoopStatus.IN_PROGRESS)
    # Whoever claims or answers one of them at this moment comes first, so that the statements below see the same loops.
    connection.execute(select(loops.id).where(*in_progress).order_by(loops.id).with_for_update()).all()
    owe(connection, [*in_progress, loops.active_count == 0], now)
    connection.execute(
        update(human_loop)
        .where(*in_progress, loops.active_count == 0)
        .values(
            status=LoopStatus.STOPPED,
            open=False,
            ended_at=now,
            deleted_at=case((loops.answer_count == 0, literal(now, Timestamp)), else_=loops.deleted_at),
        )
    )
    connection.execute(update(human_loop).where(*in_progress).values(status=LoopStatus.STOPPING, open=False))


def _referenced(store: NamedStore, scope: Scope, arn: str, label: str) -> Row[Any]:
    row = store.find_arn(scope, arn)
    if row is None:
        raise InvalidError(f"The specified {label} '{arn}' does not exist or you do not have access to it.")
    return row


def _is_public_workforce(workteam_arn: str) -> bool:
    account, resource = workteam_arn.split(":", 5)[4:]
    return account == PUBLIC_WORKFORCE_ACCOUNT or resource.startswith("workteam/public-crowd/")


def _check_rules(request: dict[str, Any]) -> None:
    """Apply the rules of CreateFlowDefinition that its model does not say."""
    loop_config = request.get("HumanLoopConfig")
    if not loop_config:
        raise InvalidError("HumanLoopConfig is required for a flow definition that starts human loops.")
    activation = request.get("HumanLoopActivationConfig")
    if source := request.get("HumanLoopRequestSource"):
        if activation:
            parse_activation_conditions(
                activation["HumanLoopActivationConditionsConfig"]["HumanLoopActivationConditions"],
                source["AwsManagedHumanLoopRequestSource"],
            )
        raise InvalidError(
            "HumanLoopRequestSource: built-in task types are not served here; leave it out for a custom task type."
        )
    if activation:
        raise InvalidError(
            "HumanLoopActivationConfig is not supported for custom task types: every StartHumanLoop starts a loop."
        )
    for member, is_public in (
        ("PublicWorkforceTaskPrice", "PublicWorkforceTaskPrice" in loop_config),
        ("WorkteamArn", _is_public_workforce(loop_config["WorkteamArn"])),
    ):
        if is_public:
            raise InvalidError(
                f"HumanLoopConfig.{member}: there is no public workforce; Amazon Mechanical Turk has closed. "
                "Use a work team of your own."
            )
    limit = loop_config.get("TaskTimeLimitInSeconds", DEFAULT_TIME_LIMIT_IN_SECONDS)
    if limit > LONGEST_TIME_LIMIT_IN_SECONDS:
        raise InvalidError(
            f"HumanLoopConfig.TaskTimeLimitInSeconds is {limit}; the longest is {LONGEST_TIME_LIMIT_IN_SECONDS}."
        )
    path = request["OutputConfig"]["S3OutputPath"]
    if not re.fullmatch(r"s3://[^/]+(/.*)?", path):
        raise InvalidError(f"OutputConfig.S3OutputPath is {path!r}; write it as s3://bucket/prefix.")
