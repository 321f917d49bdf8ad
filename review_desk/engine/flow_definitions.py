"""Flow definitions (human review workflows): what a loop is started on. They cannot be changed, only deleted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, exists, literal, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InUseError, InvalidError, NotFoundError
from review_desk.engine.human_task_uis import HumanTaskUiStore
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.named import Kind, NamedStore
from review_desk.engine.owed import owe
from review_desk.engine.tables import Timestamp, flow_definition, human_loop, human_task_ui
from review_desk.engine.workteams import WorkteamStore

ACTIVE = "Active"
DELETING = "Deleting"
DEFAULT_TIME_LIMIT_IN_SECONDS = 3_600
LONGEST_TIME_LIMIT_IN_SECONDS = 28_800
DEFAULT_AVAILABILITY_IN_SECONDS = 864_000


@dataclass(frozen=True)
class FlowDefinition:
    """A human review workflow as it was created.

    :param request: the CreateFlowDefinition request, for DescribeFlowDefinition.
    """

    id: int
    arn: str
    name: str
    status: str
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


class FlowDefinitionStore(NamedStore):
    """The only door to flow definitions.

    :param workteams: where the teams that they name are.
    :param human_task_uis: where the templates that they name are.
    """

    kind = Kind(flow_definition, "flow-definition", "flow definition")

    def __init__(
        self, database: Database, clock: Clock, workteams: WorkteamStore, human_task_uis: HumanTaskUiStore
    ) -> None:
        super().__init__(database, clock)
        self._workteams = workteams
        self._human_task_uis = human_task_uis

    def create(self, scope: Scope, request: dict[str, Any]) -> str:
        """Create a flow definition from a CreateFlowDefinition request and return its ARN.

        :raises InvalidError: a rule of the control plane forbids it.
        :raises InUseError: the name is taken.
        """
        _check_rules(request)
        loop_config = request["HumanLoopConfig"]
        team = _referenced(self._workteams, scope, loop_config["WorkteamArn"], "Workteam")
        task_ui = _referenced(self._human_task_uis, scope, loop_config["HumanTaskUiArn"], "HumanTaskUi")
        values = {
            "status": ACTIVE,
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
        return self._create(scope, request["FlowDefinitionName"], values, request.get("Tags", []))

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

        :raises NotFoundError: no such flow definition.
        :raises InUseError: it is being deleted already.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = self._existing(connection, scope, name, lock=True)
            if row.status != ACTIVE:
                raise InUseError(
                    f"The flow definition {name!r} is {row.status}: only an Active one can be deleted."
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
    unfinished = exists().where(
        human_loop.c.flow_definition_id == flow_definition_id,
        human_loop.c.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING)),
    )
    connection.execute(
        update(flow_definition)
        .where(flow_definition.c.id == flow_definition_id, flow_definition.c.status == DELETING, ~unfinished)
        .values(deleted_at=now)
    )


def _stop_loops(connection: Connection, flow_definition_id: int, now: datetime) -> None:
    """Stop every loop of a flow definition in few statements, however many there are."""
    loops = human_loop.c
    in_progress = (loops.flow_definition_id == flow_definition_id, loops.status == LoopStatus.IN_PROGRESS)
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


def _check_rules(request: dict[str, Any]) -> None:
    """Apply the rules of CreateFlowDefinition that its model does not say."""
    loop_config = request.get("HumanLoopConfig")
    if not loop_config:
        raise InvalidError("HumanLoopConfig is required for a flow definition that starts human loops.")
    if request.get("HumanLoopRequestSource"):
        raise InvalidError(
            "HumanLoopRequestSource: built-in task types are not served here; leave it out for a custom task type."
        )
    if request.get("HumanLoopActivationConfig"):
        raise InvalidError(
            "HumanLoopActivationConfig is not supported for custom task types: every StartHumanLoop starts a loop."
        )
    if loop_config.get("PublicWorkforceTaskPrice"):
        raise InvalidError(
            "HumanLoopConfig.PublicWorkforceTaskPrice: there is no public workforce; Amazon Mechanical Turk has closed."
        )
    limit = loop_config.get("TaskTimeLimitInSeconds", DEFAULT_TIME_LIMIT_IN_SECONDS)
    if limit > LONGEST_TIME_LIMIT_IN_SECONDS:
        raise InvalidError(
            f"HumanLoopConfig.TaskTimeLimitInSeconds is {limit}; the longest is {LONGEST_TIME_LIMIT_IN_SECONDS}."
        )
    path = request["OutputConfig"]["S3OutputPath"]
    if not re.fullmatch(r"s3://[^/]+(/.*)?", path):
        raise InvalidError(f"OutputConfig.S3OutputPath is {path!r}; write it as s3://bucket/prefix.")
