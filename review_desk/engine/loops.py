"""Human loops as the runtime API sees them: start, describe, list, stop, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from review_desk import strict_json
from review_desk.engine.arns import Scope
from review_desk.engine.audit import current_actor, record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import ConflictError, InvalidError, NotFoundError, QuotaError
from review_desk.engine.flow_definitions import FlowDefinition, FlowDefinitionStore
from review_desk.engine.lifecycle import FailureCode, LoopStatus
from review_desk.engine.loop_insertion import LoopInsertion, NewLoop
from review_desk.engine.output import output_uri
from review_desk.engine.paging import PageRequest, fetch_page
from review_desk.engine.quota import OpenLoopQuota
from review_desk.engine.tables import flow_definition, human_loop
from review_desk.engine.transitions import progress_of, save_progress

KIND = "human-loop"
LONGEST_FAILURE_REASON = 1024
START_ATTEMPTS = 5
FLOWS_REMEMBERED = 100

CheckRender = Callable[[str, dict[str, Any]], str | None]
"""Tries a template on an input; returns why it does not render, or ``None``."""


@dataclass(frozen=True)
class HumanLoop:
    """A human loop, as DescribeHumanLoop shows it."""

    name: str
    arn: str
    flow_definition_arn: str
    status: LoopStatus
    failure_code: str | None
    failure_reason: str | None
    output_uri: str
    created_at: datetime


class LoopStore:
    """The runtime API's door to human loops."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        flow_definitions: FlowDefinitionStore,
        check_render: CheckRender,
        quota: OpenLoopQuota,
    ) -> None:
        self._database = database
        self._clock = clock
        self._flow_definitions = flow_definitions
        self._check_render = check_render
        self._quota = quota
        self._flows: dict[tuple[Scope, str], FlowDefinition] = {}
        self._insertion = LoopInsertion(database, clock)

    def start(
        self,
        scope: Scope,
        name: str,
        flow_definition_arn: str,
        input_content: str,
        data_attributes: dict[str, Any] | None = None,
    ) -> str:
        """Start a loop and return its ARN; the same name and input on an active loop starts nothing twice.

        A template that does not render does not fail the start: it turns the loop to Failed with
        ValidationError, as at A2I.

        :param input_content: a JSON object as a string, at most 3 MiB.
        :raises InvalidError: unknown flow definition, or the input is no JSON object.
        :raises QuotaError: too many loops are in progress.
        :raises ConflictError: the name belongs to an active loop with other input, or to one that ended.
        """
        for _ in range(START_ATTEMPTS):
            try:
                loop = self.prepare(scope, name, flow_definition_arn, input_content, data_attributes)
            except QuotaError:
                existing = self._find(scope, name)
                if existing is None:
                    raise
                digest = _input_digest(flow_definition_arn, _parse_input(input_content), data_attributes)
                return _same_loop(scope, existing, digest)
            [is_started] = self.start_prepared([loop])
            if is_started:
                return scope.arn("human-loop", name)
            # The flow definition that is remembered has ended, or the name is taken.
            self._flows.pop((scope, flow_definition_arn), None)
            self._flow(scope, flow_definition_arn)
            existing = self._find(scope, name)
            if existing is not None:
                return _same_loop(scope, existing, loop.row["input_digest"])
        raise RuntimeError(f"The human loop {name!r} could not be started: it kept changing.")

    def prepare(
        self,
        scope: Scope,
        name: str,
        flow_definition_arn: str,
        input_content: str,
        data_attributes: dict[str, Any] | None = None,
    ) -> NewLoop:
        """Check everything that :meth:`start` checks before it writes, for :meth:`start_prepared`.

        :raises InvalidError: as :meth:`start` does.
        :raises QuotaError: too many loops are in progress, but this one may be among them.
        """
        content = _parse_input(input_content)
        digest = _input_digest(flow_definition_arn, content, data_attributes)
        flow = self._flow(scope, flow_definition_arn)
        self._quota.reserve(scope)
        return NewLoop(self._new_row(scope, name, flow, content, digest), input_content, data_attributes)

    def start_prepared(self, loops: list[NewLoop]) -> list[bool]:
        """Start loops in one transaction; return which were started. For the others, :meth:`start` says why not.

        What was reserved for one that was not started is given back.
        """
        are_started = [False] * len(loops)
        try:
            are_started = self._insertion.insert(loops)
        finally:
            for loop, is_started in zip(loops, are_started, strict=True):
                if not is_started:
                    self._quota.give_back(Scope(loop.row["account_id"], loop.row["region"]))
        return are_started

    def describe(self, scope: Scope, name: str) -> HumanLoop:
        """Return a loop.

        :raises NotFoundError: unknown or deleted.
        """
        with self._database.read() as connection:
            row = existing_loop(connection, scope, name)
        return _human_loop(scope, row)

    def list(
        self, scope: Scope, flow_definition_arn: str, request: PageRequest
    ) -> tuple[list[HumanLoop], str | None]:
        """Return one page of a flow definition's loops by creation time, and the next page's token.

        :raises NotFoundError: unknown flow definition.
        :raises InvalidError: a token that no page returned.
        """
        flow_name = scope.name_of(flow_definition_arn, "flow-definition")
        if flow_name is None:
            raise NotFoundError(f"The flow definition {flow_definition_arn} does not exist.")
        flow = self._flow_definitions.get(scope, flow_name)
        with self._database.read() as connection:
            page = fetch_page(
                connection,
                select(human_loop, flow_definition.c.name.label("flow_name"))
                .join_from(human_loop, flow_definition)
                .where(human_loop.c.flow_definition_id == flow.id, human_loop.c.deleted_at.is_(None)),
                request,
                sort=human_loop.c.created_at,
                ident=human_loop.c.id,
                created=human_loop.c.created_at,
            )
        return [_human_loop(scope, row) for row in page.rows], page.next_token

    def stop(self, scope: Scope, name: str) -> None:
        """Stop a loop; who already works on it may finish. A loop that ended stays as it is.

        :raises NotFoundError: unknown or deleted.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = existing_loop(connection, scope, name, lock=True)
            progress = progress_of(row)
            stopped = progress.stopped(now)
            save_progress(connection, row, stopped, now)
            if stopped != progress:
                record(connection, now, "StopHumanLoop", KIND, scope.arn(KIND, name))

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a loop that ended; its answers in S3 stay, and its name may be used again.

        :raises NotFoundError: unknown or deleted.
        :raises InvalidError: the loop has not ended.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = existing_loop(connection, scope, name, lock=True)
            if not LoopStatus(row.status).is_final:
                raise InvalidError(
                    f"The human loop {name!r} is {row.status}: only a Completed, Failed or Stopped loop can be "
                    "deleted. Stop it first."
                )
            connection.execute(update(human_loop).where(human_loop.c.id == row.id).values(deleted_at=now))
            record(connection, now, "DeleteHumanLoop", KIND, scope.arn(KIND, name))

    def _flow(self, scope: Scope, arn: str) -> FlowDefinition:
        """Return an active flow definition, from memory if it is known: it cannot change but for its end.

        That it has not ended is checked in the transaction that starts the loop.
        """
        known = self._flows.get((scope, arn))
        if known is not None:
            return known
        name = scope.name_of(arn, "flow-definition")
        try:
            if name is None:
                raise NotFoundError(arn)
            flow = self._flow_definitions.get(scope, name)
        except NotFoundError as error:
            raise InvalidError(f"The flow definition {arn} does not exist in {scope.region}.") from error
        if flow.refusal:
            raise InvalidError(f"The flow definition {arn} {flow.refusal}")
        if flow.human_task_ui_is_deleted:
            raise InvalidError(
                f"The human task UI {flow.human_task_ui_name!r} of the flow definition {arn} was deleted."
            )
        if len(self._flows) >= FLOWS_REMEMBERED:
            self._flows.clear()
        self._flows[scope, arn] = flow
        return flow

    def _find(self, scope: Scope, name: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return _find(connection, scope, name)

    def _new_row(
        self, scope: Scope, name: str, flow: FlowDefinition, content: dict[str, Any], digest: str
    ) -> dict[str, Any]:
        render_error = self._check_render(flow.template, content)
        now = self._clock.now()
        failed = render_error is not None
        return {
            "account_id": scope.account_id,
            "region": scope.region,
            "name": name,
            "flow_definition_id": flow.id,
            "workteam_id": flow.workteam_id,
            "status": LoopStatus.FAILED if failed else LoopStatus.IN_PROGRESS,
            "failure_code": FailureCode.VALIDATION_ERROR if failed else None,
            "failure_reason": render_error[:LONGEST_FAILURE_REASON] if render_error else None,
            "input_digest": digest,
            "output_uri": output_uri(flow.output_path, flow.name, now, name),
            "task_count": flow.task_count,
            "active_count": 0,
            "answer_count": 0,
            "open": not failed,
            "priority": 0,
            "available_until": now + timedelta(seconds=flow.task_availability_lifetime_in_seconds),
            "started_by": current_actor().name or None,
            "created_at": now,
            "ended_at": now if failed else None,
        }


def _parse_input(input_content: str) -> dict[str, Any]:
    try:
        content = strict_json.parse(input_content)
    except ValueError as error:
        raise InvalidError(f"HumanLoopInput.InputContent is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InvalidError("HumanLoopInput.InputContent must be a JSON object.")
    return content


def _input_digest(
    flow_definition_arn: str, content: dict[str, Any], attributes: dict[str, Any] | None
) -> str:
    try:
        canonical = strict_json.written([flow_definition_arn, content, attributes], canonical=True)
    except ValueError as error:
        raise InvalidError(f"HumanLoopInput.InputContent is not JSON: {error}.") from error
    return hashlib.sha256(canonical.encode()).hexdigest()


def _find(connection: Connection, scope: Scope, name: str, *, lock: bool = False) -> Row[Any] | None:
    statement = (
        select(human_loop, flow_definition.c.name.label("flow_name"))
        .join_from(human_loop, flow_definition)
        .where(
            human_loop.c.account_id == scope.account_id,
            human_loop.c.region == scope.region,
            human_loop.c.name == name,
            human_loop.c.deleted_at.is_(None),
        )
    )
    if lock:
        statement = statement.with_for_update(of=human_loop)
    return connection.execute(statement).one_or_none()


def existing_loop(connection: Connection, scope: Scope, name: str, *, lock: bool = False) -> Row[Any]:
    """Return a loop's row, with ``flow_name``.

    :param lock: keep others from changing it until the transaction ends.
    :raises NotFoundError: unknown or deleted.
    """
    row = _find(connection, scope, name, lock=lock)
    if row is None:
        raise NotFoundError(f"The human loop {name!r} does not exist in {scope.region}.")
    return row


def _same_loop(scope: Scope, row: Row[Any], digest: str) -> str:
    if LoopStatus(row.status).is_final:
        raise ConflictError(
            f"A human loop named {row.name!r} already exists and is finished ({row.status}): use another HumanLoopName."
        )
    if row.input_digest != digest:
        raise ConflictError(
            f"A human loop named {row.name!r} is active with different input: use another HumanLoopName."
        )
    return scope.arn("human-loop", row.name)


def _human_loop(scope: Scope, row: Row[Any]) -> HumanLoop:
    return HumanLoop(
        name=row.name,
        arn=scope.arn("human-loop", row.name),
        flow_definition_arn=scope.arn("flow-definition", row.flow_name),
        status=LoopStatus(row.status),
        failure_code=row.failure_code,
        failure_reason=row.failure_reason,
        output_uri=row.output_uri,
        created_at=row.created_at,
    )
