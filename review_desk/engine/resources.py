"""Work teams, human task UIs and flow definitions: what a loop is started on. None of them can be changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select
from sqlalchemy.exc import IntegrityError

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InUseError, InvalidError, NotFoundError
from review_desk.engine.tables import flow_definition, human_task_ui, workteam

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
    task_title: str
    task_description: str
    task_count: int
    task_time_limit_in_seconds: int
    task_availability_lifetime_in_seconds: int
    output_path: str
    created_at: datetime
    request: dict[str, Any]


class ResourceStore:
    """The only door to work teams, human task UIs and flow definitions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_workteam(self, scope: Scope, name: str, description: str, request: dict[str, Any]) -> str:
        """Create a work team without members and return its ARN.

        :raises InUseError: the name is taken.
        """
        values = {"description": description, "request": request}
        return self._create(workteam, "workteam", scope, name, values)

    def describe_workteam(self, scope: Scope, name: str) -> Row[Any]:
        """Return the row of a work team.

        :raises NotFoundError: no such team in this account and Region.
        """
        return self._find(workteam, "work team", scope, name)

    def create_human_task_ui(self, scope: Scope, name: str, content: str) -> str:
        """Create a worker task template and return its ARN.

        :raises InUseError: the name is taken.
        """
        digest = hashlib.sha256(content.encode()).hexdigest()
        values = {"content": content, "content_sha256": digest}
        return self._create(human_task_ui, "human-task-ui", scope, name, values)

    def describe_human_task_ui(self, scope: Scope, name: str) -> Row[Any]:
        """Return the row of a human task UI.

        :raises NotFoundError: no such UI in this account and Region.
        """
        return self._find(human_task_ui, "human task UI", scope, name)

    def create_flow_definition(self, scope: Scope, request: dict[str, Any]) -> str:
        """Create a flow definition from a CreateFlowDefinition request and return its ARN.

        :raises InvalidError: a rule of the control plane forbids it.
        :raises InUseError: the name is taken.
        """
        _check_rules(request)
        loop_config = request["HumanLoopConfig"]
        team = self._referenced(workteam, scope, loop_config["WorkteamArn"], "workteam", "Workteam")
        task_ui = self._referenced(
            human_task_ui, scope, loop_config["HumanTaskUiArn"], "human-task-ui", "HumanTaskUi"
        )
        values = {
            "status": "Active",
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
        return self._create(flow_definition, "flow-definition", scope, request["FlowDefinitionName"], values)

    def flow_definition(self, scope: Scope, name: str) -> FlowDefinition:
        """Return a flow definition by name.

        :raises NotFoundError: no such flow definition in this account and Region.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(flow_definition, human_task_ui.c.content)
                .join_from(flow_definition, human_task_ui)
                .where(*_named(flow_definition, scope, name))
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
            task_title=row.task_title,
            task_description=row.task_description,
            task_count=row.task_count,
            task_time_limit_in_seconds=row.task_time_limit_in_seconds,
            task_availability_lifetime_in_seconds=row.task_availability_lifetime_in_seconds,
            output_path=row.output_path,
            created_at=row.created_at,
            request=row.request,
        )

    def _create(self, table: Table, kind: str, scope: Scope, name: str, values: dict[str, Any]) -> str:
        arn = scope.arn(kind, name)
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(table).values(
                        account_id=scope.account_id,
                        region=scope.region,
                        name=name,
                        created_at=self._clock.now(),
                        **values,
                    )
                )
        except IntegrityError as error:
            raise InUseError(f"{arn} already exists: choose another name.") from error
        return arn

    def _find(self, table: Table, label: str, scope: Scope, name: str) -> Row[Any]:
        with self._database.read() as connection:
            row = _row(connection, table, scope, name)
        if row is None:
            raise NotFoundError(f"The {label} {name!r} does not exist in {scope.region}.")
        return row

    def _referenced(self, table: Table, scope: Scope, arn: str, kind: str, label: str) -> Row[Any]:
        name = scope.name_of(arn, kind)
        if name:
            with self._database.read() as connection:
                row = _row(connection, table, scope, name)
            if row is not None:
                return row
        raise InvalidError(f"The specified {label} '{arn}' does not exist or you do not have access to it.")


def _named(table: Table, scope: Scope, name: str) -> tuple[Any, ...]:
    return (table.c.account_id == scope.account_id, table.c.region == scope.region, table.c.name == name)


def _row(connection: Connection, table: Table, scope: Scope, name: str) -> Row[Any] | None:
    return connection.execute(select(table).where(*_named(table, scope, name))).one_or_none()


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
