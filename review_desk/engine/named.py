"""What work teams, human task UIs and flow definitions share: a name in an account and Region, and deletion.

A deleted row stays for what was built on it; its name may be used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InUseError, InvalidError, NotFoundError, QuotaError
from review_desk.engine.paging import Page, PageRequest, fetch_page
from review_desk.engine.tables import tag

Tags = list[dict[str, str]]
"""``[{"Key": …, "Value": …}]``, at most 50, as the API has them."""


@dataclass(frozen=True)
class Kind:
    """One kind of named resource.

    :param arn_kind: its part of an ARN, such as ``flow-definition``.
    :param label: what messages call it.
    :param limit_setting: the variable that says how many there may be.
    """

    table: Table
    arn_kind: str
    label: str
    limit_setting: str

    @property
    def api_name(self) -> str:
        """What operations of the API call it, such as ``FlowDefinition``."""
        return "".join(part.title() for part in self.arn_kind.split("-"))


class NamedStore:
    """Base of the stores of one kind of named resource.

    :param most: how many there may be in an account and Region; 0 for no limit. Processes that create at the same
        moment may overshoot it.
    """

    kind: Kind

    def __init__(self, database: Database, clock: Clock, most: int = 0) -> None:
        self._database = database
        self._clock = clock
        self._most = most

    def describe(self, scope: Scope, name: str) -> Row[Any]:
        """Return a resource's row.

        :raises NotFoundError: no such resource in this account and Region.
        """
        with self._database.read() as connection:
            return self._existing(connection, scope, name)

    def find_arn(self, scope: Scope, arn: str) -> Row[Any] | None:
        """Return the row behind an ARN of this kind, account and Region, or ``None``."""
        name = scope.name_of(arn, self.kind.arn_kind)
        if name is None:
            return None
        with self._database.read() as connection:
            return find(connection, self.kind.table, scope, name)

    def list(
        self,
        scope: Scope,
        request: PageRequest,
        *,
        by_name: bool = False,
        name_contains: str | None = None,
    ) -> Page:
        """Return one page of the resources, by creation time or by name."""
        columns = self.kind.table.c
        statement = select(self.kind.table).where(
            columns.account_id == scope.account_id,
            columns.region == scope.region,
            columns.deleted_at.is_(None),
        )
        if name_contains:
            statement = statement.where(columns.name.contains(name_contains, autoescape=True))
        with self._database.read() as connection:
            return fetch_page(
                connection,
                statement,
                request,
                sort=columns.name if by_name else columns.created_at,
                ident=columns.id,
                created=columns.created_at,
            )

    def _create(self, scope: Scope, name: str, values: dict[str, Any], tags: Tags) -> str:
        arn = scope.arn(self.kind.arn_kind, name)
        check_keys(tags)
        now = self._clock.now()
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(self.kind.table).values(
                        account_id=scope.account_id,
                        region=scope.region,
                        name=name,
                        created_at=now,
                        **values,
                    )
                )
                record(connection, now, f"Create{self.kind.api_name}", self.kind.arn_kind, arn)
                if tags:
                    rows = [{"arn": arn, "key": item["Key"], "value": item["Value"]} for item in tags]
                    connection.execute(insert(tag), rows)
                # After the insert, so that a name that is taken is called that even when the limit is reached.
                self._check_limit(connection, scope)
        except IntegrityError as error:
            raise InUseError(f"{arn} already exists: choose another name.") from error
        return arn

    def _check_limit(self, connection: Connection, scope: Scope) -> None:
        if not self._most:
            return
        columns = self.kind.table.c
        count = connection.execute(
            select(func.count()).where(
                columns.account_id == scope.account_id,
                columns.region == scope.region,
                columns.deleted_at.is_(None),
            )
        ).scalar_one()
        if count > self._most:
            raise QuotaError(
                f"{scope.region} would have {count} {self.kind.label}s, the limit is {self._most}: delete some, or "
                f"raise {self.kind.limit_setting}."
            )

    def _delete(self, connection: Connection, scope: Scope, row: Row[Any]) -> None:
        table = self.kind.table
        now = self._clock.now()
        arn = scope.arn(self.kind.arn_kind, row.name)
        connection.execute(update(table).where(table.c.id == row.id).values(deleted_at=now))
        connection.execute(delete(tag).where(tag.c.arn == arn))
        record(connection, now, f"Delete{self.kind.api_name}", self.kind.arn_kind, arn)

    def _existing(self, connection: Connection, scope: Scope, name: str, *, lock: bool = False) -> Row[Any]:
        row = find(connection, self.kind.table, scope, name, lock=lock)
        if row is None:
            raise NotFoundError(f"The {self.kind.label} {name!r} does not exist in {scope.region}.")
        return row


def check_keys(tags: Tags) -> None:
    """Refuse tags that name a key twice.

    :raises InvalidError: with the key.
    """
    seen: set[str] = set()
    for item in tags:
        if item["Key"] in seen:
            raise InvalidError(f"Tags: the key {item['Key']!r} is given twice.")
        seen.add(item["Key"])


def find(
    connection: Connection, table: Table, scope: Scope, name: str, *, lock: bool = False
) -> Row[Any] | None:
    """Return the row of a name that is not deleted."""
    columns = table.c
    statement = select(table).where(
        columns.account_id == scope.account_id,
        columns.region == scope.region,
        columns.name == name,
        columns.deleted_at.is_(None),
    )
    return connection.execute(statement.with_for_update() if lock else statement).one_or_none()
